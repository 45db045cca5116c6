//! Owns everything that only the server has: what touches disks, networks, clocks and the environment.

pub mod store;
