//! Stores batches of telemetry. OTLP, remote write, alerts and Stripe are handled in `server/http/`.

use super::{Context, Refusal};
use crate::domain::access::{Identity, Permission};
use crate::domain::telemetry::{self, Batch, Receipt, RowError, Taken};
use crate::error::{Code, WireError};
use crate::server::store::{IdempotencyKey, StoreError};
use std::collections::BTreeSet;

/// How repeated batches are recognized.
#[derive(Clone, Copy)]
pub enum Once<'k> {
    /// By the identity of an event: only the first one is stored.
    Event(&'k IdempotencyKey),
    /// By an idempotency key, if there is one.
    Key(Option<&'k IdempotencyKey>),
}

/// How many times a batch is read again without the rows that the store refused: first conflicts with stored rows, then rows in closed
/// minutes.
const AGAIN: usize = 3;

/// Stores the valid rows of a batch. Only a batch without mistakes uses up its key, so a corrected batch can be sent under the same key.
/// Rows that are already stored change nothing.
///
/// # Errors
/// The problem of the whole batch, or the refused rows; then the other rows are stored.
pub async fn take(context: &Context<'_>, batch: &Batch, once: Once<'_>) -> Result<Receipt, Refusal> {
    let config = context.config(Permission::SendTelemetry, batch.environment.as_deref()).await?;
    let (environment, identity, now, store) =
        (&config.environment, &context.principal.identity, context.now, context.store);
    let mut refused: Vec<RowError> = Vec::new();
    for attempt in 0.. {
        let Taken { mut accepted, errors, places } = telemetry::accept_rows(batch, now, &refused)
            .map_err(|errors| logged(identity, left_out(batch, errors, false)))?;
        accepted.sender = identity.sender(context.settings.most_sources);
        let stored = match once {
            Once::Event(key) if errors.is_empty() => store.ingest_once(environment, &accepted, now, key).await,
            Once::Key(key) if errors.is_empty() => store.ingest(environment, &accepted, now, key).await,
            Once::Event(_) | Once::Key(_) => store.ingest(environment, &accepted, now, None).await,
        };
        match stored {
            Ok(receipt) => {
                context.observer.rows_counted(receipt.accepted, errors.len() as u64);
                context.observer.telemetry_changed(environment, accepted.signals());
                return if errors.is_empty() {
                    Ok(receipt)
                } else {
                    Err(logged(identity, left_out(batch, errors, true)).into())
                };
            }
            Err(StoreError::Conflicts(rows)) if attempt < AGAIN => {
                let place = |index: u32| places.get(index as usize).copied();
                refused.extend(rows.into_iter().map(|row| RowError { index: row.index.and_then(place), ..row }));
                if refused.iter().any(|row| row.index.is_none()) {
                    return Err(logged(identity, left_out(batch, refused, false)).into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(logged(identity, left_out(batch, refused, false)).into())
}

/// Logs who sent refused rows, and why the first one was refused.
fn logged(identity: &Identity, error: WireError) -> WireError {
    let (who, why) = (identity.actor(), error.errors.first().map(|row| row.detail.as_str()));
    tracing::info!(who, rows = error.errors.len(), why, "rows of telemetry were refused");
    error
}

/// The problem that lists the refused rows.
fn left_out(batch: &Batch, errors: Vec<RowError>, is_stored: bool) -> WireError {
    let rows = errors.iter().filter_map(|error| error.index).collect::<BTreeSet<u32>>().len();
    let rest = match batch.samples.len().saturating_sub(rows) {
        _ if !is_stored => "nothing of it was stored",
        0 => "what it says beside its rows is stored",
        _ => "all its other rows are stored",
    };
    let what = match rows {
        0 => "The batch has mistakes".to_owned(),
        1 => format!("1 of the batch's {} rows cannot be taken", batch.samples.len()),
        rows => format!("{rows} of the batch's {} rows cannot be taken", batch.samples.len()),
    };
    let cure = "Put right what errors names and send the batch again: what is stored already changes nothing.";
    WireError::new(Code::Rejected, format!("{what}; {rest}. {cure}")).with_errors(errors)
}
