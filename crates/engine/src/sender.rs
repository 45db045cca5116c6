//! Owns who sends telemetry, and for which sources they speak. Must not know how they have proved who they are.

/// How many sources senders may name in an environment if the settings do not say.
pub const MOST_SOURCES: u32 = 500;

/// The sender that speaks for a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Speaker {
    /// A system that this server asks, or the server itself: a founder chose it, so that it counts against no limit.
    Asked,
    /// A founder in person, or a person at the command line.
    #[default]
    Person,
    /// A script with a token. Bound to sources it speaks for these only; `sources` is empty if it's bound to none.
    Token { id: i64, sources: Vec<String> },
}

/// A sender, with the limit on new sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// How many sources senders may name in the environment.
    pub most_sources: u32,
    pub speaker: Speaker,
}

impl Default for Sender {
    fn default() -> Sender {
        Sender::person(MOST_SOURCES)
    }
}

impl Sender {
    /// The server itself, and what it asks.
    pub fn asked() -> Sender {
        Sender { most_sources: MOST_SOURCES, speaker: Speaker::Asked }
    }

    /// A founder in person, or a person at the command line.
    pub fn person(most_sources: u32) -> Sender {
        Sender { most_sources, speaker: Speaker::Person }
    }

    /// How many sources one token may name if others name so many: half of what these leave, rounded up, so that the next token finds room.
    pub fn most_of_token(&self, others: u32) -> u32 {
        self.most_sources.saturating_sub(others).div_ceil(2)
    }

    /// Whether they may send as a source at all: a token that is bound to sources speaks for no other.
    pub fn speaks_for(&self, source: &str) -> bool {
        match &self.speaker {
            Speaker::Token { sources, .. } => sources.is_empty() || sources.iter().any(|own| own == source),
            Speaker::Asked | Speaker::Person => true,
        }
    }

    /// Whether a founder has bound them to this source by name.
    pub fn is_bound_to(&self, source: &str) -> bool {
        matches!(&self.speaker, Speaker::Token { sources, .. } if sources.iter().any(|own| own == source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(sources: &[&str]) -> Sender {
        let sources = sources.iter().map(|&name| name.to_owned()).collect();
        Sender { speaker: Speaker::Token { id: 1, sources }, ..Sender::default() }
    }

    #[test]
    fn one_token_names_half_of_what_the_others_leave() {
        let sender = Sender::person(500);
        for (others, most) in [(0, 250), (250, 125), (375, 63), (499, 1), (500, 0), (900, 0)] {
            assert_eq!(sender.most_of_token(others), most, "{others}");
        }
        assert_eq!(Sender::person(1).most_of_token(0), 1);
    }

    #[test]
    fn a_bound_token_speaks_for_its_sources_and_any_other_for_all() {
        assert!(token(&["billing"]).speaks_for("billing") && !token(&["billing"]).speaks_for("shop"));
        assert!(token(&[]).speaks_for("shop") && !token(&[]).is_bound_to("shop"));
        assert!(token(&["billing"]).is_bound_to("billing") && !Sender::default().is_bound_to("billing"));
    }
}
