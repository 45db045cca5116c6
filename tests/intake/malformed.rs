//! Owns what holds of every decoder of what others send, given invalid bodies: it answers, it never panics, and what it
//! makes of a body stays in proportion to it. The bodies are made from valid ones by a generator with a fixed seed.

use chrono::{DateTime, Utc};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use scaling_mode::domain::alert;
use scaling_mode::domain::cloud_event::{self, CloudEvent};
use scaling_mode::domain::counting::Total;
use scaling_mode::domain::mapping::{Mapped, Mapper, Rules};
use scaling_mode::domain::price::PriceTable;
use scaling_mode::domain::subscription::{self, Told};
use scaling_mode::domain::telemetry::{self, Measurement};
use scaling_mode::server::sources::inflate::{InflateError, LARGEST, inflate};
use scaling_mode::server::sources::otlp;
use scaling_mode::server::sources::remote_write::message::{
    BucketSpan, Label, NativeHistogram, RequestV2, Sample, SeriesV1, SeriesV2, WriteRequest,
};
use scaling_mode::server::sources::remote_write::{self, Pending, Version};
use serde_json::{Value, json};
use std::io::Write;

/// The fewest malformed bodies that each decoder is given.
const FEWEST: usize = 1000;
/// The most cells that a histogram may be kept in: more than any that the doors let in has buckets.
const MOST_CELLS: usize = 5000;

fn now() -> DateTime<Utc> {
    "2026-11-24T03:00:00Z".parse().unwrap()
}

/// SplitMix64: the same bodies at every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// A body truncated at every place, with bytes flipped, set to extremes, cut out and said twice, and bodies of mere chance.
fn damaged(valid: &[u8]) -> Vec<Vec<u8>> {
    let mut random = Random(valid.len() as u64);
    let mut bodies: Vec<Vec<u8>> = (0..valid.len()).map(|end| valid[..end].to_vec()).collect();
    for _ in 0..700 {
        let mut body = valid.to_vec();
        for _ in 0..=random.below(4) {
            let place = random.below(body.len());
            body[place] ^= 1 << random.below(8);
        }
        bodies.push(body);
    }
    for _ in 0..300 {
        let mut body = valid.to_vec();
        let place = random.below(body.len());
        // In a varint these are more to come, or the longest there is.
        let end = (place + 1 + random.below(9)).min(body.len());
        let extreme = [0x00, 0x7f, 0x80, 0xff][random.below(4)];
        body[place..end].fill(extreme);
        bodies.push(body);
    }
    for _ in 0..300 {
        let mut body = valid.to_vec();
        let (one, other) = (random.below(body.len()), random.below(body.len()));
        let (start, end) = (one.min(other), one.max(other));
        if random.below(2) == 0 {
            body.drain(start..end);
        } else {
            let again = body[start..end].to_vec();
            body.splice(end..end, again);
        }
        bodies.push(body);
    }
    for length in 0..200 {
        bodies.push(random.bytes(length));
    }
    bodies
}

/// The places of everything in a JSON value.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Array(list) => list.iter().enumerate().for_each(|(key, one)| places(one, &format!("{at}/{key}"), into)),
        Value::Object(map) => map.iter().for_each(|(key, one)| {
            places(one, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), into);
        }),
        _ => {}
    }
}

/// A JSON body with everything in it of every wrong type, and damaged as any body may be.
fn wrong_json(valid: &Value) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    places(valid, "", &mut all);
    let many: Vec<Value> = (0..300).map(|_| json!({})).collect();
    let wrong = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("x"),
        json!("-1"),
        json!("1e400"),
        json!("NaN"),
        json!("0001-01-01T00:00:00Z"),
        json!("9999-12-31T23:59:60Z"),
        json!("\u{0}\u{fffd}"),
        json!("y".repeat(5000)),
        json!([]),
        json!({}),
        json!([[]]),
        json!([null]),
        json!({"": {}}),
        json!(many),
    ];
    let mut bodies: Vec<Vec<u8>> = all
        .iter()
        .flat_map(|place| {
            wrong.iter().map(|value| {
                let mut body = valid.clone();
                *body.pointer_mut(place).expect("a place of its own") = value.clone();
                serde_json::to_vec(&body).unwrap()
            })
        })
        .collect();
    bodies.extend(damaged(&serde_json::to_vec(valid).unwrap()));
    // Deeper than anything that is meant.
    for (open, close) in [("[", "]"), ("{\"data\":", "}"), ("{\"alerts\":[", "]}")] {
        for depth in [100, 1000, 100_000] {
            bodies.push(format!("{}{}", open.repeat(depth), close.repeat(depth)).into_bytes());
            bodies.push(open.repeat(depth).into_bytes());
        }
    }
    bodies
}

