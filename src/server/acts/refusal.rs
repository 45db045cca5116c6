//! Why an act was not done.

use crate::domain::policy::FieldError;
use crate::error::{Code, WireError};
use crate::server::store::StoreError;
use crate::server::{observability, problems};

/// Why an act was not done. Nothing was changed then.
#[derive(Debug)]
pub enum Refusal {
    /// With its code, its sentence and the field that is wrong.
    Problem(Box<WireError>),
    /// As the store says it; [`WireError::from`] gives it its code and words.
    Store(StoreError),
}

impl Refusal {
    /// One value that cannot be taken: `out-of-range` at the field.
    pub fn of_field(field: &str, sentence: impl Into<String>) -> Refusal {
        WireError::of_fields(vec![FieldError::new(field, sentence)]).into()
    }

    /// The system gave no random numbers: nothing secret can be made.
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
