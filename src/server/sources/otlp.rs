//! Owns OTLP metrics as a source: what an export request holds, as points of processes. Must not know HTTP or the store.
//! Specification: <https://opentelemetry.io/docs/specs/otlp/>.

mod in_parts;

pub use in_parts::Read;

use super::messages::{MOST, PLAIN, Shape, is_json_in_bounds, is_read_in_bounds};
use crate::domain::mapping::Mapper;
use crate::domain::metric::{Buckets, Labels, Point, PointValue, Temporality};
use crate::domain::parts;
use chrono::{DateTime, Utc};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, metric, number_data_point,
};
use prost::Message;
use std::borrow::Cow;

/// The flag of a point that says that there is no value: an attribute set has ended.
const NO_RECORDED_VALUE: u32 = 1;
/// The most buckets that a point may have.
const MOST_BUCKETS: usize = 4096;
/// The name of a service that does not say its own, as the conventions ask for.
const UNNAMED: &str = "unknown_service";

// What is a message in an export, level by level; attributes may hold each other.
static VALUE: Shape = Shape(&[(5, &VALUES), (6, &ATTRIBUTES)]);
static VALUES: Shape = Shape(&[(1, &VALUE)]);
static ATTRIBUTE: Shape = Shape(&[(2, &VALUE)]);
static ATTRIBUTES: Shape = Shape(&[(1, &ATTRIBUTE)]);
static EXEMPLAR: Shape = Shape(&[(7, &ATTRIBUTE)]);
static NUMBER: Shape = Shape(&[(5, &EXEMPLAR), (7, &ATTRIBUTE)]);
static HISTOGRAM: Shape = Shape(&[(8, &EXEMPLAR), (9, &ATTRIBUTE)]);
static EXPONENTIAL: Shape = Shape(&[(1, &ATTRIBUTE), (8, &PLAIN), (9, &PLAIN), (11, &EXEMPLAR)]);
static SUMMARY: Shape = Shape(&[(6, &PLAIN), (7, &ATTRIBUTE)]);
static NUMBERS: Shape = Shape(&[(1, &NUMBER)]);
static HISTOGRAMS: Shape = Shape(&[(1, &HISTOGRAM)]);
static EXPONENTIALS: Shape = Shape(&[(1, &EXPONENTIAL)]);
static SUMMARIES: Shape = Shape(&[(1, &SUMMARY)]);
static METRIC: Shape =
    Shape(&[(5, &NUMBERS), (7, &NUMBERS), (9, &HISTOGRAMS), (10, &EXPONENTIALS), (11, &SUMMARIES), (12, &ATTRIBUTE)]);
static SCOPE: Shape = Shape(&[(3, &ATTRIBUTE)]);
static RESOURCE: Shape = Shape(&[(1, &ATTRIBUTE), (3, &PLAIN)]);
static OF_SCOPE: Shape = Shape(&[(1, &SCOPE), (2, &METRIC)]);
static OF_RESOURCE: Shape = Shape(&[(1, &RESOURCE), (2, &OF_SCOPE)]);
static EXPORT: Shape = Shape(&[(1, &OF_RESOURCE)]);

/// Reads an export request; `is_json` for the JSON form of the protocol.
///
/// # Errors
/// A sentence on what is malformed.
pub fn read(body: &[u8], is_json: bool) -> Result<ExportMetricsServiceRequest, String> {
    let is_in_bounds = if is_json { is_json_in_bounds(body) } else { is_read_in_bounds(body, &EXPORT) };
    if !is_in_bounds {
        return Err(format!("the body holds more than {MOST} messages: send it in parts"));
    }
    if is_json {
        let body = parts::without_mark(body);
        // A list would be read as the fields of a request in their order.
        if body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first == b'[') {
            return Err("the body is no OTLP metrics request: it is a list".to_owned());
        }
        let request: ExportMetricsServiceRequest =
            serde_json::from_slice(body).map_err(|error| format!("the body is no OTLP metrics request: {error}"))?;
        if request.resource_metrics.iter().all(in_parts::is_whole) {
            Ok(request)
        } else {
            Err("the body is no OTLP metrics request: a metric holds nothing that can be read".to_owned())
        }
    } else {
        ExportMetricsServiceRequest::decode(body)
            .map_err(|error| format!("the body is no OTLP metrics request: {error}"))
    }
}

