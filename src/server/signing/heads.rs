//! Owns what becomes of signed heads: the server that leads signs where every chain ends, keeps that in a file outside the database, and
//! sends it away where it is told to. A failure is logged and tried again; it stops nothing. Must not know how signing works.

use super::{PublicKey, SecretKey, verify};
use crate::domain::canonical;
use crate::domain::signed_head::{Places, SignedHead};
use crate::server::clock;
use crate::server::config::Settings;
use crate::server::leadership::Leadership;
use crate::server::observability::log_error;
use crate::server::sources::outgoing::{Allowed, AskError, Outgoing};
use crate::server::store::{Store, StoreError};
use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How often heads are signed, beside the daily decision.
const EVERY: Duration = Duration::from_secs(3600);
/// Signed heads that wait for the place they are sent to; the oldest are given up beyond it. All of them stay in the file.
const WAITING: usize = 48;

/// The file of signed heads, in the data folder and not in the database.
pub fn file(settings: &Settings) -> PathBuf {
    settings.data_dir.join("heads.jsonl")
}

/// Adds a signed head to the file and waits until it is on disk. What a crash has left half written is cut off first: it was
/// never told of.
///
/// # Errors
/// What the file system says.
pub fn keep(path: &Path, signed: &SignedHead) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    let mut end = length;
    let mut byte = [0];
    while end > 0 {
        file.seek(SeekFrom::Start(end - 1))?;
        file.read_exact(&mut byte)?;
        if byte == [b'\n'] {
            break;
        }
        end -= 1;
    }
    if end < length {
        file.set_len(end)?;
    }
    let mut line = canonical::to_vec(signed);
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_all()
}

/// Why a file of signed heads is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum HeadsError {
    #[error("the file of signed heads cannot be read")]
    File(#[from] io::Error),
    #[error("line {line} of the signed heads: {what}")]
    Line { line: usize, what: String },
}

/// The places that a file of signed heads names, once every signature in it is verified.
///
/// # Errors
/// [`HeadsError`] names the first line that is not what was signed, or that contradicts another one.
pub fn read(path: &Path, trusted: &[PublicKey]) -> Result<Places, HeadsError> {
    let mut places = Places::default();
    for (place, line) in BufReader::new(std::fs::File::open(path)?).split(b'\n').enumerate() {
        let line = line?;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let wrong = |what: String| HeadsError::Line { line: place + 1, what };
        let signed: SignedHead =
            serde_json::from_slice(&line).map_err(|_| wrong("it cannot be read as a signed head".to_owned()))?;
        verify(&signed, trusted).map_err(|bad| wrong(bad.to_string()))?;
        places.add(&signed).map_err(|apart| wrong(apart.to_string()))?;
    }
    Ok(places)
}

/// Signs heads, keeps them and sends them.
pub struct Keeper {
    file: PathBuf,
    key: SecretKey,
    to: Option<(reqwest::Url, Outgoing)>,
    unsent: VecDeque<SignedHead>,
}

impl Keeper {
    /// # Errors
    /// Where nothing could be sent from this machine at all.
    pub fn new(settings: &Settings, key: SecretKey) -> Result<Keeper, AskError> {
        let to = match &settings.heads_url {
            Some(url) => Some((url.url().clone(), Outgoing::new(Allowed::default())?)),
            None => None,
        };
        Ok(Keeper { file: file(settings), key, to, unsent: VecDeque::new() })
    }

    /// Runs until it is told to stop: signs when this server begins to lead, every hour, and after each daily decision.
    pub async fn run(
        mut self,
        store: Arc<dyn Store>,
        daily: Arc<Notify>,
        leadership: Leadership,
        stop: CancellationToken,
    ) {
        let mut due = tokio::time::Instant::now();
        loop {
            if leadership.leads() && tokio::time::Instant::now() >= due {
                if let Err(error) = self.sign(store.as_ref()).await {
                    log_error("the heads of the chains could not be signed", &error);
                }
                due = tokio::time::Instant::now() + EVERY;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = daily.notified() => due = tokio::time::Instant::now(),
                () = tokio::time::sleep(leadership.pace.wake) => {}
            }
        }
    }

    /// Signs where every chain ends now, keeps it and sends it.
    ///
    /// # Errors
    /// Where the store cannot be read, or the file cannot be written. What cannot be sent waits for the next time.
    pub async fn sign(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        let signed = self.key.sign(store.heads().await?, None, clock::now());
        keep(&self.file, &signed).map_err(|source| StoreError::File { path: self.file.clone(), source })?;
        self.unsent.push_back(signed);
        if self.unsent.len() > WAITING || self.to.is_none() {
            self.unsent.pop_front();
        }
        self.send().await;
        Ok(())
    }

    async fn send(&mut self) {
        let Some((url, outgoing)) = &self.to else { return };
        while let Some(oldest) = self.unsent.front() {
            if let Err(error) = outgoing.post_json(url, canonical::to_vec(oldest)).await {
                log_error("a signed head could not be sent; it is tried again the next time", &error);
                return;
            }
            self.unsent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::history::Head;

    #[test]
    fn what_a_crash_left_half_written_is_cut_off_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heads.jsonl");
        let key = SecretKey::make().unwrap();
        let signed = |seq: u64| {
            let head = Head { environment: "production".into(), hash: format!("{seq:064}"), seq };
            key.sign(vec![head], None, clock::now())
        };
        keep(&path, &signed(1)).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"format\":\"sca").unwrap();
        assert!(matches!(read(&path, &[key.public()]), Err(HeadsError::Line { line: 2, .. })));
        keep(&path, &signed(2)).unwrap();
        let places = read(&path, &[key.public()]).unwrap();
        assert_eq!(places.of("production").map(|(seq, _)| seq).collect::<Vec<_>>(), [1, 2]);
    }
}
