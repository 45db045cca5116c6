//! Scaling Mode: may I safely take on more?
//!
//! One crate, two builds: `ssr` is the server, `hydrate` what the browser gets. This file holds the module list and the
//! only two gates between them.

pub mod api;
pub mod app;
#[path = "../crates/engine/src/lib.rs"]
pub mod domain;
pub mod error;
#[cfg(feature = "ssr")]
pub mod server;
pub mod ui;
pub mod views;

/// Takes over the islands of a page.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
