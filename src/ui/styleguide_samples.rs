//! Owns the states and lists that the styleguide shows: one environment in each state, one event of each type, and so on.
//! Clearly named examples, none a measurement. Must not draw anything.

use super::styleguide_snapshots::{Business, EXAMPLE, config, noon, put, settled, snapshot};
use crate::domain::breach::{Breach, BreachSet};
use crate::domain::decision::Recommendation;
use crate::domain::history::{Event, EventType, Head, NewEvent, link};
use crate::domain::input::{Input, InputState};
use crate::domain::mode::Mode;
use crate::domain::policy::{Config, EnvironmentKind};
use crate::domain::proposal::{self, Proposal};
use crate::domain::recent::{Previous, Recent};
use crate::domain::signal::{Series, Signal};
use crate::domain::snapshot::Snapshot;
use crate::domain::trend::{OverTime, Range, Spans};
use crate::views::overview::{ChecklistItem, Overview, PageData};
use chrono::Duration;

/// One environment in one state.
#[derive(Clone, Debug)]
pub struct Sample {
    pub config: Config,
    /// What it is called in the address of its place.
    pub name: &'static str,
    pub snapshot: Option<Snapshot>,
    pub title: &'static str,
}

impl Sample {
    fn of(name: &'static str, title: &'static str, config: Config, inputs: Vec<Input>, recent: Recent) -> Sample {
        let snapshot = Some(snapshot(&config, inputs, recent));
        Sample { config, name, snapshot, title }
    }

    pub fn overview(&self) -> Overview {
        Overview::of(&self.config, self.snapshot.as_ref(), None)
    }

    /// All that a page of this state would be given; without its lists.
    pub fn page(&self) -> PageData {
        let over_time = OverTime {
            charts: Vec::new(),
            from: noon(),
            points: Vec::new(),
            range: Range::Week,
            spans: Spans::default(),
            to: noon(),
        };
        PageData {
            base_url: String::new(),
            checklist: Vec::new(),
            clock: None,
            config: self.config.clone(),
            environments: Vec::new(),
            events: Vec::new(),
            events_next: None,
            head: 0,
            now: noon() + Duration::minutes(20),
            over_time,
            overview: self.overview(),
            snapshot: self.snapshot.clone(),
            snapshots: Vec::new(),
        }
    }
}

/// An environment in every state that the overview and the banners have.
pub fn states() -> Vec<Sample> {
    use EnvironmentKind::{Live, Recorded, Synthetic};
    let (well, pilot) = (Business::WELL, config(Live, Mode::Pilot));
    let churning = Business { at_risk: 5, ..well };
    let fits_below = Business { clients: 12, ..churning };
    let all = |state| with(well, |_| true, state);
    let stale = with(well, |signal| signal == Signal::ClientsAtRisk, InputState::Stale);
    let frozen = Config { frozen: true, ..pilot.clone() };
    let mut standing = BreachSet::EMPTY;
    standing.insert(Breach::ChurnRisk);
    let held = Recent {
        previous: Some(Previous { at: noon() - Duration::minutes(15), ruled: Recommendation::Freeze, standing }),
        recovered: BreachSet::EMPTY,
        ..settled()
    };
    let mut outdated = Sample::of(
        "outdated",
        "Changed since the answer",
        config(Live, Mode::Lab),
        Business { clients: 4, ..well }.inputs(),
        settled(),
    );
    let since = noon() + Duration::minutes(10);
    outdated.config = Config { last_mode_change_at: Some(since), policy_since: since, ..pilot.clone() };
    vec![
        Sample::of("increase", "Increase", pilot.clone(), well.inputs(), settled()),
        Sample::of("hold", "Hold", pilot.clone(), Business { clients: 9, ..well }.inputs(), settled()),
        Sample::of("decrease", "Decrease", config(Live, Mode::Growth), fits_below.inputs(), settled()),
        Sample::of("freeze", "Freeze", pilot.clone(), churning.inputs(), settled()),
        Sample { config: config(Live, Mode::Lab), name: "new", snapshot: None, title: "Nothing evaluated yet" },
        Sample::of("missing", "Nothing connected", pilot.clone(), all(InputState::Missing), settled()),
        Sample::of("stale", "Stale data", pilot.clone(), stale, settled()),
        Sample::of(
            "synthetic",
            "Synthetic data",
            config(Synthetic, Mode::Pilot),
            all(InputState::Synthetic),
            settled(),
        ),
        Sample::of("recorded", "Recorded data", config(Recorded, Mode::Pilot), well.inputs(), settled()),
        Sample::of("frozen", "Frozen by the founder", frozen, well.inputs(), settled()),
        Sample::of("held", "A held answer", pilot, well.inputs(), held),
        outdated,
    ]
}

