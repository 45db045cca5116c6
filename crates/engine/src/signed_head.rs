//! Owns what a signed head says of a store, and the exact bytes that its signature covers. Must not know keys, or how anything is signed.

use super::canonical;
use super::history::{Head, store_head};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The one form that there is. It is also written before the signed bytes, so that no signature made for something else fits.
pub const FORMAT: &str = "scaling-mode signed head 1";

/// Where every chain of a store ended at a time, signed. Fields are in alphabetical order: this is the canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// Of one that ends a bundle: SHA-256 of every byte of the bundle before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    pub format: String,
    /// By environment, ascending.
    pub heads: Vec<Head>,
    /// The key that it is signed with, in hexadecimal digits.
    pub public_key: String,
    /// In hexadecimal digits, small letters; left out of what is signed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signature: String,
    pub signed_at: DateTime<Utc>,
    /// The head of all of `heads`.
    pub store_head: String,
}

impl SignedHead {
    /// One that is not signed yet.
    pub fn unsigned(
        mut heads: Vec<Head>,
        bundle: Option<String>,
        public_key: String,
        now: DateTime<Utc>,
    ) -> SignedHead {
        heads.sort_by(|one, other| one.environment.cmp(&other.environment));
        SignedHead {
            bundle,
            format: FORMAT.to_owned(),
            store_head: store_head(&heads),
            heads,
            public_key,
            signature: String::new(),
            signed_at: now,
        }
    }

    /// The bytes that the signature is over.
    pub fn message(&self) -> Vec<u8> {
        let mut bytes = format!("{FORMAT}\n").into_bytes();
        canonical::write(&SignedHead { signature: String::new(), ..self.clone() }, &mut bytes);
        bytes
    }

    /// Whether it is of a form that is known, and agrees with itself.
    pub fn is_well_formed(&self) -> bool {
        self.format == FORMAT
            && self.heads.is_sorted_by(|one, other| one.environment < other.environment)
            && self.store_head == store_head(&self.heads)
    }
}

/// What signed heads say of one place in a chain: the hash there, and when it was first signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub hash: String,
    pub signed_at: DateTime<Utc>,
}

/// The places that signed heads name, by environment and sequence number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(BTreeMap<String, BTreeMap<u64, Place>>);

/// Two signed heads that cannot be of one history.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{environment}: event {seq} was signed with one hash at {first} and with another at {second}: the history was rewritten in between"
)]
pub struct Disagreement {
    pub environment: String,
    pub first: DateTime<Utc>,
    pub second: DateTime<Utc>,
    pub seq: u64,
}

impl Places {
    /// Adds what one says; its signature must have been verified.
    ///
    /// # Errors
    /// [`Disagreement`] where another one says otherwise of a place.
    pub fn add(&mut self, signed: &SignedHead) -> Result<(), Disagreement> {
        for head in signed.heads.iter().filter(|head| head.seq > 0) {
            let place = Place { hash: head.hash.clone(), signed_at: signed.signed_at };
            let known = self.0.entry(head.environment.clone()).or_default().entry(head.seq).or_insert(place);
            if known.hash != head.hash {
                return Err(Disagreement {
                    environment: head.environment.clone(),
                    first: known.signed_at,
                    second: signed.signed_at,
                    seq: head.seq,
                });
            }
        }
        Ok(())
    }

    /// The places in the chain of one environment, ascending.
    pub fn of(&self, environment: &str) -> impl Iterator<Item = (u64, &Place)> {
        self.0.get(environment).into_iter().flatten().map(|(seq, place)| (*seq, place))
    }

    /// How many places are named.
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The environments that are named.
    pub fn environments(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(hash: &str, hour: u32) -> SignedHead {
        let at = format!("2026-11-24T{hour:02}:00:00Z").parse().unwrap();
        let head = |environment: &str, seq| Head { environment: environment.into(), hash: hash.into(), seq };
        SignedHead::unsigned(vec![head("production", 7), head("demo", 0)], None, "key".into(), at)
    }

    #[test]
    fn what_is_signed_is_canonical_and_set_apart_from_all_else() {
        let message = String::from_utf8(signed("aa", 1).message()).unwrap();
        let body = message.strip_prefix("scaling-mode signed head 1\n").unwrap();
        assert!(canonical::keys_ascend(&serde_json::from_str(body).unwrap(), body), "{body}");
        assert!(!body.contains("signature\""), "{body}");
    }

    #[test]
    fn heads_out_of_order_twice_or_with_another_sum_are_not_well_formed() {
        let whole = signed("aa", 1);
        assert!(whole.is_well_formed());
        let mut other = whole.clone();
        other.heads.reverse();
        assert!(!other.is_well_formed());
        other = whole.clone();
        other.heads[0].seq += 1;
        assert!(!other.is_well_formed());
        other = whole.clone();
        other.heads.push(whole.heads[1].clone());
        other.store_head = store_head(&other.heads);
        assert!(!other.is_well_formed());
    }

    #[test]
    fn two_hashes_for_one_place_are_a_disagreement() {
        let mut places = Places::default();
        places.add(&signed("aa", 1)).unwrap();
        places.add(&signed("aa", 2)).unwrap();
        assert_eq!(places.of("production").count(), 1);
        assert_eq!(places.of("demo").count(), 0);
        assert_eq!(places.add(&signed("bb", 3)).unwrap_err().seq, 7);
    }
}
