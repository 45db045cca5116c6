//! Owns what the engine's tests share: plain pictures of a business as the inputs that `prepare` would make of them,
//! and generators of whole scenes. Must not know what the engine answers.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub mod completion;
pub mod picture;
pub mod scene;

use chrono::{DateTime, Utc};

/// A time from its text.
pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time in RFC 3339")
}

/// When all tests evaluate, unless they say otherwise: 2026-03-10T12:00:00Z. Not parsed, since property tests ask for it
/// so often that parsing took half of their time.
pub fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_773_144_000, 0).expect("in range")
}

/// A small reproducible source of numbers (splitmix64), for draws inside a case.
pub struct Draw(pub u64);

impl Draw {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// A number below `end`, which is above zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A number from `lo` to `hi`, both included.
    pub fn between(&mut self, lo: u64, hi: u64) -> u64 {
        match (hi - lo).checked_add(1) {
            Some(span) => lo + self.below(span),
            None => self.next(),
        }
    }

    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}
