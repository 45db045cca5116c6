//! Owns the forms in which both databases keep domain values: times, atoms, samples, snapshot bodies. Must not know SQL.

use super::StoreError;
use crate::domain::backtest::Recorded;
use crate::domain::canonical;
use crate::domain::histogram::Histogram;
use crate::domain::mode::Mode;
use crate::domain::rollup::{LatencyRow, MinuteRow};
use crate::domain::signal::{Aggregation, Series};
use crate::domain::snapshot::{Snapshot, SnapshotBody};
use crate::domain::telemetry::{Measurement, Sample};
use chrono::{DateTime, Utc};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Postgres, Sqlite, Type};

/// The level at which snapshot bodies are compressed.
const ZSTD_LEVEL: i32 = 1;
/// The largest snapshot body that a frame is believed to hold, in bytes: a damaged frame must not ask for all memory.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

type Cause = Box<dyn std::error::Error + Send + Sync>;

pub(super) fn corrupt(what: &'static str) -> StoreError {
    StoreError::Corrupt { what, source: None }
}

pub(super) fn corrupt_by(what: &'static str, source: impl Into<Cause>) -> StoreError {
    StoreError::Corrupt { what, source: Some(source.into()) }
}

/// Milliseconds since 1970: the precision that the store keeps.
pub(super) fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// A time in a column, in milliseconds since 1970: an integer in SQLite, a `timestamptz` in PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At(pub i64);

impl At {
    /// Before every time that is kept.
    pub const EARLIEST: At = At(FIRST_MS);

    pub fn of(at: DateTime<Utc>) -> At {
        At(millis(at))
    }

    pub fn time(self) -> Result<DateTime<Utc>, StoreError> {
        time(self.0)
    }

    /// For PostgreSQL, whose times end sooner than whole numbers do: the nearest that it has.
    fn nearest(self) -> DateTime<Utc> {
        let nearest = self.0.clamp(FIRST_MS, LAST_MS);
        DateTime::from_timestamp_millis(nearest).unwrap_or_default()
    }
}

/// The first millisecond of the year 1, and the last of the year 9999.
const FIRST_MS: i64 = -62_135_596_800_000;
const LAST_MS: i64 = 253_402_300_799_999;

impl Type<Sqlite> for At {
    fn type_info() -> SqliteTypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }

    fn compatible(other: &SqliteTypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(other)
    }
}

impl Encode<'_, Sqlite> for At {
    fn encode_by_ref(&self, into: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<'_, Sqlite>>::encode_by_ref(&self.0, into)
    }
}

impl<'r> Decode<'r, Sqlite> for At {
    fn decode(value: SqliteValueRef<'r>) -> Result<At, BoxDynError> {
        <i64 as Decode<'r, Sqlite>>::decode(value).map(At)
    }
}

impl Type<Postgres> for At {
    fn type_info() -> PgTypeInfo {
        <DateTime<Utc> as Type<Postgres>>::type_info()
    }

    fn compatible(other: &PgTypeInfo) -> bool {
        <DateTime<Utc> as Type<Postgres>>::compatible(other)
    }
}

impl PgHasArrayType for At {
    fn array_type_info() -> PgTypeInfo {
        <DateTime<Utc> as PgHasArrayType>::array_type_info()
    }
}

impl Encode<'_, Postgres> for At {
    fn encode_by_ref(&self, into: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <DateTime<Utc> as Encode<'_, Postgres>>::encode_by_ref(&self.nearest(), into)
    }
}

impl<'r> Decode<'r, Postgres> for At {
    fn decode(value: PgValueRef<'r>) -> Result<At, BoxDynError> {
        <DateTime<Utc> as Decode<'r, Postgres>>::decode(value).map(At::of)
    }
}

/// A time as the store keeps it, so that what is hashed is what is read back.
pub(super) fn whole_millis(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at)
}

pub(super) fn time(millis: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(millis).ok_or_else(|| corrupt("a time out of range"))
}

/// A count or sum as a signed column holds it; sums saturate in the domain already.
pub(super) fn column(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|error| corrupt_by("a negative count", error))
}

