//! Owns how pages leave the server: under a content security policy whose nonce is new in every answer, and made once for
//! as long as nothing was committed and the minute (pages say how old a number is) is the same. Must not know any page.

use super::gzip::Gzip;
use super::last_good::{self, LastGood};
use super::peer::Peer;
use super::{AppState, PAGE, people};
use crate::server::clock;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Duration, Utc};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Pages kept at once; a crawl of a long history makes more, and is not worth keeping.
const KEPT: usize = 128;
/// The longest address that is kept, in bytes.
const LONGEST: usize = 2_048;
/// The largest page that is read whole, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;

/// A page as it was made, parted where its nonce stood.
struct Page {
    content_type: HeaderValue,
    /// Compressed too, where it is kept: a page that is made once is compressed once.
    gzip: Option<Gzip>,
    parts: Vec<Bytes>,
    status: StatusCode,
}

impl Page {
    /// What it takes, in bytes; compressed it is smaller once more.
    fn size(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// The page as it was at a time, saying so.
    fn with_banner(&self, at: DateTime<Utc>, age: Duration) -> Page {
        let banner = last_good::banner(at, age);
        let mut parts = self.parts.clone();
        for part in &mut parts {
            let Ok(text) = std::str::from_utf8(part) else { continue };
            let place = text.find("<main").and_then(|main| Some(main + text[main..].find('>')? + 1));
            if let Some(place) = place {
                *part = Bytes::from([&text[..place], banner.as_str(), &text[place..]].concat());
                break;
            }
        }
        Page { content_type: self.content_type.clone(), gzip: None, parts, status: self.status }
    }
}

/// The pages made since the last commit, within a minute.
#[derive(Default)]
struct Made {
    at: (u64, i64),
    pages: HashMap<String, Arc<Page>>,
}

/// The pages that need not be made again.
#[derive(Clone, Default)]
pub struct Pages {
    last: LastGood<Arc<Page>>,
    made: Arc<Mutex<Made>>,
}

impl Pages {
    fn find(&self, at: (u64, i64), key: &str) -> Option<Arc<Page>> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.at == at { made.pages.get(key).cloned() } else { None }
    }

    fn keep(&self, at: (u64, i64), key: String, page: Arc<Page>) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.at != at {
            *made = Made { at, pages: HashMap::new() };
        }
        if made.pages.len() < KEPT && key.len() <= LONGEST {
            made.pages.insert(key, page);
        }
    }
}

