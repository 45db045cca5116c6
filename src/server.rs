//! Owns everything that only the server has: what touches disks, networks, clocks and the environment.

pub mod access;
pub mod backtest;
pub mod bundle;
pub mod calendar;
pub mod charts;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod evaluation;
pub mod http;
mod key_file;
pub mod leadership;
pub mod live;
pub mod observability;
pub mod proof;
pub mod puller;
pub mod replay;
pub mod revision;
pub mod scheduler;
pub mod signing;
pub mod site;
pub mod sources;
pub mod store;
pub mod styleguide;
pub mod tls;
