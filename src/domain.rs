//! The pure domain: plain data in, value and issues out. Nothing in here reads a clock, a database, a file or the
//! environment, and nothing panics on telemetry. The same code runs on the server and in the browser.

pub mod act;
pub mod breach;
pub mod canonical;
pub mod change;
pub mod consequence;
pub mod decimal;
pub mod decision;
pub mod evaluate;
pub mod explain;
pub mod facts;
pub mod headroom;
pub mod health;
pub mod histogram;
pub mod history;
pub mod input;
pub mod interval;
pub mod mode;
pub mod moment;
pub mod money;
pub mod overview;
pub mod policy;
pub mod policy_fields;
pub mod prepare;
pub mod proposal;
pub mod recent;
pub mod rollup;
pub mod rule;
pub mod signal;
pub mod snapshot;
pub mod statistics;
pub mod stream;
pub mod telemetry;
pub mod truth;
pub mod wording;
