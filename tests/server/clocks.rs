//! Owns what holds of sources whose clocks are wrong, and of data that comes late or out of order, on the real program: nothing
//! is lost, nothing is dated where it did not happen, and what is refused is named.

use crate::metrics::{PROTOBUF, export, input, nanos, now, series, write};
use crate::serving::Server;
use chrono::{DateTime, Duration, Utc};
use scaling_mode::server::sources::remote_write::message::WriteRequest;
use serde_json::{Value, json};

const JSON: &str = "application/json";
const WRITTEN: &str = "x-prometheus-remote-write-samples-written";

/// Requests as a service counts them, cumulative or as differences: points of a time and a count.
fn requests(service: &str, is_delta: bool, start: DateTime<Utc>, points: &[(DateTime<Utc>, u64)]) -> Vec<u8> {
    let points: Vec<Value> = points
        .iter()
        .map(|(at, count)| json!({"startTimeUnixNano": nanos(start), "timeUnixNano": nanos(*at), "asInt": count.to_string()}))
        .collect();
    let sum =
        json!({"aggregationTemporality": if is_delta { 1 } else { 2 }, "isMonotonic": true, "dataPoints": points});
    let body = json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
        "scopeMetrics": [{"metrics": [{"name": "scaling_mode.infra.requests", "sum": sum}]}]}]});
    serde_json::to_vec(&body).expect("JSON")
}

/// The same as Prometheus writes it.
fn counter(job: &str, points: &[(DateTime<Utc>, u64)]) -> WriteRequest {
    let samples: Vec<(f64, DateTime<Utc>)> = points.iter().map(|(at, count)| (*count as f64, *at)).collect();
    WriteRequest { timeseries: vec![series(&[("__name__", "scaling_mode_infra_requests"), ("job", job)], &samples)] }
}

