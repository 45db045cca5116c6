//! Export of the history to a bundle that others can verify.

use super::access_log::allow_everywhere;
use super::{Context, Refusal};
use crate::domain::access::Permission;
use crate::domain::signed_head::SignedHead;
use crate::server::bundle::{self, ExportError};
use crate::server::signing::SecretKey;
use std::io::Write;

/// Why there is no complete bundle.
#[derive(Debug)]
pub enum NotExported {
    /// The history isn't intact, or the bundle can't be written.
    Bundle(ExportError),
    Refused(Refusal),
}

/// Writes the history of one environment, or of all, to a bundle signed with a key. Each exported history gets an `exported` event with the
/// name of the file (`to`).
///
/// # Errors
/// [`NotExported`], for example `unknown-environment` or `not-allowed`. Anything already written isn't a valid bundle.
pub async fn export(
    context: &Context<'_>,
    environment: Option<&str>,
    to: &str,
    key: &SecretKey,
    into: &mut impl Write,
) -> Result<SignedHead, NotExported> {
    let allowed = match environment {
        Some(_) => context.config(Permission::Read, environment).await.map(|_| ()),
        None => allow_everywhere(&context.principal.identity),
    };
    allowed.map_err(NotExported::Refused)?;
    let name = context.actor_name();
    let by = (context.actor(&name), context.now);
    bundle::export(context.store, (environment, to), key, by, into).await.map_err(|error| match error {
        ExportError::Store(error) => NotExported::Refused(error.into()),
        error => NotExported::Bundle(error),
    })
}
