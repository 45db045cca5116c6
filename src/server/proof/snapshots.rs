//! Owns that every recorded snapshot is stored as it was recorded, in its order, and that what was derived from it - the columns of its
//! row, the point of the charts - is what it gives.

use super::chain::Recorded;
use super::{PAGE, Problem, Report, found, whole};
use crate::domain::decision::Recommendation;
use crate::domain::evaluate::{Proof, SealedConfig, prove};
use crate::domain::mode::Mode;
use crate::domain::recent::Tick;
use crate::domain::snapshot::{Snapshot, SnapshotBody};
use crate::domain::trend::TrendPoint;
use crate::server::store::proving::SnapshotRow;
use crate::server::store::{Store, StoreError};
use chrono::{DateTime, Duration, Utc};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The part of a snapshot that a proposal rests on.
pub(super) struct Answer {
    /// How long a proposal stood under the configuration that it was made with.
    pub lifetime: Option<Duration>,
    pub recommendation: Recommendation,
    pub target_mode: Option<Mode>,
}

/// The snapshots that proposals rest on, by their ids.
pub(super) type Answers = HashMap<String, Answer>;

/// Checks all snapshots of an environment and the points made from them.
pub(super) async fn check(
    store: &dyn Store,
    environment: &str,
    recorded: &Recorded,
    report: &mut Report,
) -> Result<Result<Answers, Problem>, StoreError> {
    let opened: HashSet<&str> = recorded.proposals.iter().filter_map(|event| event.snapshot_id.as_deref()).collect();
    let mut walk = Walk {
        answers: Answers::new(),
        configs: HashMap::new(),
        points: BTreeMap::new(),
        ticks: HashMap::new(),
        seq: 0,
        seen: 0,
    };
    let mut after = 0;
    loop {
        let rows = whole!(found(environment, "snapshots", store.snapshot_rows(environment, after, PAGE).await)?);
        let Some(last) = rows.last() else { break };
        after = last.row;
        for row in &rows {
            whole!(walk.check(store, environment, row, recorded, report).await?);
        }
        walk.answers.retain(|id, _| opened.contains(id.as_str()));
    }
    if walk.seen != recorded.snapshots.len() {
        let missing = whole!(first_missing(store, environment, recorded).await?);
        return Ok(Err(missing));
    }
    whole!(check_points(store, environment, walk.points).await?);
    Ok(Ok(walk.answers))
}

/// The first snapshot that an event recorded and that is not stored.
async fn first_missing(
    store: &dyn Store,
    environment: &str,
    recorded: &Recorded,
) -> Result<Result<Problem, Problem>, StoreError> {
    let mut missing: HashMap<&str, u64> =
        recorded.snapshots.iter().map(|(id, snapshot)| (id.as_str(), snapshot.seq)).collect();
    let mut after = 0;
    loop {
        let rows = whole!(found(environment, "snapshots", store.snapshot_rows(environment, after, PAGE).await)?);
        let Some(last) = rows.last() else { break };
        after = last.row;
        for row in &rows {
            missing.remove(row.id.as_str());
        }
    }
    let first = missing.into_iter().min_by_key(|(_, seq)| *seq);
    let (id, seq) = first.unwrap_or(("a snapshot", 0));
    Ok(Ok(Problem {
        seq: Some(seq),
        ..Problem::of(environment, "snapshots", format!("recorded {id}, which is missing"))
    }))
}

/// The state of the way through the snapshots.
struct Walk {
    answers: Answers,
    configs: HashMap<u64, Option<SealedConfig>>,
    points: BTreeMap<DateTime<Utc>, TrendPoint>,
    /// How many ticks were recorded for a time.
    ticks: HashMap<DateTime<Utc>, i64>,
    /// The place of the snapshot before in the chain.
    seq: u64,
    seen: usize,
}

