//! Writing the history to a bundle that others can prove.

use super::access_log::allow_everywhere;
use super::{Context, Refusal};
use crate::domain::access::Permission;
use crate::domain::signed_head::SignedHead;
use crate::server::bundle::{self, ExportError};
use crate::server::signing::SecretKey;
use std::io::Write;

/// Why nothing whole was exported.
#[derive(Debug)]
pub enum NotExported {
    /// The history is not whole, or the bundle cannot be written.
    Bundle(ExportError),
    Refused(Refusal),
}

/// Writes the history of an environment, or of all, to a bundle that is signed with a key. That it was exported, and to which file (`to`),
/// stands in each history that the bundle holds.
///
/// # Errors
/// [`NotExported`]: `unknown-environment` and `not-allowed` among others. What was written until then is no bundle.
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
