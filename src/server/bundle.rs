//! Owns bundles: the history of one or all environments as JSON Lines, ended by a signed head, so that somebody with nothing but the
//! public key can prove it. A line is canonical JSON; the signed head covers every byte before it. Streams both ways. Must not know
//! where keys are kept, nor need a database to verify.

use super::signing::{PublicKey, SecretKey, verify as verify_signature};
use super::store::{Store, StoreError};
use crate::domain::canonical;
use crate::domain::history::{Actor, ChainVerifier, Event, EventType, Head, NewEvent};
use crate::domain::signed_head::SignedHead;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, BufRead, Read, Write};

/// The one form that there is.
const FORMAT: &str = "scaling-mode history bundle 1";
/// Events read from the store at a time.
const PAGE: u32 = 1_000;
/// The longest line that is read: what is verified comes from others.
const LONGEST: u64 = 64 * 1024 * 1024;

/// The first line. Fields are in alphabetical order: it is canonical.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    exported_at: DateTime<Utc>,
    format: String,
    program: String,
}

/// Why nothing whole was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the bundle cannot be written")]
    Write(#[from] io::Error),
    /// What is not whole is not exported under a signature.
    #[error("{0}: the history is not whole; scaling-mode verify says more")]
    NotWhole(String),
}

/// Records the export in each chain that it holds, and writes those chains with a signed head of exactly what is written.
///
/// # Errors
/// [`ExportError`]; what was written until then is no bundle.
pub async fn export(
    store: &dyn Store,
    (environment, to): (Option<&str>, &str),
    key: &SecretKey,
    (actor, now): (Actor<'_>, DateTime<Utc>),
    into: &mut impl Write,
) -> Result<SignedHead, ExportError> {
    let names: Vec<String> = match environment {
        Some(name) => vec![name.to_owned()],
        None => store.environments().await?.into_iter().map(|environment| environment.name).collect(),
    };
    for name in &names {
        let scope = environment
            .map_or_else(|| "the history of every environment".to_owned(), |name| format!("the history of {name}"));
        let mut event = NewEvent::new(EventType::Exported, actor, now);
        event.reason = Some(format!("{scope}, to {to}"));
        store.append(name, event).await?;
    }
    // One read: what is added after it is not part of the bundle.
    let mut heads = store.heads().await?;
    heads.retain(|head| names.contains(&head.environment));
    heads.sort_by(|one, other| one.environment.cmp(&other.environment));
    let mut output = Hashed { hash: Sha256::new(), into };
    let program = env!("CARGO_PKG_VERSION").to_owned();
    output.line(&Header { exported_at: now, format: FORMAT.to_owned(), program })?;
    for head in &heads {
        write_chain(store, head, &mut output).await?;
    }
    let Hashed { hash, into } = output;
    let signed = key.sign(heads, Some(hex::encode(hash.finalize())), now);
    Hashed { hash: Sha256::new(), into: &mut *into }.line(&signed)?;
    into.flush()?;
    Ok(signed)
}

async fn write_chain(store: &dyn Store, head: &Head, output: &mut Hashed<'_, impl Write>) -> Result<(), ExportError> {
    let name = &head.environment;
    let mut verifier = ChainVerifier::new(name);
    while verifier.head().seq < head.seq {
        let events = store.events_after(name, verifier.head().seq, PAGE).await?;
        if events.is_empty() {
            break;
        }
        for mut event in events.into_iter().take_while(|event| event.seq <= head.seq) {
            verifier.next(&mut event).map_err(|broken| ExportError::NotWhole(broken.to_string()))?;
            output.line(&event)?;
        }
    }
    if verifier.head() != head {
        return Err(ExportError::NotWhole(format!("{name}: its newest events are missing")));
    }
    Ok(())
}

/// Writes lines and hashes them.
struct Hashed<'a, W> {
    hash: Sha256,
    into: &'a mut W,
}

impl<W: Write> Hashed<'_, W> {
    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = canonical::to_vec(value);
        line.push(b'\n');
        self.hash.update(&line);
        self.into.write_all(&line)
    }
}

/// What a whole bundle holds.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Whole {
    pub events: u64,
    pub heads: Vec<Head>,
    pub public_key: String,
    pub signed_at: DateTime<Utc>,
}

/// Why a bundle is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("the bundle cannot be read")]
    Read(#[from] io::Error),
    #[error("line {line}: {what}")]
    Line { line: u64, what: String },
}

