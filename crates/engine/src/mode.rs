//! Owns the four modes of growth, their order and their default limits.
//! Must not know what is measured or decided; a mode is only a name with a place in a row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How much a business has chosen to carry, from a first trial to full scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Lab,
    Pilot,
    Growth,
    Scale,
}

impl Mode {
    /// Every mode, lowest first.
    pub const ALL: [Mode; 4] = [Mode::Lab, Mode::Pilot, Mode::Growth, Mode::Scale];

    /// The mode's place in the row, 0 for lab to 3 for scale.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The mode above, or `None` in scale.
    pub fn next(self) -> Option<Mode> {
        Mode::ALL.get(self.index() + 1).copied()
    }

    /// The mode below, or `None` in lab.
    pub fn previous(self) -> Option<Mode> {
        self.index().checked_sub(1).map(|index| Mode::ALL[index])
    }

    /// The name as it is written on the wire and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Lab => "lab",
            Mode::Pilot => "pilot",
            Mode::Growth => "growth",
            Mode::Scale => "scale",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A word that names no mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no mode \"{0}\": use lab, pilot, growth or scale")]
pub struct UnknownMode(pub String);

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Mode::ALL.into_iter().find(|mode| mode.name() == text).ok_or_else(|| UnknownMode(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_form_one_row_with_two_ends() {
        assert_eq!(Mode::Lab.previous(), None);
        assert_eq!(Mode::Scale.next(), None);
        for pair in Mode::ALL.windows(2) {
            assert_eq!(pair[0].next(), Some(pair[1]));
            assert_eq!(pair[1].previous(), Some(pair[0]));
            assert!(pair[0] < pair[1]);
        }
    }

    #[test]
    fn a_mode_reads_back_from_its_name_and_from_nothing_else() {
        for mode in Mode::ALL {
            assert_eq!(mode.name().parse(), Ok(mode));
        }
        assert!("Lab".parse::<Mode>().is_err());
        assert!("".parse::<Mode>().is_err());
    }
}
