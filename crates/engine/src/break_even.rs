//! Owns break-even: the nearest value of each input, below and above the one it has, at which the answer changes, and the
//! rules that flip there. Must not know how a scenario came about or how it is worded. Specification: docs/engine.md,
//! section 18 "What-if and break-even".

use super::decision::{Assessment, Recommendation, assess};
use super::facts::Facts;
use super::interval::{Interval, Outcome, settle};
use super::policy::Config;
use super::recent::Recent;
use super::rule::RuleId;
use super::scenario_input::{InputField, Standing};
use chrono::{DateTime, Utc};

/// Where an answer changes as one input moves away from its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The value, in the input's units.
    pub at: u64,
    /// The rules that come out differently there than at the place before it, those that make the answer first.
    pub rules: Vec<RuleId>,
    /// What the rules answer from there.
    pub to: Recommendation,
}

/// The turns of one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakEven {
    /// The input is not one exact value, so there is nothing to move.
    Open,
    NotApplicable,
    /// The nearest turns; `None` where the answer stays the same to the end of what is looked at.
    Known {
        above: Option<Turn>,
        below: Option<Turn>,
    },
}

/// All that an answer is made from.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    pub as_of: DateTime<Utc>,
    pub config: &'a Config,
    pub facts: &'a Facts,
    pub recent: &'a Recent,
}

impl Situation<'_> {
    /// What the engine makes of it with one input at another value.
    pub fn with(&self, field: InputField, units: u64) -> Assessment {
        let mut facts = *self.facts;
        field.set(&mut facts, units);
        assess(&facts, self.config, self.recent, self.as_of)
    }
}

/// The turns of `field`.
pub fn break_even(situation: Situation<'_>, field: InputField) -> BreakEven {
    let current = match field.standing(situation.facts) {
        Standing::NotApplicable => return BreakEven::NotApplicable,
        Standing::Open => return BreakEven::Open,
        Standing::Exact(units) => units,
    };
    let (least, most) = bounds(situation, field);
    let step = field.step();
    let start = Point::of(&situation.with(field, current));
    let search = |places: u64, at: &dyn Fn(u64) -> u64| {
        let line = Line { at, field, places, situation, start: &start };
        line.first().map(|place| line.turn(place))
    };
    // The grid's places above and below; a value between two of them has its neighbours on both sides.
    let floor = current / step;
    let ceiling = current.div_ceil(step);
    let above = search((most / step).saturating_sub(floor), &|place| match place {
        0 => current,
        place => (floor + place) * step,
    });
    let below = search(ceiling.saturating_sub(least.div_ceil(step)), &|place| match place {
        0 => current,
        place => (ceiling - place) * step,
    });
    BreakEven::Known { above, below }
}

/// The least and the greatest value that are looked at, in units: what the input can be beside the others, and four times
/// what the highest mode or the lines of the policy speak of.
pub fn bounds(situation: Situation<'_>, field: InputField) -> (u64, u64) {
    const RATIO: u64 = 1_000_000_000;
    let policy = &situation.config.policy;
    let scale = &policy.limits.scale;
    let facts = situation.facts;
    let clients = scale.max_clients.get().saturating_mul(4).clamp(1_000, MOST);
    match field {
        // As many clients as are at risk there are at least.
        InputField::Clients => (facts.at_risk.lo, clients),
        InputField::AtRisk => (0, facts.clients.hi.min(clients)),
        InputField::Warnings | InputField::Critical => {
            let line = policy.guardrails.max_warning_density * facts.clients.hi.min(clients) as f64;
            (0, (4.0 * line).clamp(1_000.0, MOST as f64) as u64)
        }
        InputField::Posts => (0, scale.max_posts_per_day.get().saturating_mul(4).min(MOST)),
        InputField::AiSpend => (0, scale.max_ai_spend_per_day.micros().saturating_mul(4).min(MOST * field.step())),
        InputField::Cpu | InputField::ErrorRate => (0, RATIO),
        InputField::Latency => (0, (4.0 * policy.scoring.latency_ms.bad).clamp(1_000.0, 1e7) as u64 * field.step()),
    }
}

/// No more places of a grid than this are looked at in one direction.
const MOST: u64 = 1 << 32;

