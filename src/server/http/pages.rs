//! How pages leave the server: under a content security policy that names the hash of every inline script that the page was made
//! with, so that nothing else inline runs, and the same bytes can be sent again. Knows no single page.

use super::PAGE;
use super::kept::Kept;
use super::last_good;
use super::people;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The largest page that is read into memory, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;

/// Whether the answer to a request may be kept: a page that shows nothing once only, as the people page does with a new token.
pub fn may_be_kept(request: &Request) -> bool {
    let path = request.uri().path();
    request.method() == Method::GET && path.starts_with(PAGE) && path != people::ADDRESS
}

/// A response as a finished page; what is no page is given back as it is.
///
/// # Errors
/// The response itself where it is no page, or a 500 where it could not be read.
pub async fn finished(response: Response, in_development: bool) -> Result<Kept, Box<Response>> {
    let content_type = response.headers().get(header::CONTENT_TYPE).cloned();
    let Some(content_type) = content_type.filter(|kind| kind.as_bytes().starts_with(b"text/html")) else {
        return Err(Box::new(response));
    };
    let status = response.status();
    let failed = || Box::new(StatusCode::INTERNAL_SERVER_ERROR.into_response());
    let body = to_bytes(response.into_body(), LARGEST).await.map_err(|_| failed())?;
    let (body, hashes) = without_nonce(body);
    Ok(Kept::new(status, content_type, Some(policy(&hashes, in_development)), body))
}

/// The page as it was some time ago, with a banner that says so.
pub fn with_banner(page: &Kept, at: DateTime<Utc>, age: Duration) -> Kept {
    let plain = std::str::from_utf8(&page.plain)
        .ok()
        .and_then(|text| {
            let main = text.find("<main")?;
            let index = main + text[main..].find('>')? + 1;
            let banner = last_good::banner(at, age);
            Some(Bytes::from([&text[..index], banner.as_str(), &text[index..]].concat()))
        })
        .unwrap_or_else(|| page.plain.clone());
    Kept::new(page.status, page.content_type.clone(), page.policy.clone(), plain)
}

/// A page without its nonce, and the hashes of the inline scripts that had it. A nonce is made by chance for each page, so that
/// nothing in the page's data can have written it: only the application's own scripts are found by it.
fn without_nonce(body: Bytes) -> (Bytes, Vec<String>) {
    let Ok(text) = std::str::from_utf8(&body) else {
        return (body, Vec::new());
    };
    let nonce = text
        .split_once(" nonce=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(nonce, _)| nonce)
        .filter(|nonce| nonce.len() >= 16);
    let Some(nonce) = nonce else {
        return (body, Vec::new());
    };
    let attribute = format!(" nonce=\"{nonce}\"");
    let hashes = inline_scripts(text, &attribute)
        .map(|script| BASE64_STANDARD.encode(Sha256::digest(script.as_bytes())))
        .collect();
    (Bytes::from(text.replace(&attribute, "")), hashes)
}

/// The texts of the inline scripts that have the nonce.
fn inline_scripts<'a>(text: &'a str, attribute: &'a str) -> impl Iterator<Item = &'a str> {
    text.split("<script").skip(1).filter_map(move |rest| {
        let (tag, rest) = rest.split_once('>')?;
        let (script, _) = rest.split_once("</script")?;
        (tag.contains(attribute) && !tag.contains(" src=") && !script.is_empty()).then_some(script)
    })
}

/// What the browser may load and run. In development a page reloads itself at every change, over a connection of its own.
fn policy(hashes: &[String], in_development: bool) -> HeaderValue {
    let reload = if in_development { " ws://localhost:* ws://127.0.0.1:*" } else { "" };
    let mut scripts = String::new();
    for hash in hashes {
        // Writing to a text cannot fail.
        let _ = write!(scripts, " 'sha256-{hash}'");
    }
    let text = format!(
        "default-src 'none'; script-src 'self'{scripts} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
         connect-src 'self'{reload}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
    );
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::http::kept::Encoding;

    async fn page(text: &'static str) -> Kept {
        finished(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response(), false).await.unwrap()
    }

    #[tokio::test]
    async fn the_policy_names_the_applications_own_scripts_and_no_others() {
        let page = page(
            "<script nonce=\"0123456789abcdef==\">own()</script><link nonce=\"0123456789abcdef==\">\
             <script nonce=\"0123456789abcdef==\" src=\"/pkg/a.js\"></script><script>foreign()</script>\
             <script nonce=\"guess\">guessed()</script>",
        )
        .await;
        let response = page.response(Encoding::Plain);
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        let named = |script: &str| policy.contains(&BASE64_STANDARD.encode(Sha256::digest(script)));
        assert!(named("own()") && !named("foreign()") && !named("guessed()"), "{policy}");
        assert!(!policy.contains("unsafe-inline") && policy.matches("sha256-").count() == 1, "{policy}");
        assert!(!std::str::from_utf8(&page.plain).unwrap().contains("0123456789abcdef"));
    }

    #[tokio::test]
    async fn a_page_of_a_while_ago_says_so_at_the_beginning_of_its_content() {
        let at = DateTime::UNIX_EPOCH;
        let old = with_banner(&page("<main id=\"main\"><h1>x</h1></main>").await, at, Duration::minutes(3));
        let text = std::str::from_utf8(&old.plain).unwrap();
        assert!(
            text.starts_with("<main id=\"main\"><div class=\"banner") && text.ends_with("<h1>x</h1></main>"),
            "{text}"
        );
    }
}