/// The inputs of a business, some of them in another state.
fn with(business: Business, chosen: impl Fn(Signal) -> bool, state: InputState) -> Vec<Input> {
    let mut inputs = business.inputs();
    for input in inputs.iter_mut().filter(|input| chosen(input.signal)) {
        put(input, state);
    }
    inputs
}

/// A snapshot with an input in every state that one environment can hold.
pub fn mixed() -> Sample {
    let mut config = config(EnvironmentKind::Live, Mode::Pilot);
    config.policy.not_applicable.insert(Signal::PostsPublished);
    let mut inputs = Business::WELL.inputs();
    for input in &mut inputs {
        match input.signal {
            Signal::PostsPublished => put(input, InputState::NotApplicable),
            Signal::ClientsAtRisk => put(input, InputState::Contradictory),
            Signal::AiSpend => put(input, InputState::Partial),
            Signal::InfraCpu => put(input, InputState::Stale),
            Signal::InfraLatency => put(input, InputState::Missing),
            _ => {}
        }
    }
    Sample::of("mixed", "Much is not known", config, inputs, settled())
}

/// One event of each type, newest first, chained as a history is.
pub fn events() -> Vec<Event> {
    let mut head = Head::genesis(EXAMPLE);
    let mut events: Vec<Event> = EventType::ALL
        .into_iter()
        .zip(1_i32..)
        .map(|(event_type, hour)| {
            let mut event = NewEvent::new(event_type, "local", noon() + Duration::hours(hour.into()));
            match event_type {
                EventType::ModeChanged => (event.old_mode, event.new_mode) = (Some(Mode::Lab), Some(Mode::Pilot)),
                EventType::SnapshotRecorded | EventType::RecommendationChanged | EventType::ProposalOpened => {
                    event.actor = "scheduler".to_owned();
                    event.snapshot_id = Some("snapshot-example".to_owned());
                }
                _ => event.reason = Some("An example of a reason".to_owned()),
            }
            let event = link(&head, event);
            head = event.head();
            event
        })
        .collect();
    events.reverse();
    events
}

/// The proposal that auto-mode would open on an Increase.
pub fn proposal() -> Option<Proposal> {
    let answer = (Recommendation::Increase, Some(Mode::Growth));
    proposal::step(None, true, false, answer, "snapshot-example", noon(), Duration::hours(24)).open
}

/// The checklist with signals that are connected, stale, missing and not applicable.
pub fn checklist() -> Vec<ChecklistItem> {
    Series::ALL
        .into_iter()
        .map(|series| {
            let state = match series.signal() {
                Signal::ClientsAtRisk => InputState::Stale,
                Signal::AiSpend | Signal::InfraErrors => InputState::Missing,
                Signal::PostsPublished => InputState::NotApplicable,
                _ => InputState::Known,
            };
            let connected = !matches!(state, InputState::Missing | InputState::NotApplicable);
            let age = Duration::hours(if state == InputState::Stale { 40 } else { 0 });
            ChecklistItem {
                connected,
                data_through: connected.then(|| noon() - age),
                severity: series.severity(),
                signal: series.signal(),
                sources: if connected { vec!["invented".to_owned()] } else { Vec::new() },
                state,
                unit: series.signal().unit(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::history::verify;

    #[test]
    fn each_state_is_what_its_name_says() {
        use Recommendation::{Decrease, Freeze, Hold, Increase};
        let expected = [
            ("increase", Increase),
            ("hold", Hold),
            ("decrease", Decrease),
            ("freeze", Freeze),
            ("new", Hold),
            ("missing", Hold),
            ("stale", Hold),
            ("synthetic", Hold),
            ("recorded", Increase),
            ("frozen", Hold),
            ("held", Freeze),
            ("outdated", Hold),
        ];
        let states = states();
        let found: Vec<_> = states.iter().map(|state| (state.name, state.overview().recommendation)).collect();
        assert_eq!(found, expected);
        assert!(states.iter().filter(|state| state.overview().held).map(|state| state.name).eq(["held"]));
    }

    #[test]
    fn the_mixed_snapshot_has_every_state_of_an_input_but_the_invented() {
        let inputs = mixed().snapshot.unwrap().body.inputs;
        use InputState::*;
        for state in [Known, Partial, Stale, Missing, Contradictory, NotApplicable] {
            assert!(inputs.iter().any(|input| input.state == state), "{state:?}");
        }
    }

    #[test]
    fn the_events_are_a_whole_chain_of_every_type() {
        let mut events = events();
        events.reverse();
        assert!(verify(EXAMPLE, &mut events).is_ok());
        assert!(events.iter().map(|event| event.event_type).eq(EventType::ALL));
    }

    #[test]
    fn no_form_of_an_example_can_act_on_an_environment() {
        assert!(!crate::domain::policy::is_environment_name(EXAMPLE));
    }
}