/// What of an assessment the answer hangs on. Every part but the confidence moves one way only as one input rises.
struct Point {
    answer: Recommendation,
    confidence: Outcome,
    /// Every condition of an Increase but the confidence is met, so the confidence decides.
    hangs_on_confidence: bool,
    overall: Interval,
    /// The outcome of each rule that compares today's numbers, two bits each, and the lines that are clear.
    signature: (u64, u8),
}

impl Point {
    fn of(assessment: &Assessment) -> Point {
        let mut bits = 0u64;
        let mut others_hold = true;
        for result in &assessment.results {
            // Recovery follows from the others and from what came before.
            if !matches!(result.rule, RuleId::IncreaseConfidence | RuleId::Recovery) {
                bits = (bits << 2) | result.outcome as u64;
                others_hold &= !result.rule.is_increase_condition() || result.outcome == Outcome::Passed;
            }
        }
        Point {
            answer: assessment.ruled,
            confidence: assessment.result(RuleId::IncreaseConfidence).outcome,
            hangs_on_confidence: others_hold,
            overall: assessment.health.scores.overall,
            signature: (bits, assessment.clear.bits()),
        }
    }
}

/// The values that an input takes as it moves away from its own in one direction.
struct Line<'a> {
    /// The value at a place; 0 is the input's present value.
    at: &'a dyn Fn(u64) -> u64,
    field: InputField,
    places: u64,
    situation: Situation<'a>,
    start: &'a Point,
}