/// All requests that are stored of the last three days: minutes before `now`, how many, the oldest first.
async fn stored(server: &Server, now: DateTime<Utc>) -> Vec<(i64, u64)> {
    let (from, to) = (now - Duration::days(3), now + Duration::minutes(5));
    let time = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let path = format!("/api/scaling-mode/samples?signal=infra.requests&from={}&to={}", time(from), time(to));
    let page = server.get(&path).await.json;
    let of = |sample: &Value| {
        let at: DateTime<Utc> = sample["at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
        let value =
            sample["value"].as_str().and_then(|value| value.strip_suffix(" requests")?.replace(',', "").parse().ok());
        ((now - at).num_minutes(), value.unwrap_or_else(|| panic!("a count: {sample}")))
    };
    let mut all: Vec<_> = page["samples"].as_array().unwrap_or_else(|| panic!("{page}")).iter().map(of).collect();
    all.reverse();
    all
}

/// What the page of connections says of a source.
async fn connection(server: &Server, source: &str) -> Value {
    let page = server.get("/api/scaling-mode/connections").await.json;
    let all = page["connections"].as_array().cloned().unwrap_or_else(|| panic!("{page}"));
    all.into_iter().find(|own| own["name"] == source).unwrap_or(Value::Null)
}

/// How many points were refused so far, by the program's own count.
async fn refused(server: &Server) -> u64 {
    let text = server.get("/metrics").await.text;
    let line = text.lines().find(|line| line.starts_with("scaling_mode_samples_refused_total "));
    line.and_then(|line| line.split(' ').nth(1)).and_then(|count| count.parse().ok()).expect("the count")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_an_hour_back_makes_a_source_late_and_loses_nothing() {
    for is_otlp in [true, false] {
        let server = Server::start().await;
        let now = now();
        let minutes_ago = |minutes| now - Duration::minutes(minutes);
        let send = async |points: &[(DateTime<Utc>, u64)]| {
            let answer = match is_otlp {
                true => export(&server, requests("shop", false, minutes_ago(300), points), JSON, None).await,
                false => write(&server, &counter("shop", points), PROTOBUF).await,
            };
            assert!(answer.status().is_success(), "{}", answer.text().await.expect("text"));
        };
        // 66 minutes of work, stamped an hour too early.
        for minute in (0..=65).rev() {
            send(&[(minutes_ago(minute + 60), 1000 + 10 * (65 - minute) as u64)]).await;
        }
        let found = stored(&server, now).await;
        assert_eq!((found.first(), found.last(), found.len()), (Some(&(124, 10)), Some(&(60, 10)), 65), "{found:?}");
        let late = input(&server, "infra.requests", "last_hour").await;
        assert_eq!((&late["state"], &late["value"], &late["source"]), (&json!("stale"), &json!(null), &json!("shop")));
        let through: DateTime<Utc> = late["data_through"].as_str().and_then(|at| at.parse().ok()).expect("a time");
        assert_eq!(through, minutes_ago(60));
        assert!(late["note"].as_str().is_some_and(|note| !note.is_empty()), "{late}");
        assert_eq!(connection(&server, "shop").await["state"], json!("late"));
        // The clock is put right: what was counted meanwhile is counted at the first right time.
        send(&[(minutes_ago(1), 1650 + 500)]).await;
        send(&[(minutes_ago(0), 1650 + 507)]).await;
        let found = stored(&server, now).await;
        assert_eq!(found[65..], [(1, 500), (0, 7)]);
        assert_eq!(found.iter().map(|(_, count)| count).sum::<u64>(), 1157);
        // An hour of which one minute was heard: no more than that is certain, and no end is known.
        let partial = input(&server, "infra.requests", "last_hour").await;
        assert_eq!((&partial["state"], &partial["value"]["hi"]), (&json!("partial"), &json!(null)), "{partial}");
        assert_eq!(connection(&server, "shop").await["state"], json!("receiving"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_a_day_ahead_is_refused_by_name_and_nothing_is_lost_once_it_is_right() {
    let server = Server::start().await;
    let now = now();
    let minutes_ago = |minutes| now - Duration::minutes(minutes);
    let ahead = |minutes| now + Duration::days(1) - Duration::minutes(minutes);
    let start = minutes_ago(300);
    for (minute, count) in [(10, 1000), (9, 1010)] {
        let body = requests("shop", false, start, &[(minutes_ago(minute), count)]);
        assert_eq!(export(&server, body, JSON, None).await.json::<Value>().await.expect("JSON"), json!({}));
        assert_eq!(write(&server, &counter("gate", &[(minutes_ago(minute), count)]), PROTOBUF).await.status(), 204);
    }
    let before = stored(&server, now).await;
    for minute in [8, 7, 6] {
        let points = [(ahead(minute), 1030), (ahead(minute - 1), 1040)];
        let answer = export(&server, requests("shop", false, start, &points), JSON, None).await;
        assert_eq!(answer.status(), 200);
        let partial = answer.json::<Value>().await.expect("JSON")["partialSuccess"].clone();
        assert_eq!(partial["rejectedDataPoints"], json!("2"));
        let why = partial["errorMessage"].as_str().expect("text");
        assert!(why.contains("scaling_mode.infra.requests: its time lies more than 5 minutes in the future"), "{why}");
        // One that is right among those that are ahead is taken, and the answer says how many were.
        let mut request = counter("gate", &points);
        request.timeseries.extend(counter("till", &[(minutes_ago(minute), 5)]).timeseries);
        let answer = write(&server, &request, PROTOBUF).await;
        let written = answer.headers().get(WRITTEN).and_then(|count| count.to_str().ok()).map(str::to_owned);
        assert_eq!(
            (answer.status().as_u16(), written.as_deref()),
            (400, Some("1")),
            "{}",
            answer.text().await.expect("text")
        );
        let why = answer.text().await.expect("text");
        assert!(
            why.contains("2 of scaling_mode_infra_requests: its time lies more than 5 minutes in the future"),
            "{why}"
        );
    }
    assert_eq!(refused(&server).await, 12);
    let untouched = stored(&server, now).await;
    assert!(before.iter().all(|sample| untouched.contains(sample)) && untouched.iter().all(|(minute, _)| *minute >= 0));
    // Two jobs that are refused the same are both counted.
    let mut both = counter("gate", &[(ahead(5), 1)]);
    both.timeseries.extend(counter("till", &[(ahead(5), 1)]).timeseries);
    let why = write(&server, &both, PROTOBUF).await.text().await.expect("text");
    assert!(why.contains("2 of scaling_mode_infra_requests"), "{why}");
    // Put right. Requests from meanwhile are counted. A process that began while the clock was wrong counts from its first reading on.
    for (body, count) in [(start, 1500), (ahead(4), 40)] {
        let answer = export(&server, requests("shop", false, body, &[(minutes_ago(2), count)]), JSON, None).await;
        assert_eq!(answer.json::<Value>().await.expect("JSON"), json!({}));
        if count == 1500 {
            assert_eq!(write(&server, &counter("gate", &[(minutes_ago(2), 1500)]), PROTOBUF).await.status(), 204);
        }
    }
    let next = requests("shop", false, ahead(4), &[(minutes_ago(1), 47)]);
    assert_eq!(export(&server, next, JSON, None).await.status(), 200);
    let mut counts: Vec<(i64, u64)> =
        stored(&server, now).await.into_iter().filter(|(minute, _)| *minute < 6).collect();
    counts.sort_unstable();
    // The process that began again names a start in the future: its first reading only marks where counting begins, and that is said.
    assert_eq!(counts, [(1, 7), (2, 0), (2, 490), (2, 490)]);
    let doubts = connection(&server, "shop").await["signals"][0]["uncounted"].clone();
    assert_eq!(doubts[0]["code"], json!("start-unknown"), "{doubts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_or_out_of_order_is_in_the_minute_in_which_it_happened() {
    let server = Server::start().await;
    let now = now();
    let minutes_ago = |minutes| now - Duration::minutes(minutes);
    let order = [30, 10, 20, 40, 130, 15];
    for (place, minute) in order.iter().enumerate() {
        let points = [(minutes_ago(*minute), 100 + place as u64)];
        // Delivered twice, as after a timeout.
        for _ in 0..2 {
            let answer = export(&server, requests("shop", true, minutes_ago(300), &points), JSON, None).await;
            assert_eq!(answer.json::<Value>().await.expect("JSON"), json!({}));
        }
    }
    let expected = [(130, 104), (40, 103), (30, 100), (20, 102), (15, 105), (10, 101)];
    assert_eq!(stored(&server, now).await, expected);
    let requests = input(&server, "infra.requests", "last_hour").await;
    // The hour ends with the newest, in any order of arrival. What its first one counted may have happened before it.
    assert_eq!(requests["value"]["lo"], json!(100 + 101 + 102 + 105), "{requests}");
    // Readings of a counter that come out of order add up to what it has grown by, each stretch counted where it ends.
    for (minute, count) in [(30, 100), (10, 160), (20, 130), (25, 110), (5, 165)] {
        assert_eq!(write(&server, &counter("gate", &[(minutes_ago(minute), count)]), PROTOBUF).await.status(), 204);
    }
    let gate = [(10, 60), (5, 5)];
    let found = stored(&server, now).await;
    assert!(
        gate.iter().all(|sample| found.contains(sample)) && found.len() == expected.len() + gate.len(),
        "{found:?}"
    );
}