/// Reads what can be read of an export request that [`read`] refuses, with why the rest cannot be; `None` if nothing can.
pub fn read_in_parts(body: &[u8], is_json: bool) -> Option<Read> {
    if is_json {
        is_json_in_bounds(body).then(|| in_parts::json(body)).flatten()
    } else {
        is_read_in_bounds(body, &EXPORT).then(|| in_parts::protobuf(body)).flatten()
    }
}

/// Whose metrics these are: the environment, where the resource names one, and the source.
pub fn origin(metrics: &ResourceMetrics) -> (Option<&str>, &str) {
    let attributes = metrics.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
    let text = |name: &str| {
        let value = attributes.iter().find(|attribute| attribute.key == name)?.value.as_ref()?;
        match &value.value {
            Some(any_value::Value::StringValue(text)) if !text.is_empty() => Some(text.as_str()),
            _ => None,
        }
    };
    let environment = text("deployment.environment.name").or_else(|| text("deployment.environment"));
    (environment, text("service.name").unwrap_or(UNNAMED))
}

/// Takes all points of one resource.
pub fn take(metrics: &ResourceMetrics, mapper: &mut Mapper<'_>) {
    let process = labels(metrics.resource.as_ref().map_or(&[], |resource| &resource.attributes));
    for metric in metrics.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
        if !mapper.names(&metric.name) {
            continue;
        }
        match &metric.data {
            Some(metric::Data::Gauge(gauge)) => {
                gauge.data_points.iter().for_each(|point| number(mapper, &process, metric, point, None));
            }
            Some(metric::Data::Sum(sum)) => {
                let counted = match temporality(sum.aggregation_temporality) {
                    Some(temporality) if sum.is_monotonic => Ok(Some(temporality)),
                    // What goes up and down, said from the beginning, is what there is now.
                    Some(Temporality::Cumulative) => Ok(None),
                    Some(Temporality::Delta) => Err("goes up and down and is sent as differences: send it cumulative"),
                    None => Err("does not say whether it is cumulative"),
                };
                for point in &sum.data_points {
                    match counted {
                        Ok(counted) => number(mapper, &process, metric, point, counted),
                        Err(why) => mapper.refuse(&metric.name, why),
                    }
                }
            }
            Some(metric::Data::Histogram(histogram)) => {
                let temporality = temporality(histogram.aggregation_temporality);
                for point in &histogram.data_points {
                    distribution(mapper, &process, metric, Spread::explicit(point), temporality);
                }
            }
            Some(metric::Data::ExponentialHistogram(histogram)) => {
                let temporality = temporality(histogram.aggregation_temporality);
                for point in &histogram.data_points {
                    distribution(mapper, &process, metric, Spread::exponential(point), temporality);
                }
            }
            Some(metric::Data::Summary(summary)) => {
                for _ in &summary.data_points {
                    mapper.refuse(&metric.name, "is a summary: its quantiles cannot be added up; send a histogram");
                }
            }
            None => mapper.refuse(&metric.name, "has no data"),
        }
    }
}

fn temporality(code: i32) -> Option<Temporality> {
    match AggregationTemporality::try_from(code) {
        Ok(AggregationTemporality::Delta) => Some(Temporality::Delta),
        Ok(AggregationTemporality::Cumulative) => Some(Temporality::Cumulative),
        _ => None,
    }
}

fn number(
    mapper: &mut Mapper<'_>,
    process: &Labels<'_>,
    metric: &Metric,
    point: &NumberDataPoint,
    counted: Option<Temporality>,
) {
    if point.flags & NO_RECORDED_VALUE != 0 {
        return;
    }
    let value = match point.value {
        Some(number_data_point::Value::AsDouble(value)) => value,
        Some(number_data_point::Value::AsInt(value)) => value as f64,
        None => return mapper.refuse(&metric.name, "has a point without a value"),
    };
    let value = match counted {
        Some(temporality) => PointValue::Sum { temporality, value },
        None => PointValue::Gauge(value),
    };
    let Some(at) = time(point.time_unix_nano) else {
        return mapper.refuse(&metric.name, "has a point without a time");
    };
    let start = time(point.start_time_unix_nano);
    mapper.take(
        &Point {
            at,
            labels: labels(&point.attributes),
            metric: Cow::Borrowed(&metric.name),
            start,
            unit: Cow::Borrowed(&metric.unit),
            value,
        },
        process,
    );
}

