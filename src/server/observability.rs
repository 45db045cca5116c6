//! Owns the log: how it is set up, and how an error is written with its whole chain of causes, once, at the edge.

use super::config::{LogFormat, Settings};
use std::error::Error;
use std::fmt::Write;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts the log on standard error. A second start changes nothing.
pub fn start(settings: &Settings) {
    let filter = EnvFilter::try_new(&settings.log).unwrap_or_else(|_| EnvFilter::new("info"));
    // It would log parameters of a database's address that it does not know, with what they hold: a password, perhaps.
    let filter = match "sqlx_postgres::options=off".parse() {
        Ok(silence) => filter.add_directive(silence),
        Err(_) => filter,
    };
    // Colours are for terminals: in a file they are noise.
    let is_read_by_eye = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(is_read_by_eye);
    let started = match settings.log_format {
        LogFormat::Text => log.compact().try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    if started.is_err() {
        tracing::debug!("the log is running already");
    }
}

/// An error and all its causes in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let _ = write!(text, ": {inner}");
        cause = inner.source();
    }
    text
}

/// Writes an error with its causes to the log.
pub fn log_error(what: &str, error: &dyn Error) {
    tracing::error!(cause = %chain(error), "{what}");
}
