//! Owns the tests of what comes in: bodies that others send, databases that are asked, files that are imported, and the
//! replay of recordings.
#![cfg(feature = "ssr")]

mod clients;
mod databases;
mod files;
mod focus;
mod malformed;
mod recording;
mod replay;

#[path = "../support/program.rs"]
mod program;
#[path = "../support/databases.rs"]
mod servers;
