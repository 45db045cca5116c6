//! Owns what a day of a source's silence does, on a real store under a clock that the test sets: the way from known to stale to
//! missing, that no silence raises the answer, what the source's return brings, and where a counter's growth over it counts.

use chrono::{DateTime, Duration, Utc};
use scaling_mode::domain::connection::{Connection, ConnectionState};
use scaling_mode::domain::counting::Total;
use scaling_mode::domain::cumulative::Reading;
use scaling_mode::domain::decision::Recommendation;
use scaling_mode::domain::histogram::Histogram;
use scaling_mode::domain::input::{Input, InputState, Value, WindowName};
use scaling_mode::domain::interval::{Count, Interval};
use scaling_mode::domain::mode::Mode;
use scaling_mode::domain::policy::{Config, EnvironmentKind, Policy};
use scaling_mode::domain::signal::{Aggregation, Series, Signal};
use scaling_mode::domain::snapshot::Origin;
use scaling_mode::domain::stream::Span;
use scaling_mode::domain::telemetry::{AcceptedBatch, Measurement, Sample, Watermark};
use scaling_mode::server::evaluation::{Occasion, evaluate_and_record, read_inputs};
use scaling_mode::server::store::Store;
use scaling_mode::server::store::sqlite::SqliteStore;

const ENVIRONMENT: &str = "production";
/// Quarters of an hour in a day.
const DAY: i64 = 96;

/// So many quarters of an hour after the beginning.
fn quarter(quarters: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-11-20T00:00:00Z".parse().expect("a time");
    start + Duration::minutes(15 * quarters)
}

struct World {
    _folder: tempfile::TempDir,
    store: SqliteStore,
    /// Whether the source says up to when its data is complete.
    vouches: bool,
}

impl World {
    async fn new(vouches: bool) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("store.db")).await.expect("a store");
        let config = Config::new(ENVIRONMENT, EnvironmentKind::Live, Mode::Pilot, Policy::default(), quarter(0));
        store.create_environment(&config, "local".into(), quarter(0)).await.expect("an environment");
        World { _folder: folder, store, vouches }
    }

    /// What a business that runs well sends of the quarters up to `to`, together at `to`; it vouches since `from`.
    async fn send(&self, quarters: impl IntoIterator<Item = i64>, (from, to): (i64, i64)) {
        let mut samples = Vec::new();
        for at in quarters.into_iter().map(quarter) {
            let sample = |series, measurement| Sample { at, exact: None, id: None, measurement, series };
            let (aggregation, nanos) = (Aggregation::P95, 120_000_000);
            samples.extend([
                sample(Series::ClientsActive, Measurement::Value(13)),
                sample(Series::ClientsAtRisk, Measurement::Value(0)),
                sample(Series::WarningsInfo, Measurement::Value(1)),
                sample(Series::WarningsWarning, Measurement::Value(0)),
                sample(Series::WarningsCritical, Measurement::Value(0)),
                sample(Series::PostsPublished, Measurement::Value(1)),
                sample(Series::AiSpend, Measurement::Value(100_000)),
                sample(Series::InfraCpu, Measurement::Value(300_000_000)),
                sample(Series::InfraRequests, Measurement::Value(2_000)),
                sample(Series::InfraErrors, Measurement::Value(0)),
                sample(Series::InfraLatency, Measurement::Aggregated { aggregation, count: Some(2_000), nanos }),
            ]);
        }
        let word = || Watermark {
            covers_from: Some(quarter(from)),
            data_through: quarter(to),
            series: Series::ALL.into_iter().collect(),
        };
        let watermark = self.vouches.then(word);
        let source = "app".to_owned();
        let batch = AcceptedBatch { samples, source, step_minutes: Some(15), watermark, ..AcceptedBatch::default() };
        self.store.ingest(ENVIRONMENT, &batch, quarter(to), None).await.expect("a receipt");
    }

    async fn tick(&self, at: i64) -> Recommendation {
        let occasion =
            Occasion { actor: "scheduler".into(), as_of: quarter(at), origin: Origin::Scheduled, tick_minutes: 15 };
        let snapshot = evaluate_and_record(&self.store, ENVIRONMENT, occasion, None).await.expect("a snapshot");
        snapshot.body.recommendation
    }

    /// A quarter's telemetry and a tick, for each quarter after `from` up to `to`; the answers.
    async fn run(&self, from: i64, to: i64, since: i64) -> Vec<Recommendation> {
        let mut answers = Vec::new();
        for at in from + 1..=to {
            self.send([at], (since, at)).await;
            answers.push(self.tick(at).await);
        }
        answers
    }

    async fn inputs(&self, at: i64) -> Vec<Input> {
        read_inputs(&self.store, ENVIRONMENT, quarter(at)).await.expect("inputs")
    }

    async fn input(&self, signal: Signal, window: WindowName, at: i64) -> Input {
        let all = self.inputs(at).await;
        all.into_iter().find(|input| input.signal == signal && input.window.name == window).expect("an input")
    }

    async fn state(&self, signal: Signal, window: WindowName, at: i64) -> InputState {
        self.input(signal, window, at).await.state
    }

    /// The source as the page of connections shows it.
    async fn connection(&self, at: i64) -> Connection {
        let now = quarter(at);
        let span = Span { from: (now - Duration::hours(50)).timestamp_millis(), to: now.timestamp_millis() };
        let streams = self.store.streams(ENVIRONMENT, span).await.expect("streams");
        let sources = self.store.sources(ENVIRONMENT).await.expect("sources");
        let config = self.store.config(ENVIRONMENT).await.expect("a configuration");
        let heard = |series| {
            let own = sources.iter().find(|own| own.series == series)?;
            own.data_through.or(own.last_at)
        };
        Connection::of("app", &streams, heard, &config, now)
    }

    /// How many of the last day's quarters are covered, of a sum and in the order of time.
    async fn strip(&self, at: i64) -> String {
        let connection = self.connection(at).await;
        let posts = connection.signals.iter().find(|own| own.signal == Signal::PostsPublished).expect("a signal");
        posts.cells.iter().map(|cell| if *cell == 100 { '#' } else { '.' }).collect()
    }
}

