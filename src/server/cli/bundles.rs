//! Owns the commands by which others can prove the history: export, key. Must not hold how anything is signed.

use super::console::Console;
use super::read::Format;
use super::{CliError, print_json};
use crate::server::acts::export::{self, NotExported};
use crate::server::bundle::{self, ExportError};
use crate::server::config::Settings;
use crate::server::signing::{PublicKey, heads, keys};
use crate::server::store::StoreError;
use clap::Args;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(super) struct Export {
    /// File to write; it must not be there yet.
    file: PathBuf,
    /// Only the history of this environment.
    #[arg(long, short)]
    environment: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct Key {
    /// Make a new key from now on. What was signed with the old one still verifies. Start the server again afterwards.
    #[arg(long)]
    new: bool,
    #[command(flatten)]
    format: Format,
}

fn of_file(path: &Path) -> impl FnOnce(std::io::Error) -> CliError {
    let what = format!("the file {} cannot be used", path.display());
    move |source| CliError::File { what, source }
}

pub(super) async fn export(arguments: Export, settings: &Settings) -> Result<(), CliError> {
    let path = &arguments.file;
    let key = keys::load(settings)?;
    let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => CliError::Store(StoreError::FileExists(path.clone())),
        _ => of_file(path)(source),
    })?;
    let written = write(&arguments, settings, &key, &file).await;
    if written.is_err() {
        // Half a bundle is none.
        let _ = std::fs::remove_file(path);
    }
    let signed = written?;
    heads::keep(&heads::file(settings), &signed).map_err(of_file(&heads::file(settings)))?;
    let events: u64 = signed.heads.iter().map(|head| head.seq).sum();
    say!("{} holds {events} events of {} environments.", path.display(), signed.heads.len());
    say!("Whoever has this public key can prove them: {}", signed.public_key);
    say!("  scaling-mode verify --bundle {} --public-key {}", path.display(), signed.public_key);
    Ok(())
}

async fn write(
    arguments: &Export,
    settings: &Settings,
    key: &crate::server::signing::SecretKey,
    file: &File,
) -> Result<crate::domain::signed_head::SignedHead, CliError> {
    let console = Console::open(settings).await?;
    let name = arguments.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut into = BufWriter::new(file);
    let environment = arguments.environment.as_deref();
    let exported = export::export(&console.context(), environment, &name, key, &mut into).await;
    console.close().await;
    let signed = exported.map_err(|error| match error {
        NotExported::Refused(refusal) => refusal.into(),
        NotExported::Bundle(ExportError::Write(source)) => of_file(&arguments.file)(source),
        NotExported::Bundle(not_whole) => CliError::Found(not_whole.to_string()),
    })?;
    drop(into);
    file.sync_all().map_err(of_file(&arguments.file))?;
    Ok(signed)
}

pub(super) fn key(arguments: &Key, settings: &Settings) -> Result<(), CliError> {
    let key = if arguments.new { keys::rotate(settings)? } else { keys::load(settings)? };
    let listed = keys::read_public(&keys::public_file(settings))?;
    let earlier: Vec<String> =
        listed.iter().filter(|listed| **listed != key.public()).map(ToString::to_string).collect();
    if arguments.format.json {
        print_json(&serde_json::json!({"public_key": key.public().to_string(), "earlier": earlier}));
        return Ok(());
    }
    say!("{}", key.public());
    for earlier in earlier {
        say!("{earlier} (earlier)");
    }
    Ok(())
}

/// The keys that are trusted: the one that is given, those of a file, or those that this server has had.
pub(super) fn trusted(given: Option<&str>, settings: &Settings) -> Result<Vec<PublicKey>, CliError> {
    let Some(given) = given else {
        return Ok(keys::read_public(&keys::public_file(settings))?);
    };
    match PublicKey::read(given) {
        Some(key) => Ok(vec![key]),
        None if given.len() == 64 && given.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Err(CliError::Usage("--public-key is no key of this kind".to_owned()))
        }
        None => Ok(keys::read_public(Path::new(given))?),
    }
}

/// Proves a bundle; no store is opened.
pub(super) fn verify(path: &Path, trusted: &[PublicKey], format: &Format) -> Result<(), CliError> {
    let file = File::open(path).map_err(of_file(path))?;
    let whole = bundle::verify(BufReader::new(file), trusted).map_err(|fault| match fault {
        bundle::Fault::Read(source) => of_file(path)(source),
        fault @ bundle::Fault::Line { .. } => CliError::Found(format!("{} is not whole: {fault}", path.display())),
    })?;
    if format.json {
        print_json(&whole);
        return Ok(());
    }
    say!(
        "Whole: {} events, signed at {} with {}.",
        whole.events,
        whole.signed_at.format("%Y-%m-%d %H:%M:%S UTC"),
        whole.public_key
    );
    for head in &whole.heads {
        say!("  {head}");
    }
    Ok(())
}
