//! Owns prices of AI models: what a token costs, since when, in which version of the table. A model that is not in the
//! table has no price, which is said by its name and never taken for free. Must not know who used the model.

use super::counting::Price;
use super::decimal::Decimal;
use super::mapping::Pattern;
use chrono::{DateTime, Utc};

/// How many tokens a price is stated for.
const STATED_FOR: u64 = 1_000_000;

/// What a model costs from a time on.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelPrice {
    /// Cached tokens are counted beside the input tokens, and not among them as the conventions have it.
    pub cached_beside_input: bool,
    /// US dollars for a million tokens that were read from a cache, where they have a price of their own.
    pub cached_input_per_million: Option<Decimal>,
    pub from: DateTime<Utc>,
    /// US dollars for a million tokens that went in.
    pub input_per_million: Decimal,
    /// The model's name, or several by `*`.
    pub model: Pattern,
    /// US dollars for a million tokens that came out.
    pub output_per_million: Decimal,
    /// Only where the model is bought from this provider.
    pub provider: Option<Pattern>,
}

/// All prices, in the order in which they are tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PriceTable {
    pub prices: Vec<ModelPrice>,
    /// The founder's name for this state of the table.
    pub version: Option<String>,
}

/// What kind of token was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    CachedInput,
    Input,
    Output,
}

impl TokenKind {
    /// As the conventions for generative AI name them (`gen_ai.token.type`).
    pub fn from_name(name: &str) -> Option<TokenKind> {
        match name {
            "input" | "prompt" => Some(TokenKind::Input),
            "output" | "completion" => Some(TokenKind::Output),
            "input_cached" | "cached_input" | "cached" | "cache_read" | "cache_read_input" | "input_cache_read" => {
                Some(TokenKind::CachedInput)
            }
            _ => None,
        }
    }
}

impl PriceTable {
    /// What one token costs at a time; of several prices the one that began last.
    pub fn of(&self, provider: &str, model: &str, kind: TokenKind, at: DateTime<Utc>) -> Price {
        let newest = self
            .prices
            .iter()
            .filter(|price| price.from <= at && price.model.matches(model))
            .filter(|price| price.provider.as_ref().is_none_or(|own| own.matches(provider)))
            .max_by_key(|price| price.from);
        let each = newest.and_then(|price| match kind {
            TokenKind::Input => Some(price.input_per_million),
            TokenKind::Output => Some(price.output_per_million),
            TokenKind::CachedInput => price.cached_input_per_million,
        });
        let is_among =
            newest.is_some_and(|price| !price.cached_beside_input && price.cached_input_per_million.is_some());
        let model_of = || format!("{provider} {model}");
        match each.and_then(|million| million.divided_by(STATED_FOR)) {
            Some(each) if is_among && kind == TokenKind::Input => Price::Input { each, model: model_of() },
            Some(each) if is_among && kind == TokenKind::CachedInput => Price::CachedInput { each, model: model_of() },
            Some(each) => Price::Usd(each),
            None if kind == TokenKind::CachedInput && newest.is_some() => {
                Price::Unknown(format!("{model} (cached input)"))
            }
            None => Price::Unknown(model.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    fn price(model: &str, from: &str, input: &str) -> ModelPrice {
        ModelPrice {
            cached_beside_input: false,
            cached_input_per_million: None,
            from: from.parse().unwrap(),
            input_per_million: usd(input),
            model: Pattern::new(model),
            output_per_million: usd("10"),
            provider: None,
        }
    }

    #[test]
    fn a_price_holds_from_its_day_and_a_model_without_one_is_named() {
        let table = PriceTable {
            prices: vec![
                price("large-*", "2026-01-01T00:00:00Z", "2.5"),
                price("large-*", "2026-06-01T00:00:00Z", "2"),
            ],
            version: None,
        };
        let of = |model: &str, at: &str| table.of("any", model, TokenKind::Input, at.parse().unwrap());
        assert_eq!(of("large-2", "2026-05-31T23:59:59Z"), Price::Usd(usd("0.0000025")));
        assert_eq!(of("large-2", "2026-06-01T00:00:00Z"), Price::Usd(usd("0.000002")));
        assert_eq!(of("large-2", "2025-12-31T00:00:00Z"), Price::Unknown("large-2".to_owned()));
        assert_eq!(of("small", "2026-07-01T00:00:00Z"), Price::Unknown("small".to_owned()));
        let cached = table.of("any", "large-2", TokenKind::CachedInput, "2026-07-01T00:00:00Z".parse().unwrap());
        assert_eq!(cached, Price::Unknown("large-2 (cached input)".to_owned()));
    }
}