/// A source whose day is quiet from `SILENT` to `BACK`, after a day in which its sums became whole and another in
/// which the conditions held.
const SILENT: i64 = 2 * DAY + 4;
const BACK: i64 = SILENT + DAY;

async fn silent_for_a_day(vouches: bool) -> World {
    let world = World::new(vouches).await;
    let answers = world.run(0, SILENT, 0).await;
    assert_eq!(answers.last(), Some(&Recommendation::Increase), "it ran well: {vouches}");
    for at in SILENT + 1..=BACK {
        let answer = world.tick(at).await;
        // Half an hour is two of its steps: so long it is as fresh as it ever is.
        assert!(
            answer != Recommendation::Increase || at <= SILENT + 2,
            "{answer:?} {} quarters into silence",
            at - SILENT
        );
    }
    world
}

use InputState::{Known, Missing, Partial, Stale};
use WindowName::{LastHour, Latest, Trailing};

#[tokio::test]
async fn a_silence_goes_from_known_to_stale_to_missing_and_never_raises_the_answer() {
    for vouches in [true, false] {
        let world = silent_for_a_day(vouches).await;
        for (signal, window, after, state) in [
            (Signal::InfraRequests, LastHour, 2, Known),
            (Signal::InfraRequests, LastHour, 3, Stale),
            (Signal::InfraLatency, LastHour, 3, Stale),
            (Signal::InfraCpu, LastHour, 3, Stale),
            (Signal::PostsPublished, Trailing, 24, Known),
            (Signal::PostsPublished, Trailing, 25, Stale),
            (Signal::AiSpend, Trailing, 25, Stale),
            (Signal::ClientsActive, Latest, DAY, Known),
            (Signal::ClientsActive, Latest, 36 * 4, Known),
            (Signal::ClientsActive, Latest, 36 * 4 + 1, Stale),
            // So long ago that nothing of it is read, except the newest of a gauge and the word of a source that gave it.
            (Signal::PostsPublished, Trailing, 60 * 4, if vouches { Stale } else { Missing }),
            (Signal::ClientsActive, Latest, 60 * 4, Stale),
        ] {
            let input = world.input(signal, window, SILENT + after).await;
            assert_eq!(input.state, state, "{signal} {after} quarters into silence, {vouches}: {input:?}");
            assert_eq!(input.value.is_some(), state == Known, "{input:?}");
        }
        for (after, expected) in [(0, 96), (48, 48), (96, 0)] {
            assert_eq!(
                world.strip(SILENT + after).await,
                format!("{}{}", "#".repeat(expected), ".".repeat(96 - expected))
            );
        }
        for (after, state) in
            [(2, ConnectionState::Receiving), (3, ConnectionState::Late), (240, ConnectionState::Late)]
        {
            assert_eq!(world.connection(SILENT + after).await.state, state, "{after} quarters into silence");
        }
    }
}

