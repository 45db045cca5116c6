//! Owns Prometheus remote write, 1.0 and 2.0, as a source: what a request holds, as points of processes. Must not know HTTP or
//! the store. Specifications: <https://prometheus.io/docs/specs/prw/remote_write_spec/>,
//! <https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/>.

mod buckets;
pub mod message;

pub use buckets::Pending;

use super::messages::{MOST, PLAIN, Shape, is_read_in_bounds};
use crate::domain::mapping::{Mapped, Mapper};
use crate::domain::metric::{Labels, Point, PointValue, Temporality};
use buckets::{Part, Place};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use message::{NativeHistogram, RequestV2, Sample, SeriesV2, WriteRequest};
use prost::Message;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Prometheus's mark that a series has ended: a NaN with these bits.
const STALE: u64 = 0x7ff0_0000_0000_0002;
/// The source of series that name no job.
const UNNAMED: &str = "prometheus";

/// Which of the two protocols a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// A request, read.
#[derive(Debug)]
pub enum Request {
    V1(WriteRequest),
    V2(RequestV2),
}

/// How much of a request was taken: the protocol has the receiver say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub histograms: usize,
    pub samples: usize,
}

static HISTOGRAM: Shape = Shape(&[(8, &PLAIN), (11, &PLAIN)]);
static SERIES_1: Shape = Shape(&[(1, &PLAIN), (2, &PLAIN), (3, &PLAIN), (4, &HISTOGRAM)]);
static SERIES_2: Shape = Shape(&[(2, &PLAIN), (3, &HISTOGRAM), (4, &PLAIN)]);
static REQUEST_1: Shape = Shape(&[(1, &SERIES_1)]);
static REQUEST_2: Shape = Shape(&[(5, &SERIES_2)]);

/// Reads a decompressed request.
///
/// # Errors
/// A sentence on what is malformed.
pub fn read(body: Vec<u8>, version: Version) -> Result<Request, String> {
    let malformed = |error: prost::DecodeError| format!("the body is no remote-write request: {error}");
    let shape = match version {
        Version::V1 => &REQUEST_1,
        Version::V2 => &REQUEST_2,
    };
    if !is_read_in_bounds(&body, shape) {
        return Err(format!("the body holds more than {MOST} messages: send it in parts"));
    }
    let body = Bytes::from(body);
    match version {
        Version::V1 => WriteRequest::decode(body).map(Request::V1).map_err(malformed),
        Version::V2 => {
            let request = RequestV2::decode(body).map_err(malformed)?;
            if request.symbols.first().is_none_or(|first| !first.is_empty()) && !request.timeseries.is_empty() {
                return Err("the body's first symbol is not the empty text".to_owned());
            }
            Ok(Request::V2(request))
        }
    }
}

/// The labels of a series, and what it says.
struct Series<'r> {
    created: Option<DateTime<Utc>>,
    histograms: &'r [NativeHistogram],
    labels: Vec<(&'r str, &'r str)>,
    samples: &'r [Sample],
}

impl Series<'_> {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(own, _)| *own == name).map(|(_, value)| *value)
    }

    /// What tells the processes of a job apart.
    fn process(&self) -> Labels<'_> {
        labels(self.labels.iter().copied().filter(|(name, _)| *name == "instance"))
    }

    fn point<'p>(
        &'p self,
        metric: &'p str,
        at: DateTime<Utc>,
        start: Option<DateTime<Utc>>,
        value: PointValue,
    ) -> Point<'p> {
        let own = self.labels.iter().copied().filter(|(name, _)| !matches!(*name, "__name__" | "instance" | "job"));
        Point { at, labels: labels(own), metric: Cow::Borrowed(metric), start, unit: Cow::Borrowed(""), value }
    }
}

