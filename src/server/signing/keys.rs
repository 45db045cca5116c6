//! Owns the files of keys: the secret one, which nobody else may read and which lies outside the database, and the list of public ones,
//! in which old keys stay so that what they signed still verifies. Must not know what is signed.

use super::{PublicKey, SecretKey};
use crate::server::config::Settings;
use crate::server::key_file::{self, KeyFileError};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a key cannot be used, with what mends it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the signing key {} can be read by others, who could sign a false history with it: chmod 600 {}", .0.display(), .0.display())]
    Exposed(PathBuf),
    #[error("there is no signing key at {}: the first start of the server makes one, and so does scaling-mode key --new", .0.display())]
    Missing(PathBuf),
    #[error("{} holds no key: it takes 64 hexadecimal digits in small letters", .0.display())]
    NoKey(PathBuf),
    #[error("the operating system has no random bytes for a key: {0}")]
    NoRandom(getrandom::Error),
    #[error("the file {} cannot be used", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl From<KeyFileError> for KeyError {
    fn from(error: KeyFileError) -> KeyError {
        match error {
            KeyFileError::Exposed(path) => KeyError::Exposed(path),
            KeyFileError::File { path, source } => KeyError::File { path, source },
        }
    }
}

fn of_file(path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::File { path, source }
}

fn folder(settings: &Settings) -> PathBuf {
    settings.data_dir.join("keys")
}

/// Where the secret key is.
fn secret_file(settings: &Settings) -> PathBuf {
    settings.signing_key_file.clone().unwrap_or_else(|| folder(settings).join("history.key"))
}

/// Where the public keys are listed, one a line, the newest last.
pub fn public_file(settings: &Settings) -> PathBuf {
    folder(settings).join("history.pub")
}

/// The key that this server signs with; it is made where none is there and no file is named.
///
/// # Errors
/// [`KeyError`], also where others can read it.
pub fn load_or_make(settings: &Settings) -> Result<SecretKey, KeyError> {
    match load(settings) {
        Err(KeyError::Missing(path)) if settings.signing_key_file.is_none() => {
            key_file::write(&path, &SecretKey::make().map_err(KeyError::NoRandom)?.reveal(), false)?;
            // Not the one just made, where another process was first.
            load(settings)
        }
        loaded => loaded,
    }
}

/// The key that this server signs with.
///
/// # Errors
/// [`KeyError`], also where others can read it.
pub fn load(settings: &Settings) -> Result<SecretKey, KeyError> {
    let path = secret_file(settings);
    let Some(text) = key_file::read(&path, settings.signing_key_file.is_some())? else {
        return Err(KeyError::Missing(path));
    };
    let key = SecretKey::read(&text).ok_or(KeyError::NoKey(path))?;
    list(settings, &key.public())?;
    Ok(key)
}

/// Replaces the key by a new one; the public half of the old one stays listed.
///
/// # Errors
/// [`KeyError`]; the old key stays in place then.
pub fn rotate(settings: &Settings) -> Result<SecretKey, KeyError> {
    match load(settings) {
        Ok(_) | Err(KeyError::Missing(_)) => {}
        Err(error) => return Err(error),
    }
    let key = SecretKey::make().map_err(KeyError::NoRandom)?;
    list(settings, &key.public())?;
    key_file::write(&secret_file(settings), &key.reveal(), true)?;
    Ok(key)
}

/// The public keys in a file.
///
/// # Errors
/// [`KeyError`] where a line is no key, or there is none.
pub fn read_public(path: &Path) -> Result<Vec<PublicKey>, KeyError> {
    let text = fs::read_to_string(path).map_err(of_file(path))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Option<Vec<PublicKey>> = lines.map(PublicKey::read).collect();
    keys.filter(|keys| !keys.is_empty()).ok_or_else(|| KeyError::NoKey(path.to_owned()))
}

/// Adds a public key to the list, where it is not its last.
fn list(settings: &Settings, key: &PublicKey) -> Result<(), KeyError> {
    let path = public_file(settings);
    let listed = fs::read_to_string(&path).unwrap_or_default();
    if listed.lines().any(|line| line == key.to_string()) {
        return Ok(());
    }
    key_file::make_folder(&folder(settings))?;
    let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(of_file(&path))?;
    writeln!(file, "{key}").and_then(|()| file.sync_all()).map_err(of_file(&path))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::server::config::{Flags, ServeFlags};
    use std::os::unix::fs::PermissionsExt;

    fn settings(folder: &Path) -> Settings {
        let flags = Flags { data_dir: Some(folder.to_owned()), ..Flags::default() };
        Settings::read(&flags, &ServeFlags::default()).unwrap()
    }

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_key_is_made_once_for_nobody_else_and_refused_where_others_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        assert!(matches!(load(&settings), Err(KeyError::Missing(_))));
        let made = load_or_make(&settings).unwrap();
        assert_eq!(load_or_make(&settings).unwrap().public(), made.public());
        let file = folder.path().join("keys/history.key");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        allow(&file, 0o640);
        let refused = load_or_make(&settings).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }

    #[test]
    fn after_a_rotation_the_old_public_key_is_still_listed() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        let old = load_or_make(&settings).unwrap().public();
        let new = rotate(&settings).unwrap().public();
        assert_eq!(load(&settings).unwrap().public(), new);
        assert_eq!(read_public(&public_file(&settings)).unwrap(), [old, new]);
    }

    #[test]
    fn a_key_that_is_handed_over_may_be_its_groups_but_not_everybodys_and_is_never_made() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("given");
        let mut settings = settings(folder.path());
        settings.signing_key_file = Some(file.clone());
        assert!(matches!(load_or_make(&settings), Err(KeyError::Missing(_))));
        fs::write(&file, "no key\n").unwrap();
        allow(&file, 0o440);
        assert!(matches!(load(&settings), Err(KeyError::NoKey(_))));
        allow(&file, 0o644);
        assert!(matches!(load(&settings), Err(KeyError::Exposed(_))));
    }
}
