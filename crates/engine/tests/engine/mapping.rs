//! Owns what metrics come to, by the rules that hold where a founder has set none and by rules of their own.

use chrono::{DateTime, Utc};
use scaling_mode_engine::counting::{Price, Total};
use scaling_mode_engine::cumulative::{Known, count};
use scaling_mode_engine::decimal::Decimal;
use scaling_mode_engine::mapping::{Combine, Mapped, Mapper, Matcher, Pattern, Rule, Rules, Take};
use scaling_mode_engine::metric::{Buckets, Labels, Point, PointValue, Temporality};
use scaling_mode_engine::price::{ModelPrice, PriceTable, TokenKind};
use scaling_mode_engine::signal::Series;
use scaling_mode_engine::telemetry::Measurement;
use std::borrow::Cow;

fn at() -> DateTime<Utc> {
    "2026-11-24T03:00:00Z".parse().unwrap()
}

fn labels<'a>(pairs: &[(&'a str, &'a str)]) -> Labels<'a> {
    Labels(pairs.iter().map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(*value))).collect())
}

fn point<'a>(metric: &'a str, unit: &'a str, pairs: &[(&'a str, &'a str)], value: PointValue) -> Point<'a> {
    Point { at: at(), labels: labels(pairs), metric: metric.into(), start: None, unit: unit.into(), value }
}

fn requests(temporality: Temporality, count: u64) -> PointValue {
    let buckets = Buckets { bounds: vec![0.1], counts: vec![count, 0], max: None, min: None };
    PointValue::Distribution { buckets, sum: Some(1.0), temporality }
}

