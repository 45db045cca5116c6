//! Owns the promise that one engine version gives one result: the digests of a fixed set of evaluations, kept beside
//! the version that made them. A change of results raises the version first.

#![expect(clippy::disallowed_methods, reason = "a test is told by the environment when to write its golden file")]

use crate::support::picture::{Picture, after, config, hide, stable};
use crate::support::{at, noon};
use scaling_mode_engine::breach::{Breach, BreachSet};
use scaling_mode_engine::decision::Recommendation;
use scaling_mode_engine::evaluate::{SealedConfig, evaluate};
use scaling_mode_engine::input::{Input, InputState};
use scaling_mode_engine::interval::{Count, Interval};
use scaling_mode_engine::mode::Mode;
use scaling_mode_engine::policy::{Config, EnvironmentKind};
use scaling_mode_engine::prepare;
use scaling_mode_engine::recent::Recent;
use scaling_mode_engine::rollup::{MINUTE_MS, MinuteRow};
use scaling_mode_engine::signal::{Series, Signal};
use scaling_mode_engine::snapshot::{ENGINE_VERSION, Origin};
use scaling_mode_engine::stream::{Span, Stream};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Under the name of each evaluation: its answer, then its digest.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Golden {
    digests: BTreeMap<String, String>,
    engine_version: String,
}

type Edit = fn(&mut Config, &mut Picture, &mut Recent);

const EVALUATIONS: &[(&str, Edit)] = &[
    ("healthy", |_, _, _| {}),
    ("busy", |_, picture, _| {
        picture.posts = Count { lo: 30, hi: 33 };
        picture.spend = Count::exactly(4_123_456);
        picture.at_risk = 1;
        picture.warnings = 1;
        picture.cpu = Interval::new(0.61, 0.73);
        picture.latency_hour = Interval::new(312.5, 350.25);
        picture.latency_evidence = Interval::new(290.0, 410.75);
        picture.errors_hour = Count::exactly(17);
        picture.errors_evidence = Count::exactly(41);
    }),
    ("outage", |_, picture, _| picture.latency_hour = Interval::exactly(9_000.0)),
    ("certain outage", |_, picture, _| {
        picture.latency_hour = Interval::exactly(9_000.0);
        picture.latency_evidence = Interval::exactly(9_000.0);
        picture.spend = Count::exactly(2_000_000_000);
    }),
    ("warnings", |_, picture, _| picture.warnings = picture.clients),
    ("critical", |_, picture, _| picture.critical = 1),
    ("churn in the lower band", |config, picture, _| {
        picture.clients = config.mode.previous().map_or(2, |lower| config.policy.limits.of(lower).max_clients.get());
        picture.at_risk = picture.clients;
    }),
    ("over the limit", |config, picture, recent| {
        picture.clients = config.limits().max_clients.get() + 1;
        recent.stabilization.held = 50;
    }),
    ("no clients", |_, picture, _| {
        picture.clients = 0;
        picture.warnings = 3;
    }),
    ("frozen by the founder", |config, _, _| config.frozen = true),
    ("synthetic", |config, _, _| config.kind = EnvironmentKind::Synthetic),
    ("recorded", |config, _, _| config.kind = EnvironmentKind::Recorded),
    ("posts and CPU do not apply", |config, _, _| {
        config.policy.not_applicable.extend([Signal::PostsPublished, Signal::InfraCpu]);
    }),
    ("cooling down", |config, _, _| config.last_mode_change_at = Some(at("2026-03-10T01:02:03.456Z"))),
    ("held", |_, _, recent| {
        let mut standing = BreachSet::EMPTY;
        standing.insert(Breach::InfraHealth);
        *recent = after(Recommendation::Freeze, standing);
        recent.recovered = BreachSet::EMPTY;
    }),
];

/// The inputs that are hidden of a healthy picture.
const HIDDEN: &[(&str, &[Signal], InputState)] = &[
    ("churn missing", &[Signal::ClientsAtRisk], InputState::Missing),
    ("spend stale", &[Signal::AiSpend], InputState::Stale),
    ("errors contradictory", &[Signal::InfraErrors, Signal::InfraRequests], InputState::Contradictory),
];

fn digest(config: &Config, inputs: Vec<Input>, recent: Recent) -> String {
    let snapshot = evaluate(&SealedConfig::new(config.clone()), inputs, recent, noon(), Origin::Scheduled).snapshot;
    format!("{} {}", snapshot.body.recommendation.name(), snapshot.digest)
}

