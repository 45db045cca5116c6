//! Owns the backtest: what a proposed policy would have answered on the inputs that the environment's own ticks have
//! stored, beside what was answered. Must not know how ticks are stored or shown; it changes nothing.
//!
//! The mode, the founder's freeze and the inputs stay what they were. Everything that an evaluation knows of those
//! before it comes from the backtest's own ticks, as if the proposed policy had been in force throughout.

mod finding;
mod recorded;
mod report;
mod request;
mod why;

pub use recorded::Recorded;
pub use report::{Answers, BacktestReport, Difference, MOST_DIFFERENCES, ModeShare, RuleTurn, Tally};
pub use request::{BacktestRequest, mistakes};

use super::decision::assess;
use super::policy::{Config, Policy};
use super::recent::{self, Tick};
use chrono::{DateTime, Duration, Utc};
use finding::Finding;
use std::collections::BTreeMap;

/// A version of the configuration as it was, and with the proposed policy in its place.
struct Setting {
    proposed: Config,
    recorded: Config,
}

/// A backtest under way: it is shown evaluations one after the other and keeps the differences.
pub struct Backtest {
    /// Evaluations before this only lead up to the others: they are judged, not counted.
    counted_from: Option<DateTime<Utc>>,
    finding: Finding,
    /// From how many ticks on those that are no longer looked at are dropped.
    forget_at: usize,
    reach: Duration,
    settings: BTreeMap<u64, Setting>,
    ticks: Vec<Tick>,
}

impl Backtest {
    /// A backtest of `proposed` in the environment of `configs`: every version of its configuration so far, ascending.
    /// `ticks` are those that were stored before the first evaluation that will be shown; evaluations before
    /// `counted_from` are judged but not counted.
    pub fn new(
        configs: &[Config],
        proposed: &Policy,
        ticks: Vec<Tick>,
        counted_from: Option<DateTime<Utc>>,
    ) -> Backtest {
        let settings = settings(configs, proposed);
        let reach = settings.values().map(|setting| recent::reach(&setting.proposed)).max().unwrap_or_default();
        let mut finding = Finding::new(configs.last());
        finding.changes_nothing =
            configs.last().is_some_and(|config| !with(config, proposed).decides_differently(&config.policy));
        Backtest { counted_from, finding, forget_at: FORGET_FROM, reach, settings, ticks }
    }

    /// How far back a policy's answers look: stored ticks of that long before the first evaluation are to be given.
    pub fn reach(in_force: &Config, proposed: &Policy) -> Duration {
        recent::reach(&Config { policy: with(in_force, proposed), ..in_force.clone() })
    }

    /// Judges the next evaluation; they are shown ascending in time.
    pub fn judge(&mut self, evaluation: &Recorded) {
        let is_counted = self.counted_from.is_none_or(|from| evaluation.as_of >= from);
        let Some(setting) = self.settings.get(&evaluation.config_version) else {
            self.finding.unjudged += u64::from(is_counted);
            return;
        };
        let tick_minutes = evaluation.recent.tick_minutes;
        let recent = recent::summarise(&self.ticks, evaluation.as_of, &setting.proposed, tick_minutes);
        let assessment = assess(&evaluation.facts, &setting.proposed, &recent, evaluation.as_of);
        if is_counted {
            self.finding.count(evaluation, &setting.recorded, &assessment);
        }
        self.ticks.push(assessment.tick(evaluation.as_of));
        self.forget(tick_minutes);
    }

    /// The result.
    pub fn finish(self) -> BacktestReport {
        self.finding.report()
    }

    /// Now and then drops the ticks that no later evaluation looks at; the newest always stays.
    fn forget(&mut self, tick_minutes: u32) {
        if self.ticks.len() < self.forget_at {
            return;
        }
        let Some(newest) = self.ticks.last().map(|tick| tick.at) else {
            return;
        };
        let keep_from = newest - self.reach.max(Duration::minutes(i64::from(tick_minutes)));
        let first = self.ticks.partition_point(|tick| tick.at < keep_from);
        self.ticks.drain(..first);
        self.forget_at = self.ticks.len() * 2 + FORGET_FROM;
    }
}

const FORGET_FROM: usize = 1_024;

/// The policy of a version with what is proposed in place of what a backtest can judge. Windows and signals not
/// applicable stay what they were: the stored inputs were read under them.
fn with(config: &Config, proposed: &Policy) -> Policy {
    Policy {
        guardrails: proposed.guardrails,
        limits: proposed.limits,
        scoring: proposed.scoring,
        weights: proposed.weights,
        ..config.policy.clone()
    }
}

/// Every version with the proposed policy in it. Stabilization and held answers restart where the mode, the windows or
/// the signals not applicable were changed, as they did; not where what is now proposed was changed.
fn settings(configs: &[Config], proposed: &Policy) -> BTreeMap<u64, Setting> {
    let mut settings = BTreeMap::new();
    let mut before: Option<(&Config, DateTime<Utc>)> = None;
    for config in configs {
        let since = match before {
            Some((last, since)) if !restarts(last, config) => since,
            _ => config.policy_since,
        };
        before = Some((config, since));
        let proposed = Config { policy: with(config, proposed), policy_since: since, ..config.clone() };
        settings.insert(config.version, Setting { proposed, recorded: config.clone() });
    }
    settings
}

fn restarts(one: &Config, next: &Config) -> bool {
    one.mode != next.mode
        || one.policy.windows != next.policy.windows
        || one.policy.not_applicable != next.policy.not_applicable
        || one.policy.preferred_sources != next.policy.preferred_sources
}