/// Answers with a page that is kept, or has it made.
pub async fn serve(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    // The page of people may show a secret, once.
    let may_be_kept = request.method() == Method::GET && path.starts_with(PAGE) && path != people::ADDRESS;
    // Read before the page is: what is committed while it is made makes it another page.
    let at = (*state.store.commits().borrow(), clock::now().timestamp().div_euclid(60));
    let key = key_of(&request);
    let policy = Policy { in_development: !state.leptos.hash_files };
    let takes_gzip = takes_gzip(request.headers());
    if may_be_kept && let Some(page) = state.pages.find(at, &key) {
        return answer(&page, policy, takes_gzip);
    }
    let mut response = next.run(request).await;
    // A page that sets a cookie is for this one reader, this once.
    let cookies: Vec<HeaderValue> = response.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
    response.headers_mut().remove(header::SET_COOKIE);
    let may_be_kept = may_be_kept && cookies.is_empty();
    let mut answered = made(&state, response, (may_be_kept, at), key, policy, takes_gzip).await;
    for cookie in cookies {
        answered.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answered
}

/// Answers with a page that was just made, keeping it where it may be; with its last good state where the store is away.
async fn made(
    state: &AppState,
    response: Response,
    (may_be_kept, at): (bool, (u64, i64)),
    key: String,
    policy: Policy,
    takes_gzip: bool,
) -> Response {
    match whole(response).await {
        Ok(page) if page.status == StatusCode::SERVICE_UNAVAILABLE && may_be_kept => {
            let now = clock::now();
            match state.pages.last.find(&key, now) {
                Some((at, last)) => {
                    let mut response = answer(&last.with_banner(at, now - at), policy, takes_gzip);
                    response.headers_mut().extend(last_good::marks(now - at));
                    response
                }
                None => answer(&page, policy, takes_gzip),
            }
        }
        Ok(mut page) => {
            let is_kept = may_be_kept && page.status == StatusCode::OK;
            if is_kept {
                page.gzip = Gzip::of(&page.parts);
            }
            let page = Arc::new(page);
            if is_kept {
                state.pages.last.keep(&key, page.clone(), page.size(), clock::now());
                state.pages.keep(at, key, page.clone());
            }
            answer(&page, policy, takes_gzip)
        }
        Err(response) => *response,
    }
}

/// Whether the client takes gzip; one that says it does not want it writes `gzip;q=0`.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// What a page depends on, besides the store and the time: its address, the name and scheme under which it was asked for, and who asks.
fn key_of(request: &Request) -> String {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let theme = super::theme::chosen(request.headers()).unwrap_or_default();
    let is_https = request.extensions().get::<Peer>().is_some_and(|peer| peer.is_https);
    let reader = super::identity::key(request);
    format!("{is_https} {host} {theme} {reader} {}", request.uri())
}

/// A made page; whatever is no page is passed on as it is.
async fn whole(response: Response) -> Result<Page, Box<Response>> {
    let content_type = response.headers().get(header::CONTENT_TYPE).cloned();
    let Some(content_type) = content_type.filter(|kind| kind.as_bytes().starts_with(b"text/html")) else {
        return Err(Box::new(response));
    };
    let status = response.status();
    let failed = || Box::new(StatusCode::INTERNAL_SERVER_ERROR.into_response());
    let body = to_bytes(response.into_body(), LARGEST).await.map_err(|_| failed())?;
    Ok(Page { content_type, gzip: None, parts: parted(&body), status })
}

/// The parts of a page between the places where its nonce stands.
fn parted(body: &Bytes) -> Vec<Bytes> {
    let Ok(text) = std::str::from_utf8(body) else {
        return vec![body.clone()];
    };
    let nonce = text
        .split_once(" nonce=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(nonce, _)| nonce)
        .filter(|nonce| nonce.len() >= 16);
    let Some(nonce) = nonce else {
        return vec![body.clone()];
    };
    text.split(nonce).map(|part| body.slice_ref(part.as_bytes())).collect()
}

fn answer(page: &Page, policy: Policy, takes_gzip: bool) -> Response {
    let nonce = nonce();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, page.content_type.clone());
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.header(&nonce));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding, cookie"));
    if takes_gzip && let Some(gzip) = &page.gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return (page.status, headers, Body::from(gzip.with(nonce.as_bytes()))).into_response();
    }
    let length = page.parts.iter().map(Bytes::len).sum::<usize>() + page.parts.len() * nonce.len();
    let mut body = Vec::with_capacity(length);
    for (place, part) in page.parts.iter().enumerate() {
        if place > 0 {
            body.extend_from_slice(nonce.as_bytes());
        }
        body.extend_from_slice(part);
    }
    (page.status, headers, Body::from(body)).into_response()
}

/// 128 random bits, as text.
fn nonce() -> String {
    let mut bytes = [0u8; 16];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // Without chance no script may run: the policy then names a nonce that nothing has.
        tracing::error!(%error, "there are no random numbers");
    }
    hex::encode(bytes)
}

/// What the browser may load and run.
#[derive(Clone, Copy)]
struct Policy {
    /// The page reloads itself at every change, over a connection of its own.
    in_development: bool,
}

impl Policy {
    fn header(self, nonce: &str) -> HeaderValue {
        let reload = if self.in_development { " ws://localhost:* ws://127.0.0.1:*" } else { "" };
        let text = format!(
            "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
             connect-src 'self'{reload}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
        );
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &'static str) -> Page {
        Page {
            content_type: HeaderValue::from_static("text/html"),
            gzip: None,
            parts: parted(&Bytes::from_static(text.as_bytes())),
            status: StatusCode::OK,
        }
    }

    async fn said(response: Response) -> (String, String) {
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        let body = to_bytes(response.into_body(), LARGEST).await.unwrap();
        (policy, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn every_answer_has_a_nonce_of_its_own_wherever_the_page_names_it() {
        let page = page("<script nonce=\"0123456789abcdef==\">a</script><link nonce=\"0123456789abcdef==\">");
        let policy = Policy { in_development: false };
        let (one, other) = (said(answer(&page, policy, true)).await, said(answer(&page, policy, true)).await);
        assert_ne!(one, other);
        for (policy, body) in [one, other] {
            assert!(!body.contains("0123456789abcdef=="), "{body}");
            let nonce = body.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
            assert_eq!(body.matches(&nonce).count(), 2);
            assert!(policy.contains(&format!("'nonce-{nonce}'")) && !policy.contains("unsafe-inline"), "{policy}");
        }
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (accepted, takes) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, gzip;q=0.8", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            assert_eq!(takes_gzip(&headers), takes, "{accepted}");
        }
    }

    #[test]
    fn a_page_is_kept_until_something_is_committed_or_the_minute_is_over() {
        let pages = Pages::default();
        pages.keep((1, 7), "key".to_owned(), Arc::new(page("x")));
        assert!(pages.find((1, 7), "key").is_some());
        for at in [(2, 7), (1, 8)] {
            assert!(pages.find(at, "key").is_none());
        }
    }
}
