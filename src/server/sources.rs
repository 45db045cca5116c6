//! Owns the built-in sources of telemetry: this host and this server. They make batches; they never meet the store, a
//! task in `serve` joins the two. Their figures feed `this-server` and nothing else.

pub mod host;
pub mod inflate;
pub mod messages;
pub mod otlp;
pub mod outgoing;
pub mod prometheus;
pub mod remote_write;
pub mod requests;

/// The environment that the server's own figures feed.
pub const THIS_SERVER: &str = "this-server";
