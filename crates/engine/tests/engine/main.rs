//! Owns the tests of the engine from outside: what every scene, table and recorded digest must give. Must not know the
//! application.

mod backtest;
mod bills;
mod counters;
mod golden;
mod mapping;
mod properties;
mod readings;
mod subscription;
mod support;
mod tables;
mod what_if;
mod windows;
