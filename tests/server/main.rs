//! Owns the tests that run the whole program: its HTTP surface, and what a crash may cost.

mod access;
mod accounts;
mod alertmanager;
mod asked_partly;
mod bound_secrets;
mod checklist;
mod clock_jumps;
mod clocks;
mod cloud_events;
mod continuity;
mod counters;
mod crash;
mod database_failures;
mod deploy;
mod doors;
mod headers;
mod http;
mod live;
mod local;
mod local_sockets;
mod malformed;
mod metrics;
mod peer;
mod people;
mod postgres;
mod provider;
mod providers;
mod revoking;
mod second_proof;
mod secrets;
mod senders;
mod serving;
mod settings;
mod sign_in;
mod sources;
mod starting;
mod stripe;
mod styleguide;
mod tls;
mod unsent;
mod values;
mod variables;
mod waiting;

#[path = "../support/databases.rs"]
mod databases;