pub(super) fn mode(name: Option<String>) -> Result<Option<Mode>, StoreError> {
    name.map(|name| name.parse().map_err(|error| corrupt_by("a mode", error))).transpose()
}

pub(super) fn series(code: i64) -> Result<Series, StoreError> {
    u8::try_from(code).ok().and_then(Series::from_code).ok_or_else(|| corrupt("a series"))
}

/// What a sample is in columns, apart from its stream and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SampleForm {
    /// 0 none, 1 p95, 2 mean.
    pub aggregation: i64,
    /// For a distribution, its number of requests.
    pub atoms: i64,
    pub count: Option<i64>,
    pub exact: Option<String>,
    pub histogram: Option<String>,
    /// The atoms are only what is known at least.
    pub is_open: bool,
}

impl SampleForm {
    /// The columns of a sample; `None` where it counts more requests than a column holds.
    pub(super) fn of(sample: &Sample) -> Option<SampleForm> {
        let mut form = SampleForm {
            aggregation: 0,
            atoms: 0,
            count: None,
            exact: sample.exact.clone(),
            histogram: None,
            is_open: false,
        };
        match &sample.measurement {
            Measurement::AtLeast(atoms) => {
                form.atoms = i64::try_from(*atoms).ok()?;
                form.is_open = true;
            }
            Measurement::Value(atoms) => form.atoms = i64::try_from(*atoms).ok()?,
            Measurement::Aggregated { aggregation, count, nanos } => {
                form.aggregation = aggregation_code(*aggregation);
                form.count = count.map(i64::try_from).transpose().ok()?;
                form.atoms = i64::try_from(*nanos).ok()?;
            }
            Measurement::Histogram(histogram) => {
                form.atoms = i64::try_from(histogram.count()).ok()?;
                form.histogram = Some(serde_json::to_string(histogram).ok()?);
            }
        }
        Some(form)
    }

    /// Whether two samples of one identity say the same. Atoms of amounts finer than an atom depend on the batch that
    /// they came in; their exact text does not.
    pub(super) fn says_the_same(&self, other: &SampleForm) -> bool {
        let same_value = match (&self.exact, &other.exact) {
            (Some(one), Some(two)) => one == two,
            (None, None) => self.atoms == other.atoms,
            _ => false,
        };
        same_value
            && (self.aggregation, self.count, &self.histogram, self.is_open)
                == (other.aggregation, other.count, &other.histogram, other.is_open)
    }

    /// The sample that the columns stand for.
    pub(super) fn sample(self, series: Series, at: i64) -> Result<Sample, StoreError> {
        let measurement = match (self.histogram, aggregation(self.aggregation)?) {
            (Some(text), _) => Measurement::Histogram(
                serde_json::from_str::<Histogram>(&text).map_err(|error| corrupt_by("a histogram", error))?,
            ),
            (None, None) if self.is_open => Measurement::AtLeast(unsigned(self.atoms)?),
            (None, None) => Measurement::Value(unsigned(self.atoms)?),
            (None, Some(aggregation)) => Measurement::Aggregated {
                aggregation,
                count: self.count.map(unsigned).transpose()?,
                nanos: unsigned(self.atoms)?,
            },
        };
        Ok(Sample { at: time(at)?, exact: self.exact, id: None, measurement, series })
    }
}

const fn aggregation_code(aggregation: Aggregation) -> i64 {
    match aggregation {
        Aggregation::P95 => 1,
        Aggregation::Mean => 2,
    }
}

pub(super) fn aggregation(code: i64) -> Result<Option<Aggregation>, StoreError> {
    match code {
        0 => Ok(None),
        1 => Ok(Some(Aggregation::P95)),
        2 => Ok(Some(Aggregation::Mean)),
        _ => Err(corrupt("an aggregation")),
    }
}

/// The columns of a minute row, in the order of the table.
pub(super) type MinuteColumns = (i64, At, i64, At, i64, i64, i64, At, Option<String>, bool);

/// The names of those columns.
pub(super) const MINUTE_COLUMNS: &str =
    "minute, first_at, first, last_at, last, samples, total, fetched_at, latency, is_open";

