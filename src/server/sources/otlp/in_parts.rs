//! Owns reading an OTLP export of which something cannot be read: resource by resource, metric by metric and point by point, so
//! that what is damaged costs nothing else. Must not know what a metric means.

use crate::domain::{json_numbers, parts};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, metric,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// What could be read, and why the rest could not, with how many points.
pub type Read = (ExportMetricsServiceRequest, BTreeMap<String, u64>);

/// The most reasons that are named: each error can have its own words, and a body can have millions.
const MOST_REASONS: usize = 20;

/// What all further ones count under.
const OTHER_REASONS: &str = "other points: cannot be read";

/// Notes that something could not be read.
fn refuse(refused: &mut BTreeMap<String, u64>, name: &str, why: &str, count: usize) {
    let name: String = name.chars().filter(|character| !character.is_control()).take(100).collect();
    let why: String = why.chars().filter(|character| !character.is_control()).take(200).collect();
    let mut reason = format!("{name}: cannot be read ({why})");
    if refused.len() >= MOST_REASONS && !refused.contains_key(&reason) {
        reason = OTHER_REASONS.to_owned();
    }
    *refused.entry(reason).or_default() += count.max(1) as u64;
}

/// Reads what can be read of the JSON form; `None` if it is no JSON at all.
pub(super) fn json(body: &[u8]) -> Option<Read> {
    let mended = json_numbers::quoted(body);
    let text = parts::json(mended.as_deref().unwrap_or(body)).ok()?;
    let mut refused = BTreeMap::new();
    let mut request = ExportMetricsServiceRequest::default();
    for resource in list(text, "resourceMetrics")? {
        match serde_json::from_str::<ResourceMetrics>(resource) {
            Ok(metrics) if is_whole(&metrics) => request.resource_metrics.push(metrics),
            _ => request.resource_metrics.extend(resource_of_json(resource, &mut refused)),
        }
    }
    Some((request, refused))
}

/// Whether each metric holds points, and each point of one number has it. The JSON form is read leniently there: points and
/// numbers that cannot be read are left out without a word.
pub(super) fn is_whole(metrics: &ResourceMetrics) -> bool {
    metrics.scope_metrics.iter().flat_map(|scope| &scope.metrics).all(holds_all)
}

fn holds_all(metric: &Metric) -> bool {
    let points = match &metric.data {
        Some(metric::Data::Gauge(gauge)) => &gauge.data_points,
        Some(metric::Data::Sum(sum)) => &sum.data_points,
        Some(_) => return true,
        None => return false,
    };
    points.iter().all(|point| point.value.is_some())
}

/// The items of a list that is a field of an object; none where there is no such field.
fn list<'t>(text: &'t str, name: &str) -> Option<parts::Parts<'t>> {
    match parts::fields(text)?.find(|(own, _)| own == name) {
        Some((_, value)) => parts::items(value),
        None => Some(parts::Parts::default()),
    }
}

fn resource_of_json(text: &str, refused: &mut BTreeMap<String, u64>) -> Option<ResourceMetrics> {
    let own = parts::fields(text).and_then(|mut fields| fields.find(|(name, _)| name == "resource"));
    let resource = match own.map(|(_, resource)| serde_json::from_str::<Option<Resource>>(resource)) {
        Some(Ok(resource)) => resource,
        None => None,
        // Whose metrics these are cannot be read.
        Some(Err(error)) => {
            refuse(refused, "a resource", &error.to_string(), 1);
            return None;
        }
    };
    let Some(scopes) = list(text, "scopeMetrics") else {
        refuse(refused, "a resource", "its scopeMetrics are no list", 1);
        return None;
    };
    let mut metrics = Vec::new();
    for text in scopes.filter_map(|scope| list(scope, "metrics")).flatten() {
        match serde_json::from_str::<Metric>(text) {
            Ok(metric) if holds_all(&metric) => metrics.push(metric),
            Ok(_) => metrics.extend(metric_of_json(text, "what it holds is no kind of metric", refused)),
            Err(error) => metrics.extend(metric_of_json(text, &error.to_string(), refused)),
        }
    }
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    Some(ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() })
}

/// Why a point cannot be read; nothing where it can.
type Reader = fn(&Value) -> Option<String>;

/// A metric without those of its points that cannot be read.
fn metric_of_json(text: &str, why: &str, refused: &mut BTreeMap<String, u64>) -> Option<Metric> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    let name = value["name"].as_str().unwrap_or("a metric").to_owned();
    let kinds: [(&str, Reader); 5] = [
        ("gauge", is_number_read),
        ("sum", is_number_read),
        ("histogram", is_read::<HistogramDataPoint>),
        ("exponentialHistogram", is_read::<ExponentialHistogramDataPoint>),
        ("summary", is_read::<SummaryDataPoint>),
    ];
    for (kind, is_read) in kinds {
        if let Some(points) = value.pointer_mut(&format!("/{kind}/dataPoints")).and_then(Value::as_array_mut) {
            points.retain(|point| match is_read(point) {
                Some(why) => {
                    refuse(refused, &name, &why, 1);
                    false
                }
                None => true,
            });
        }
    }
    match serde_json::from_value::<Metric>(value) {
        Ok(metric) if metric.data.is_some() => Some(metric),
        _ => {
            refuse(refused, &name, why, 1);
            None
        }
    }
}

