//! Starts the program: everything is the command line's.

use std::process::ExitCode;

/// Gives memory back that is no longer used: the system's allocator keeps what the first start has needed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    scaling_mode::server::cli::run()
}
