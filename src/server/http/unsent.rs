//! Forms that a browser posted without a session, most often because it had ended while somebody typed: what was entered waits in a cookie of
//! that browser for a quarter of an hour, and the page after signing in offers to send it. Nothing here sends a form: only a click does.
//! Must not know what a form means.

use super::doors::{Door, door};
use super::{cookies, sign_in};
use crate::api::Unsent;
use crate::error::WireError;
use crate::server::clock;
use axum::Form;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::DateTime;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The page that offers a form again.
pub const ADDRESS: &str = "/founder/unsent";
/// Where forms are posted to.
const FORMS: &str = "/api/scaling-mode/forms/";
/// The largest form that is read, in bytes.
const LARGEST: usize = 16 * 1024;
/// The most fields that are kept.
const MOST_FIELDS: usize = 200;
/// The most bytes of a form once it is unpacked.
const MOST_UNPACKED: u64 = 32 * 1024;
/// The longest cookie, in characters. A proxy such as nginx takes 4 KiB for all headers of an answer, and the other headers need some of it.
const LONGEST: usize = 2_600;
/// The most forms that are read at the same time for somebody who is not signed in.
static AT_ONCE: Semaphore = Semaphore::const_new(32);
/// The longest time that one of them may take.
const IN_TIME: Duration = Duration::from_secs(5);

/// Fields that hold a secret. Their names are kept, their values never.
const SECRETS: [&str; 8] = ["ceremony", "code", "credential", "current", "link", "new", "passphrase", "password"];

/// A form as it waits in the cookie.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
struct Waiting {
    /// When it was posted, in milliseconds since 1970.
    at: i64,
    /// The page that it was posted from.
    back: Option<String>,
    fields: Vec<(String, String)>,
    /// Its name.
    form: String,
    /// Fields that held a secret.
    secrets: Vec<String>,
}

impl Waiting {
    /// Its form as a cookie's value; nothing where that would be too long.
    fn packed(&self) -> Option<String> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&serde_json::to_vec(self).ok()?).ok()?;
        let text = BASE64_URL_SAFE_NO_PAD.encode(encoder.finish().ok()?);
        (text.len() <= LONGEST).then_some(text)
    }

    /// Reads a cookie's value. The person at the browser can have written anything into it.
    fn unpacked(text: &str) -> Option<Waiting> {
        let packed = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let mut plain = Vec::new();
        DeflateDecoder::new(packed.as_slice()).take(MOST_UNPACKED).read_to_end(&mut plain).ok()?;
        let waiting: Waiting = serde_json::from_slice(&plain).ok()?;
        is_kept(&waiting.form).then_some(waiting)
    }
}

/// Whether a form of this name is kept: an act that needs a permission. What proves who somebody is, is not.
fn is_kept(form: &str) -> bool {
    matches!(door(&Method::POST, &format!("{FORMS}{form}")), Door::Needs(_))
}

/// Whether a refused request is a browser's form.
pub fn is_a_form(method: &Method, path: &str, headers: &HeaderMap) -> bool {
    let wants_a_page = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    *method == Method::POST
        && path.starts_with(FORMS)
        && wants_a_page.is_some_and(|accept| accept.contains("text/html"))
}

/// Leads a browser whose form came without a session to the page where one signs in, which says what became of the form.
pub async fn lead_to_sign_in(request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let form = path.strip_prefix(FORMS).unwrap_or_default();
    if form == "sign-out" {
        return Redirect::to(&sign_in::address(None, Some("signed-out"))).into_response();
    }
    let back = page_of(request.headers());
    let waiting = if is_kept(form) { read(form, back.clone(), request).await } else { None };
    match waiting.and_then(|waiting| waiting.packed()) {
        Some(cookie) => {
            let mut response = Redirect::to(&sign_in::address(Some(ADDRESS), Some("form-kept"))).into_response();
            response.headers_mut().append(header::SET_COOKIE, cookies::with_unsent(&cookie));
            response
        }
        None => Redirect::to(&sign_in::address(back.as_deref(), Some("form-not-kept"))).into_response(),
    }
}

/// The page that a form was posted from, where the browser names one of this server's.
fn page_of(headers: &HeaderMap) -> Option<String> {
    let referer = headers.get(header::REFERER)?.to_str().ok()?;
    let (_, rest) = referer.split_once("://")?;
    let page = &rest[rest.find('/')?..];
    (sign_in::is_own_page(page) && !page.starts_with(sign_in::ADDRESS) && !page.starts_with(ADDRESS))
        .then(|| page.to_owned())
}

async fn read(form: &str, back: Option<String>, request: Request) -> Option<Waiting> {
    let _place = AT_ONCE.try_acquire().ok()?;
    let (parts, body) = request.into_parts();
    let body = tokio::time::timeout(IN_TIME, to_bytes(body, LARGEST)).await.ok()?.ok()?;
    let whole = Request::from_parts(parts, Body::from(body));
    let Form(all) = Form::<Vec<(String, String)>>::from_request(whole, &()).await.ok()?;
    if all.len() > MOST_FIELDS {
        return None;
    }
    let is_secret = |name: &str| SECRETS.contains(&name);
    let secrets = all.iter().filter(|(name, value)| is_secret(name) && !value.is_empty());
    let secrets = secrets.map(|(name, _)| name.clone()).collect();
    let fields = all.into_iter().filter(|(name, _)| !is_secret(name)).collect();
    Some(Waiting { at: clock::now().timestamp_millis(), back, fields, form: form.to_owned(), secrets })
}

