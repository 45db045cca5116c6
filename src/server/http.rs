//! Owns the HTTP surface: the router, what every request passes through, and the state that server functions see.
//! Must not hold rules; endpoints live in `crate::api`.

pub mod account;
pub mod alertmanager;
pub mod assets;
pub mod backtests;
pub mod ceremonies;
pub mod cloud_events;
pub mod codes;
pub mod connections;
pub mod context;
mod cookie_header;
mod cookies;
pub mod doors;
pub mod events;
pub mod guard;
mod gzip;
pub mod headers;
pub mod identity;
pub mod joining;
pub mod last_good;
mod limits;
pub mod metrics;
pub mod notices;
pub mod openapi;
pub mod over_time;
pub mod pages;
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
pub mod second_proof;
pub mod session;
pub mod settings;
pub mod sharing;
pub mod shown_once;
pub mod sign_in;
mod signature;
pub mod sources;
pub mod stripe;
pub mod theme;
pub mod timeline;
pub mod tokens;
pub mod views;

use super::config::Settings;
use super::live::Feed;
use super::puller::Supervisor;
use super::scheduler::Scheduler;
use super::sources::remote_write::Pending;
use super::sources::requests::RequestLog;
use super::store::Store;
use crate::app::{App, PagePath, Theme, Visitor, shell};
use crate::domain::access::Identity;
use axum::Router;
use axum::extract::FromRef;
use axum::http::request::Parts;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Redirect;
use axum::routing::{get, post};
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes, generate_route_list};
use std::sync::Arc;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;

/// The largest body that is read, in bytes.
pub const MAX_BODY: usize = 16 * 1024 * 1024;

/// The founder's page.
pub const PAGE: &str = "/founder/scaling-mode";

/// All that a request may reach.
#[derive(Clone)]
pub struct AppState {
    /// What is kept of those who ask.
    pub access: identity::Access,
    /// Has sources asked, those that are added while it runs too.
    pub asking: Supervisor,
    /// Parts of histograms that came without their rest.
    pub buckets: Arc<Pending>,
    pub feed: Feed,
    /// What is answered while the store cannot be reached.
    pub last_answers: last_good::LastGood<last_good::Answer>,
    pub leptos: LeptosOptions,
    pub metrics: Arc<metrics::Metrics>,
    pub pages: pages::Pages,
    pub requests: Arc<RequestLog>,
    pub scheduler: Scheduler,
    pub settings: Arc<Settings>,
    pub store: Arc<dyn Store>,
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

/// The whole application.
pub fn router(state: AppState) -> Router {
    let door = peer::Door {
        has_subdomains: state.settings.hsts_subdomains,
        is_tls: state.settings.tls.is_some(),
        trusted: state.settings.trusted_proxies.clone().into(),
    };
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
    Router::new()
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
        .layer(from_fn_with_state(state.clone(), cloud_events::serve))
        .layer(from_fn_with_state(state.clone(), pages::serve))
        // Once here, so that who keeps answers sees their status, and once around what is refused before.
        .layer(from_fn(problem::as_documents))
        .layer(from_fn_with_state(state.clone(), last_good::serve))
        .layer(from_fn_with_state(state.clone(), identity::check))
        .layer(from_fn_with_state(state.clone(), guard::check))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(from_fn(problem::as_documents))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(state.clone(), super::sources::requests::measure))
        .layer(from_fn(cookie_header::join))
        .layer(from_fn(headers::protect))
        .layer(from_fn_with_state(door, peer::tell))
        .with_state(state)
}
