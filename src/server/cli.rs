//! Owns the command line: what there is, how it is explained, which exit code it ends with. Each command is a file of its
//! own. Must not hold rules.

/// Writes a line of the answer. A reader that has closed its end (`| head`) has had enough: that is no failure.
macro_rules! say {
    () => {
        say!("")
    };
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), "{}", $crate::server::cli::visible(&format!($($argument)*)));
    }};
}

/// A text for the terminal: what is hidden in it is written out, so that no stored text moves the cursor, sets a title, or turns the
/// direction of a line.
pub(crate) fn visible(text: &str) -> std::borrow::Cow<'_, str> {
    let is_hidden =
        |character: char| character != '\n' && character != '\t' && crate::domain::access::is_hidden(character);
    if !text.contains(is_hidden) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) { shown.extend(character.escape_unicode()) } else { shown.push(character) }
    }
    shown.into()
}

mod backtest;
mod bundles;
mod console;
mod environment;
mod import;
mod import_batch;
mod import_clients;
mod import_focus;
mod import_focus_report;
mod import_report;
mod import_rows;
mod migrate;
mod person;
mod read;
mod replay;
mod safety;
mod serve;
mod source;
mod token;
mod write;

use super::acts::Refusal;
use super::config::{Flags, ServeFlags, Settings, SettingsError};
use super::observability;
use super::signing::keys::KeyError;
use super::store::{Store, StoreError};
use crate::error::{Code, WireError};
use clap::builder::{OsStr, Resettable};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

/// May I safely take on more? Capacity control for founders: Hold, Increase, Decrease or Freeze, with the proof.
#[derive(Parser, Debug)]
#[command(name = "scaling-mode", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Examples:
  scaling-mode                                          serve http://localhost:3008
  scaling-mode status                                   the answer for production
  scaling-mode import cpu.csv --environment trial --signal infra.cpu --unit percent
  scaling-mode replay --environment trial --from 2026-11-01T00:00:00Z --to 2026-11-15T00:00:00Z
  scaling-mode backtest --environment trial --policy stricter.toml
  scaling-mode verify                                   prove that no history was altered

Every option can stand in scaling-mode.toml or in an environment variable (shown in brackets).
Exit codes: 0 done, 1 refused or not whole, 2 wrong usage, 3 the store or a file cannot be used.";

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve the page and the endpoints (what happens without a command).
    Serve(ServeFlags),
    /// Make, list or show environments.
    #[command(subcommand)]
    Environment(environment::Command),
    /// Read a CSV file of one signal into an environment, reporting gaps, duplicates and blanks.
    #[command(after_help = import::AFTER_HELP)]
    Import(import::Arguments),
    /// Count clients, and those at risk, in a CSV file with a row for each, by a rule that you state.
    #[command(after_help = import_clients::AFTER_HELP)]
    ImportClients(import_clients::Arguments),
    /// Read a bill in FOCUS (CSV) into an environment's AI spend; a period that is told again is revised.
    #[command(after_help = import_focus::AFTER_HELP)]
    ImportFocus(import_focus::Arguments),
    /// Evaluate a stretch of the past as of each instant. Stores in a recorded environment; elsewhere a dry run.
    Replay(replay::Arguments),
    /// Say what a proposed policy would have answered on the stored evaluations' own inputs. Stores nothing.
    #[command(after_help = backtest::AFTER_HELP)]
    Backtest(backtest::Arguments),
    /// Evaluate now, store the snapshot and show it.
    Snapshot(read::Target),
    /// Show the newest answer.
    Status(read::Target),
    /// Show the history, newest first.
    History(read::HistoryArguments),
    /// Set the mode, if it is still the one that you saw.
    SetMode(write::SetMode),
    /// Freeze an environment: no Increase until it is unfrozen.
    Freeze(write::Reasoned),
    /// Unfreeze an environment.
    Unfreeze(write::Reasoned),
    /// Create, list or shut out people. Whoever can run this on the store can do everything in it.
    #[command(subcommand)]
    Person(person::Command),
    /// Make, list or revoke API tokens.
    #[command(subcommand)]
    Token(token::Command),
    /// Retire a source, close an alert, end a client
    #[command(subcommand)]
    Source(source::Command),
    /// Prove that history and snapshots are whole and unaltered.
    Verify(safety::Verify),
    /// Write the history to a file that others can prove with nothing but the public key.
    Export(bundles::Export),
    /// Show the public key that heads of the history are signed with, or make a new one.
    Key(bundles::Key),
    /// Write a consistent copy of the store to a file, also while the server runs.
    Backup(safety::Backup),
    /// Put a backup in place of a store that is not there, after proving it whole.
    Restore(safety::Restore),
    /// Continue with a history that differs from the signed one. The server refuses to start until then.
    AcceptHistory(safety::AcceptHistory),
    /// Copy the whole store to another place: from SQLite to PostgreSQL, or back. An interrupted copy continues where it ended.
    MigrateStore(migrate::Arguments),
    /// Make the demo environment: 90 days of synthetic data, marked so, deciding nothing.
    Demo(read::Format),
    /// Look over settings, store, chains and sources, and say what is wrong and how to mend it.
    Doctor(read::Format),
}

