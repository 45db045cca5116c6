//! Starts the program: everything is the command line's.

use std::process::ExitCode;

fn main() -> ExitCode {
    scaling_mode::server::cli::run()
}
