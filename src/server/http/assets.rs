//! Owns the page's files: hashed names are kept for ever, precompressed copies are served where the browser takes them.
//! Whatever is no file goes to the application, which answers with a page that says so.

use super::AppState;
use crate::app::shell;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use leptos::prelude::provide_context;
use tower::ServiceExt;
use tower_http::services::ServeDir;

/// Serves a file of the site, or the application's own "not found".
pub async fn serve(State(state): State<AppState>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if path.starts_with("/api/") {
        return axum::http::StatusCode::NOT_FOUND.into_response();
    }
    let site = ServeDir::new(state.leptos.site_root.as_ref()).precompressed_br().precompressed_gzip();
    let mut copy = Request::new(axum::body::Body::empty());
    *copy.uri_mut() = request.uri().clone();
    *copy.method_mut() = request.method().clone();
    *copy.headers_mut() = request.headers().clone();
    if let Ok(found) = site.oneshot(copy).await
        && (found.status().is_success() || found.status() == axum::http::StatusCode::NOT_MODIFIED)
        && path.rsplit('/').next().is_some_and(|file| file.contains('.'))
    {
        let mut found = found.into_response();
        let is_hashed = path.starts_with(&format!("/{}/", state.leptos.site_pkg_dir)) && state.leptos.hash_files;
        let cache = if is_hashed { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
        found.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        return found;
    }
    let options = state.leptos.clone();
    let context = {
        let state = state.clone();
        move || provide_context(state.clone())
    };
    let handler = leptos_axum::render_app_async_with_context(context, move || shell(options.clone()));
    let mut response = handler(request).await;
    if response.status().is_success() {
        *response.status_mut() = axum::http::StatusCode::NOT_FOUND;
    }
    response
}
