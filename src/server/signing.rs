//! Owns signing and verifying heads with Ed25519, and the text of keys. Must not know where keys or heads are kept; a secret key never
//! shows.

pub mod heads;
pub mod keys;

use crate::domain::history::Head;
use crate::domain::signed_head::SignedHead;
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use std::fmt;

/// The half of a key that anybody may have: it verifies.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Why a signed head is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    #[error("it is no signed head of a form that this version knows, or does not agree with itself")]
    Form,
    #[error("it is signed with the key {0}, which is none of those that are trusted here")]
    OtherKey(String),
    #[error("its signature does not fit: it was altered, or never signed with this key")]
    Wrong,
}

/// Bytes written in exactly one way: small hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    (hex::encode(bytes) == text).then_some(bytes)
}

impl PublicKey {
    /// A key by its 64 hexadecimal digits; `None` where they are none of a key.
    pub fn read(text: &str) -> Option<PublicKey> {
        VerifyingKey::from_bytes(&bytes(text)?).ok().filter(|key| !key.is_weak()).map(PublicKey)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Verifies a signed head with the keys that are trusted.
///
/// # Errors
/// [`BadSignature`] says why it is not accepted.
pub fn verify(signed: &SignedHead, trusted: &[PublicKey]) -> Result<(), BadSignature> {
    if !signed.is_well_formed() {
        return Err(BadSignature::Form);
    }
    let key = trusted.iter().find(|key| key.to_string() == signed.public_key);
    let key = key.ok_or_else(|| BadSignature::OtherKey(signed.public_key.clone()))?;
    let signature = bytes(&signed.signature).ok_or(BadSignature::Wrong)?;
    // Strict: exactly one signature fits, and none of a key that would take any.
    key.0.verify_strict(&signed.message(), &Signature::from_bytes(&signature)).map_err(|_| BadSignature::Wrong)
}

/// The secret half of a key: it signs.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// A new key.
    ///
    /// # Errors
    /// Where the operating system has no random bytes.
    pub fn make() -> Result<SecretKey, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(SecretKey(SigningKey::from_bytes(&seed)))
    }

    /// A key by the 64 hexadecimal digits of its seed.
    pub fn read(text: &str) -> Option<SecretKey> {
        bytes(text).map(|seed| SecretKey(SigningKey::from_bytes(&seed)))
    }

    /// The text that [`SecretKey::read`] reads: for the file of the key and nothing else.
    fn reveal(&self) -> String {
        hex::encode(self.0.as_bytes())
    }

    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs where chains end now; `bundle` is the digest of what is exported with it.
    pub fn sign(&self, heads: Vec<Head>, bundle: Option<String>, now: DateTime<Utc>) -> SignedHead {
        let mut signed = SignedHead::unsigned(heads, bundle, self.public().to_string(), now);
        signed.signature = hex::encode(self.0.sign(&signed.message()).to_bytes());
        signed
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretKey(hidden, public {})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

    fn signed(key: &SecretKey) -> SignedHead {
        let head = Head { environment: "production".into(), hash: "ab".repeat(32), seq: 7 };
        key.sign(vec![head], None, "2026-11-24T05:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_key_is_that_of_the_standards_first_example() {
        // RFC 8032, 7.1, test 1.
        let key = SecretKey::read(SEED).unwrap();
        assert_eq!(key.public().to_string(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert!(!format!("{key:?}").contains(SEED) && SecretKey::read(&SEED.to_uppercase()).is_none());
    }

    #[test]
    fn what_was_altered_or_signed_by_another_is_not_accepted() {
        let key = SecretKey::read(SEED).unwrap();
        let trusted = [key.public()];
        let whole = signed(&key);
        assert_eq!(verify(&whole, &trusted), Ok(()));
        let other = SecretKey::make().unwrap();
        assert!(matches!(verify(&signed(&other), &trusted), Err(BadSignature::OtherKey(_))));
        // Another's signature under the trusted key's name.
        let posing = SignedHead { public_key: key.public().to_string(), ..signed(&other) };
        assert_eq!(verify(&posing, &trusted), Err(BadSignature::Wrong));
        let later = SignedHead { signed_at: whole.signed_at + chrono::Duration::milliseconds(1), ..whole.clone() };
        assert_eq!(verify(&later, &trusted), Err(BadSignature::Wrong));
        let bundled = SignedHead { bundle: Some("cd".repeat(32)), ..whole.clone() };
        assert_eq!(verify(&bundled, &trusted), Err(BadSignature::Wrong));
        let upper = SignedHead { signature: whole.signature.to_uppercase(), ..whole.clone() };
        assert_eq!(verify(&upper, &trusted), Err(BadSignature::Wrong));
        let mut moved = whole.clone();
        moved.heads[0].seq = 8;
        assert_eq!(verify(&moved, &trusted), Err(BadSignature::Form));
        moved.store_head = crate::domain::history::store_head(&moved.heads);
        assert_eq!(verify(&moved, &trusted), Err(BadSignature::Wrong));
    }
}