#[tokio::test]
async fn a_source_that_returns_with_new_data_alone_leaves_its_silence_unknown() {
    for vouches in [true, false] {
        let world = silent_for_a_day(vouches).await;
        let answers = world.run(BACK, BACK + 2 * DAY + 4, BACK).await;
        // A day of sums must be complete again, and then the conditions must be met for a day.
        assert!(answers[..2 * DAY as usize - 10].iter().all(|answer| *answer == Recommendation::Hold), "{answers:?}");
        assert_eq!(answers.last(), Some(&Recommendation::Increase), "{vouches}");
        // Of the last day only what came since is known.
        let half = BACK + DAY / 2;
        let posts = world.input(Signal::PostsPublished, Trailing, half).await;
        let lo = posts.value.and_then(Value::count).map(|count| (count.lo, count.is_bounded()));
        // Without a word the first sample may count what happened before it.
        let certain = if vouches { 48 } else { 47 };
        assert_eq!((posts.state, lo), (Partial, Some((certain, false))), "{posts:?}");
        assert_eq!(world.state(Signal::InfraRequests, LastHour, BACK + 2).await, Partial);
        assert_eq!(world.state(Signal::InfraRequests, LastHour, BACK + 4).await, Known);
        let strip = world.strip(half).await;
        // A sample speaks for two of its steps at most.
        let reach = if vouches { 48 } else { 49 };
        assert_eq!(strip, format!("{}{}", ".".repeat(96 - reach), "#".repeat(reach)), "{vouches}");
        assert_eq!(world.connection(half).await.state, ConnectionState::Receiving);
    }
}

#[tokio::test]
async fn a_silence_that_is_filled_later_was_none() {
    for vouches in [true, false] {
        let world = silent_for_a_day(vouches).await;
        let (back, later) = (BACK + 1, BACK + 4);
        world.run(BACK, later, BACK).await;
        // The newest half of the gap comes first, and each half twice.
        for half in [SILENT + DAY / 2..back, SILENT + 1..SILENT + DAY / 2] {
            for _ in 0..2 {
                let quarters: Vec<i64> = half.clone().rev().collect();
                world.send(quarters, (half.start - 1, half.end - 1)).await;
            }
        }
        assert_eq!(world.strip(later).await, "#".repeat(96), "{vouches}");
        let never = World::new(vouches).await;
        for at in 1..=later {
            never.send([at], (0, at)).await;
        }
        let essence = |inputs: Vec<Input>| {
            inputs
                .into_iter()
                .map(|input| (input.signal, input.window.name, input.state, input.value, input.coverage, input.samples))
                .collect::<Vec<_>>()
        };
        assert_eq!(essence(world.inputs(later).await), essence(never.inputs(later).await), "{vouches}");
        // An input that was unknown when it was needed stays so in the history: the conditions must be met for a day again.
        let answers = world.run(later, later + DAY, 0).await;
        assert_eq!(
            answers[..80].iter().filter(|answer| **answer == Recommendation::Increase).count(),
            0,
            "{answers:?}"
        );
        assert_eq!(answers.last(), Some(&Recommendation::Increase));
    }
}