/// Gives each body to a decoder; how many it took.
#[track_caller]
fn given(bodies: &[Vec<u8>], mut takes: impl FnMut(&[u8]) -> bool) -> usize {
    assert!(bodies.len() >= FEWEST, "only {} bodies", bodies.len());
    bodies.iter().filter(|body| takes(body)).count()
}

fn is_in_proportion(mapped: &Mapped, bytes: usize) {
    // A point takes some bytes, and three rules name the most that is made of one.
    assert!(mapped.samples.len() + mapped.readings.len() <= 3 * bytes + 3, "{} bytes", bytes);
    assert!(mapped.ignored.len() <= 200 && mapped.refused.len() <= bytes + 1);
    for sample in &mapped.samples {
        assert!(telemetry::check_time(sample.at, now()).is_ok());
        match &sample.measurement {
            Measurement::Value(atoms) | Measurement::AtLeast(atoms) => assert!(*atoms <= telemetry::MAX_ATOMS),
            Measurement::Histogram(histogram) => assert!(histogram.cells().len() <= MOST_CELLS),
            Measurement::Aggregated { .. } => panic!("no protocol sends an aggregate"),
        }
    }
    for reading in &mapped.readings {
        if let Total::Latency(histogram) = &reading.total {
            assert!(histogram.cells().len() <= MOST_CELLS);
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

#[test]
fn damaged_compression_is_refused_or_stays_small() {
    let text = Random(7).bytes(300).repeat(3);
    for (encoding, body) in [("gzip", gzip(&text)), ("zstd", zstd(&text)), ("snappy", snappy(&text))] {
        given(&damaged(&body), |body| {
            inflate(body, Some(encoding)).is_ok_and(|bytes| {
                assert!(bytes.len() <= LARGEST);
                true
            })
        });
    }
}

/// ASVS 5.2.3.
#[test]
fn bombs_are_refused_however_they_are_packed() {
    let zeros = vec![0; LARGEST + 1];
    let bomb = gzip(&zeros);
    assert!(bomb.len() < LARGEST / 500);
    // Many members that are each small enough.
    let members = gzip(&zeros[..LARGEST / 4]).repeat(5);
    let frames = zstd(&zeros[..LARGEST / 4]).repeat(5);
    for (encoding, body) in
        [("gzip", bomb), ("gzip", members), ("zstd", zstd(&zeros)), ("zstd", frames), ("snappy", snappy(&zeros))]
    {
        assert_eq!(inflate(&body, Some(encoding)), Err(InflateError::TooLarge), "{encoding}");
    }
    // A frame that asks for a window of 128 MiB before it says anything.
    let mut wide = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    wide.window_log(27).unwrap();
    wide.write_all(&zeros[..1 << 16]).unwrap();
    assert_eq!(inflate(&wide.finish().unwrap(), Some("zstd")), Err(InflateError::Damaged));
    // Bombs within bombs are undone once only.
    let twice = gzip(&gzip(&zeros));
    assert!(inflate(&twice, Some("gzip")).is_ok_and(|bytes| bytes.len() < LARGEST / 500));
}

fn export() -> Value {
    let at = "1795489200000000000";
    let attributes = json!([{"key": "http.response.status_code", "value": {"intValue": "503"}}]);
    json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}},
            {"key": "list", "value": {"arrayValue": {"values": [{"doubleValue": 0.5}, {"boolValue": true}]}}}]},
        "scopeMetrics": [{"metrics": [
            {"name": "http.server.request.duration", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [
                {"startTimeUnixNano": at, "timeUnixNano": at, "count": "3", "sum": 1.0, "bucketCounts": ["1", "2"],
                 "explicitBounds": [0.25], "attributes": attributes, "min": 0.1, "max": 2.0}]}},
            {"name": "http.server.request.duration", "unit": "s", "exponentialHistogram": {"aggregationTemporality": 1, "dataPoints": [
                {"timeUnixNano": at, "count": "3", "sum": 1.0, "scale": 3, "zeroCount": "1",
                 "positive": {"offset": -2, "bucketCounts": ["1", "1"]}}]}},
            {"name": "scaling_mode.clients.active", "gauge": {"dataPoints": [{"timeUnixNano": at, "asInt": "12"}]}},
            {"name": "scaling_mode.posts.published", "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
                {"startTimeUnixNano": at, "timeUnixNano": at, "asDouble": 7.0}]}},
            {"name": "gen_ai.client.token.usage", "summary": {"dataPoints": [{"timeUnixNano": at, "count": "1"}]}}]}]}]})
}

