//! Owns what holds of counters as real senders send them, on the real program: no count twice, and what can't be decided is partial and
//! named on the connections page.

use crate::metrics::{PROTOBUF, nanos, now, series, write};
use crate::serving::Server;
use chrono::{DateTime, Duration, Utc};
use scaling_mode::server::sources::remote_write::message::WriteRequest;
use serde_json::{Value, json};

/// A point of a count: (attribute, start, time, count).
type Point<'p> = (&'p str, DateTime<Utc>, DateTime<Utc>, u64);

/// Sends points of one sum; `temporality` 1 is delta, 2 is cumulative.
async fn sum(server: &Server, temporality: u8, instance: &str, points: &[Point<'_>]) {
    let points: Vec<Value> = points
        .iter()
        .map(|(path, start, at, count)| {
            json!({"startTimeUnixNano": nanos(*start), "timeUnixNano": nanos(*at), "asInt": count.to_string(),
                "attributes": [{"key": "path", "value": {"stringValue": path}}]})
        })
        .collect();
    let metric = json!({"name": "scaling_mode.infra.requests",
        "sum": {"aggregationTemporality": temporality, "isMonotonic": true, "dataPoints": points}});
    export(server, instance, &metric).await;
}

async fn export(server: &Server, instance: &str, metric: &Value) {
    let attribute = |key: &str, text: &str| json!({"key": key, "value": {"stringValue": text}});
    let body = json!({"resourceMetrics": [{
        "resource": {"attributes": [attribute("service.name", "shop"), attribute("service.instance.id", instance)]},
        "scopeMetrics": [{"metrics": [metric]}]}]});
    let answer = server.post("/v1/metrics", &body).await;
    assert_eq!((answer.status, &answer.json), (200, &json!({})), "{}", answer.text);
}

/// The stored samples of a signal in the last hours, in all: the first number of each sample that has one.
async fn counted(server: &Server, signal: &str) -> u64 {
    let at = |hours| (now() + Duration::hours(hours)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (from, to) = (at(-3), at(1));
    let page = server.get(&format!("/api/scaling-mode/samples?signal={signal}&from={from}&to={to}")).await;
    let samples = page.json["samples"].as_array().unwrap_or_else(|| panic!("{}", page.text)).clone();
    let number = |sample: &Value| {
        let text = sample["value"].as_str().expect("words").replace(',', "");
        text.split(' ').find_map(|word| word.parse::<u64>().ok()).unwrap_or_else(|| panic!("{text}"))
    };
    samples.iter().map(number).sum()
}

/// The codes of what could not be counted of a signal.
async fn doubts(server: &Server, signal: &str) -> Vec<String> {
    let page = server.get("/api/scaling-mode/connections?environment=production").await;
    let connections = page.json["connections"].as_array().unwrap_or_else(|| panic!("{}", page.text)).clone();
    let signals = connections.iter().flat_map(|source| source["signals"].as_array().expect("signals").clone());
    let own = signals.filter(|own| own["signal"] == signal);
    own.flat_map(|own| own["uncounted"].as_array().expect("a list").clone())
        .map(|one| {
            assert!(!one["problem"].as_str().unwrap().is_empty() && !one["cure"].as_str().unwrap().is_empty(), "{one}");
            one["code"].as_str().expect("a code").to_owned()
        })
        .collect()
}

async fn is_partial(server: &Server, signal: &str) -> bool {
    let input = crate::metrics::input(server, signal, "last_hour").await;
    input["state"] == "partial" && input["value"]["hi"].is_null()
}

#[tokio::test]
async fn two_processes_under_one_identity_are_counted_each_by_itself_and_named() {
    let server = Server::start().await;
    let begun = now() - Duration::minutes(10);
    for round in 0..10 {
        let at = begun + Duration::seconds(20 * round);
        let (one, two) = (100_000 + 10 * round as u64, 40_000 + 5 * round as u64);
        sum(&server, 2, "same", &[("/", begun - Duration::hours(2), at, one)]).await;
        sum(&server, 2, "same", &[("/", begun - Duration::hours(1), at + Duration::seconds(1), two)]).await;
    }
    assert_eq!(counted(&server, "infra.requests").await, 135);
    assert_eq!(doubts(&server, "infra.requests").await, ["several-processes"]);
    assert!(is_partial(&server, "infra.requests").await);
    let input = crate::metrics::input(&server, "infra.requests", "last_hour").await;
    assert!(input["note"].as_str().is_some_and(|note| note.contains("several processes")), "{input}");
    let page = server.get("/founder/scaling-mode/connections?environment=production").await.text;
    assert!(page.contains("several processes send counters under one identity"), "not on the page");
}

#[tokio::test]
async fn processes_that_report_at_the_very_same_time_are_both_counted() {
    let server = Server::start().await;
    let begun = now() - Duration::minutes(10);
    for round in 0..5 {
        let at = begun + Duration::minutes(round);
        sum(&server, 2, "same", &[("/", begun - Duration::hours(2), at, 500 + 10 * round as u64)]).await;
        sum(&server, 2, "same", &[("/", begun - Duration::hours(1), at, 40 + 3 * round as u64)]).await;
    }
    assert_eq!(counted(&server, "infra.requests").await, 4 * 13);
}

/// The worst of it: the collector restarts, and old counts count again.
#[tokio::test]
async fn a_collector_that_restarts_adds_no_old_counts_even_if_its_first_point_is_lost() {
    for is_lost in [false, true] {
        let server = Server::start().await;
        let begun = now() - Duration::minutes(10);
        let minute = |minutes| begun + Duration::minutes(minutes);
        sum(&server, 2, "one", &[("/", minute(0), minute(0), 1_000_000)]).await;
        sum(&server, 2, "one", &[("/", minute(0), minute(1), 1_000_060)]).await;
        if !is_lost {
            sum(&server, 2, "one", &[("/", minute(2), minute(2), 1_000_120)]).await;
        }
        sum(&server, 2, "one", &[("/", minute(2), minute(3), 1_000_180)]).await;
        assert_eq!(counted(&server, "infra.requests").await, 180);
        let codes = if is_lost { vec!["restart-unclear"] } else { Vec::new() };
        assert_eq!(doubts(&server, "infra.requests").await, codes);
        // Another target that is scraped for the first time.
        sum(&server, 2, "two", &[("/", minute(4), minute(4), 5_000_000)]).await;
        assert_eq!(counted(&server, "infra.requests").await, 180);
        assert!(doubts(&server, "infra.requests").await.contains(&"start-unknown".to_owned()));
    }
}

#[tokio::test]
async fn delta_points_count_once_in_any_company_also_after_a_restart_of_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = now() - Duration::minutes(3);
    let point = |path, count| (path, at - Duration::minutes(1), at, count);
    let (a, b, c) = (point("/a", 40), point("/b", 20), point("/c", 5));
    let deliveries: [&[Point<'_>]; 6] = [&[a, b], &[b, a], &[a], &[b], &[a, b, a, b], &[c, a, b]];
    for delivered in deliveries {
        // Each to a server of its own on the same store.
        let server = Server::start_in(folder.path(), &["--no-demo"]).await;
        sum(&server, 1, "one", delivered).await;
    }
    let server = Server::start_in(folder.path(), &["--no-demo"]).await;
    assert_eq!(counted(&server, "infra.requests").await, 65);
    assert!(doubts(&server, "infra.requests").await.is_empty());
    // The same point with another value.
    sum(&server, 1, "one", &[("/a", at - Duration::minutes(1), at, 41)]).await;
    assert_eq!(counted(&server, "infra.requests").await, 65);
    assert_eq!(doubts(&server, "infra.requests").await, ["delta-contradicts"]);
}

/// Writes one sample of a counter.
async fn scraped(server: &Server, labels: &[(&str, &str)], count: u64, at: DateTime<Utc>) {
    let name = "scaling_mode_infra_requests";
    let all: Vec<(&str, &str)> = [("__name__", name), ("job", "shop")].iter().chain(labels).copied().collect();
    let request = WriteRequest { timeseries: vec![series(&all, &[(count as f64, at)])] };
    assert_eq!(write(server, &request, PROTOBUF).await.status(), 204);
}

#[tokio::test]
async fn a_pair_of_prometheus_servers_is_one_measurement() {
    let begun = now() - Duration::minutes(10);
    for (label, set) in [("prometheus_replica", ""), ("__replica__", ""), ("ha", "prometheus_replica,ha")] {
        let folder = tempfile::tempdir().expect("a folder");
        let variables = [("SCALING_MODE_REPLICA_LABELS", set)];
        let variables = if set.is_empty() { &[][..] } else { &variables[..] };
        let server = Server::start_in_with(folder.path(), &["--no-demo"], variables).await;
        for round in 0..11 {
            let at = begun + Duration::seconds(30 * round);
            let of = |replica| [("instance", "10.0.0.5:8080"), (label, replica)];
            scraped(&server, &of("a"), 1_000_000 + 10 * round as u64, at).await;
            scraped(&server, &of("b"), 1_000_003 + 10 * round as u64, at + Duration::seconds(7)).await;
        }
        assert_eq!(counted(&server, "infra.requests").await, 100, "{label}");
        assert!(doubts(&server, "infra.requests").await.is_empty(), "{label}");
    }
}

#[tokio::test]
async fn a_pair_whose_label_nobody_knows_or_that_has_none_is_never_counted_whole() {
    // One behind the other: each second sample looks like a fall.
    for offset in [3i64, -3] {
        let server = Server::start().await;
        let begun = now() - Duration::minutes(10);
        for round in 0..11i64 {
            let at = begun + Duration::seconds(30 * round);
            scraped(&server, &[("instance", "a")], 1_000_000 + 10 * round.unsigned_abs(), at).await;
            let other = (1_000_000 + 10 * round + offset).unsigned_abs();
            scraped(&server, &[("instance", "a")], other, at + Duration::seconds(7)).await;
        }
        let count = counted(&server, "infra.requests").await;
        assert!((90..=103).contains(&count), "{offset}: {count}");
    }
}

#[tokio::test]
async fn a_label_that_is_added_to_an_old_counter_adds_no_old_counts() {
    let server = Server::start().await;
    let begun = now() - Duration::minutes(20);
    let minute = |minutes| begun + Duration::minutes(minutes);
    for round in 0..4 {
        scraped(&server, &[("instance", "a")], 5_000_000 + 10 * round as u64, minute(round)).await;
    }
    for round in 4..8 {
        scraped(&server, &[("instance", "a"), ("cluster", "eu")], 5_000_000 + 10 * round as u64, minute(round)).await;
    }
    assert_eq!(counted(&server, "infra.requests").await, 60);
    assert_eq!(doubts(&server, "infra.requests").await, ["counter-appeared"]);
    assert!(is_partial(&server, "infra.requests").await);
    // By a collector, to a process whose start is known.
    let server = Server::start().await;
    for round in 0..4 {
        sum(&server, 2, "one", &[("/", minute(-90), minute(round), 5_000_000 + 10 * round as u64)]).await;
    }
    for round in 4..8 {
        sum(&server, 2, "one", &[("/eu", minute(-90), minute(round), 5_000_000 + 10 * round as u64)]).await;
    }
    for round in 8..10 {
        sum(&server, 2, "renamed", &[("/eu", minute(-90), minute(round), 5_000_000 + 10 * round as u64)]).await;
    }
    assert_eq!(counted(&server, "infra.requests").await, 70);
    assert_eq!(doubts(&server, "infra.requests").await, ["counter-appeared", "several-processes"]);
}

#[tokio::test]
async fn a_start_that_moves_is_named_and_counts_nothing_twice() {
    let server = Server::start().await;
    let begun = now() - Duration::minutes(20);
    for round in 0..8 {
        let start = begun - Duration::hours(3) + Duration::seconds(round % 3);
        let at = begun + Duration::minutes(round);
        sum(&server, 2, "one", &[("/", start, at, 70_000 + 10 * round as u64)]).await;
    }
    let count = counted(&server, "infra.requests").await;
    assert!(count > 0 && count <= 70, "{count}");
    assert_eq!(doubts(&server, "infra.requests").await, ["start-moves"]);
    assert!(is_partial(&server, "infra.requests").await);
}

#[tokio::test]
async fn a_restart_is_counted_whole_and_known_with_a_start_and_without() {
    let server = Server::start().await;
    let begun = now() - Duration::minutes(70);
    let minute = |minutes| begun + Duration::minutes(minutes);
    // One sample a minute; a restart after 30 of them.
    for round in 0..=68i64 {
        let (start, count) = if round < 30 { (-500, 9_000 + 10 * round) } else { (29, 10 * (round - 29)) };
        let start = minute(start) + Duration::seconds(30);
        sum(&server, 2, "one", &[("/", start, minute(round), count.unsigned_abs())]).await;
    }
    assert_eq!(counted(&server, "infra.requests").await, 290 + 390);
    assert!(doubts(&server, "infra.requests").await.is_empty());
    let input = crate::metrics::input(&server, "infra.requests", "last_hour").await;
    assert_eq!((&input["state"], &input["value"]), (&json!("known"), &json!({"lo": 600, "hi": 600})), "{input}");
    let server = Server::start().await;
    for round in 0..=68i64 {
        let count = if round < 30 { 9_000 + 10 * round } else { 10 * (round - 29) };
        scraped(&server, &[("instance", "a")], count.unsigned_abs(), minute(round)).await;
    }
    assert_eq!(counted(&server, "infra.requests").await, 290 + 390);
    let input = crate::metrics::input(&server, "infra.requests", "last_hour").await;
    assert_eq!((&input["state"], &input["value"]), (&json!("known"), &json!({"lo": 600, "hi": 600})), "{input}");
}

/// A histogram of durations, explicit or exponential: so many quick requests.
fn durations(is_exponential: bool, temporality: u8, (start, at): (DateTime<Utc>, DateTime<Utc>), count: u64) -> Value {
    let mut point = json!({"startTimeUnixNano": nanos(start), "timeUnixNano": nanos(at), "count": count.to_string(),
        "attributes": [{"key": "http.response.status_code", "value": {"intValue": "200"}}]});
    let count = count.to_string();
    let kind = if is_exponential {
        point["scale"] = json!(0);
        point["positive"] = json!({"offset": -4, "bucketCounts": [count]});
        "exponentialHistogram"
    } else {
        point["explicitBounds"] = json!([0.25]);
        point["bucketCounts"] = json!([count, "0"]);
        "histogram"
    };
    json!({"name": "http.server.request.duration", "unit": "s",
        kind: {"aggregationTemporality": temporality, "dataPoints": [point]}})
}

#[tokio::test]
async fn distributions_take_the_same_way() {
    let begun = now() - Duration::minutes(8);
    let minute = |minutes| begun + Duration::minutes(minutes);
    for is_exponential in [false, true] {
        let server = Server::start().await;
        // A collector restarts: its first point has its own time as its start. Then the process does, and its count falls.
        let points = [(0, 0, 900_000), (0, 1, 900_010), (2, 2, 900_020), (2, 3, 900_030), (4, 4, 50), (4, 5, 55)];
        for (start, at, count) in points {
            export(&server, "one", &durations(is_exponential, 2, (minute(start), minute(at)), count)).await;
        }
        for signal in ["infra.latency", "infra.requests"] {
            assert_eq!(counted(&server, signal).await, 35, "{signal}");
            assert_eq!(doubts(&server, signal).await, ["start-unknown"], "{signal}");
        }
        let latency = crate::metrics::input(&server, "infra.latency", "last_hour").await;
        assert!(latency["state"] == "partial" && latency["value"]["hi"].is_null(), "{latency}");

        let server = Server::start().await;
        let point = durations(is_exponential, 1, (minute(4), minute(5)), 7);
        for _ in 0..3 {
            export(&server, "one", &point).await;
        }
        for signal in ["infra.latency", "infra.requests"] {
            assert_eq!(counted(&server, signal).await, 7, "{signal}");
        }
    }
}

#[tokio::test]
async fn classic_histograms_of_a_pair_are_one_measurement() {
    let server = Server::start().await;
    let begun = now() - Duration::minutes(10);
    for round in 0..6u64 {
        for (replica, late) in [("a", 0), ("b", 7)] {
            let at = begun + Duration::seconds(30 * round as i64 + late);
            let bucket = |le: &str, value: u64| {
                let name = "http_server_request_duration_seconds_bucket";
                let labels = [("__name__", name), ("job", "shop"), ("prometheus_replica", replica), ("le", le)];
                series(&labels, &[(value as f64, at)])
            };
            let all = 800_000 + 10 * round;
            let request = WriteRequest { timeseries: vec![bucket("0.1", all - 5), bucket("+Inf", all)] };
            assert_eq!(write(&server, &request, PROTOBUF).await.status(), 204);
        }
    }
    assert_eq!(counted(&server, "infra.requests").await, 50);
    assert_eq!(counted(&server, "infra.latency").await, 50);
    assert!(doubts(&server, "infra.latency").await.is_empty());
}

/// A failing third must stay one: a restart of the collector brings no old good requests.
#[tokio::test]
async fn an_outage_stays_an_outage_when_the_collector_restarts() {
    let server = Server::start().await;
    let begun = now() - Duration::minutes(65);
    let minute = |minutes| begun + Duration::minutes(minutes);
    let send = async |start: DateTime<Utc>, at: DateTime<Utc>, good: u64, failed: u64| {
        let point = |status: &str, count: u64| {
            json!({"startTimeUnixNano": nanos(start), "timeUnixNano": nanos(at), "count": count.to_string(),
                "explicitBounds": [0.25], "bucketCounts": [count.to_string(), "0"],
                "attributes": [{"key": "http.response.status_code", "value": {"intValue": status}}]})
        };
        let metric = json!({"name": "http.server.request.duration", "unit": "s",
            "histogram": {"aggregationTemporality": 2, "dataPoints": [point("200", good), point("500", failed)]}});
        export(&server, "one", &metric).await;
    };
    for round in 0..=64i64 {
        let start = if round < 50 { minute(0) } else { minute(50) };
        let grown = round.unsigned_abs();
        send(start, minute(round), 5_000_000 + 70 * grown, 100 + 30 * grown).await;
    }
    let share = async |window: &str| {
        let count = async |signal: &str| {
            crate::metrics::input(&server, signal, window).await["value"]["lo"].as_f64().expect("a count")
        };
        count("infra.errors").await / count("infra.requests").await
    };
    assert!((share("last_hour").await - 0.3).abs() < 1e-9, "{}", share("last_hour").await);
    let errors = crate::metrics::input(&server, "infra.errors", "last_hour").await;
    assert_eq!((&errors["state"], &errors["value"]), (&json!("known"), &json!({"lo": 1800, "hi": 1800})), "{errors}");
    let answered = server.post("/api/scaling-mode/health", &json!({})).await.json;
    assert_eq!(answered["recommendation"], "freeze", "{answered}");
}
