//! Finished answers that are kept in memory: until the next commit (and at most for the minute, since pages say how old a number
//! is), and for an hour in case the database becomes unavailable. Each is compressed once, when the first client asks for it so.

use super::last_good::LastGood;
use crate::server::commits::State;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::io::Write;
use std::sync::{Arc, OnceLock};

/// The answers kept at once, as an estimate: what is asked for once only makes room for what is asked for again.
const ABOUT: usize = 256;
/// The most bytes kept at once, uncompressed.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// The longest key whose answer is kept, in bytes.
const LONGEST_KEY: usize = 2_048;
/// Answers smaller than this are not compressed, in bytes: they fit into one packet anyway.
const SMALLEST_COMPRESSED: usize = 1_024;
/// How hard Brotli works, from 0 to 11. Higher levels take longer than the bytes they save are worth.
const BROTLI_QUALITY: i32 = 5;
/// The window of Brotli, as a power of two: 256 kB, more than most pages have.
const BROTLI_WINDOW: i32 = 18;

/// How an answer is encoded on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Brotli,
    Gzip,
    Plain,
}

impl Encoding {
    /// The best that the client takes. A coding with `q=0` is refused by the client.
    pub fn taken(headers: &HeaderMap) -> Encoding {
        let Some(accepted) = headers.get(header::ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok()) else {
            return Encoding::Plain;
        };
        let takes = |name: &str| {
            accepted.split(',').any(|coding| {
                let mut parts = coding.split(';').map(str::trim);
                parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case(name))
                    && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
            })
        };
        if takes("br") {
            Encoding::Brotli
        } else if takes("gzip") {
            Encoding::Gzip
        } else {
            Encoding::Plain
        }
    }
}

/// A finished answer.
pub struct Kept {
    pub content_type: HeaderValue,
    pub plain: Bytes,
    /// The content security policy, where the answer is a page.
    pub policy: Option<HeaderValue>,
    pub status: StatusCode,
    brotli: OnceLock<Option<Bytes>>,
    gzip: OnceLock<Option<Bytes>>,
}

impl Kept {
    pub fn new(status: StatusCode, content_type: HeaderValue, policy: Option<HeaderValue>, plain: Bytes) -> Kept {
        Kept { content_type, plain, policy, status, brotli: OnceLock::new(), gzip: OnceLock::new() }
    }

    /// The answer as this client takes it.
    pub fn response(&self, encoding: Encoding) -> Response {
        let compressed = match encoding {
            _ if self.plain.len() < SMALLEST_COMPRESSED => None,
            Encoding::Plain => None,
            Encoding::Brotli => self.brotli.get_or_init(|| brotli(&self.plain)).clone().map(|bytes| ("br", bytes)),
            Encoding::Gzip => self.gzip.get_or_init(|| gzip(&self.plain)).clone().map(|bytes| ("gzip", bytes)),
        };
        let (coding, body) = match compressed {
            Some((coding, bytes)) => (Some(coding), bytes),
            None => (None, self.plain.clone()),
        };
        let mut response = (self.status, Body::from(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.content_type.clone());
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding, cookie"));
        if let Some(policy) = &self.policy {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
        }
        if let Some(coding) = coding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    }
}

/// `None` where the compressor fails, which leaves the answer to be sent as it is.
fn brotli(plain: &[u8]) -> Option<Bytes> {
    let parameters = BrotliEncoderParams {
        lgwin: BROTLI_WINDOW,
        quality: BROTLI_QUALITY,
        size_hint: plain.len(),
        ..BrotliEncoderParams::default()
    };
    let mut out = Vec::with_capacity(plain.len() / 4);
    brotli::BrotliCompress(&mut &plain[..], &mut out, &parameters).ok()?;
    out.shrink_to_fit();
    Some(Bytes::from(out))
}

fn gzip(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::default());
    encoder.write_all(plain).ok()?;
    let mut out = encoder.finish().ok()?;
    out.shrink_to_fit();
    Some(Bytes::from(out))
}

/// What an answer depends on beside its key: the state of the store, and the minute.
pub type Moment = (State, i64);

/// How much of the cache an answer takes.
#[derive(Clone)]
struct Bytes64;