impl Walk {
    async fn check(
        &mut self,
        store: &dyn Store,
        environment: &str,
        row: &SnapshotRow,
        recorded: &Recorded,
        report: &mut Report,
    ) -> Result<Result<(), Problem>, StoreError> {
        let id = &row.id;
        let broken = |what: String| Ok(Err(Problem::of(environment, "snapshots", format!("{id}: {what}"))));
        if Snapshot::id_of(&row.digest) != *id {
            return broken("its id is not that of its digest".to_owned());
        }
        let seq = match recorded.snapshots.get(id) {
            Some(known) if known.digest == row.digest => known.seq,
            Some(_) => return broken("its digest is not the one that was recorded".to_owned()),
            None => return broken("no event recorded it".to_owned()),
        };
        if seq <= self.seq {
            return broken(format!("it does not stand where event {seq} recorded it"));
        }
        (self.seq, self.seen) = (seq, self.seen + 1);
        let Ok(bytes) = row.bytes() else { return broken("its body cannot be unpacked".to_owned()) };
        let Ok(body) = serde_json::from_slice::<SnapshotBody>(&bytes) else {
            return broken("its body cannot be read".to_owned());
        };
        if let Entry::Vacant(vacant) = self.configs.entry(body.config_version) {
            let config = store.config_at(environment, body.config_version).await;
            vacant.insert(whole!(found(environment, "configs", config)?).map(SealedConfig::new));
        }
        let sealed = self.configs.get(&body.config_version).and_then(Option::as_ref);
        let tick = match prove(&bytes, &row.digest, sealed) {
            Proof::Proved(tick) => {
                report.proved += 1;
                Some(tick)
            }
            Proof::OtherVersion => {
                report.other_version += 1;
                None
            }
            Proof::Broken(why) => return broken(why),
        };
        let before = if row.is_tick { self.ticks.entry(row.as_of).or_default() } else { &mut 0 };
        if row.again != *before {
            return broken("its column again is not how many ticks of its time were recorded before it".to_owned());
        }
        *before += 1;
        if let Some(column) = differing_column(row, &body, tick) {
            return broken(format!("its column {column} is not what the snapshot says"));
        }
        // Of several at one time the newest is drawn.
        self.points.insert(body.as_of, TrendPoint::of(&body));
        let hours = sealed.map(|sealed| i64::from(sealed.config.policy.windows.proposal_hours));
        let answer = Answer {
            lifetime: hours.map(Duration::hours),
            recommendation: body.recommendation,
            target_mode: body.target_mode,
        };
        self.answers.insert(id.clone(), answer);
        Ok(Ok(()))
    }
}

/// The first column of a row that differs from its snapshot. Only this engine's own snapshots prove the columns of a tick.
fn differing_column(row: &SnapshotRow, body: &SnapshotBody, tick: Option<Option<Tick>>) -> Option<&'static str> {
    let overall = body.scores.overall;
    let whole = |tick: Option<Tick>| {
        let columns = (row.ruled.as_deref(), row.conditions_met, row.standing, row.clear);
        let (ruled, conditions_met, standing, clear) = match tick {
            None => (None, None, None, None),
            Some(tick) => (
                Some(tick.ruled.name()),
                Some(tick.conditions_met),
                Some(i64::from(tick.standing.bits())),
                Some(i64::from(tick.clear.bits())),
            ),
        };
        [
            ("ruled", columns.0 == ruled),
            ("conditions_met", columns.1 == conditions_met),
            ("standing", columns.2 == standing),
            ("clear", columns.3 == clear),
        ]
    };
    let of_tick = tick.map(whole);
    [
        ("as_of", row.as_of == body.as_of),
        ("origin", row.origin == body.origin.name()),
        ("is_tick", row.is_tick == body.origin.is_tick()),
        ("overall_lo", row.overall.0.to_bits() == overall.lo().to_bits()),
        ("overall_hi", row.overall.1.to_bits() == overall.hi().to_bits()),
    ]
    .into_iter()
    .chain(of_tick.into_iter().flatten())
    .find(|(_, is_same)| !is_same)
    .map(|(column, _)| column)
}

/// Every point of the charts must be that of a snapshot, and every snapshot must have one.
async fn check_points(
    store: &dyn Store,
    environment: &str,
    points: BTreeMap<DateTime<Utc>, TrendPoint>,
) -> Result<Result<(), Problem>, StoreError> {
    let broken = |at: DateTime<Utc>, what: &str| {
        let at = at.format("%Y-%m-%d %H:%M:%S UTC");
        Ok(Err(Problem::of(environment, "points", format!("the point of {at} {what}"))))
    };
    let mut expected = points.into_iter();
    let mut after = None;
    loop {
        let stored = whole!(found(environment, "points", store.point_rows(environment, after, PAGE).await)?);
        let Some(last) = stored.last() else { break };
        after = Some(last.at);
        for point in &stored {
            match expected.next() {
                Some((_, made)) if made == *point => {}
                Some((at, _)) if at < point.at => return broken(at, "is missing"),
                Some((at, _)) if at == point.at => return broken(at, "is not what its snapshot says"),
                _ => return broken(point.at, "is that of no snapshot"),
            }
        }
    }
    match expected.next() {
        Some((at, _)) => broken(at, "is missing"),
        None => Ok(Ok(())),
    }
}