/// Why a command ended without having done what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("{what}")]
    File {
        what: String,
        #[source]
        source: std::io::Error,
    },
    /// An act that was refused. Its code is the one that the HTTP interface answers with.
    #[error("{problem} [{}]", problem.code_name())]
    Refused { problem: Box<WireError> },
    /// Wrong usage that the parser cannot see.
    #[error("{0}")]
    Usage(String),
    /// It was done, and what was found is not well.
    #[error("{0}")]
    Found(String),
    #[error("{what}")]
    Serve {
        what: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl CliError {
    fn exit_code(&self) -> ExitCode {
        match self {
            CliError::Found(_) => ExitCode::from(1),
            CliError::Refused { problem } if problem.status >= 500 => ExitCode::from(3),
            // A value that cannot be taken is wrong usage; everything else was right to ask for, and refused.
            CliError::Refused { problem } if problem.code() == Some(Code::OutOfRange) && !problem.errors.is_empty() => {
                ExitCode::from(2)
            }
            CliError::Refused { .. } => ExitCode::from(1),
            CliError::Key(KeyError::File { .. } | KeyError::NoRandom(_)) => ExitCode::from(3),
            CliError::Settings(_) | CliError::Usage(_) | CliError::Key(_) => ExitCode::from(2),
            CliError::Store(
                StoreError::UnknownEnvironment { .. }
                | StoreError::EnvironmentExists(_)
                | StoreError::UnknownSnapshot(_)
                | StoreError::Act(_)
                | StoreError::Conflicts(_)
                | StoreError::Page(_)
                | StoreError::KeyReused
                | StoreError::PersonExists(_)
                | StoreError::UnknownPerson
                | StoreError::LastFounder
                | StoreError::NameTaken(_)
                | StoreError::NotForSource(_)
                | StoreError::SourceOfAnother(_)
                | StoreError::TooManyAsked(_)
                | StoreError::TooManySources { .. }
                | StoreError::TooManySourcesOfToken { .. }
                | StoreError::UnknownAlert(_)
                | StoreError::UnknownClient(_)
                | StoreError::UnknownSource(_)
                | StoreError::NotAStore(_)
                | StoreError::FileExists(_),
            ) => ExitCode::from(1),
            CliError::Store(_) | CliError::File { .. } | CliError::Serve { .. } => ExitCode::from(3),
        }
    }
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> CliError {
        match refusal {
            // The person who runs the command may see why the store cannot be used.
            Refusal::Store(
                error @ (StoreError::Corrupt { .. }
                | StoreError::File { .. }
                | StoreError::FileExists(_)
                | StoreError::NotAStore(_)
                | StoreError::Unavailable(_)),
            ) if !error.is_of_a_text() => CliError::Store(error),
            refusal => CliError::Refused { problem: Box::new(refusal.into()) },
        }
    }
}

/// Parses the command line and does what it says.
pub fn run() -> ExitCode {
    // What the program makes is for its user alone: files 0600, folders 0700.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    match execute(parsed(std::env::args_os())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scaling-mode: {}", visible(&observability::chain(&error).to_string()));
            error.exit_code()
        }
    }
}

