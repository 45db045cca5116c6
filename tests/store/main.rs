//! Owns the cases that every store must pass: one set, run against each backend.
#![cfg(feature = "ssr")]

mod access;
mod acts;
mod alerts;
mod alterations;
mod backtest;
mod clock_jumps;
mod counters;
mod coverage;
mod exporters;
mod files;
mod founder_page;
mod ingestion;
mod lived;
mod moving;
mod pages;
mod proof;
mod proofs;
mod recording;
mod scheduler;
mod senders;
mod silence;
mod sources;
mod speed;
mod subscriptions;
mod support;
mod tampering;
mod trend;

#[path = "../support/databases.rs"]
mod databases;