/// The form that waits in the browser that asks.
///
/// # Errors
/// Where the request is not there to look at.
pub fn page() -> Result<Option<Unsent>, WireError> {
    let waiting = cookies::unsent(&sign_in::parts()?.headers).and_then(Waiting::unpacked);
    Ok(waiting.map(|waiting| Unsent {
        at: DateTime::from_timestamp_millis(waiting.at).unwrap_or_default(),
        back: waiting.back.filter(|back| sign_in::is_own_page(back)),
        fields: waiting.fields,
        form: waiting.form,
        secrets: waiting.secrets,
    }))
}

/// The cookie that forgets the form that waits, where a request sends that very form.
pub fn sent(method: &Method, path: &str, headers: &HeaderMap) -> Option<HeaderValue> {
    let form = path.strip_prefix(FORMS).filter(|_| *method == Method::POST)?;
    let waiting = Waiting::unpacked(cookies::unsent(headers)?)?;
    (waiting.form == form).then(cookies::without_unsent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(form: &str, body: String) -> Request {
        Request::builder()
            .method(Method::POST)
            .uri(format!("{FORMS}{form}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("referer", "https://scaling.example/founder/scaling-mode?environment=production")
            .body(Body::from(body))
            .unwrap()
    }

    async fn led(form: &str, body: String) -> (String, Option<Waiting>) {
        let response = lead_to_sign_in(posted(form, body)).await;
        let cookie = response.headers().get(header::SET_COOKIE).map(|cookie| cookie.to_str().unwrap().to_owned());
        let value = cookie.as_deref().and_then(|cookie| cookie.split_once('=')?.1.split(';').next().map(str::to_owned));
        let all: usize = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        assert!(all < 3_200, "{all} bytes of headers leave no room for the others behind a proxy");
        (
            response.headers()[header::LOCATION].to_str().unwrap().to_owned(),
            value.map(|value| Waiting::unpacked(&value).expect("what was packed")),
        )
    }

    #[tokio::test]
    async fn an_act_is_kept_with_all_that_was_entered_and_the_page_it_came_from() {
        let reason = "payments are down since nine, wait for the bank: äöü 🦊 & more".to_owned();
        let body = format!("environment=production&reason={}", leptos_router::location::Url::escape(&reason));
        let (to, waiting) = led("freeze", body).await;
        let waiting = waiting.expect("a cookie");
        assert_eq!(to, "/founder/sign-in?next=%2Ffounder%2Funsent&notice=form-kept");
        assert_eq!(
            (waiting.form.as_str(), waiting.back.as_deref()),
            ("freeze", Some("/founder/scaling-mode?environment=production"))
        );
        assert_eq!(waiting.fields[1], ("reason".to_owned(), reason));
    }

    /// An address is no place for secrets, and a cookie is none either.
    #[tokio::test]
    async fn no_secret_is_ever_kept() {
        let (_, waiting) =
            led("make-share-link", "name=Seed&passphrase=only+they+know&scope=scores&scope=answer".to_owned()).await;
        let waiting = waiting.expect("a cookie");
        assert_eq!(waiting.secrets, ["passphrase"]);
        assert!(!serde_json::to_string(&waiting).unwrap().contains("only they know"));
        assert_eq!(waiting.fields.len(), 3, "every box that was ticked");
        for form in [
            "sign-in",
            "sign-in-code",
            "change-password",
            "begin-codes",
            "confirm-codes",
            "join",
            "open-share",
            "nothing",
        ] {
            let (to, waiting) = led(form, "current=x&new=y&password=z&code=123456".to_owned()).await;
            assert_eq!(waiting, None, "{form}");
            assert!(to.contains("form-not-kept"), "{form}: {to}");
        }
    }

    #[tokio::test]
    async fn what_is_too_large_is_not_kept_and_said_so() {
        // Letters without a pattern, which nothing packs.
        let mut chance = 7u64;
        let mut letter = || {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'a' + (chance >> 60) as u8)
        };
        let long: String = (0..8_000).map(|_| letter()).collect();
        let many: String = (0..201).map(|place| format!("a{place}=&")).collect();
        for body in [format!("reason={long}"), many, format!("reason={}", "x".repeat(20_000))] {
            let (to, waiting) = led("freeze", body).await;
            assert_eq!((to.contains("form-not-kept"), waiting), (true, None));
        }
    }

    #[test]
    fn a_cookie_that_somebody_wrote_is_read_as_nothing() {
        let bomb = {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&vec![b'['; 4 * 1024 * 1024]).unwrap();
            BASE64_URL_SAFE_NO_PAD.encode(encoder.finish().unwrap())
        };
        for text in ["", "x", "AAAA", &bomb] {
            assert_eq!(Waiting::unpacked(text), None);
        }
        let other = Waiting { at: 0, back: None, fields: vec![], form: "change-password".to_owned(), secrets: vec![] };
        assert_eq!(Waiting::unpacked(&other.packed().unwrap()), None);
    }
}
