//! Scaling Mode: may I safely take on more?
//!
//! The application has two builds: `ssr` is the server, `hydrate` is the code that the browser loads. This file holds the
//! module list and the only two gates between them. The engine is a crate of its own, known here as `domain`.

pub mod api;
pub mod app;
pub mod error;
#[cfg(feature = "ssr")]
pub mod server;
pub mod ui;
pub mod views;

pub use scaling_mode_engine as domain;

/// Takes over the islands of a page.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