fn takes_otlp(body: &[u8], is_json: bool) -> bool {
    let Ok(request) = otlp::read(body, is_json) else {
        return false;
    };
    let (rules, prices) = (Rules::new(Vec::new()), PriceTable::default());
    for metrics in &request.resource_metrics {
        let mut mapper = Mapper::new(&rules, &prices, now());
        otlp::origin(metrics);
        otlp::take(metrics, &mut mapper);
        is_in_proportion(&mapper.finish(), body.len());
    }
    true
}

/// ASVS 1.5.2.
#[test]
fn malformed_otlp_is_refused_or_read_in_proportion() {
    let json = export();
    let protobuf = serde_json::from_value::<ExportMetricsServiceRequest>(json.clone()).unwrap().encode_to_vec();
    assert!(takes_otlp(&serde_json::to_vec(&json).unwrap(), true) && takes_otlp(&protobuf, false));
    let taken = given(&damaged(&protobuf), |body| takes_otlp(body, false));
    assert!(taken > 100, "only {taken} damaged bodies reach the mapping");
    given(&wrong_json(&json), |body| takes_otlp(body, true));
}

fn histogram(schema: i32) -> NativeHistogram {
    NativeHistogram {
        count: 6,
        sum: 2.5,
        schema,
        zero_threshold: 0.001,
        zero_count: 1,
        positive_spans: vec![BucketSpan { offset: 0, length: 1 }, BucketSpan { offset: 1, length: 1 }],
        positive_deltas: vec![2, 1],
        timestamp: now().timestamp_millis(),
        custom_values: if schema == -53 { vec![0.1, 0.5, 1.0] } else { Vec::new() },
        ..NativeHistogram::default()
    }
}

fn samples() -> Vec<Sample> {
    vec![Sample { value: 3.0, timestamp: now().timestamp_millis(), start_timestamp: 1 }]
}

fn version_1() -> Vec<u8> {
    let label = |name: &str, value: &str| Label {
        name: name.as_bytes().to_vec().into(),
        value: value.as_bytes().to_vec().into(),
    };
    let series = |name: &str, labels: &[(&str, &str)], histograms: Vec<NativeHistogram>| SeriesV1 {
        labels: std::iter::once(("__name__", name))
            .chain([("job", "shop")])
            .chain(labels.iter().copied())
            .map(|(name, value)| label(name, value))
            .collect(),
        samples: if histograms.is_empty() { samples() } else { Vec::new() },
        histograms,
    };
    let bucket = "http_server_request_duration_seconds_bucket";
    let timeseries = vec![
        series("scaling_mode_clients_active", &[], Vec::new()),
        series(bucket, &[("le", "0.5")], Vec::new()),
        series(bucket, &[("le", "+Inf")], Vec::new()),
        series("http_server_request_duration_seconds", &[("instance", "a")], vec![histogram(2), histogram(-53)]),
    ];
    WriteRequest { timeseries }.encode_to_vec()
}

