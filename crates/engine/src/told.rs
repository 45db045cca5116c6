//! Owns which delta points were counted: each is known by its attributes, start and time, in any order and company.
//! Must not know what a point's count is added to.

use super::doubt::Doubt;
use chrono::{DateTime, Utc};

/// How many points are remembered of one set of attributes: an hour of them at one a minute.
pub const MOST_POINTS: usize = 64;

/// One delta point that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldPoint {
    pub at: DateTime<Utc>,
    /// A digest of its value: the same point with another value contradicts itself.
    pub check: u32,
    /// `None` if the source doesn't say.
    pub start: Option<DateTime<Utc>>,
}

/// The delta points of one set of attributes, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Points up to here may have been forgotten.
    pub forgotten: Option<DateTime<Utc>>,
    pub points: Vec<ToldPoint>,
}

impl Told {
    /// Whether a point is new.
    ///
    /// # Errors
    /// Why that isn't known.
    pub fn take(&mut self, point: ToldPoint) -> Result<bool, Doubt> {
        let same = |known: &&ToldPoint| (known.at, known.start) == (point.at, point.start);
        if let Some(known) = self.points.iter().rev().find(same) {
            return if known.check == point.check { Ok(false) } else { Err(Doubt::Contradicted) };
        }
        if self.forgotten.is_some_and(|forgotten| point.at <= forgotten) {
            return Err(Doubt::Forgotten);
        }
        let place = self.points.partition_point(|known| known.at <= point.at);
        self.points.insert(place, point);
        if self.points.len() > MOST_POINTS {
            let oldest = self.points.remove(0);
            self.forgotten = self.forgotten.max(Some(oldest.at));
        }
        Ok(true)
    }

    /// The time of the newest point.
    pub fn newest_at(&self) -> Option<DateTime<Utc>> {
        self.points.last().map(|point| point.at).or(self.forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(minute: i64, check: u32) -> ToldPoint {
        let at = |minute: i64| DateTime::from_timestamp(1_700_000_000 + 60 * minute, 0).unwrap();
        ToldPoint { at: at(minute), check, start: Some(at(minute - 1)) }
    }

    #[test]
    fn a_point_is_new_once_in_any_order() {
        let mut told = Told::default();
        for minute in [3, 1, 2] {
            assert_eq!(told.take(point(minute, 7)), Ok(true));
        }
        for minute in [2, 3, 1] {
            assert_eq!(told.take(point(minute, 7)), Ok(false));
        }
        assert_eq!(told.take(point(2, 8)), Err(Doubt::Contradicted));
        // Another start is another point.
        assert_eq!(told.take(ToldPoint { start: None, ..point(2, 7) }), Ok(true));
    }

    #[test]
    fn what_is_older_than_all_that_is_remembered_is_in_doubt() {
        let mut told = Told::default();
        for minute in 10..=10 + MOST_POINTS as i64 {
            assert_eq!(told.take(point(minute, 1)), Ok(true));
        }
        assert_eq!(told.points.len(), MOST_POINTS);
        assert_eq!(told.take(point(10, 1)), Err(Doubt::Forgotten));
        assert_eq!(told.take(point(9, 1)), Err(Doubt::Forgotten));
        assert_eq!(told.take(point(11, 1)), Ok(false));
    }
}
