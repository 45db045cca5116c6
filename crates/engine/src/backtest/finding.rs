//! Owns a report in the making: evaluations are counted one after the other and runs of differing ones put together.
//! Must not judge an evaluation; it compares what was answered with what would have been.

use super::super::decision::{Assessment, Recommendation, assess};
use super::super::mode::Mode;
use super::super::policy::{Config, EnvironmentKind};
use super::recorded::Recorded;
use super::report::{Answers, BacktestReport, Difference, MOST_DIFFERENCES, ModeShare};
use super::why;
use chrono::{DateTime, Utc};

/// A report in the making.
pub(super) struct Finding {
    /// The proposed policy decides as the one in force does.
    pub changes_nothing: bool,
    differences: Vec<Difference>,
    differences_total: u64,
    environment: String,
    from: Option<DateTime<Utc>>,
    kind: EnvironmentKind,
    /// The configuration of the newest evaluation.
    config: Option<Config>,
    /// The answers of the newest evaluation: recorded, proposed.
    last: Option<(Recommendation, Recommendation)>,
    modes: [(u64, u64); 4],
    other_engine: u64,
    /// The run that the newest evaluation belongs to, where it differs.
    open: Option<Difference>,
    /// How often the policy was changed between the two.
    policy_changes: u64,
    proposed: Answers,
    recorded: Answers,
    to: Option<DateTime<Utc>>,
    /// Evaluations whose configuration is not known.
    pub unjudged: u64,
}

impl Finding {
    /// Nothing found yet, in the environment of a configuration.
    pub fn new(config: Option<&Config>) -> Finding {
        Finding {
            changes_nothing: false,
            differences: Vec::new(),
            differences_total: 0,
            environment: config.map(|config| config.environment.clone()).unwrap_or_default(),
            from: None,
            kind: config.map_or(EnvironmentKind::Live, |config| config.kind),
            config: None,
            last: None,
            modes: [(0, 0); 4],
            other_engine: 0,
            open: None,
            policy_changes: 0,
            proposed: Answers::default(),
            recorded: Answers::default(),
            to: None,
            unjudged: 0,
        }
    }

    /// Counts an evaluation that was made with `config` and what the proposed policy would have made of it.
    pub fn count(&mut self, evaluation: &Recorded, config: &Config, proposed: &Assessment) {
        let answers = (evaluation.recommendation, proposed.recommendation);
        self.from = self.from.or(Some(evaluation.as_of));
        self.to = Some(evaluation.as_of);
        self.recorded.add(answers.0, self.last.map(|last| last.0));
        self.proposed.add(answers.1, self.last.map(|last| last.1));
        self.last = Some(answers);
        self.other_engine += u64::from(!evaluation.same_engine);
        if self.config.as_ref().is_none_or(|last| last.version != config.version) {
            let changed = |last: &Config| last.policy.decides_differently(&config.policy);
            self.policy_changes += u64::from(self.config.as_ref().is_some_and(changed));
            self.config = Some(config.clone());
        }
        let share = &mut self.modes[config.mode.index()];
        share.0 += 1;
        if answers.0 == answers.1 {
            self.close();
            return;
        }
        share.1 += 1;
        match &mut self.open {
            Some(run) if goes_on(run, config.mode, answers) => {
                run.evaluations += 1;
                run.to = evaluation.as_of;
            }
            _ => self.begin(evaluation, config, proposed),
        }
    }

    /// Begins a run of differing evaluations.
    fn begin(&mut self, evaluation: &Recorded, config: &Config, proposed: &Assessment) {
        self.close();
        self.differences_total += 1;
        let is_listed = self.differences.len() < MOST_DIFFERENCES;
        let (rules, why) = if is_listed {
            why::explain(&assess(&evaluation.facts, config, &evaluation.recent, evaluation.as_of), proposed)
        } else {
            Default::default()
        };
        self.open = Some(Difference {
            evaluations: 1,
            from: evaluation.as_of,
            mode: config.mode,
            proposed: proposed.recommendation,
            recorded: evaluation.recommendation,
            rules,
            snapshot_id: evaluation.id.clone(),
            to: evaluation.as_of,
            why,
        });
    }

    fn close(&mut self) {
        if let Some(run) = self.open.take()
            && self.differences.len() < MOST_DIFFERENCES
        {
            self.differences.push(run);
        }
    }

    pub fn report(mut self) -> BacktestReport {
        self.close();
        let modes: Vec<ModeShare> = Mode::ALL
            .into_iter()
            .zip(self.modes)
            .filter(|(_, (evaluations, _))| *evaluations > 0)
            .map(|(mode, (evaluations, different))| ModeShare { different, evaluations, mode })
            .collect();
        let evaluations = modes.iter().map(|share| share.evaluations).sum();
        let different = modes.iter().map(|share| share.different).sum();
        BacktestReport {
            different,
            differences_total: self.differences_total,
            evaluations,
            from: self.from,
            headline: why::headline(different, evaluations),
            hypothetical: true,
            kind: self.kind,
            notes: self.notes(&modes),
            modes,
            proposed: self.proposed,
            recorded: self.recorded,
            to: self.to,
            differences: self.differences,
            environment: self.environment,
        }
    }

    fn notes(&self, modes: &[ModeShare]) -> Vec<String> {
        let mut notes = Vec::new();
        if self.kind == EnvironmentKind::Synthetic {
            notes.push("Synthetic data decides nothing: every answer is Hold, whatever is proposed.".to_owned());
        }
        if self.changes_nothing {
            notes.push("What is proposed decides exactly as what is in force now.".to_owned());
        }
        if let [first, rest @ ..] = modes {
            let names = rest.iter().fold(first.mode.name().to_owned(), |names, share| {
                let last = share.mode == modes[modes.len() - 1].mode;
                format!("{names}{}{}", if last { " and " } else { ", " }, share.mode.name())
            });
            notes.push(format!(
                "The mode at each evaluation is the one of its time ({names}): a backtest moves no mode, so an Increase \
                 that would have come earlier changes nothing after it."
            ));
        }
        if self.policy_changes > 0 {
            let times =
                if self.policy_changes == 1 { "once".to_owned() } else { format!("{} times", self.policy_changes) };
            notes.push(format!(
                "The policy was changed {times} in this stretch; what is proposed is taken as in force all the while."
            ));
        }
        if self.other_engine > 0 {
            notes.push(format!(
                "{} of the evaluations were made by another version of the engine: some differences may be its own.",
                why::thousands(self.other_engine)
            ));
        }
        if self.unjudged > 0 {
            notes.push(format!(
                "Not judged: {}. Their configuration was made while the backtest ran.",
                why::thousands(self.unjudged)
            ));
        }
        notes
    }
}

/// Whether an evaluation differs in the same way as the run before it.
fn goes_on(run: &Difference, mode: Mode, answers: (Recommendation, Recommendation)) -> bool {
    (run.mode, (run.recorded, run.proposed)) == (mode, answers)
}
