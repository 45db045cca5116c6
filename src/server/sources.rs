//! Owns the sources of telemetry: this host and this server, whose figures feed `this-server` and nothing else; what other
//! systems send; and what they are asked for. They never meet the store: others join the two.

pub mod host;
pub mod inflate;
pub mod messages;
pub mod otlp;
pub mod outgoing;
pub mod prometheus;
pub mod remote_write;
pub mod requests;
pub mod sql;

/// The environment that the server's own figures feed.
pub const THIS_SERVER: &str = "this-server";
