//! Owns what is kept of the exporters of a gauge that share a source's name: what each has said last. Kept as a family of
//! counters is, since it is the same: a number of one time for each key. Must not know what they come to; the domain does.

use super::super::StoreError;
use super::ingest::Streams;
use super::{Connection, counters};
use crate::domain::counting::Key;
use crate::domain::exporters::{self, Exporters};
use crate::domain::signal::Series;
use crate::domain::telemetry::AcceptedBatch;
use std::collections::{BTreeSet, HashMap};

/// The family of a gauge's exporters; no metric has it, since those are digests.
const FAMILY: Key = *b"gauge exporters.";

/// The batch with its gauges set beside what other exporters of them have said; `None` where it has none.
pub(super) async fn meet(
    db: &mut Connection,
    streams: &Streams,
    batch: &AcceptedBatch,
) -> Result<Option<AcceptedBatch>, StoreError> {
    let named: BTreeSet<Series> = batch.spoken.iter().map(|spoken| spoken.series).collect();
    if named.is_empty() {
        return Ok(None);
    }
    let mut known: HashMap<Series, Exporters> = HashMap::new();
    for series in &named {
        if let Some(stream) = streams.get(series) {
            let said = counters::family(db, stream.id, *series, FAMILY).await?;
            known.insert(*series, said.into_iter().collect());
        }
    }
    let before = known.clone();
    let mut met = batch.clone();
    exporters::meet(&mut met.samples, &batch.spoken, &mut known);
    for series in &named {
        let (Some(stream), Some(said)) = (streams.get(series), known.remove(series)) else {
            continue;
        };
        if before.get(series) != Some(&said) {
            counters::keep_family(db, stream.id, FAMILY, said.into_iter().collect()).await?;
        }
    }
    Ok(Some(met))
}