impl Weighter<String, (Moment, Arc<Kept>)> for Bytes64 {
    fn weight(&self, key: &String, (_, answer): &(Moment, Arc<Kept>)) -> u64 {
        (key.len() + answer.plain.len()).max(1) as u64
    }
}

/// All answers that are kept.
pub struct KeptAnswers {
    /// Answers with the moment of which they are. One of another moment is replaced when it is asked for again.
    current: Cache<String, (Moment, Arc<Kept>), Bytes64>,
    /// The newest good answers, given with their age while the database is unavailable.
    pub last: LastGood<Arc<Kept>>,
}

impl Default for KeptAnswers {
    fn default() -> KeptAnswers {
        KeptAnswers { current: Cache::with_weighter(ABOUT, MOST_BYTES, Bytes64), last: LastGood::default() }
    }
}

impl KeptAnswers {
    /// The answer to the same question, where nothing has changed since it was made.
    pub fn find(&self, at: Moment, key: &str) -> Option<Arc<Kept>> {
        self.current.get(key).filter(|(made, _)| *made == at).map(|(_, answer)| answer)
    }

    pub fn keep(&self, at: Moment, key: String, answer: Arc<Kept>) {
        if key.len() <= LONGEST_KEY {
            self.current.insert(key, (at, answer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use flate2::read::GzDecoder;
    use std::io::Read;

    fn page(text: &str) -> Kept {
        Kept::new(StatusCode::OK, HeaderValue::from_static("text/html"), None, Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn the_best_coding_that_the_client_takes_is_chosen() {
        for (accepted, chosen) in [
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("br;q=0, gzip;q=0.8", Encoding::Gzip),
            ("GZIP", Encoding::Gzip),
            ("gzip;q=0", Encoding::Plain),
            ("deflate", Encoding::Plain),
            ("", Encoding::Plain),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            assert_eq!(Encoding::taken(&headers), chosen, "{accepted}");
        }
        assert_eq!(Encoding::taken(&HeaderMap::new()), Encoding::Plain);
    }

    #[tokio::test]
    async fn every_coding_holds_the_same_bytes() {
        let long: String = (0..20_000).map(|index| format!("<li>{}</li>", index * 7919 % 1_000)).collect();
        let page = page(&long);
        for (encoding, coding) in
            [(Encoding::Plain, None), (Encoding::Gzip, Some("gzip")), (Encoding::Brotli, Some("br"))]
        {
            let response = page.response(encoding);
            assert_eq!(response.headers().get(header::CONTENT_ENCODING).map(|name| name.to_str().unwrap()), coding);
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let mut text = String::new();
            match encoding {
                Encoding::Plain => text = String::from_utf8(body.to_vec()).unwrap(),
                Encoding::Gzip => _ = GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap(),
                Encoding::Brotli => _ = brotli::Decompressor::new(&body[..], 4_096).read_to_string(&mut text).unwrap(),
            }
            assert_eq!(text, long, "{encoding:?}");
        }
    }

    #[test]
    fn an_answer_is_kept_until_something_is_committed_or_the_minute_is_over() {
        let answers = KeptAnswers::default();
        let (before, after) = (State::default(), State::of(1, 0));
        answers.keep((before, 7), "key".to_owned(), Arc::new(page("x")));
        assert!(answers.find((before, 7), "key").is_some());
        for at in [(after, 7), (State::of(0, 1), 7), (before, 8)] {
            assert!(answers.find(at, "key").is_none());
        }
        // What was begun before the newest commit and finished after it answers nothing.
        answers.keep((before, 7), "other".to_owned(), Arc::new(page("z")));
        assert!(answers.find((after, 7), "other").is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_in_bytes_and_what_is_asked_for_again_stays() {
        let answers = KeptAnswers::default();
        let at = (State::default(), 7);
        let large = "x".repeat(128 * 1024);
        answers.keep(at, "again".to_owned(), Arc::new(page(&large)));
        for index in 0..1_000 {
            answers.keep(at, format!("once {index}"), Arc::new(page(&large)));
            assert!(answers.find(at, "again").is_some(), "after {index}");
        }
        let kept = (0..1_000).filter(|index| answers.find(at, &format!("once {index}")).is_some()).count();
        assert!(kept * large.len() <= 16 * 1024 * 1024, "{kept}");
    }
}