/// A point of either kind of histogram.
struct Spread<'p> {
    at: Option<DateTime<Utc>>,
    attributes: &'p [KeyValue],
    buckets: Result<Buckets, &'static str>,
    is_empty: bool,
    start: Option<DateTime<Utc>>,
    sum: Option<f64>,
}

impl<'p> Spread<'p> {
    fn explicit(point: &'p HistogramDataPoint) -> Spread<'p> {
        let buckets = if point.bucket_counts.len() > MOST_BUCKETS {
            Err("has too many buckets")
        } else if point.bucket_counts.is_empty() {
            // Only how many there were.
            Ok(Buckets { bounds: Vec::new(), counts: vec![point.count], max: point.max, min: point.min })
        } else {
            let (bounds, counts) = (point.explicit_bounds.clone(), point.bucket_counts.clone());
            Ok(Buckets { bounds, counts, max: point.max, min: point.min })
        };
        Spread {
            at: time(point.time_unix_nano),
            attributes: &point.attributes,
            buckets,
            is_empty: point.flags & NO_RECORDED_VALUE != 0,
            start: time(point.start_time_unix_nano),
            sum: point.sum,
        }
    }

    fn exponential(point: &'p ExponentialHistogramDataPoint) -> Spread<'p> {
        Spread {
            at: time(point.time_unix_nano),
            attributes: &point.attributes,
            buckets: exponential(point),
            is_empty: point.flags & NO_RECORDED_VALUE != 0,
            start: time(point.start_time_unix_nano),
            sum: point.sum,
        }
    }
}

fn distribution(
    mapper: &mut Mapper<'_>,
    process: &Labels<'_>,
    metric: &Metric,
    spread: Spread<'_>,
    temporality: Option<Temporality>,
) {
    if spread.is_empty {
        return;
    }
    let Some(temporality) = temporality else {
        return mapper.refuse(&metric.name, "does not say whether it is cumulative");
    };
    let Some(at) = spread.at else {
        return mapper.refuse(&metric.name, "has a point without a time");
    };
    let buckets = match spread.buckets {
        Ok(buckets) => buckets,
        Err(why) => return mapper.refuse(&metric.name, why),
    };
    mapper.take(
        &Point {
            at,
            labels: labels(spread.attributes),
            metric: Cow::Borrowed(&metric.name),
            start: spread.start,
            unit: Cow::Borrowed(&metric.unit),
            value: PointValue::Distribution { buckets, sum: spread.sum, temporality },
        },
        process,
    );
}

/// The buckets of an exponential histogram as plain ones: bucket `i` holds what is above `base^i` and at most `base^(i+1)`,
/// `base` being `2^(2^-scale)`.
fn exponential(point: &ExponentialHistogramDataPoint) -> Result<Buckets, &'static str> {
    if point.negative.as_ref().is_some_and(|negative| negative.bucket_counts.iter().any(|count| *count > 0)) {
        return Err("has values below zero");
    }
    let (offset, counts) =
        point.positive.as_ref().map_or((0, &[][..]), |positive| (positive.offset, &positive.bucket_counts[..]));
    if counts.len() > MOST_BUCKETS {
        return Err("has too many buckets");
    }
    if !(-10..=20).contains(&point.scale) {
        return Err("has a scale that the specification does not allow");
    }
    Ok(exponential_buckets(point.scale, offset, counts, (point.zero_count, point.zero_threshold)))
}

/// `zero` is how many values count as none, and up to which they do.
pub(super) fn exponential_buckets(scale: i32, offset: i32, counts: &[u64], zero: (u64, f64)) -> Buckets {
    let bound = |place: i64| (place as f64 * (-f64::from(scale)).exp2()).exp2();
    let first = bound(i64::from(offset));
    let mut buckets = Buckets { bounds: vec![zero.1.max(0.0).min(first)], counts: vec![zero.0], max: None, min: None };
    if buckets.bounds[0] < first {
        buckets.bounds.push(first);
        buckets.counts.push(0);
    }
    for (place, count) in (i64::from(offset) + 1..).zip(counts) {
        let end = bound(place);
        // Beyond what a number can hold bounds no longer ascend: all of it lies above the last.
        match buckets.bounds.last() {
            Some(last) if end <= *last => break,
            _ => {}
        }
        buckets.bounds.push(end);
        buckets.counts.push(*count);
    }
    let told: u64 = buckets.counts.iter().fold(0, |sum, count| sum.saturating_add(*count));
    let all = counts.iter().fold(zero.0, |sum, count| sum.saturating_add(*count));
    buckets.counts.push(all.saturating_sub(told));
    buckets
}

/// Whole milliseconds, the precision that is kept; `None` where it is not said.
fn time(nanos: u64) -> Option<DateTime<Utc>> {
    (nanos > 0).then(|| i64::try_from(nanos / 1_000_000).ok().and_then(DateTime::from_timestamp_millis)).flatten()
}

fn labels(attributes: &[KeyValue]) -> Labels<'_> {
    Labels(
        attributes
            .iter()
            .map(|attribute| (Cow::Borrowed(attribute.key.as_str()), text(attribute.value.as_ref())))
            .collect(),
    )
}

