//! Starts the program: everything is the command line's. The site is part of the binary; `build.rs` says which file it is.

use scaling_mode::server::{cli, site};
use std::process::ExitCode;

fn main() -> ExitCode {
    site::embed(include_bytes!(env!("SCALING_MODE_PACK")));
    cli::run()
}
