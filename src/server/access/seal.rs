//! Owns how secrets are sealed that must be stored and read again: XChaCha20-Poly1305 under a key that is not in the database. The key of
//! sessions is made from the same one. Must not know what is sealed, or where it is kept.

use crate::server::config::Settings;
use crate::server::key_file::{self, KeyFileError};
use crate::server::store::session_key::SessionKey;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// The form of what is sealed, its first byte: another form would have another.
const FORM: u8 = 1;
/// Bytes that tell one key from another, and say nothing of it.
const NAMED: usize = 8;
const NONCE: usize = 24;

/// Why the key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SealKeyError {
    #[error("the key of stored secrets cannot be used")]
    File(#[from] KeyFileError),
    #[error("there is no key of stored secrets at {}, which the settings name", .0.display())]
    Missing(PathBuf),
    #[error("{} holds no key: it takes 64 hexadecimal digits", .0.display())]
    NoKey(PathBuf),
    #[error("the operating system has no random bytes for a key: {0}")]
    NoRandom(getrandom::Error),
}

/// Why something cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("it was sealed with another key: every server on a store needs the same secrets_key_file")]
    OtherKey,
    #[error("it was altered, cut, or sealed for something else")]
    Damaged,
    #[error("the operating system has no random bytes")]
    NoRandom,
}

/// Seals secrets and opens them again.
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    name: [u8; NAMED],
    sessions: SessionKey,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Sealer(hidden, key {})", hex::encode(self.name))
    }
}

impl Sealer {
    fn new(key: &[u8; 32]) -> Sealer {
        let digest = Sha256::new().chain_update(b"scaling-mode seal").chain_update(key).finalize();
        let mut name = [0; NAMED];
        name.copy_from_slice(&digest[..NAMED]);
        let sessions = Sha256::new().chain_update(b"scaling-mode sessions").chain_update(key).finalize();
        let sessions = SessionKey::new(sessions.into(), &hex::encode(name));
        Sealer { cipher: XChaCha20Poly1305::new(&Key::from(*key)), name, sessions }
    }

    /// The key that sessions are sealed with.
    pub fn session_key(&self) -> SessionKey {
        self.sessions.clone()
    }

    fn read(text: &str, path: PathBuf) -> Result<Sealer, SealKeyError> {
        let mut key = [0; 32];
        hex::decode_to_slice(text, &mut key).map_err(|_| SealKeyError::NoKey(path))?;
        Ok(Sealer::new(&key))
    }

    /// The key of this server; `None` if none was made yet and no file is named.
    ///
    /// # Errors
    /// [`SealKeyError`], also if others can read it.
    pub fn find(settings: &Settings) -> Result<Option<Sealer>, SealKeyError> {
        let named = settings.secrets_key_file.clone();
        let path = named.clone().unwrap_or_else(|| default_file(settings));
        match key_file::read(&path, named.is_some())? {
            Some(text) => Sealer::read(&text, path).map(Some),
            None if named.is_some() => Err(SealKeyError::Missing(path)),
            None => Ok(None),
        }
    }

    /// The key of this server; it is made where none is there and no file is named.
    ///
    /// # Errors
    /// [`SealKeyError`], also where others can read it.
    pub fn load_or_make(settings: &Settings) -> Result<Sealer, SealKeyError> {
        if let Some(sealer) = Sealer::find(settings)? {
            return Ok(sealer);
        }
        let path = default_file(settings);
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(SealKeyError::NoRandom)?;
        key_file::write(&path, &hex::encode(key), false)?;
        // Not the one just made, where another process was first.
        let text = key_file::read(&path, false)?.ok_or_else(|| SealKeyError::Missing(path.clone()))?;
        Sealer::read(&text, path)
    }

    /// Seals a secret for one purpose; it opens for no other.
    ///
    /// # Errors
    /// [`SealError::NoRandom`].
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandom)?;
        let payload = Payload { aad: purpose.as_bytes(), msg: secret };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Damaged)?;
        Ok([&[FORM][..], &self.name, &nonce, &sealed].concat())
    }

    /// Opens what was sealed for this purpose.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (form, rest) = sealed.split_first().ok_or(SealError::Damaged)?;
        let (name, rest) = rest.split_first_chunk::<NAMED>().ok_or(SealError::Damaged)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or(SealError::Damaged)?;
        if *form != FORM {
            return Err(SealError::Damaged);
        }
        if *name != self.name {
            return Err(SealError::OtherKey);
        }
        let payload = Payload { aad: purpose.as_bytes(), msg: rest };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Damaged)
    }
}

/// Where the key is if the settings name no file.
fn default_file(settings: &Settings) -> PathBuf {
    settings.data_dir.join("keys").join("secrets.key")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::config::{Flags, ServeFlags};

    /// ASVS 11.3.3.
    #[test]
    fn what_is_sealed_opens_with_its_key_for_its_purpose_and_unaltered() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal("codes of 1", b"a secret").unwrap();
        assert_eq!(sealer.open("codes of 1", &sealed).unwrap(), b"a secret");
        assert_eq!(sealer.open("codes of 2", &sealed), Err(SealError::Damaged));
        assert_eq!(Sealer::new(&[8; 32]).open("codes of 1", &sealed), Err(SealError::OtherKey));
        assert_ne!(sealer.seal("codes of 1", b"a secret").unwrap(), sealed);
        assert!(!sealed.windows(8).any(|window| window == b"a secret"));
        for place in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[place] ^= 1;
            assert!(sealer.open("codes of 1", &altered).is_err(), "{place}");
            assert!(sealer.open("codes of 1", &sealed[..place]).is_err(), "{place}");
        }
    }

    #[test]
    fn the_key_is_made_once_and_a_named_one_is_never_made() {
        let folder = tempfile::tempdir().unwrap();
        let flags = Flags { data_dir: Some(folder.path().to_owned()), ..Flags::default() };
        let mut settings = Settings::read(&flags, &ServeFlags::default()).unwrap();
        let made = Sealer::load_or_make(&settings).unwrap();
        assert_eq!(Sealer::load_or_make(&settings).unwrap().name, made.name);
        settings.secrets_key_file = Some(folder.path().join("named"));
        assert!(matches!(Sealer::load_or_make(&settings), Err(SealKeyError::Missing(_))));
        std::fs::write(folder.path().join("named"), "no key\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(folder.path().join("named"), std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        assert!(matches!(Sealer::load_or_make(&settings), Err(SealKeyError::NoKey(_))));
    }
}
