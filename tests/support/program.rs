//! Owns running the real program in a folder of its own. Must not assert anything.

use std::path::Path;
use std::process::{Command, Output};

/// Runs the program with its data in the folder.
pub fn program(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scaling-mode"))
        .args(arguments)
        .args(["--log", "warn", "--data-dir"])
        .arg(folder.join("data"))
        .current_dir(folder)
        .output()
        .expect("the program starts")
}