/// Reads a command line. Wrong usage ends the program with its exit code.
fn parsed(line: impl IntoIterator<Item = OsString>) -> Cli {
    let matches = without_empty_variables(Cli::command()).get_matches_from(line);
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The command with environment variables that are set to nothing left out: Compose and Kubernetes pass a variable that nobody has
/// set on as an empty one.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let names: Vec<String> = command.get_subcommands().map(|own| own.get_name().to_owned()).collect();
    let command = command.mut_args(|argument| match argument.get_env() {
        Some(name) if super::config::is_empty_variable(name) => argument.env(Resettable::<OsStr>::Reset),
        _ => argument,
    });
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, without_empty_variables))
}

fn execute(cli: Cli) -> Result<(), CliError> {
    let command = match cli.command {
        // The flags of serving may come from the environment even where no command is named.
        None => parsed(["scaling-mode", "serve"].map(OsString::from))
            .command
            .unwrap_or(Command::Serve(ServeFlags::default())),
        Some(command) => command,
    };
    let serve_flags = match &command {
        Command::Serve(flags) => flags.clone(),
        _ => ServeFlags::default(),
    };
    let settings = Settings::read(&cli.flags, &serve_flags)?;
    observability::start(&settings);
    for name in super::config::unknown_variables(&known_variables(&Cli::command())) {
        tracing::warn!("there is no setting {name}: the environment variable changes nothing");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| CliError::File { what: "the program's threads cannot be started".to_owned(), source })?;
    runtime.block_on(dispatch(command, settings))
}

async fn dispatch(command: Command, settings: Settings) -> Result<(), CliError> {
    match command {
        Command::Serve(_) => serve::run(settings).await,
        Command::Environment(command) => environment::run(command, &settings).await,
        Command::Import(arguments) => import::run(arguments, &settings).await,
        Command::ImportClients(arguments) => import_clients::run(arguments, &settings).await,
        Command::ImportFocus(arguments) => import_focus::run(arguments, &settings).await,
        Command::Replay(arguments) => replay::run(arguments, &settings).await,
        Command::Backtest(arguments) => backtest::run(arguments, &settings).await,
        Command::Snapshot(target) => read::snapshot(target, &settings).await,
        Command::Status(target) => read::status(target, &settings).await,
        Command::History(arguments) => read::history(arguments, &settings).await,
        Command::SetMode(arguments) => write::set_mode(arguments, &settings).await,
        Command::Freeze(arguments) => write::freeze(arguments, &settings).await,
        Command::Unfreeze(arguments) => write::unfreeze(arguments, &settings).await,
        Command::Person(command) => person::run(command, &settings).await,
        Command::Token(command) => token::run(command, &settings).await,
        Command::Source(command) => source::run(command, &settings).await,
        Command::Verify(arguments) => safety::verify(arguments, &settings).await,
        Command::Export(arguments) => bundles::export(arguments, &settings).await,
        Command::Key(arguments) => bundles::key(&arguments, &settings),
        Command::Backup(arguments) => safety::backup(arguments, &settings).await,
        Command::Restore(arguments) => safety::restore(arguments, &settings).await,
        Command::AcceptHistory(arguments) => safety::accept_history(arguments, &settings).await,
        Command::MigrateStore(arguments) => migrate::run(arguments).await,
        Command::Demo(format) => safety::demo(format, &settings).await,
        Command::Doctor(format) => safety::doctor(format, &settings).await,
    }
}

/// The environment variables that some option reads.
fn known_variables(command: &clap::Command) -> Vec<String> {
    let own = command
        .get_arguments()
        .filter_map(|argument| argument.get_env())
        .map(|name| name.to_string_lossy().into_owned());
    own.chain(command.get_subcommands().flat_map(known_variables)).collect()
}

/// Opens the store, making its folder where it is not there yet.
pub(crate) async fn open(settings: &Settings) -> Result<Arc<dyn Store>, CliError> {
    Ok(settings.store.open().await?)
}

/// Prints a value as JSON, for scripts.
pub(crate) fn print_json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => say!("{text}"),
        Err(error) => eprintln!("scaling-mode: the answer cannot be written as JSON: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
