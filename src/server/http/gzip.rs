//! Owns pages that are compressed once and answered many times, each time with another nonce: a gzip stream whose parts
//! were compressed apart, so that a nonce can be put between them (RFC 1951 and 1952: blocks that refer to nothing before
//! them, a stored block for the nonce, and a checksum put together from those of the parts).

use axum::body::Bytes;
use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};

/// Deflate, no flags, no time, best compression, no particular system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
/// An empty last block.
const END: [u8; 2] = [3, 0];

/// A part, compressed by itself.
struct Part {
    blocks: Vec<u8>,
    checksum: Hasher,
    length: u64,
}

/// The parts of a page between its nonces.
pub struct Gzip(Vec<Part>);

impl Gzip {
    /// Compresses each part; `None` where the compressor fails, which leaves the page to be sent as it is.
    pub fn of(parts: &[Bytes]) -> Option<Gzip> {
        parts.iter().map(compressed).collect::<Option<Vec<Part>>>().map(Gzip)
    }

    /// The whole page with `nonce` between its parts. A nonce has at most 65,535 bytes.
    pub fn with(&self, nonce: &[u8]) -> Vec<u8> {
        let length = self.0.iter().map(|part| part.blocks.len() + nonce.len() + 5).sum::<usize>() + 20;
        let mut out = Vec::with_capacity(length);
        let mut between = Hasher::new();
        between.update(nonce);
        let mut checksum = Hasher::new();
        let mut total = 0u64;
        out.extend_from_slice(&HEADER);
        for (place, part) in self.0.iter().enumerate() {
            if place > 0 {
                stored(nonce, &mut out);
                checksum.combine(&between);
                total += nonce.len() as u64;
            }
            out.extend_from_slice(&part.blocks);
            checksum.combine(&part.checksum);
            total += part.length;
        }
        out.extend_from_slice(&END);
        out.extend_from_slice(&checksum.finalize().to_le_bytes());
        // The format keeps the length modulo 2^32.
        out.extend_from_slice(&(total as u32).to_le_bytes());
        out
    }
}

/// A block that holds its bytes as they are.
fn stored(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u16::try_from(bytes.len()).unwrap_or(0);
    out.push(0);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(&bytes[..usize::from(length)]);
}

fn compressed(part: &Bytes) -> Option<Part> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut blocks = Vec::with_capacity(part.len() / 4 + 64);
    loop {
        let read = usize::try_from(compress.total_in()).ok()?;
        // A full flush ends on a whole byte, and nothing after it refers to what came before.
        let status = compress.compress_vec(&part[read..], &mut blocks, FlushCompress::Full).ok()?;
        let is_done = compress.total_in() == part.len() as u64 && blocks.len() < blocks.capacity();
        if is_done || status == Status::StreamEnd {
            break;
        }
        blocks.reserve(part.len() / 4 + 64);
    }
    let mut checksum = Hasher::new();
    checksum.update(part);
    Some(Part { blocks, checksum, length: part.len() as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    #[test]
    fn what_is_put_together_is_one_gzip_stream_of_the_whole_page() {
        let long: String = (0..20_000).map(|place| format!("<li>{}</li>", place * 7919 % 1_000)).collect();
        for parts in [
            vec!["only one part"],
            vec!["", ""],
            vec!["<script nonce=\"", "\">a</script><link nonce=\"", "\">"],
            vec![long.as_str(), long.as_str()],
        ] {
            let bytes: Vec<Bytes> = parts.iter().map(|part| Bytes::copy_from_slice(part.as_bytes())).collect();
            let gzip = Gzip::of(&bytes).unwrap();
            for nonce in ["0123456789abcdef", "another one"] {
                let mut text = String::new();
                // The decoder checks the checksum and the length as well.
                GzDecoder::new(gzip.with(nonce.as_bytes()).as_slice()).read_to_string(&mut text).unwrap();
                assert_eq!(text, parts.join(nonce));
            }
        }
    }
}
