//! Scaling Mode: may I safely take on more?
//!
//! One crate, two builds: `ssr` is the server, `hydrate` what the browser gets. This file holds the module list and the
//! only two gates between them.

pub mod domain;

#[cfg(feature = "ssr")]
pub mod server;
