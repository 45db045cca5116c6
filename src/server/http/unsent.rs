//! Forms that a browser posted without a session, most often because it had ended while somebody typed: what was entered waits in a cookie of
//! that browser for a quarter of an hour, and the page after signing in offers to send it. Nothing here sends a form: only a click does.
//! Must not know what a form means.

use super::doors::{Door, door};
use super::{cookies, sign_in};
use crate::api::Unsent;
use crate::domain::access::Permission;
use crate::domain::source;
use crate::error::WireError;
use crate::server::clock;
use axum::Form;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The page that offers a form again.
pub const ADDRESS: &str = "/founder/unsent";
/// For how long a form is offered, in milliseconds: as long as its cookie lasts.
const WAITS: i64 = 15 * 60 * 1_000;
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
/// The most forms that are looked into at the same time for somebody who is not signed in, once their bodies are there.
static AT_ONCE: Semaphore = Semaphore::const_new(32);
/// The longest time that one of their bodies may take.
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

    /// Whether it was posted so shortly before that it is still offered. A browser's clock and its keeper are not relied on.
    fn is_of(&self, now: DateTime<Utc>) -> bool {
        (0..=WAITS).contains(&now.timestamp_millis().saturating_sub(self.at))
    }
}

/// Whether a form of this name is kept: an act that needs a permission. What proves who somebody is, is not, and what changes who may act
/// is not either: another might send it who signs in next.
fn is_kept(form: &str) -> bool {
    matches!(door(&Method::POST, &format!("{FORMS}{form}")), Door::Needs(any) if !any.contains(&Permission::ManageAccess))
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
    (sign_in::is_own_page(page) && !page.starts_with(sign_in::ADDRESS) && !page.starts_with(ADDRESS)).then(|| {
        // An entered address, or what was entered for the name of a variable, may hold a secret: the page alone then.
        match page.split_once('?') {
            Some((path, query)) if query.contains("url") || query.contains("_env") => path.to_owned(),
            _ => page.to_owned(),
        }
    })
}

/// The fields of a form, those of a source as the page of sources shows them again: no credentials, no query, no secret for a name.
fn without_secrets(form: &str, fields: Vec<(String, String)>) -> Vec<(String, String)> {
    if !matches!(form, "add-source" | "add-signal") {
        return fields;
    }
    let (environment, entered): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(name, _)| name == "environment");
    let entered: BTreeMap<String, String> = entered.into_iter().collect();
    environment.into_iter().chain(source::kept(&entered)).collect()
}

async fn read(form: &str, back: Option<String>, request: Request) -> Option<Waiting> {
    let (parts, body) = request.into_parts();
    let body = tokio::time::timeout(IN_TIME, to_bytes(body, LARGEST)).await.ok()?.ok()?;
    // Only now, so that no slow sender takes a place from the others.
    let _place = AT_ONCE.acquire().await.ok()?;
    let whole = Request::from_parts(parts, Body::from(body));
    let Form(all) = Form::<Vec<(String, String)>>::from_request(whole, &()).await.ok()?;
    if all.len() > MOST_FIELDS {
        return None;
    }
    let is_secret = |name: &str| SECRETS.contains(&name);
    let secrets = all.iter().filter(|(name, value)| is_secret(name) && !value.is_empty());
    let secrets = secrets.map(|(name, _)| name.clone()).collect();
    let fields = without_secrets(form, all.into_iter().filter(|(name, _)| !is_secret(name)).collect());
    Some(Waiting { at: clock::now().timestamp_millis(), back, fields, form: form.to_owned(), secrets })
}

/// The form that waits in the browser that asks.
///
/// # Errors
/// Where the request is not there to look at.
pub fn page() -> Result<Option<Unsent>, WireError> {
    let waiting = cookies::unsent(&sign_in::parts()?.headers).and_then(Waiting::unpacked);
    let waiting = waiting.filter(|waiting| waiting.is_of(clock::now()));
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
            led("freeze", "name=Seed&passphrase=only+they+know&scope=scores&scope=answer".to_owned()).await;
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
            "invite",
            "set-role",
            "disable-person",
            "reset-proofs",
            "make-token",
            "revoke-token",
            "make-share-link",
            "revoke-share-link",
        ] {
            let (to, waiting) = led(form, "current=x&new=y&password=z&code=123456".to_owned()).await;
            assert_eq!(waiting, None, "{form}");
            assert!(to.contains("form-not-kept"), "{form}: {to}");
        }
    }

    #[tokio::test]
    async fn a_source_waits_without_the_secrets_that_were_entered_for_it() {
        let body = "environment=production&url=https%3A%2F%2Fme%3Ahunter2%40metrics.example%2F%3Fkey%3Dhunter2&token_env=hunter2";
        for form in ["add-source", "add-signal"] {
            let waiting = led(form, body.to_owned()).await.1.expect("a cookie");
            let text = serde_json::to_string(&waiting).unwrap();
            assert!(text.contains("metrics.example") && text.contains("production"), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
        let mut headers = HeaderMap::new();
        for (query, kept) in
            [("?environment=a", "?environment=a"), ("?url=http%3A%2F%2Fa%3Ab%40c", ""), ("?token_env=b", "")]
        {
            let page = "/founder/scaling-mode/connections";
            let referer = format!("https://scaling.example{page}{query}");
            headers.insert(header::REFERER, HeaderValue::from_str(&referer).unwrap());
            assert_eq!(page_of(&headers), Some(format!("{page}{kept}")));
        }
    }

    #[test]
    fn a_form_is_offered_for_a_quarter_of_an_hour_and_none_of_the_future() {
        let now = DateTime::from_timestamp_millis(1_790_000_000_000).unwrap();
        for (ago, is_offered) in [(0, true), (WAITS, true), (WAITS + 1, false), (-1, false)] {
            let at = now.timestamp_millis() - ago;
            let waiting = Waiting { at, back: None, fields: vec![], form: "freeze".to_owned(), secrets: vec![] };
            assert_eq!(waiting.is_of(now), is_offered, "{ago}");
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