fn mapped(rules: Vec<Rule>, points: &[Point<'_>]) -> Mapped {
    let (rules, prices) = (Rules::new(rules), PriceTable::default());
    let mut mapper = Mapper::new(&rules, &prices, at());
    points.iter().for_each(|point| mapper.take(point, &labels(&[("service.instance.id", "1")])));
    mapper.finish()
}

/// The measurements: samples, and what counters have counted.
fn values(mapped: &Mapped) -> Vec<(Series, Measurement)> {
    let counted = count(&mapped.readings, &mut Known::default());
    mapped.samples.iter().chain(&counted.samples).map(|sample| (sample.series, sample.measurement.clone())).collect()
}

#[test]
fn the_duration_of_requests_gives_latency_requests_and_errors() {
    let status = |status| [("http.response.status_code", status)];
    let name = "http.server.request.duration";
    let points = [
        point(name, "s", &status("200"), requests(Temporality::Delta, 7)),
        point(name, "s", &status("503"), requests(Temporality::Delta, 2)),
    ];
    let mapped = mapped(Vec::new(), &points);
    let values = values(&mapped);
    assert!(values.contains(&(Series::InfraRequests, Measurement::Value(9))), "{values:?}");
    assert!(values.contains(&(Series::InfraErrors, Measurement::Value(2))), "{values:?}");
    let Some((_, Measurement::Histogram(latency))) = values.iter().find(|(series, _)| *series == Series::InfraLatency)
    else {
        panic!("{values:?}")
    };
    assert_eq!((latency.count(), latency.cells()[0].hi), (9, 100_000_000));
}

#[test]
fn a_service_without_a_failed_request_has_no_errors_rather_than_unknown_ones() {
    let good = point("http.server.request.duration", "s", &[], requests(Temporality::Delta, 7));
    assert!(values(&mapped(Vec::new(), &[good])).contains(&(Series::InfraErrors, Measurement::Value(0))));
    let good = point("http.server.request.duration", "s", &[], requests(Temporality::Cumulative, 7));
    let errors = mapped(Vec::new(), &[good]).readings.into_iter().find(|reading| reading.series == Series::InfraErrors);
    assert_eq!(errors.map(|reading| reading.total), Some(Total::Count(0)));
}

#[test]
fn processor_time_is_what_was_not_idle() {
    let share = |processor, state, share: f64| {
        point("system.cpu.utilization", "1", &[("cpu", processor), ("state", state)], PointValue::Gauge(share))
    };
    let points = [share("0", "idle", 0.7), share("0", "user", 0.2), share("0", "system", 0.1), share("1", "idle", 0.5)];
    assert_eq!(values(&mapped(Vec::new(), &points)), [(Series::InfraCpu, Measurement::Value(400_000_000))]);
}

#[test]
fn gauges_that_differ_in_their_labels_are_combined_only_as_a_rule_says() {
    let clients = |plan, count: f64| point("clients", "", &[("plan", plan)], PointValue::Gauge(count));
    let points = [clients("free", 8.0), clients("paid", 4.0)];
    let rule = || Rule::new("clients", Series::ClientsActive, Take::Value);
    let refused = mapped(vec![rule()], &points);
    assert!(refused.samples.is_empty() && refused.refused.keys().next().unwrap().contains("combine them"));
    let summed = mapped(vec![Rule { combine: Some(Combine::Sum), ..rule() }], &points);
    assert_eq!(values(&summed), [(Series::ClientsActive, Measurement::Value(12))]);
    let paid = Matcher { label: "plan".to_owned(), pattern: Pattern::new("paid") };
    let chosen = mapped(vec![Rule { matches: vec![paid], ..rule() }], &points);
    assert_eq!(values(&chosen), [(Series::ClientsActive, Measurement::Value(4))]);
}

#[test]
fn what_a_rule_names_and_cannot_be_read_is_refused_with_its_reason() {
    let future = at() + chrono::Duration::minutes(6);
    for (point, why) in [
        (point("http.server.request.duration", "bananas", &[], requests(Temporality::Delta, 1)), "is no time"),
        (point("http.server.request.duration", "s", &[], PointValue::Gauge(1.0)), "is a gauge"),
        (point("scaling_mode.clients.active", "", &[], PointValue::Gauge(-1.0)), "negative"),
        (point("scaling_mode.clients.active", "", &[], PointValue::Gauge(f64::NAN)), "no number"),
        (point("scaling_mode.infra.cpu", "1", &[], PointValue::Gauge(1.5)), "more than"),
        (
            Point { at: future, ..point("scaling_mode.clients.active", "", &[], PointValue::Gauge(1.0)) },
            "more than 5 minutes in the future",
        ),
    ] {
        let refused = mapped(Vec::new(), &[point]);
        assert!(refused.samples.is_empty());
        assert!(refused.refused.keys().any(|reason| reason.contains(why)), "{why}: {:?}", refused.refused);
    }
}

#[test]
fn what_no_rule_names_is_left_alone() {
    let other = mapped(Vec::new(), &[point("process.threads", "1", &[], PointValue::Gauge(3.0))]);
    assert!(other.samples.is_empty() && other.refused.is_empty());
    assert_eq!(other.ignored.iter().collect::<Vec<_>>(), ["process.threads"]);
}

#[test]
fn tokens_cost_what_their_model_costs_and_one_without_a_price_makes_the_sum_open() {
    let rules = Rules::new(Vec::new());
    let usd = |text: &str| Decimal::parse(text).unwrap();
    let prices = PriceTable {
        prices: vec![ModelPrice {
            cached_beside_input: false,
            cached_input_per_million: None,
            from: "2026-01-01T00:00:00Z".parse().unwrap(),
            input_per_million: usd("2.50"),
            model: Pattern::new("large"),
            output_per_million: usd("10"),
            provider: None,
        }],
        version: None,
    };
    assert!(matches!(prices.of("", "large", TokenKind::Input, at()), Price::Usd(_)));
    let tokens = |model, kind, sum| {
        let buckets = Buckets { bounds: Vec::new(), counts: vec![1], max: None, min: None };
        let value = PointValue::Distribution { buckets, sum: Some(sum), temporality: Temporality::Delta };
        point(
            "gen_ai.client.token.usage",
            "{token}",
            &[("gen_ai.request.model", model), ("gen_ai.token.type", kind)],
            value,
        )
    };
    let spend = |points: &[Point<'_>]| {
        let mut mapper = Mapper::new(&rules, &prices, at());
        points.iter().for_each(|point| mapper.take(point, &Labels::default()));
        mapper.finish()
    };
    let priced = [tokens("large", "input", 1000.0), tokens("large", "output", 100.0)];
    assert_eq!(values(&spend(&priced)), [(Series::AiSpend, Measurement::Value(3500))]);
    let [first, second] = priced;
    let open = spend(&[first, second, tokens("brand-new", "input", 5.0)]);
    assert_eq!(values(&open), [(Series::AiSpend, Measurement::AtLeast(3500))]);
    let counted = count(&open.readings, &mut Known::default());
    assert_eq!(counted.unpriced.keys().collect::<Vec<_>>(), ["brand-new"]);
}

#[test]
fn labels_that_only_name_a_replica_tell_no_counters_apart() {
    let name = "scaling_mode.infra.requests";
    let sum = |count| PointValue::Sum { temporality: Temporality::Cumulative, value: count };
    let of = |rules: &Rules, label, replica| {
        let prices = PriceTable::default();
        let mut mapper = Mapper::new(rules, &prices, at());
        mapper.take(&point(name, "", &[("path", "/"), (label, replica)], sum(7.0)), &labels(&[("instance", "1")]));
        let reading = mapper.finish().readings.remove(0);
        (reading.family, reading.key, reading.replica)
    };
    let rules = Rules::new(Vec::new());
    for label in ["prometheus_replica", "__replica__"] {
        let (a, b) = (of(&rules, label, "a"), of(&rules, label, "b"));
        assert_eq!((a.0, a.1), (b.0, b.1), "{label}");
        assert!(a.2 != b.2 && a.2 != 0, "{label}");
    }
    // Any other label makes another counter, unless the settings name it.
    assert_ne!(of(&rules, "replica", "a").1, of(&rules, "replica", "b").1);
    let own = Rules::new(Vec::new()).with_replica_labels(vec!["replica".to_owned()]);
    assert_eq!(of(&own, "replica", "a").1, of(&own, "replica", "b").1);
    assert_ne!(of(&own, "__replica__", "a").1, of(&own, "__replica__", "b").1);
}