fn version_2() -> Vec<u8> {
    let symbols = ["", "__name__", "scaling_mode_clients_active", "job", "crm", "http_server_request_duration_seconds"];
    let series = |name: u32, histograms: Vec<NativeHistogram>| SeriesV2 {
        labels_refs: vec![1, name, 3, 4],
        samples: if histograms.is_empty() { samples() } else { Vec::new() },
        histograms,
        created_timestamp: 5,
    };
    let timeseries = vec![series(2, Vec::new()), series(5, vec![histogram(0), histogram(-53)])];
    RequestV2 { symbols: symbols.iter().map(|text| text.as_bytes().to_vec().into()).collect(), timeseries }
        .encode_to_vec()
}

fn takes_remote_write(body: &[u8], version: Version, pending: &Pending) -> bool {
    let Ok(request) = remote_write::read(body.to_vec(), version) else {
        return false;
    };
    let (rules, prices) = (Rules::new(Vec::new()), PriceTable::default());
    let mapper = || Mapper::new(&rules, &prices, now());
    let (sources, written) = remote_write::map(&request, ("production", pending), now(), mapper);
    assert!(written.samples + written.histograms <= body.len() + 1);
    sources.values().for_each(|mapped| is_in_proportion(mapped, body.len()));
    true
}

#[test]
fn malformed_remote_write_is_refused_or_read_in_proportion() {
    for (version, valid) in [(Version::V1, version_1()), (Version::V2, version_2())] {
        // What waits for its rest waits through all of them.
        let pending = Pending::default();
        assert!(takes_remote_write(&valid, version, &pending));
        let taken = given(&damaged(&valid), |body| takes_remote_write(body, version, &pending));
        assert!(taken > 100, "only {taken} damaged bodies of {version:?} reach the mapping");
    }
}

#[test]
fn histograms_of_every_extreme_take_little_room() {
    let extremes = [i32::MIN, -54, -53, -10, -4, 0, 8, 20, i32::MAX];
    for (schema, offset) in extremes.iter().flat_map(|schema| extremes.map(|offset| (*schema, offset))) {
        for length in [0, 1, 5000, u32::MAX] {
            let histogram = NativeHistogram {
                positive_spans: vec![BucketSpan { offset, length }, BucketSpan { offset, length: 0 }],
                positive_deltas: vec![1; usize::try_from(length.min(5000)).unwrap()],
                ..histogram(schema)
            };
            if let Some(buckets) = histogram.buckets() {
                assert!(
                    buckets.counts.len() <= MOST_CELLS && buckets.bounds.len() < MOST_CELLS,
                    "{schema} {offset} {length}"
                );
            }
        }
    }
}

fn field(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut field = vec![(tag << 3) | 2];
    prost::encode_length_delimiter(body.len(), &mut field).unwrap();
    field.extend_from_slice(body);
    field
}

#[test]
fn bodies_of_nothing_but_empty_messages_are_refused_before_they_are_read() {
    // Two bytes each as they are sent, a hundred times that once they are read.
    let many = |tag: u8| field(tag, &[]).repeat(LARGEST / 2 - 32);
    for body in [many(1), field(1, &many(1)), field(1, &many(4))] {
        assert!(remote_write::read(body, Version::V1).unwrap_err().contains("in parts"));
    }
    for body in [many(4), many(5), field(5, &many(3))] {
        assert!(remote_write::read(body, Version::V2).unwrap_err().contains("in parts"));
    }
    let points = field(1, &field(2, &field(2, &field(9, &many(1)))));
    let attributes = field(1, &field(1, &many(1)));
    for body in [many(1), field(1, &many(2)), points, attributes] {
        assert!(otlp::read(&body, false).unwrap_err().contains("in parts"));
    }
    let json = format!("{{\"resourceMetrics\":[{}{{}}]}}", "{},".repeat(LARGEST / 3 - 32));
    assert!(otlp::read(json.as_bytes(), true).unwrap_err().contains("in parts"));
}