/// Proves a bundle with nothing but the public keys that are trusted.
///
/// # Errors
/// [`Fault`] names the first line, and in it the first event, that is not what was exported.
pub fn verify(from: impl BufRead, trusted: &[PublicKey]) -> Result<Whole, Fault> {
    let mut lines = Lines { from, hash: Sha256::new(), number: 0 };
    let first = lines.next()?.unwrap_or_default();
    let header: Header = lines.read(&first, "this is no bundle of a history")?;
    if header.format != FORMAT {
        return Err(lines.fault("the bundle is of a form that this version does not know"));
    }
    let mut chains: Vec<Head> = Vec::new();
    let mut chain: Option<ChainVerifier> = None;
    let mut events = 0;
    loop {
        let before = lines.hash.clone();
        let Some(line) = lines.next()? else {
            let place = chain.as_ref().map_or_else(String::new, |chain| {
                format!(" after event {} of {}", chain.head().seq, chain.head().environment)
            });
            return Err(lines.fault(&format!("the end is missing{place}: there is no signed head")));
        };
        let is_end = line.starts_with(b"{\"bundle\":");
        if is_end {
            chains.extend(chain.take().map(|chain| chain.head().clone()));
            let signed: SignedHead = lines.read(&line, "the signed head cannot be read")?;
            return lines.end(&signed, &hex::encode(before.finalize()), chains, events, trusted);
        }
        let due = chain.as_ref().map_or_else(
            || "the first event".to_owned(),
            |chain| format!("{}: event {}", chain.head().environment, chain.head().seq + 1),
        );
        let mut event: Event = lines.read(&line, &format!("{due} cannot be read"))?;
        let is_next_chain = chain.as_ref().is_none_or(|chain| chain.head().environment != event.environment);
        if is_next_chain && event.seq == 1 {
            chains.extend(chain.take().map(|chain| chain.head().clone()));
        }
        chain
            .get_or_insert_with(|| ChainVerifier::new(&event.environment))
            .next(&mut event)
            .map_err(|broken| lines.fault(&broken.to_string()))?;
        events += 1;
    }
}

/// Reads lines within a limit, and hashes them.
struct Lines<R> {
    from: R,
    hash: Sha256,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let mut line = Vec::new();
        self.number += 1;
        if self.from.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.hash.update(&line);
        if line.pop() != Some(b'\n') {
            return Err(self.fault("the line has no end: the bundle was cut off, or is none"));
        }
        Ok(Some(line))
    }

    fn fault(&self, what: &str) -> Fault {
        Fault::Line { line: self.number, what: what.to_owned() }
    }

    /// Reads what must be written in exactly one way.
    fn read<T: Serialize + for<'a> Deserialize<'a>>(&self, line: &[u8], otherwise: &str) -> Result<T, Fault> {
        let value: T = serde_json::from_slice(line).map_err(|_| self.fault(otherwise))?;
        if canonical::to_vec(&value) != line {
            return Err(self.fault(&format!("{otherwise}: it is not written as it was exported")));
        }
        Ok(value)
    }

    fn end(
        mut self,
        signed: &SignedHead,
        digest: &str,
        chains: Vec<Head>,
        events: u64,
        trusted: &[PublicKey],
    ) -> Result<Whole, Fault> {
        verify_signature(signed, trusted).map_err(|bad| self.fault(&format!("the signed head: {bad}")))?;
        for head in &signed.heads {
            let found = chains.iter().find(|chain| chain.environment == head.environment);
            let reached = found.map_or(0, |chain| chain.seq);
            if reached < head.seq {
                return Err(self.fault(&format!(
                    "{}: event {} is missing: the end was cut off",
                    head.environment,
                    reached + 1
                )));
            }
            if found != Some(head) {
                return Err(
                    self.fault(&format!("{}: event {} is not the one that was signed", head.environment, head.seq))
                );
            }
        }
        if chains.len() != signed.heads.len() {
            return Err(self.fault("it holds a chain that was not signed"));
        }
        if signed.bundle.as_deref() != Some(digest) {
            return Err(self.fault("what stands before the signed head is not what was signed"));
        }
        let (public_key, signed_at) = (signed.public_key.clone(), signed.signed_at);
        if self.next()?.is_some() {
            return Err(self.fault("something follows the signed head"));
        }
        Ok(Whole { events, heads: chains, public_key, signed_at })
    }
}
