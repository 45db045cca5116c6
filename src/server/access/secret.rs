//! Owns the secrets that open doors: sessions, tokens, links. They are 256 bits of chance; what is stored is their hash. Must not know
//! what a door leads to.

use sha2::{Digest, Sha256};

/// How every API token begins, so that one that was lost is known when it is seen.
pub const TOKEN_PREFIX: &str = "sm_";
/// Characters of a token that are kept to tell it from others.
const SHOWN: usize = TOKEN_PREFIX.len() + 8;

/// A secret that was just made, shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct Fresh {
    /// What whoever holds it sends.
    pub secret: String,
    /// What is stored.
    pub hash: String,
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Fresh(redacted)")
    }
}

/// Makes a secret.
///
/// # Errors
/// Where the system gives no random numbers: then nothing may be made.
pub fn fresh() -> Result<Fresh, getrandom::Error> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)?;
    let secret = hex::encode(bytes);
    Ok(Fresh { hash: hash(&secret), secret })
}

/// Makes an API token: its prefix tells what it is, and which one.
///
/// # Errors
/// As [`fresh`].
pub fn fresh_token() -> Result<Fresh, getrandom::Error> {
    let made = fresh()?;
    let secret = format!("{TOKEN_PREFIX}{}", made.secret);
    Ok(Fresh { hash: hash(&secret), secret })
}

/// The beginning of a token that may be shown.
pub fn shown(token: &str) -> String {
    token.chars().take(SHOWN).collect()
}

/// What is stored of a secret. It needs no slow hash: 256 bits of chance are not guessed. As it is looked up by its hash, no comparison
/// of secrets tells by its time how much was right.
pub fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 7.2.2, 7.2.3, 11.5.1.
    #[test]
    fn each_is_new_and_only_its_hash_leads_back() {
        let (one, other) = (fresh().unwrap(), fresh().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.secret.len(), 64);
        assert_eq!(hash(&one.secret), one.hash);
        assert!(!format!("{one:?}").contains(&one.secret));
    }

    #[test]
    fn of_a_token_only_its_beginning_is_shown() {
        let token = fresh_token().unwrap();
        assert!(token.secret.starts_with(&shown(&token.secret)));
        assert_eq!(shown(&token.secret).len(), SHOWN);
        assert_eq!(hash(&token.secret), token.hash);
    }
}
