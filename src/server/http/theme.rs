//! Owns the reader's choice of light or dark: a cookie, set by a plain form, that the page's root carries as an attribute.
//! Without one the reader's system decides. Must not know what a colour is.

use super::PAGE;
use axum::Form;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

const COOKIE: &str = "scaling-mode-theme";

/// The page of examples.
const STYLEGUIDE: &str = "/styleguide";

/// The form of the choice.
#[derive(Debug, Deserialize)]
pub struct Choice {
    /// The page to go back to.
    back: Option<String>,
    theme: String,
}

/// What the reader has chosen: `light`, `dark`, or nothing.
pub fn chosen(headers: &HeaderMap) -> Option<&'static str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let value =
        cookies.split(';').filter_map(|cookie| cookie.trim().split_once('=')).find(|(name, _)| *name == COOKIE)?.1;
    named(value)
}

fn named(value: &str) -> Option<&'static str> {
    ["light", "dark"].into_iter().find(|theme| *theme == value)
}

/// Keeps the choice for a year, or forgets it, and leads back.
pub async fn choose(Form(choice): Form<Choice>) -> Response {
    let (value, age) = match named(&choice.theme) {
        Some(theme) => (theme, 31_536_000),
        None => ("", 0),
    };
    let cookie = format!("{COOKIE}={value}; Path=/; Max-Age={age}; SameSite=Lax");
    // Only ever back to a page of this application: an address that begins with two slashes is another server's.
    let is_plain = |back: &String| back.chars().all(|character| character.is_ascii_graphic());
    let is_own = |back: &String| is_plain(back) && (back.starts_with(PAGE) || back == STYLEGUIDE);
    let back = choice.back.filter(is_own).unwrap_or_else(|| PAGE.to_owned());
    let mut response = Redirect::to(&back).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_themes_are_read_from_the_cookies() {
        let chosen_of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_static(text));
            chosen(&headers)
        };
        assert_eq!(chosen_of("a=b; scaling-mode-theme=dark"), Some("dark"));
        assert_eq!(chosen_of("scaling-mode-theme=pink"), None);
        assert_eq!(chosen_of("theme=dark"), None);
    }

    /// ASVS 3.7.2.
    #[tokio::test]
    async fn the_way_back_never_leaves_the_application() {
        for (back, leads) in [
            (Some("/founder/scaling-mode?environment=demo"), "/founder/scaling-mode?environment=demo"),
            (Some("/styleguide"), "/styleguide"),
            (Some("/founder/scaling-mode\r\nx: y"), PAGE),
            (Some("//evil.example"), PAGE),
            (Some("https://evil.example"), PAGE),
            (None, PAGE),
        ] {
            let choice = Choice { back: back.map(str::to_owned), theme: "dark".to_owned() };
            let response = choose(Form(choice)).await;
            assert_eq!(response.headers()[header::LOCATION], leads);
        }
    }
}