/// Why a point cannot be read; nothing where it can.
fn is_read<P: DeserializeOwned>(point: &Value) -> Option<String> {
    P::deserialize(point).err().map(|error| error.to_string())
}

/// The same for a point of one number, which is read as a point without one where it is none.
fn is_number_read(point: &Value) -> Option<String> {
    let number = match NumberDataPoint::deserialize(point) {
        Ok(read) => read.value,
        Err(error) => return Some(error.to_string()),
    };
    let is_said = ["asInt", "asDouble"].iter().any(|name| point.get(name).is_some_and(|value| !value.is_null()));
    (is_said && number.is_none()).then(|| "its value is no number of its kind".to_owned())
}

#[derive(Clone, PartialEq, Message)]
struct ExportParts {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    resource_metrics: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceParts {
    #[prost(bytes = "bytes", optional, tag = "1")]
    resource: Option<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    scope_metrics: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeParts {
    #[prost(bytes = "bytes", repeated, tag = "2")]
    metrics: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct MetricParts {
    #[prost(bytes = "bytes", tag = "1")]
    name: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    unit: Bytes,
    #[prost(bytes = "bytes", optional, tag = "5")]
    gauge: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "7")]
    sum: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "9")]
    histogram: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "10")]
    exponential: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "11")]
    summary: Option<Bytes>,
}

/// What all kinds of points lie in.
#[derive(Clone, PartialEq, Message)]
struct DataParts {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    points: Vec<Bytes>,
    #[prost(int32, tag = "2")]
    temporality: i32,
    #[prost(bool, tag = "3")]
    is_monotonic: bool,
}

/// Reads what can be read of the protobuf form; `None` if it is no message at all.
pub(super) fn protobuf(body: &[u8]) -> Option<Read> {
    let export = ExportParts::decode(body).ok()?;
    let mut refused = BTreeMap::new();
    let mut request = ExportMetricsServiceRequest::default();
    for resource in export.resource_metrics {
        match ResourceMetrics::decode(resource.clone()) {
            Ok(metrics) => request.resource_metrics.push(metrics),
            Err(_) => request.resource_metrics.extend(resource_of_protobuf(resource, &mut refused)),
        }
    }
    Some((request, refused))
}

fn resource_of_protobuf(bytes: Bytes, refused: &mut BTreeMap<String, u64>) -> Option<ResourceMetrics> {
    let parts = ResourceParts::decode(bytes).ok();
    let read = parts.map(|parts| (parts.resource.map(Resource::decode).transpose(), parts.scope_metrics));
    let (resource, scopes) = match read {
        Some((Ok(resource), scopes)) => (resource, scopes),
        Some((Err(error), _)) => {
            refuse(refused, "a resource", &error.to_string(), 1);
            return None;
        }
        None => {
            refuse(refused, "a resource", "it is no message", 1);
            return None;
        }
    };
    let mut metrics = Vec::new();
    for scope in scopes {
        match ScopeParts::decode(scope) {
            Ok(scope) => {
                for metric in scope.metrics {
                    match Metric::decode(metric.clone()) {
                        Ok(metric) => metrics.push(metric),
                        Err(error) => metrics.extend(metric_of_protobuf(metric, &error.to_string(), refused)),
                    }
                }
            }
            Err(error) => refuse(refused, "a scope", &error.to_string(), 1),
        }
    }
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    Some(ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() })
}

fn metric_of_protobuf(bytes: Bytes, why: &str, refused: &mut BTreeMap<String, u64>) -> Option<Metric> {
    let read = MetricParts::decode(bytes).ok().and_then(|parts| {
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).ok();
        Some((text(&parts.name)?, text(&parts.unit)?, parts))
    });
    let Some((name, unit, parts)) = read else {
        refuse(refused, "a metric", why, 1);
        return None;
    };
    let data = if let Some(data) = parts.gauge {
        let (data_points, _) = points(data, &name, refused)?;
        metric::Data::Gauge(Gauge { data_points })
    } else if let Some(data) = parts.sum {
        let (data_points, data) = points(data, &name, refused)?;
        let (aggregation_temporality, is_monotonic) = (data.temporality, data.is_monotonic);
        metric::Data::Sum(Sum { aggregation_temporality, data_points, is_monotonic })
    } else if let Some(data) = parts.histogram {
        let (data_points, data) = points::<HistogramDataPoint>(data, &name, refused)?;
        metric::Data::Histogram(Histogram { aggregation_temporality: data.temporality, data_points })
    } else if let Some(data) = parts.exponential {
        let (data_points, data) = points(data, &name, refused)?;
        let aggregation_temporality = data.temporality;
        metric::Data::ExponentialHistogram(ExponentialHistogram { aggregation_temporality, data_points })
    } else if let Some(data) = parts.summary {
        let (data_points, _) = points(data, &name, refused)?;
        metric::Data::Summary(Summary { data_points })
    } else {
        refuse(refused, &name, why, 1);
        return None;
    };
    Some(Metric { data: Some(data), name, unit, ..Metric::default() })
}

