//! Owns what must not be shown, and where it comes from: an environment variable, a file that such a variable names, or a
//! credential of systemd. Must not know what a secret opens.
//!
//! A secret called NAME is looked for in the variable NAME, then in the file that the variable NAME_FILE names, then in the
//! credential NAME (systemd's `LoadCredential=NAME:/path`, in the folder of `$CREDENTIALS_DIRECTORY`).

use super::{SettingsError, value_error};
use crate::server::sources::outgoing::AskError;
use serde::Deserialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// What must not be shown.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(from = "String")]
pub struct Secret(String);

impl Secret {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// What proves who asks, or who sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// `None` where it is nowhere, or the file that is named for it cannot be read.
    pub value: Option<Secret>,
    pub variable: String,
}

impl Token {
    /// The secret.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn reveal(&self) -> Result<&str, AskError> {
        self.value.as_ref().map(Secret::reveal).ok_or_else(|| AskError::NoCredentials(self.variable.clone()))
    }
}

/// The secret of that name. Nothing is taken where it is not there, rather than everything.
pub(super) fn token(name: String) -> Token {
    let value = found(&name, &of_environment).ok().flatten();
    Token { value, variable: name }
}

/// The secret that a file holds; the end of its last line is none of it.
pub(super) fn of_file(key: &'static str, path: &Path) -> Result<Secret, SettingsError> {
    read(path).map_err(|problem| value_error(key, problem))
}

/// Where a database is reached, as the settings may say it.
#[derive(Debug, Default)]
pub(super) struct DatabaseUrls {
    /// By flag or variable: `DATABASE_URL`, then the program's own name.
    pub given: [(Option<Secret>, Option<PathBuf>); 2],
    pub in_file: (Option<Secret>, Option<PathBuf>),
}

impl DatabaseUrls {
    /// The one in force; `None` where none is given.
    ///
    /// # Errors
    /// Where it is given both as it is and as a file, or that file cannot be read.
    pub(super) fn url(self) -> Result<Option<Secret>, SettingsError> {
        for pair in self.given {
            if let Some(url) = one_of(pair)? {
                return Ok(Some(url));
            }
        }
        for name in ["DATABASE_URL", "SCALING_MODE_DATABASE_URL"] {
            let credential = credential(name, &of_environment).map_err(|problem| value_error("database_url", problem));
            if let Some(url) = credential? {
                return Ok(Some(url));
            }
        }
        one_of(self.in_file)
    }
}

fn one_of((url, file): (Option<Secret>, Option<PathBuf>)) -> Result<Option<Secret>, SettingsError> {
    match (url, file) {
        (Some(_), Some(file)) => Err(value_error(
            "database_url_file",
            format!("names {}, and the url itself is given too: leave one of them out", file.display()),
        )),
        (None, Some(file)) => of_file("database_url_file", &file).map(Some),
        (url, None) => Ok(url),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
fn of_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn found(name: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Option<Secret>, String> {
    if let Some(value) = environment(name) {
        return Ok(Some(Secret(value)));
    }
    match environment(&format!("{name}_FILE")) {
        Some(path) => read(Path::new(&path)).map(Some),
        None => credential(name, environment),
    }
}

fn credential(name: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Option<Secret>, String> {
    // A name that is no name of a variable could lead out of the folder.
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok(None);
    }
    match environment("CREDENTIALS_DIRECTORY").map(|folder| Path::new(&folder).join(name)) {
        Some(path) if path.exists() => read(&path).map(Some),
        _ => Ok(None),
    }
}

fn read(path: &Path) -> Result<Secret, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    // Editors on Windows put a byte order mark in front.
    match text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']) {
        "" => Err(format!("{} is empty", path.display())),
        secret => Ok(Secret(secret.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_looked_for_in_its_variable_then_in_its_file_then_among_the_credentials() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("mounted"), "\u{feff}of the file\r\n").unwrap();
        std::fs::write(path("empty"), "\n").unwrap();
        std::fs::write(path("TOKEN"), "of the credential").unwrap();
        let search = |variables: &[(&str, String)], name: &str| {
            let environment =
                |asked: &str| variables.iter().find(|(name, _)| *name == asked).map(|(_, value)| value.clone());
            found(name, &environment).map(|secret| secret.map(|secret| secret.reveal().to_owned()))
        };
        let (value, file) = (("TOKEN", "of the variable".to_owned()), ("TOKEN_FILE", path("mounted")));
        let credentials = ("CREDENTIALS_DIRECTORY", folder.path().display().to_string());
        for (variables, secret) in [
            (&[value, file.clone(), credentials.clone()][..], Some("of the variable")),
            (&[file, credentials.clone()], Some("of the file")),
            (std::slice::from_ref(&credentials), Some("of the credential")),
            (&[], None),
        ] {
            assert_eq!(search(variables, "TOKEN").unwrap().as_deref(), secret);
        }
        assert_eq!(search(std::slice::from_ref(&credentials), "OTHER").unwrap(), None);
        assert_eq!(search(&[credentials], "../secrets").unwrap(), None);
        // A file that is named and cannot be read is a mistake, not a secret that is not there.
        assert!(search(&[("TOKEN_FILE", path("nothing"))], "TOKEN").unwrap_err().contains("cannot be read"));
        assert!(search(&[("TOKEN_FILE", path("empty"))], "TOKEN").unwrap_err().contains("is empty"));
    }

    #[test]
    fn a_database_is_named_once_and_flags_stand_above_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        std::fs::write(&file, "postgres://file\n").unwrap();
        let is = |url: &str| Some(Secret(url.to_owned()));
        let urls =
            DatabaseUrls { given: [(None, None), (is("postgres://own"), None)], in_file: (None, Some(file.clone())) };
        assert_eq!(urls.url().unwrap(), is("postgres://own"));
        let urls = DatabaseUrls { in_file: (None, Some(file.clone())), ..DatabaseUrls::default() };
        assert_eq!(urls.url().unwrap(), is("postgres://file"));
        let urls = DatabaseUrls { in_file: (is("postgres://app:pass@x"), Some(file)), ..DatabaseUrls::default() };
        let error = urls.url().unwrap_err().to_string();
        assert!(error.contains("leave one of them out") && !error.contains("pass"), "{error}");
    }
}