impl Line<'_> {
    fn assess(&self, place: u64) -> Assessment {
        self.situation.with(self.field, (self.at)(place))
    }

    /// The first place whose answer is another one. It looks near first: each stretch is twice as long as the one before.
    fn first(&self) -> Option<u64> {
        let mut near = (0, Point::of(&self.assess(0)));
        let mut length = 1;
        while near.0 < self.places {
            let place = (near.0 + length).min(self.places);
            let far = (place, Point::of(&self.assess(place)));
            if let Some(found) = self.first_between(&near, &far) {
                return Some(found);
            }
            near = far;
            length *= 2;
        }
        None
    }

    /// The first place after `near` and up to `far` whose answer is not that of the start; `near` has that of the start.
    fn first_between(&self, near: &(u64, Point), far: &(u64, Point)) -> Option<u64> {
        if self.nothing_moves(&near.1, &far.1) {
            return None;
        }
        if far.0 - near.0 == 1 {
            return (far.1.answer != self.start.answer).then_some(far.0);
        }
        let place = near.0 + (far.0 - near.0) / 2;
        let middle = (place, Point::of(&self.assess(place)));
        self.first_between(near, &middle).or_else(|| self.first_between(&middle, far))
    }

    /// Whether the answer is certainly the same all the way between two places. What moves one way only and is the same
    /// at both ends is the same between them. Confidence is the width of overall health, which may rise and fall again:
    /// it is enclosed by the ends, each of which moves one way only.
    fn nothing_moves(&self, one: &Point, two: &Point) -> bool {
        if one.signature != two.signature {
            return false;
        }
        if !one.hangs_on_confidence {
            return true;
        }
        let (lo, hi) = (one.overall.lo().max(two.overall.lo()), one.overall.hi().max(two.overall.hi()));
        let widest = hi - one.overall.lo().min(two.overall.lo());
        let narrowest = (one.overall.hi().min(two.overall.hi()) - lo).max(0.0);
        let needed = self.situation.config.policy.guardrails.min_confidence_for_change;
        let holds = |width: f64| settle(1.0 - width / 100.0) >= needed;
        one.confidence == two.confidence && holds(widest) == holds(narrowest)
    }

    fn turn(&self, place: u64) -> Turn {
        let (before, after) = (self.assess(place - 1), self.assess(place));
        let is_about_increase = before.ruled.max(after.ruled) == Recommendation::Hold;
        let mut rules: Vec<RuleId> = RuleId::ALL
            .into_iter()
            .filter(|rule| before.result(*rule).outcome != after.result(*rule).outcome)
            .collect();
        // Between Hold and Increase the conditions decide, otherwise the breaches; the rest only moves along.
        rules.sort_by_key(|rule| rule.is_increase_condition() != is_about_increase);
        Turn { at: (self.at)(place), rules, to: after.ruled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::Count;
    use crate::mode::Mode;
    use crate::policy::{EnvironmentKind, Policy};

    /// Pilot with 12 clients, all known, nothing wrong, and never evaluated before.
    fn pilot() -> (Config, Facts, Recent) {
        let config =
            Config::new("production", EnvironmentKind::Live, Mode::Pilot, Policy::default(), DateTime::UNIX_EPOCH);
        let mut facts = Facts { complete: true, ..Facts::UNKNOWN };
        for (field, text) in [
            (InputField::Clients, "12"),
            (InputField::AtRisk, "1"),
            (InputField::Warnings, "1"),
            (InputField::Critical, "0"),
            (InputField::Posts, "84"),
            (InputField::AiSpend, "21.40"),
            (InputField::Cpu, "0.355"),
            (InputField::Latency, "240"),
            (InputField::ErrorRate, "0.0006"),
        ] {
            field.set(&mut facts, field.parse(text).unwrap());
        }
        let recent = Recent::none(&config, 15);
        (config, facts, recent)
    }

    fn turns(
        config: &Config,
        facts: &Facts,
        recent: &Recent,
        field: InputField,
    ) -> [Option<(String, Recommendation, RuleId)>; 2] {
        let situation = Situation { as_of: DateTime::UNIX_EPOCH, config, facts, recent };
        let BreakEven::Known { above, below } = break_even(situation, field) else {
            panic!("{field:?} is known");
        };
        [below, above].map(|turn| turn.map(|turn| (field.text(turn.at), turn.to, turn.rules[0])))
    }

    #[test]
    fn each_input_turns_the_answer_at_its_line_and_not_before() {
        let (config, facts, recent) = pilot();
        let (freeze, none) = (Recommendation::Freeze, None);
        let at = |text: &str, rule| Some((text.to_owned(), freeze, rule));
        for (field, below, above) in [
            // One warning and one client at risk break nothing, however few clients there are.
            (InputField::Clients, none.clone(), at("16", RuleId::OverLimitClients)),
            (InputField::AtRisk, none.clone(), at("3", RuleId::GuardrailChurnRisk)),
            (InputField::Warnings, none.clone(), at("4", RuleId::GuardrailWarningDensity)),
            (InputField::Critical, none.clone(), at("3", RuleId::GuardrailWarningDensity)),
            (InputField::Posts, none.clone(), at("201", RuleId::OverLimitPosts)),
            (InputField::AiSpend, none.clone(), at("40.01", RuleId::GuardrailAiCostPressure)),
            (InputField::Cpu, none.clone(), at("0.776", RuleId::GuardrailInfraHealth)),
            (InputField::Latency, none.clone(), at("1151", RuleId::GuardrailInfraHealth)),
            (InputField::ErrorRate, none.clone(), at("0.0256", RuleId::GuardrailInfraHealth)),
        ] {
            assert_eq!(turns(&config, &facts, &recent, field), [below, above], "{field:?}");
        }
    }

    #[test]
    fn an_increase_at_hand_is_lost_at_each_condition() {
        let (config, facts, mut recent) = pilot();
        recent.stabilization.held = recent.stabilization.expected;
        recent.stabilization.last_three = true;
        let hold = Recommendation::Hold;
        let [below, above] = turns(&config, &facts, &recent, InputField::Clients);
        assert_eq!(below, Some(("11".to_owned(), hold, RuleId::IncreaseDemand)));
        // Over the limit with an Increase at hand is an Increase still.
        assert_eq!(above, None);
        let [_, above] = turns(&config, &facts, &recent, InputField::Posts);
        assert_eq!(above, Some(("141".to_owned(), hold, RuleId::IncreaseUtilisation)));
        let [_, above] = turns(&config, &facts, &recent, InputField::Critical);
        assert_eq!(above, Some(("1".to_owned(), hold, RuleId::IncreaseCriticalWarnings)));
    }

    #[test]
    fn what_is_not_one_value_or_does_not_apply_has_no_turn() {
        let (config, mut facts, recent) = pilot();
        facts.clients = Count { lo: 5, hi: 9 };
        facts.posts = None;
        let situation = Situation { as_of: DateTime::UNIX_EPOCH, config: &config, facts: &facts, recent: &recent };
        assert_eq!(break_even(situation, InputField::Clients), BreakEven::Open);
        assert_eq!(break_even(situation, InputField::Posts), BreakEven::NotApplicable);
    }
}
