//! Owns undoing the compression of what is sent, within limits: a small body must not become a large one unseen.

use std::io::Read;

/// The most that a compressed body may come to, in bytes.
pub const LARGEST: usize = 32 * 1024 * 1024;

/// Why a body could not be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    #[error("is not compressed as its Content-Encoding says")]
    Damaged,
    #[error("is larger than {} MiB once decompressed", LARGEST / 1024 / 1024)]
    TooLarge,
    #[error("has a Content-Encoding that is not read here")]
    Unknown,
}

/// The body as it was before `encoding` (a Content-Encoding; none is the same as `identity`).
///
/// # Errors
/// [`InflateError`], with no more than [`LARGEST`] bytes ever taken.
pub fn inflate(body: &[u8], encoding: Option<&str>) -> Result<Vec<u8>, InflateError> {
    match encoding.map(str::trim) {
        None | Some("" | "identity") => Ok(body.to_vec()),
        Some("gzip") => read(flate2::read::MultiGzDecoder::new(body)),
        Some("zstd") => {
            let mut decoder = zstd::stream::read::Decoder::new(body).map_err(|_| InflateError::Damaged)?;
            // 8 MiB, the most that the format asks every decoder to allow.
            decoder.window_log_max(23).map_err(|_| InflateError::Damaged)?;
            read(decoder)
        }
        Some("snappy") => {
            let length = snap::raw::decompress_len(body).map_err(|_| InflateError::Damaged)?;
            if length > LARGEST {
                return Err(InflateError::TooLarge);
            }
            snap::raw::Decoder::new().decompress_vec(body).map_err(|_| InflateError::Damaged)
        }
        Some(_) => Err(InflateError::Unknown),
    }
}

fn read(decoder: impl Read) -> Result<Vec<u8>, InflateError> {
    let mut bytes = Vec::new();
    decoder.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(|_| InflateError::Damaged)?;
    if bytes.len() > LARGEST { Err(InflateError::TooLarge) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_was_compressed_is_read_again() {
        let text = b"telemetry ".repeat(1000);
        for (encoding, body) in [
            ("gzip", gzip(&text)),
            ("zstd", zstd::encode_all(&text[..], 3).unwrap()),
            ("snappy", snap::raw::Encoder::new().compress_vec(&text).unwrap()),
            ("identity", text.clone()),
        ] {
            assert_eq!(inflate(&body, Some(encoding)).as_deref(), Ok(&text[..]), "{encoding}");
            if encoding != "identity" {
                assert_eq!(inflate(&body[..body.len() / 2], Some(encoding)), Err(InflateError::Damaged), "{encoding}");
            }
        }
        assert_eq!(inflate(&text, Some("br")), Err(InflateError::Unknown));
    }

    #[test]
    fn a_bomb_is_refused() {
        let zeros = vec![0; LARGEST + 1];
        assert_eq!(inflate(&gzip(&zeros), Some("gzip")), Err(InflateError::TooLarge));
        assert_eq!(inflate(&zstd::encode_all(&zeros[..], 1).unwrap(), Some("zstd")), Err(InflateError::TooLarge));
        // A length of 4 GiB in its first bytes, and nothing behind it.
        assert_eq!(inflate(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0], Some("snappy")), Err(InflateError::TooLarge));
    }
}