pub(super) fn minute_columns(row: &MinuteRow) -> Result<MinuteColumns, StoreError> {
    let latency = row
        .latency
        .as_deref()
        .map(serde_json::to_string)
        .transpose()
        .map_err(|error| corrupt_by("a latency row", error))?;
    Ok((
        row.minute,
        At(row.first_at),
        column(row.first),
        At(row.last_at),
        column(row.last),
        column(row.samples),
        column(row.total),
        At(row.fetched_at),
        latency,
        row.is_open,
    ))
}

pub(super) fn minute_row(columns: MinuteColumns) -> Result<MinuteRow, StoreError> {
    let (minute, first_at, first, last_at, last, samples, total, fetched_at, latency, is_open) = columns;
    let latency = latency
        .map(|text| serde_json::from_str::<LatencyRow>(&text).map(Box::new))
        .transpose()
        .map_err(|error| corrupt_by("a latency row", error))?;
    Ok(MinuteRow {
        fetched_at: fetched_at.0,
        first: unsigned(first)?,
        first_at: first_at.0,
        is_open,
        last: unsigned(last)?,
        last_at: last_at.0,
        latency,
        minute,
        samples: unsigned(samples)?,
        total: unsigned(total)?,
    })
}

/// Compresses snapshot bodies, one after the other.
pub(super) fn compress<'b>(bodies: impl Iterator<Item = &'b [u8]>) -> Result<Vec<Vec<u8>>, StoreError> {
    let failed = |error| corrupt_by("a snapshot that cannot be compressed", error);
    let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL).map_err(failed)?;
    bodies.map(|body| compressor.compress(body).map_err(failed)).collect()
}

pub(super) fn decompress(body: &[u8]) -> Result<Vec<u8>, StoreError> {
    zstd::stream::decode_all(body).map_err(|error| corrupt_by("a snapshot's compressed body", error))
}

/// Reads stored evaluations for a backtest, one after the other, in one buffer.
pub(super) struct RecordedReader {
    buffer: Vec<u8>,
    decompressor: zstd::bulk::Decompressor<'static>,
}

impl RecordedReader {
    pub fn new() -> Result<RecordedReader, StoreError> {
        let decompressor = zstd::bulk::Decompressor::new()
            .map_err(|error| corrupt_by("snapshots that cannot be decompressed", error))?;
        Ok(RecordedReader { buffer: Vec::new(), decompressor })
    }

    pub fn read(&mut self, id: String, body: &[u8]) -> Result<Recorded, StoreError> {
        let bytes = self.decompress(body)?;
        Recorded::read(id, bytes).map_err(|error| corrupt_by("a snapshot's body", error))
    }

    /// The bytes of a body. Their number stands in the frame that [`compress`] made.
    fn decompress(&mut self, body: &[u8]) -> Result<&[u8], StoreError> {
        let size = zstd::zstd_safe::get_frame_content_size(body)
            .ok()
            .flatten()
            .and_then(|size| usize::try_from(size).ok())
            .filter(|size| *size <= LARGEST_BODY)
            .ok_or_else(|| corrupt("a snapshot's compressed body"))?;
        self.buffer.clear();
        self.buffer.reserve(size);
        self.decompressor
            .decompress_to_buffer(body, &mut self.buffer)
            .map_err(|error| corrupt_by("a snapshot's compressed body", error))?;
        Ok(&self.buffer)
    }
}

/// The snapshot of stored bytes, which must give its digest and id.
pub(super) fn snapshot(id: String, digest: String, body: &[u8]) -> Result<Snapshot, StoreError> {
    let bytes = decompress(body)?;
    if canonical::digest(&bytes) != digest || Snapshot::id_of(&digest) != id {
        return Err(corrupt("a snapshot whose content does not give its digest"));
    }
    Ok(Snapshot { body: read_body(&bytes)?, digest, id })
}

fn read_body(bytes: &[u8]) -> Result<SnapshotBody, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| corrupt_by("a snapshot's body", error))
}

/// The body of stored bytes, its digest unchecked.
pub(super) fn body(compressed: &[u8]) -> Result<SnapshotBody, StoreError> {
    read_body(&decompress(compressed)?)
}
