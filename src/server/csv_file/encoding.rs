//! Owns how a file's bytes become text: gzip, byte order marks, UTF-16. Must not know rows.

use super::FileError;
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};
use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

/// The most that a file may hold, unpacked.
const MOST: u64 = 1 << 30;
/// How much of a file is looked at to see how it is written.
const HEAD: u64 = 256 * 1024;

/// A file's text: its beginning, and the rest.
pub(super) struct Text {
    pub encoding: &'static str,
    /// Without a byte order mark.
    pub head: Vec<u8>,
    /// The head is all there is.
    pub is_all: bool,
    pub is_gzip: bool,
    pub rest: Box<dyn Read>,
}

pub(super) fn open(path: &Path) -> Result<Text, FileError> {
    let mut file = File::open(path)?;
    let start = head(&mut file, 4)?;
    let is_gzip = start.starts_with(&[0x1f, 0x8b]);
    let file = Cursor::new(start).chain(file);
    let stream: Box<dyn Read> = if is_gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut stream: Box<dyn Read> = Box::new(Bounded { left: MOST, stream });
    let head = head(&mut stream, HEAD)?;
    if let Some(what) = something_else(&head) {
        return Err(FileError::NotCsv(what));
    }
    let is_all = (head.len() as u64) < HEAD;
    let text = |encoding, head, rest| Text { encoding, head, is_all, is_gzip, rest };
    if let Some(encoding) = utf_16(&head) {
        let raw = Cursor::new(head).chain(stream);
        let mut decoded: Box<dyn Read> =
            Box::new(DecodeReaderBytesBuilder::new().encoding(Some(encoding)).strip_bom(true).build(raw));
        let head = self::head(&mut decoded, HEAD)?;
        let is_all = (head.len() as u64) < HEAD;
        return Ok(Text { is_all, ..text("UTF-16", head, decoded) });
    }
    let head = head.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(head);
    let cut = std::str::from_utf8(&head).err().is_some_and(|error| error.error_len().is_some());
    Ok(text(if cut { "windows-1252" } else { "UTF-8" }, head, stream))
}

/// What is read up to a size; more is an error, so that a file isn't taken in part.
pub(super) struct Bounded<R> {
    pub left: u64,
    pub stream: R,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        // One byte beyond the end tells a file that is larger from one that fits.
        let most = usize::try_from(self.left.saturating_add(1)).unwrap_or(usize::MAX).min(into.len());
        let read = self.stream.read(&mut into[..most])? as u64;
        self.left = self.left.checked_sub(read).ok_or_else(|| {
            std::io::Error::new(std::io::ErrorKind::InvalidData, "it holds more than 1 GiB, unpacked. Split it")
        })?;
        Ok(usize::try_from(read).unwrap_or(most))
    }
}

/// The first bytes, fewer only at the end.
fn head(stream: &mut impl Read, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// UTF-16, by its mark or because every second byte of the beginning is zero.
fn utf_16(head: &[u8]) -> Option<&'static Encoding> {
    match Encoding::for_bom(head) {
        Some((encoding, _)) if encoding == UTF_16LE || encoding == UTF_16BE => return Some(encoding),
        _ => {}
    }
    let zeros = |from: usize| head.len() >= 4 && head.iter().skip(from).step_by(2).take(32).all(|byte| *byte == 0);
    match (zeros(0), zeros(1)) {
        (true, false) => Some(UTF_16BE),
        (false, true) => Some(UTF_16LE),
        _ => None,
    }
}

/// What a file is that isn't text, with what to do.
fn something_else(head: &[u8]) -> Option<&'static str> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    if starts(b"PK\x03\x04") {
        Some("it is an Excel workbook or a ZIP archive. Save the sheet as CSV, or unpack the archive")
    } else if starts(b"\xd0\xcf\x11\xe0") {
        Some("it is an Excel workbook. Save the sheet as CSV")
    } else if starts(b"PAR1") {
        Some("it is a Parquet file. Export it as CSV")
    } else if starts(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Some("it is compressed with zstd. Unpack it, or compress it with gzip")
    } else if starts(b"BZh") || starts(b"\xfd7zXZ") {
        Some("it is compressed in a way that isn't read. Unpack it, or compress it with gzip")
    } else if starts(b"{") || starts(b"[{") {
        Some("it is JSON. Export it as CSV, or send it to POST /api/telemetry")
    } else {
        None
    }
}

/// Bytes that aren't UTF-8, as the one-byte letters of western Europe.
pub(super) fn western(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}