/// Maps all series of a request, by source: `mapper` makes an empty mapper. Parts of classic histograms whose rest comes in
/// another request wait in `pending`. A series whose labels cannot be read is refused, and costs no other.
pub fn map<'m>(
    request: &Request,
    (environment, pending): (&str, &Pending),
    now: DateTime<Utc>,
    mapper: impl Fn() -> Mapper<'m>,
) -> (BTreeMap<String, Mapped>, Written) {
    let mut written = Written::default();
    let mut mappers: BTreeMap<String, Mapper<'m>> = BTreeMap::new();
    let mut parts = Vec::new();
    for (series, points) in all(request) {
        let named = series.and_then(|series| match series.label("__name__") {
            None | Some("") => Err("has no name".to_owned()),
            Some(_) => Ok(series),
        });
        let series = match named {
            Ok(series) => series,
            Err(why) => {
                let mapper = mappers.entry(UNNAMED.to_owned()).or_insert_with(&mapper);
                (0..points.max(1)).for_each(|_| mapper.refuse("a series", &why));
                continue;
            }
        };
        let metric = series.label("__name__").unwrap_or_default();
        let job = series.label("job").filter(|job| !job.is_empty()).unwrap_or(UNNAMED);
        if !mappers.contains_key(job) {
            mappers.insert(job.to_owned(), mapper());
        }
        if let Some(mapper) = mappers.get_mut(job) {
            take(&series, (metric, job), mapper, &mut parts, &mut written);
        }
    }
    for (place, classic) in pending.join(environment, parts, now) {
        if let Some(mapper) = mappers.get_mut(&place.job) {
            let (before, buckets) = (mapper.refused(), classic.buckets());
            mapper.take(&classic.point(&place), &place.process());
            if mapper.refused() > before {
                // Each of its buckets came as a sample; some may have come in the request before.
                written.samples = written.samples.saturating_sub(buckets);
            }
        }
    }
    let finish = |(job, mapper): (String, Mapper<'m>)| {
        let before = mapper.refused();
        let mapped = mapper.finish();
        // Gauges that cannot be told apart are refused only once all of them are there.
        written.samples = left(written.samples, mapped.refused.values().sum::<u64>() - before);
        (job, mapped)
    };
    (mappers.into_iter().map(finish).collect(), written)
}

/// What is left of so many once some were refused.
fn left(all: usize, refused: u64) -> usize {
    all.saturating_sub(usize::try_from(refused).unwrap_or(usize::MAX))
}

/// All series, each with how many points it has, whatever can be read of its labels.
fn all(request: &Request) -> Box<dyn Iterator<Item = (Result<Series<'_>, String>, usize)> + '_> {
    match request {
        Request::V1(request) => Box::new(request.timeseries.iter().map(|series| {
            let labels: Result<Vec<(&str, &str)>, String> =
                series.labels.iter().map(|label| Ok((text(&label.name)?, text(&label.value)?))).collect();
            let read = labels.map(|labels| Series {
                created: None,
                histograms: &series.histograms,
                labels,
                samples: &series.samples,
            });
            (read, series.samples.len() + series.histograms.len())
        })),
        Request::V2(request) => Box::new(
            request
                .timeseries
                .iter()
                .map(|series| (of_symbols(request, series), series.samples.len() + series.histograms.len())),
        ),
    }
}

fn of_symbols<'r>(request: &'r RequestV2, series: &'r SeriesV2) -> Result<Series<'r>, String> {
    let symbol = |place: &u32| {
        let bytes = usize::try_from(*place).ok().and_then(|place| request.symbols.get(place));
        text(bytes.ok_or("has a label that refers to a symbol that is not there")?)
    };
    let (pairs, rest) = series.labels_refs.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("has a label without a value".to_owned());
    }
    let labels =
        pairs.iter().map(|[name, value]| Ok((symbol(name)?, symbol(value)?))).collect::<Result<_, String>>()?;
    let created = (series.created_timestamp > 0).then(|| time(series.created_timestamp)).flatten();
    Ok(Series { created, histograms: &series.histograms, labels, samples: &series.samples })
}

fn take(
    series: &Series<'_>,
    (metric, job): (&str, &str),
    mapper: &mut Mapper<'_>,
    parts: &mut Vec<(Place, Part)>,
    written: &mut Written,
) {
    let before = mapper.refused();
    take_samples(series, (metric, job), mapper, parts);
    written.samples += left(series.samples.len(), mapper.refused() - before);
    let before = mapper.refused();
    take_histograms(series, metric, mapper);
    written.histograms += left(series.histograms.len(), mapper.refused() - before);
}