/// Minutes after the beginning.
fn minute(minutes: i64) -> DateTime<Utc> {
    quarter(0) + Duration::minutes(minutes)
}

/// A process that is read once a minute: requests and their durations since its start.
async fn read_counters(world: &World, at: i64, durations: &Histogram) {
    let reading = |series, total| Reading {
        at: minute(at),
        family: [1; 16],
        is_delta: false,
        key: [2; 16],
        price: None,
        replica: 0,
        series,
        start: None,
        total,
    };
    let readings = vec![
        reading(Series::InfraRequests, Total::Count(durations.count())),
        reading(Series::InfraLatency, Total::Latency(durations.clone())),
        reading(Series::PostsPublished, Total::Count(durations.count())),
    ];
    let batch = AcceptedBatch { readings, source: "app".to_owned(), ..AcceptedBatch::default() };
    world.store.ingest(ENVIRONMENT, &batch, minute(at), None).await.expect("a receipt");
}

#[tokio::test]
async fn what_a_counter_grew_by_over_a_silence_is_kept_and_in_no_window_that_it_may_not_lie_in() {
    const LAST: i64 = 180;
    const RETURN: i64 = LAST + 24 * 60;
    const OVER_SILENCE: u64 = 500_000;
    let ms = 1_000_000;
    let world = World::new(false).await;
    let mut durations = Histogram::default();
    for at in 0..=LAST {
        durations.add(0, 100 * ms, 10);
        read_counters(&world, at, &durations).await;
    }
    // Half a million quick requests, of which nobody heard, and then slow ones, ten a minute.
    durations.add(0, 100 * ms, OVER_SILENCE);
    for at in RETURN..=RETURN + 70 {
        read_counters(&world, at, &durations).await;
        durations.add(900 * ms, 1000 * ms, 10);
    }
    // Kept, where it was heard.
    let span = Span { from: minute(RETURN - 1).timestamp_millis(), to: minute(RETURN).timestamp_millis() };
    let kept = world.store.samples(ENVIRONMENT, Series::InfraRequests, span, 10).await.expect("samples");
    assert_eq!(
        kept.iter().map(|sample| (sample.at, sample.atoms)).collect::<Vec<_>>(),
        [(minute(RETURN), OVER_SILENCE)]
    );
    let input = async |signal, window, at| {
        let all = read_inputs(&world.store, ENVIRONMENT, minute(at)).await.expect("inputs");
        all.into_iter().find(|input| input.signal == signal && input.window.name == window).expect("an input")
    };
    for after in 0..=70 {
        let at = RETURN + after;
        let lately = 10 * after.min(60) as u64;
        let requests = input(Signal::InfraRequests, LastHour, at).await;
        let count = requests.value.and_then(Value::count).expect("a count");
        assert_eq!(count.lo, lately, "{after} minutes after the return: {requests:?}");
        if after >= 60 {
            assert_eq!((requests.state, count.hi), (Known, lately));
        } else {
            assert!(count.hi >= lately + OVER_SILENCE, "{after} minutes after the return: {requests:?}");
        }
        // Nothing quick of the silence may hide that the hour is slow.
        let latency = input(Signal::InfraLatency, LastHour, at).await;
        let ms = latency.value.and_then(Value::real);
        assert!(ms.is_none_or(|ms| ms.hi() >= 1000.0), "{after} minutes after the return: {latency:?}");
        if after >= 60 {
            assert_eq!((latency.state, ms), (Known, Some(Interval::new(900.0, 1000.0))), "{latency:?}");
        } else {
            assert_eq!(latency.state, Partial, "{after} minutes after the return: {latency:?}");
        }
        let posts = input(Signal::PostsPublished, Trailing, at).await;
        let count = posts.value.and_then(Value::count).expect("a count");
        // The day that ends with the return itself begins with the reading before the silence: all of it is in there.
        let within = if after == 0 { OVER_SILENCE } else { 10 * after as u64 };
        assert_eq!((posts.state, count), (Partial, Count::at_least(within)), "{after} minutes after the return");
    }
}
