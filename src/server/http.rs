//! Owns the HTTP surface: the router, what every request passes through, and the state that server functions see.
//! Must not hold rules; endpoints live in `crate::api`.

pub mod account;
pub mod alertmanager;
pub mod assets;
pub mod backtests;
pub mod bodies;
pub mod ceremonies;
pub mod cloud_events;
pub mod codes;
pub mod connections;
pub mod context;
mod cookie_header;
mod cookies;
pub mod doors;
pub mod events;
mod front;
pub mod guard;
pub mod headers;
pub mod identity;
pub mod joining;
pub mod kept;
pub mod last_good;
mod limits;
pub mod metrics;
pub mod notices;
pub mod openapi;
pub mod over_time;
mod pages;
pub mod parameters;
pub mod passkeys;
pub mod peer;
pub mod people;
pub mod probes;
pub mod problem;
mod proved;
pub mod provider;
pub mod provider_accounts;
pub mod receive;
mod remembered;
pub mod second_proof;
pub mod session;
pub mod settings;
pub mod sharing;
pub mod shown_once;
pub mod sign_in;
mod signature;
pub mod snapshot_lines;
pub mod sources;
pub mod stripe;
pub mod theme;
pub mod timeline;
pub mod tokens;
pub mod unsent;
pub mod views;

pub use super::state::{AppState, Shared};

use crate::app::{App, PagePath, Theme, Visitor, shell};
use crate::domain::access::Identity;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::request::Parts;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{get, post};
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes, generate_route_list};
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;

/// The largest body that is read, in bytes.
pub const MAX_BODY: usize = 16 * 1024 * 1024;

/// The founder's page.
pub const PAGE: &str = "/founder/scaling-mode";

/// The whole application.
pub fn router(state: AppState) -> Router {
    let routes = generate_route_list(App);
    let context = {
        let state = state.clone();
        move || {
            if let Some(parts) = use_context::<Parts>() {
                provide_context(Theme(theme::chosen(&parts.headers)));
                provide_context(PagePath(parts.uri.path().to_owned()));
                provide_context(Visitor::of(parts.extensions.get::<Identity>().cloned()));
            }
            provide_context(state.clone());
        }
    };
    let page = {
        let options = state.leptos.clone();
        move || shell(options.clone())
    };
    let routes = Router::new()
        .route("/", get(|| async { Redirect::temporary(PAGE) }))
        .route("/healthz", get(probes::alive))
        .route("/readyz", get(probes::ready))
        .route("/metrics", get(metrics::scrape))
        .route("/api/scaling-mode/events", get(events::listen))
        .route("/api/openapi.json", get(openapi::document))
        .leptos_routes_with_context(&state, routes, context, page)
        .route("/v1/metrics", post(receive::otlp))
        .route("/api/v1/write", post(receive::remote_write))
        .route("/api/alertmanager", post(alertmanager::receive))
        .route("/api/stripe", post(stripe::receive))
        .route("/founder/theme", post(theme::choose))
        .route(provider::THERE, get(provider::go))
        .route(provider::BACK, get(provider::receive))
        .fallback(assets::serve)
        // Every body is bounded in front of the router, by what its path takes.
        .layer(DefaultBodyLimit::disable())
        .with_state(state.clone());
    // One layer around the router as a whole. A layer of the router itself would be copied for every route, and each request would
    // pass through copies of all of them.
    let door = peer::Door::of(&state.settings);
    let front = from_fn_with_state((state, door), front::serve);
    Router::new()
        .fallback_service(ServiceBuilder::new().layer(CompressionLayer::new().no_br()).layer(front).service(routes))
}
