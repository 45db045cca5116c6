//! The error type of acts.

use crate::domain::policy::FieldError;
use crate::error::{Code, WireError};
use crate::server::store::StoreError;
use crate::server::{observability, problems};

/// Why an act changed nothing.
#[derive(Debug)]
pub enum Refusal {
    /// A problem with its code, its sentence and the wrong field.
    Problem(Box<WireError>),
    /// An error of the store. [`WireError::from`] maps it to its code and sentence.
    Store(StoreError),
}

impl Refusal {
    /// `out-of-range` at one field.
    pub fn of_field(field: &str, sentence: impl Into<String>) -> Refusal {
        WireError::of_fields(vec![FieldError::new(field, sentence)]).into()
    }

    /// `internal`: the system gave no random numbers, so no secret can be made.
    pub fn no_random(error: &getrandom::Error) -> Refusal {
        observability::log_error("no secret can be made", error);
        WireError::new(Code::Internal, "The cause is in the server's log.").into()
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal::Store(error)
    }
}

impl From<WireError> for Refusal {
    fn from(problem: WireError) -> Refusal {
        Refusal::Problem(Box::new(problem))
    }
}

impl From<Refusal> for WireError {
    fn from(refusal: Refusal) -> WireError {
        match refusal {
            Refusal::Problem(problem) => *problem,
            Refusal::Store(error) => problems::of_store(error),
        }
    }
}
