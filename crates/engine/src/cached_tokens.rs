//! Owns what input tokens cost of which some were read from a cache: each token is priced once. Must not know how tokens are
//! counted.
//!
//! OpenTelemetry's conventions count cached tokens among the input tokens; some instrumentations count them beside those.
//! A part is never more than the whole, so that more cached than input tokens are counted beside them.

use super::decimal::Decimal;

/// The input tokens of one model that were counted at one time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct InputTokens {
    cached: u64,
    cached_each: Decimal,
    each: Decimal,
    input: u64,
}

impl InputTokens {
    /// Adds tokens that went in, at a price of US dollars for one.
    pub fn add_input(&mut self, count: u64, each: Decimal) {
        self.input = self.input.saturating_add(count);
        self.each = each;
    }

    /// Adds tokens that were read from a cache.
    pub fn add_cached(&mut self, count: u64, each: Decimal) {
        self.cached = self.cached.saturating_add(count);
        self.cached_each = each;
    }

    /// US dollars for all of them, or `None` past the largest amount that fits.
    pub fn cost(&self) -> Option<Decimal> {
        let uncached = self.input.checked_sub(self.cached).unwrap_or(self.input);
        self.each.times(uncached)?.checked_add(self.cached_each.times(self.cached)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_is_priced_once() {
        let usd = |text: &str| Decimal::parse(text).unwrap();
        for (input, cached, cost) in [
            // Ten of eleven million came from the cache.
            (11_000_000, 10_000_000, "2"),
            (11_000_000, 11_000_000, "1.1"),
            (11_000_000, 0, "11"),
            (0, 0, "0"),
            // Counted beside the input.
            (1_000_000, 10_000_000, "2"),
            (0, 10_000_000, "1"),
        ] {
            let mut tokens = InputTokens::default();
            tokens.add_cached(cached, usd("0.0000001"));
            tokens.add_input(input, usd("0.000001"));
            assert_eq!(tokens.cost(), Some(usd(cost)), "{input} {cached}");
        }
    }
}
