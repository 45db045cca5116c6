//! Seals sessions with a key that is not in the database: without the key, a writer of the database can neither invent a session
//! nor alter one. Must not know where the key comes from.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The size of the blocks of SHA-256: a key of HMAC takes one.
const BLOCK: usize = 64;

/// The key that sessions are sealed with, and a name that tells it from other keys.
#[derive(Clone)]
pub struct SessionKey {
    block: [u8; BLOCK],
    name: String,
}

/// Says which key it is, and nothing of it.
impl std::fmt::Debug for SessionKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SessionKey(hidden, key {})", self.name)
    }
}

/// What a seal says of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sealed {
    /// The row does not match its seal, or the seal is none.
    Altered,
    /// Another key has made the seal: whether the row matches cannot be known.
    ByAnotherKey,
    Matches,
}

impl SessionKey {
    /// `name` is not empty, has no colon, and says nothing of the key.
    pub fn new(key: [u8; 32], name: &str) -> SessionKey {
        let mut block = [0; BLOCK];
        block[..key.len()].copy_from_slice(&key);
        SessionKey { block, name: name.to_owned() }
    }

    /// What a store without a key seals with. Its seals find damage, but anyone with this code can make them; no key accepts them.
    pub(super) const fn none() -> SessionKey {
        SessionKey { block: [0; BLOCK], name: String::new() }
    }

    /// Whether this is no key.
    pub(super) const fn is_none(&self) -> bool {
        self.name.is_empty()
    }

    /// The beginning of all seals that this key makes.
    pub(super) fn prefix(&self) -> String {
        format!("{}:", self.name)
    }

    fn mac(&self, row: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.block.into());
        mac.update(row.as_bytes());
        mac
    }

    pub(super) fn seal(&self, row: &str) -> String {
        self.prefix() + &hex::encode(self.mac(row).finalize().into_bytes())
    }

    pub(super) fn check(&self, row: &str, seal: &str) -> Sealed {
        let Some((name, sealed)) = seal.split_once(':') else { return Sealed::Altered };
        if name != self.name {
            return Sealed::ByAnotherKey;
        }
        match hex::decode(sealed) {
            Ok(sealed) if self.mac(row).verify_slice(&sealed).is_ok() => Sealed::Matches,
            _ => Sealed::Altered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_that_made_a_seal_accepts_it_and_only_for_its_row() {
        let (own, other) = (SessionKey::new([7; 32], "own"), SessionKey::new([8; 32], "other"));
        let seal = own.seal("a row");
        assert_eq!(own.check("a row", &seal), Sealed::Matches);
        assert_eq!(own.check("another row", &seal), Sealed::Altered);
        assert_eq!(other.check("a row", &seal), Sealed::ByAnotherKey);
        // The same name is not the same key.
        assert_eq!(SessionKey::new([8; 32], "own").check("a row", &seal), Sealed::Altered);
        for forged in ["", "own", "own:", "own:00", &SessionKey::none().seal("a row"), &seal.replace("own", "")] {
            assert_ne!(own.check("a row", forged), Sealed::Matches, "{forged}");
        }
        assert!(!format!("{own:?}").contains('7'));
    }
}
