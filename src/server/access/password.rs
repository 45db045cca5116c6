//! Owns passwords: which may be chosen, and how one is hashed and checked (argon2id, parameters as OWASP's cheat sheet on password
//! storage has them: 19 MiB, 2 passes, 1 lane). Must not know whose they are.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

/// The fewest and the most characters of a password. The most is there only so that nobody has megabytes hashed.
pub const SHORTEST: usize = 8;
pub const LONGEST: usize = 256;

/// A password that is found within so many guesses is a common one: those lists are of some millions.
const COMMON: u64 = 1_000_000;

/// Words that are not among the common ones and are guessed all the same: what this program is called and speaks of.
const OURS: [&str; 8] =
    ["scaling", "scaling mode", "scaling-mode", "founder", "operator", "viewer", "investor", "production"];

/// Hashes at the same time: each takes 19 MiB and a core for some hundredths of a second, and the page must stay quick.
const AT_ONCE: usize = 1;

/// A password in normal form C: keyboards write the same character as one code point or as several (NIST SP 800-63B, 3.1.1.2; RFC 8265).
fn composed(password: &str) -> String {
    password.nfc().collect()
}

/// Why a password cannot be chosen, as a sentence's end.
///
/// # Errors
/// What is wrong with it.
pub fn check(password: &str, about: &[&str]) -> Result<(), String> {
    let password = composed(password);
    let password = password.as_str();
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(format!("must have at least {SHORTEST} characters"));
    }
    if length > LONGEST {
        return Err(format!("must have at most {LONGEST} characters"));
    }
    // What it is made of is nobody's business; only that it is not among the first that anybody would try.
    let known: Vec<&str> = about.iter().chain(&OURS).copied().collect();
    if zxcvbn::zxcvbn(password, &known).guesses() < COMMON {
        return Err("is among the first that would be guessed; three or four words that have nothing to do with each other are a good one"
            .to_owned());
    }
    Ok(())
}

/// Hashes and checks passwords, never many at once.
#[derive(Clone, Debug)]
pub struct Hasher(Arc<Semaphore>);

impl Default for Hasher {
    fn default() -> Hasher {
        Hasher(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// A password could not be hashed: the memory for it was not there, or no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("a password could not be hashed: {0}")]
pub struct HashError(String);

impl Hasher {
    /// The hash of a password, as a PHC string.
    ///
    /// # Errors
    /// [`HashError`] for the log.
    pub async fn hash(&self, password: String) -> Result<String, HashError> {
        let password = composed(&password);
        let _permit = self.0.acquire().await;
        tokio::task::spawn_blocking(move || hash(&password)).await.map_err(|error| HashError(error.to_string()))?
    }

    /// Whether it is the password of this hash, in normal form C or as it was typed: hashes from before passwords were normalised stay
    /// good. Where there is none it takes as long all the same, so that nobody learns from the time whether a person exists.
    pub async fn is_right(&self, password: String, stored: Option<String>) -> bool {
        let composed = composed(&password);
        if composed.chars().count() > LONGEST {
            return false;
        }
        let forms = if composed == password { vec![composed] } else { vec![composed, password] };
        let _permit = self.0.acquire().await;
        let checked = tokio::task::spawn_blocking(move || {
            let against = stored.as_deref().unwrap_or_else(|| nobodys());
            let is_one = forms.iter().any(|form| Argon2::default().verify_password(form.as_bytes(), against).is_ok());
            is_one && stored.is_some()
        });
        checked.await.unwrap_or(false)
    }
}

fn hash(password: &str) -> Result<String, HashError> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|error| HashError(error.to_string()))?;
    Ok(hash.to_string())
}

/// The hash of a password that nobody has.
fn nobodys() -> &'static str {
    static NOBODYS: OnceLock<String> = OnceLock::new();
    NOBODYS.get_or_init(|| hash("nobody").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 6.1.2, 6.2.1, 6.2.4, 6.2.5, 6.2.9, 6.2.11.
    #[test]
    fn a_password_is_long_enough_and_not_common_and_of_anything() {
        for wrong in [
            "short",
            "password",
            "password1",
            "12345678",
            "qwertyuiop",
            "iloveyou123",
            "annaanna",
            "scaling-mode1",
            "founder2026",
        ] {
            assert!(check(wrong, &["anna@example.com", "Anna"]).is_err(), "{wrong}");
        }
        for right in [
            "correct horse battery staple",
            "zebra lamp quietly",
            "äöü ßçñ øåæ kettle",
            "4829164739018264",
            "seven quiet lanterns drift above the harbour while otters count pebbles",
        ] {
            assert_eq!(check(right, &["anna@example.com"]), Ok(()), "{right}");
        }
        assert!(check(&"x".repeat(300), &[]).is_err());
    }

    #[tokio::test]
    async fn a_password_is_the_same_however_its_characters_are_composed() {
        let (composed, parted) =
            ("Übergrößenträger-café-naïve", "U\u{308}bergro\u{308}ßentra\u{308}ger-cafe\u{301}-nai\u{308}ve");
        let hasher = Hasher::default();
        for chosen in [composed, parted] {
            let stored = hasher.hash(chosen.to_owned()).await.unwrap();
            for typed in [composed, parted] {
                assert!(hasher.is_right(typed.to_owned(), Some(stored.clone())).await, "{chosen:?}, {typed:?}");
            }
            assert!(!hasher.is_right(composed.replace('é', "e"), Some(stored)).await);
        }
        // What was hashed as it was typed, before passwords were normalised.
        let before = super::hash(parted).unwrap();
        assert!(hasher.is_right(parted.to_owned(), Some(before)).await);
        assert!(check("a\u{301}b\u{301}c\u{301}d\u{301}", &[]).unwrap_err().contains("at least 8"), "four characters");
        // Form C joins no two passwords that are typed differently: a ligature is not its letters.
        let stored = hasher.hash("ﬁne lamp quietly".to_owned()).await.unwrap();
        assert!(!hasher.is_right("fine lamp quietly".to_owned(), Some(stored)).await);
    }

    /// ASVS 6.2.8, 11.4.2.
    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let hasher = Hasher::default();
        let stored = hasher.hash("zebra lamp quietly".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(hasher.is_right("zebra lamp quietly".to_owned(), Some(stored.clone())).await);
        assert!(!hasher.is_right("zebra lamp quiet".to_owned(), Some(stored.clone())).await);
        assert!(!hasher.is_right("nobody".to_owned(), None).await);
        assert_ne!(hasher.hash("zebra lamp quietly".to_owned()).await.unwrap(), stored);
    }
}
