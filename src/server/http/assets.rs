//! Owns the page's files: hashed names are kept for ever, precompressed copies are served where the browser takes them.
//! Whatever is no file goes to the application, which answers with a page that says so.

use super::AppState;
use crate::app::shell;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
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
    let site = ServeDir::new(state.leptos.site_root.as_ref()).precompressed_br().precompressed_gzip();
    let mut copy = Request::new(axum::body::Body::empty());
    *copy.uri_mut() = request.uri().clone();
    *copy.method_mut() = request.method().clone();
    *copy.headers_mut() = request.headers().clone();
    if let Ok(found) = site.oneshot(copy).await
        && (found.status().is_success() || found.status() == StatusCode::NOT_MODIFIED)
        && path.rsplit('/').next().is_some_and(|file| file.contains('.'))
    {
        let mut found = found.into_response();
        // What wasm-bindgen puts into folders of its own carries no hash in its name.
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