/// The points that can be read, with what else lies beside them.
fn points<P: Message + Default>(
    data: Bytes,
    name: &str,
    refused: &mut BTreeMap<String, u64>,
) -> Option<(Vec<P>, DataParts)> {
    let parts = match DataParts::decode(data) {
        Ok(parts) => parts,
        Err(error) => {
            refuse(refused, name, &error.to_string(), 1);
            return None;
        }
    };
    let mut read = Vec::with_capacity(parts.points.len());
    for point in &parts.points {
        match P::decode(point.clone()) {
            Ok(point) => read.push(point),
            Err(error) => refuse(refused, name, &error.to_string(), 1),
        }
    }
    Some((read, parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"timeUnixNano": "1764000000000000000", "asInt": "7"}"#;

    fn export(points: &str) -> String {
        format!(
            r#"{{"resourceMetrics": [{{"scopeMetrics": [{{"metrics": [
            {{"name": "bad", "gauge": {{"dataPoints": [{points}]}}}},
            {{"name": "good", "gauge": {{"dataPoints": [{GOOD}]}}}}]}}]}}]}}"#
        )
    }

    fn counts(request: &ExportMetricsServiceRequest) -> Vec<(String, usize)> {
        let metrics = request.resource_metrics.iter().flat_map(|own| &own.scope_metrics).flat_map(|own| &own.metrics);
        metrics
            .map(|metric| match &metric.data {
                Some(metric::Data::Gauge(gauge)) => (metric.name.clone(), gauge.data_points.len()),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_point_of_json_that_cannot_be_read_costs_no_other() {
        for bad in [
            r#"{"timeUnixNano": "soon", "asInt": "1"}"#,
            r#"{"timeUnixNano": "1764000000000000000", "asInt": "1.5"}"#,
            r#"{"timeUnixNano": -1, "asInt": "1"}"#,
            r#"{"timeUnixNano": "1764000000000000000", "attributes": 3}"#,
            "7",
            "null",
            r#"{"timeUnixNano": 1e400, "asInt": "1"}"#,
        ] {
            let (request, refused) = json(export(&format!("{GOOD}, {bad}, {GOOD}")).as_bytes()).unwrap();
            assert_eq!(counts(&request), [("bad".to_owned(), 2), ("good".to_owned(), 1)], "{bad}");
            assert_eq!(refused.values().sum::<u64>(), 1, "{bad}: {refused:?}");
            assert!(refused.keys().all(|why| why.starts_with("bad: ")), "{refused:?}");
        }
        assert!(json(b"{").is_none() && json(b"[]").is_none());
    }

    #[test]
    fn reasons_beyond_the_most_count_under_one() {
        let bad: Vec<String> = (0..100).map(|place| format!(r#"{{"timeUnixNano": "soon {place}"}}"#)).collect();
        let (_, refused) = json(export(&bad.join(",")).as_bytes()).unwrap();
        assert_eq!(refused.values().sum::<u64>(), 100, "{refused:?}");
        assert!(refused.len() <= MOST_REASONS + 1, "{refused:?}");
        let mut many = BTreeMap::new();
        (0..100).for_each(|place| refuse(&mut many, "a metric", &format!("reason {place}"), 1));
        assert_eq!((many.len(), many.get(OTHER_REASONS)), (MOST_REASONS + 1, Some(&80)));
    }

    #[test]
    fn a_point_of_protobuf_that_cannot_be_read_costs_no_other() {
        let whole: ExportMetricsServiceRequest = serde_json::from_str(&export(&format!(
            r#"{GOOD}, {{"timeUnixNano": "1764000000000000000",
                "attributes": [{{"key": "@@@@", "value": {{"stringValue": "x"}}}}], "asInt": "1"}}"#
        )))
        .unwrap();
        let mut body = whole.encode_to_vec();
        let at = body.windows(4).position(|bytes| bytes == b"@@@@").unwrap();
        body[at] = 0xff;
        assert!(ExportMetricsServiceRequest::decode(&body[..]).is_err());
        let (request, refused) = protobuf(&body).unwrap();
        assert_eq!(counts(&request), [("bad".to_owned(), 1), ("good".to_owned(), 1)]);
        assert_eq!(refused.values().sum::<u64>(), 1, "{refused:?}");
        assert!(protobuf(&[0xff; 12]).is_none());
    }
}
