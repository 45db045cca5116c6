//! Owns the page's files, from the binary or from a folder. Browsers keep files with hashed names for ever, and get compressed
//! copies if they take them. Any other path goes to the application, which answers with a page that says so.

use super::AppState;
use crate::app::shell;
use crate::server::site::{self, File, Site};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use leptos::prelude::provide_context;
use tower::ServiceExt;
use tower_http::services::ServeDir;

/// Serves a file of the site, or the application's own "not found".
pub async fn serve(State(state): State<AppState>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if path.starts_with("/api/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let is_of_the_build =
        path.strip_prefix('/').is_some_and(|path| path.starts_with(&format!("{}/", state.leptos.site_pkg_dir)));
    let found = match site::served() {
        Some(site) => of_binary(site, &request),
        None => of_folder(&state, bodiless(&request)).await,
    };
    if let Some(mut found) = found {
        // Files that wasm-bindgen puts into folders of its own have no hash in their names.
        let is_hashed = is_of_the_build && state.leptos.hash_files && path.matches('/').count() == 2;
        let cache = if is_hashed { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
        found.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        return found;
    }
    if is_of_the_build {
        // A page where a script is expected would only puzzle; and a file of the next build may be here soon.
        return (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], "no such file").into_response();
    }
    let options = state.leptos.clone();
    let context = {
        let state = state.clone();
        move || provide_context(state.clone())
    };
    let handler = leptos_axum::render_app_async_with_context(context, move || shell(options.clone()));
    let mut response = handler(request).await;
    if response.status().is_success() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}

/// The file of the binary that a request asks for, if there is one.
fn of_binary(site: &Site, request: &Request) -> Option<Response> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.uri().path();
    let file = site.file(path.strip_prefix('/')?).filter(|_| is_read)?;
    Some(embedded(file, path, request.headers()))
}

/// The file of the site's folder that a request asks for, if there is one.
async fn of_folder(state: &AppState, request: Request) -> Option<Response> {
    let is_file = request.uri().path().rsplit('/').next().is_some_and(|name| name.contains('.'));
    let folder = ServeDir::new(state.leptos.site_root.as_ref()).precompressed_br().precompressed_gzip();
    let found = folder.oneshot(request).await.ok()?;
    let is_found = found.status().is_success() || found.status() == StatusCode::NOT_MODIFIED;
    (is_file && is_found).then(|| found.into_response())
}

/// A request without its body, which the application may need if there is no such file.
fn bodiless(request: &Request) -> Request {
    let mut copy = Request::new(Body::empty());
    *copy.uri_mut() = request.uri().clone();
    *copy.method_mut() = request.method().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

/// A file of the binary, in the smallest encoding that the browser takes.
fn embedded(file: &File, path: &str, asked: &HeaderMap) -> Response {
    let coding = |name, data: Option<&'static [u8]>| data.filter(|_| takes(asked, name)).map(|data| (Some(name), data));
    let (encoding, data) = coding("br", file.brotli).or(coding("gzip", file.gzip)).unwrap_or((None, file.plain));
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    if file.brotli.is_some() || file.gzip.is_some() {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    let tag = file.tag.as_ref().and_then(|tag| HeaderValue::from_str(&format!("W/\"{tag}\"")).ok());
    if let Some(tag) = tag {
        let is_known = asked.get_all(header::IF_NONE_MATCH).iter().any(|known| *known == tag);
        headers.insert(header::ETAG, tag);
        if is_known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
    }
    (headers, data).into_response()
}

/// Whether `Accept-Encoding` names an encoding and doesn't rule it out.
fn takes(asked: &HeaderMap, encoding: &str) -> bool {
    let named = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        is_named && weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
    })
}

/// By the ending of a name. The site has no other kinds of files: `scripts/site.mjs` refuses them.
fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        Some("ico") => "image/x-icon",
        Some("png") => "image/png",
        Some("txt") => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::HttpBody as _;

    fn asked(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_file_comes_in_the_smallest_encoding_that_is_taken() {
        let file = File { plain: b"plain", brotli: Some(b"b"), gzip: Some(b"gz"), tag: None };
        for (accepts, encoding, length) in [
            ("", None, 5),
            ("gzip, deflate, br, zstd", Some("br"), 1),
            ("gzip;q=1.0, br;q=0", Some("gzip"), 2),
            ("BR ; q=0.1", Some("br"), 1),
            ("brotli, identity", None, 5),
        ] {
            let answer = embedded(&file, "/pkg/a.js", &asked(header::ACCEPT_ENCODING, accepts));
            let header = |name| answer.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
            assert_eq!(header(header::CONTENT_ENCODING), encoding, "{accepts}");
            assert_eq!(answer.body().size_hint().exact(), Some(length), "{accepts}");
            assert_eq!(header(header::VARY), Some("accept-encoding"), "{accepts}");
            assert_eq!(header(header::CONTENT_TYPE), Some("text/javascript"));
        }
    }

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let file = File { plain: b"icon", tag: Some("12".to_owned()), ..File::default() };
        let fresh = embedded(&file, "/icon.svg", &HeaderMap::new());
        assert_eq!(fresh.headers().get(header::ETAG), Some(&HeaderValue::from_static("W/\"12\"")));
        let known = embedded(&file, "/icon.svg", &asked(header::IF_NONE_MATCH, "W/\"12\""));
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
        let other = embedded(&file, "/icon.svg", &asked(header::IF_NONE_MATCH, "W/\"34\""));
        assert_eq!(other.status(), StatusCode::OK);
    }
}