fn takes_events(body: &[u8], is_list: bool) -> bool {
    let Ok(events) = cloud_event::read(body, is_list) else {
        return false;
    };
    assert!(events.count() <= body.len());
    let mut events = events;
    events.all(|event| match CloudEvent::of(event) {
        Ok(event) => {
            assert_eq!((event.identity().len(), event.digest().len()), (64, 64));
            match telemetry::accept(&event.batch, now()) {
                Ok(batch) => batch.samples.len() <= body.len(),
                Err(errors) => {
                    assert!(errors.len() <= body.len() && errors.iter().all(|error| error.detail.len() < 1000));
                    false
                }
            }
        }
        Err(error) => {
            assert!(error.detail.len() < 2000 && error.field.len() < 200, "{error:?}");
            false
        }
    })
}

#[test]
fn malformed_cloud_events_are_refused_in_few_words() {
    let event = json!({"specversion": "1.0", "id": "7", "source": "/crm", "type": "telemetry", "time": "2026-11-24T03:00:00Z",
        "datacontenttype": "application/json", "data": {"data_through": "2026-11-24T03:00:00Z", "covers": ["ai.spend"], "samples": [
            {"signal": "clients.active", "at": "2026-11-24T03:00:00Z", "value": 12, "unit": "clients", "id": "a"},
            {"signal": "ai.spend", "at": "2026-11-24T03:00:00Z", "value": "1.25", "unit": "USD"},
            {"signal": "infra.latency", "at": "2026-11-24T03:00:00Z", "unit": "ms", "histogram": {"bounds": [100, 300], "counts": [90, 8, 2]}}]}});
    let list = json!([event, event]);
    assert!(takes_events(&serde_json::to_vec(&event).unwrap(), false));
    assert!(takes_events(&serde_json::to_vec(&list).unwrap(), true));
    given(&wrong_json(&event), |body| takes_events(body, false));
    given(&wrong_json(&list), |body| takes_events(body, true));
}

fn takes_alerts(body: &[u8]) -> bool {
    alert::read(body).is_ok_and(|alerts| {
        assert!(alerts.len() <= body.len());
        assert!(alerts.iter().all(|alert| (1..=128).contains(&alert.fingerprint.len()) && alert.name.len() <= 512));
        true
    })
}

#[test]
fn malformed_notifications_of_alerts_are_refused() {
    let alert = |status: &str, fingerprint: &str| {
        json!({"status": status, "fingerprint": fingerprint, "startsAt": "2026-11-24T02:00:00Z", "endsAt": "2026-11-24T02:30:00Z",
            "labels": {"alertname": "Slow", "severity": "critical"}, "annotations": {}})
    };
    let valid = json!({"version": "4", "status": "firing", "truncatedAlerts": 0, "groupLabels": {},
        "alerts": [alert("firing", "a"), alert("resolved", "b")]});
    assert!(takes_alerts(&serde_json::to_vec(&valid).unwrap()));
    given(&wrong_json(&valid), takes_alerts);
}

fn takes_subscriptions(body: &[u8]) -> bool {
    subscription::read(body, None, now()).is_ok_and(|told| {
        let taken = match told {
            Told::Events { events, .. } => events.into_iter().map(|event| event.subscription).collect(),
            Told::Page(page) => page.subscriptions,
        };
        assert!(taken.len() <= body.len());
        assert!(taken.iter().all(|one| (1..=255).contains(&one.id.len())
            && one.customer.as_ref().is_none_or(|id| (1..=255).contains(&id.len()))));
        true
    })
}

#[test]
fn malformed_notifications_of_subscriptions_are_refused() {
    let subscription = |id: &str, customer: Value| {
        json!({"id": id, "object": "subscription", "customer": customer, "status": "active", "cancel_at": 1_800_000_000,
            "cancel_at_period_end": true, "items": {"object": "list", "data": []}})
    };
    let event = json!({"id": "evt_1", "object": "event", "type": "customer.subscription.updated", "created": 1_764_000_000,
        "data": {"object": subscription("sub_1", json!({"id": "cus_1"}))}});
    let events = json!({"object": "list", "has_more": false, "data": [event, event]});
    let page = json!({"object": "list", "has_more": false, "data": [subscription("sub_1", json!("cus_1"))]});
    for valid in [event, events, page] {
        assert!(takes_subscriptions(&serde_json::to_vec(&valid).unwrap()));
        given(&wrong_json(&valid), takes_subscriptions);
    }
}