fn evaluations() -> BTreeMap<String, String> {
    let mut digests = BTreeMap::new();
    for mode in Mode::ALL {
        let healthy = |config: &Config| Picture::healthy(config.limits().max_clients.get() * 4 / 5);
        for (name, edit) in EVALUATIONS {
            let (mut config, mut recent) = (config(mode), stable());
            let mut picture = healthy(&config);
            edit(&mut config, &mut picture, &mut recent);
            digests.insert(format!("{mode}: {name}"), digest(&config, picture.inputs(&config), recent));
        }
        for (name, signals, state) in HIDDEN {
            let config = config(mode);
            let mut inputs = healthy(&config).inputs(&config);
            inputs.iter_mut().filter(|input| signals.contains(&input.signal)).for_each(|input| hide(input, *state));
            digests.insert(format!("{mode}: {name}"), digest(&config, inputs, stable()));
        }
        let config = config(mode);
        let nothing = prepare::inputs(&[], &config, noon(), at("2026-03-10T00:00:00Z"));
        digests.insert(format!("{mode}: nothing"), digest(&config, nothing, Recent::none(&config, 15)));
        let read = prepare::inputs(&streams(), &config, noon(), at("2026-03-10T00:00:00Z"));
        digests.insert(format!("{mode}: from samples"), digest(&config, read, stable()));
    }
    digests
}

/// Ten days of five-minute samples of everything, in a fixed pattern.
fn streams() -> Vec<Stream> {
    let noon = noon().timestamp_millis();
    let span = Span { from: noon - 10 * 1_440 * MINUTE_MS, to: noon - 2 * MINUTE_MS };
    Series::ALL
        .into_iter()
        .filter(|series| *series != Series::InfraLatency)
        .map(|series| {
            let rows = (-2_880..0i64).map(|place| {
                let at = noon + place * 5 * MINUTE_MS;
                let value = match series {
                    Series::ClientsActive => 12,
                    Series::InfraCpu => 310_000_000 + (place % 7).unsigned_abs() * 1_000_003,
                    Series::InfraRequests => 90 + (place % 11).unsigned_abs(),
                    Series::AiSpend => 21_037,
                    _ => u64::from(place % 97 == 0),
                };
                MinuteRow {
                    fetched_at: at + 900,
                    first: value,
                    first_at: at,
                    is_open: false,
                    last: value,
                    last_at: at,
                    latency: None,
                    minute: at / MINUTE_MS,
                    samples: 1,
                    total: value,
                }
            });
            Stream::new("meter".to_owned(), series, None, vec![span], rows.collect())
        })
        .collect()
}

#[test]
fn one_engine_version_gives_one_result() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engine/golden.json");
    let now = Golden { digests: evaluations(), engine_version: ENGINE_VERSION.to_owned() };
    let kept: Option<Golden> =
        std::fs::read_to_string(path).ok().map(|text| serde_json::from_str(&text).expect("the golden file is JSON"));
    let how = "raise ENGINE_VERSION (crates/engine/src/snapshot.rs) and regenerate with\n  \
        UPDATE_GOLDEN=1 cargo test -p scaling-mode-engine --test engine golden\n\
        (UPDATE_GOLDEN=unreleased keeps a version under which no snapshot was ever stored)";
    if let Ok(update) = std::env::var("UPDATE_GOLDEN") {
        let same_version = kept.as_ref().is_some_and(|kept| kept.engine_version == now.engine_version && *kept != now);
        assert!(!same_version || update == "unreleased", "results changed under version {ENGINE_VERSION}: {how}");
        let text = serde_json::to_string_pretty(&now).expect("serialises") + "\n";
        std::fs::write(path, text).expect("the golden file can be written");
        return;
    }
    let kept = kept.expect("crates/engine/tests/engine/golden.json exists");
    let changed: Vec<&String> = now
        .digests
        .iter()
        .filter(|(name, digest)| kept.digests.get(*name) != Some(digest))
        .map(|(name, _)| name)
        .collect();
    assert!(
        kept == now,
        "results changed: {how}\nversion {} is now {ENGINE_VERSION}; changed: {changed:#?}",
        kept.engine_version
    );
}

#[test]
fn the_fixed_set_holds_every_answer_and_no_two_alike() {
    let digests = evaluations();
    let distinct: std::collections::BTreeSet<&String> = digests.values().collect();
    assert_eq!(distinct.len(), digests.len(), "two names for one evaluation prove nothing");
    for answer in Recommendation::ALL {
        assert!(digests.values().any(|digest| digest.starts_with(answer.name())), "none answers {}", answer.name());
    }
}