fn text(value: Option<&AnyValue>) -> Cow<'_, str> {
    match value.and_then(|value| value.value.as_ref()) {
        None => Cow::Borrowed(""),
        Some(any_value::Value::StringValue(text)) => Cow::Borrowed(text),
        Some(any_value::Value::BoolValue(value)) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Some(any_value::Value::IntValue(value)) => Cow::Owned(value.to_string()),
        Some(any_value::Value::DoubleValue(value)) => Cow::Owned(value.to_string()),
        // Lists and bytes tell processes apart, no more.
        Some(other) => Cow::Owned(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_in_json_are_kept() {
        // The protocol's JSON writes 64-bit integers as text; numbers are taken as well.
        for value in [r#""asInt": "7""#, r#""asInt": 7"#, r#""asDouble": 7"#] {
            let body = format!(
                r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}},
                {{"key":"pid","value":{{"intValue":42}}}}]}},
                "scopeMetrics":[{{"metrics":[{{"name":"scaling_mode.clients.active","gauge":{{"dataPoints":[
                {{"timeUnixNano":"1764000000000000000",{value}}}]}}}}]}}]}}]}}"#
            );
            let request = read(body.as_bytes(), true).unwrap();
            let metrics = &request.resource_metrics[0];
            assert_eq!(origin(metrics), (None, "shop"));
            let metric = &metrics.scope_metrics[0].metrics[0];
            let Some(metric::Data::Gauge(gauge)) = &metric.data else { panic!("a gauge") };
            let number = match gauge.data_points[0].value {
                Some(number_data_point::Value::AsInt(value)) => value as f64,
                Some(number_data_point::Value::AsDouble(value)) => value,
                None => panic!("{value}: lost"),
            };
            assert!((number - 7.0).abs() < f64::EPSILON, "{value}");
            assert_eq!(labels(&metrics.resource.as_ref().unwrap().attributes).get("pid"), Some("42"));
        }
    }

    #[test]
    fn exponential_buckets_ascend_and_hold_all_values() {
        for (scale, offset) in [(0, 0), (3, -20), (20, 1000), (-10, 0), (5, i32::MAX), (0, i32::MIN)] {
            let buckets = exponential_buckets(scale, offset, &[1, 2, 3], (4, 0.0));
            assert_eq!(buckets.count(), Some(10), "{scale} {offset}");
            assert_eq!(buckets.counts.len(), buckets.bounds.len() + 1);
            assert!(buckets.bounds.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", buckets.bounds);
        }
        let buckets = exponential_buckets(0, 0, &[1, 1], (0, 0.0));
        assert_eq!(buckets.bounds, [0.0, 1.0, 2.0, 4.0]);
        assert_eq!(buckets.counts, [0, 0, 1, 1, 0]);
    }
}