fn take_samples(
    series: &Series<'_>,
    (metric, job): (&str, &str),
    mapper: &mut Mapper<'_>,
    parts: &mut Vec<(Place, Part)>,
) {
    if let Some(base) = metric.strip_suffix("_bucket").filter(|base| mapper.rules().names(base)) {
        return take_buckets(series, (base, job), mapper, parts);
    }
    // How many values a classic histogram holds is in its buckets.
    let is_part = |suffix: &str| metric.strip_suffix(suffix).is_some_and(|base| mapper.rules().names(base));
    if ((is_part("_count") || is_part("_sum")) && !mapper.rules().names(metric)) || !mapper.names(metric) {
        return;
    }
    let process = series.process();
    for sample in series.samples.iter().filter(|sample| sample.value.to_bits() != STALE) {
        let start = positive_time(sample.start_timestamp).or(series.created);
        let value = mapper.plain(metric, sample.value);
        match time(sample.timestamp) {
            Some(at) => mapper.take(&series.point(metric, at, start, value), &process),
            None => mapper.refuse(metric, "has a time that is none"),
        }
    }
}

fn take_histograms(series: &Series<'_>, metric: &str, mapper: &mut Mapper<'_>) {
    if series.histograms.is_empty() || !mapper.names(metric) {
        return;
    }
    let process = series.process();
    for histogram in series.histograms.iter().filter(|histogram| histogram.sum.to_bits() != STALE) {
        match (histogram.buckets(), time(histogram.timestamp)) {
            (Some(buckets), Some(at)) => {
                let (sum, temporality) = (Some(histogram.sum), Temporality::Cumulative);
                let value = PointValue::Distribution { buckets, sum, temporality };
                mapper.take(&series.point(metric, at, series.created, value), &process);
            }
            _ => mapper.refuse(metric, "is a histogram of a kind that is not read here"),
        }
    }
}

/// Series of plain numbers that came by another way than remote write; classic histograms among them are whole.
pub struct Gathered<'m> {
    mapper: Mapper<'m>,
    parts: Vec<(Place, Part)>,
}

impl<'m> Gathered<'m> {
    pub fn new(mapper: Mapper<'m>) -> Gathered<'m> {
        Gathered { mapper, parts: Vec::new() }
    }

    /// Takes one number. One with the label `le` is a bucket where the metric is taken as times.
    pub fn take(&mut self, metric: &str, own: &[(&str, &str)], at: DateTime<Utc>, value: f64) {
        let sample = Sample { start_timestamp: 0, timestamp: at.timestamp_millis(), value };
        let series = Series { created: None, histograms: &[], labels: own.to_vec(), samples: &[sample] };
        if series.label("le").is_some() {
            return take_buckets(&series, (metric, ""), &mut self.mapper, &mut self.parts);
        }
        let value = self.mapper.plain(metric, value);
        self.mapper.take(&series.point(metric, at, None, value), &series.process());
    }

    /// Refuses what could not be read as a number of a metric.
    pub fn refuse(&mut self, metric: &str, why: &str, at: Option<DateTime<Utc>>) {
        self.mapper.refuse_at(metric, why, at);
    }

    /// What it comes to.
    pub fn finish(mut self) -> Mapped {
        for (place, classic) in buckets::whole(self.parts) {
            self.mapper.take(&classic.point(&place), &place.process());
        }
        self.mapper.finish()
    }
}

/// One bucket of a classic histogram: its bound is a label.
fn take_buckets(
    series: &Series<'_>,
    (base, job): (&str, &str),
    mapper: &mut Mapper<'_>,
    parts: &mut Vec<(Place, Part)>,
) {
    let Some(bound) = series.label("le").and_then(|le| le.parse::<f64>().ok()).filter(|bound| !bound.is_nan()) else {
        return mapper.refuse(base, "has a bucket without a bound");
    };
    let labels: Vec<(String, String)> = series
        .labels
        .iter()
        .filter(|(name, _)| !matches!(*name, "__name__" | "job" | "le"))
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    for sample in series.samples.iter().filter(|sample| sample.value.to_bits() != STALE) {
        let place =
            Place { at: sample.timestamp, job: job.to_owned(), labels: labels.clone(), metric: base.to_owned() };
        let start = positive_time(sample.start_timestamp).or(series.created);
        if sample.value >= 0.0 && sample.value < 9e15 {
            parts.push((place, Part { bound, count: sample.value as u64, start }));
        } else {
            mapper.refuse(base, "has a bucket that holds no count");
        }
    }
}

fn text(bytes: &Bytes) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "has a label that is not UTF-8".to_owned())
}

fn time(millis: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(millis)
}

fn positive_time(millis: i64) -> Option<DateTime<Utc>> {
    (millis > 0).then(|| time(millis)).flatten()
}

fn labels<'r>(pairs: impl Iterator<Item = (&'r str, &'r str)>) -> Labels<'r> {
    Labels(pairs.map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value))).collect())
}
