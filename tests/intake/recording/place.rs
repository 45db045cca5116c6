//! Owns where the public recordings lie.

use std::path::{Path, PathBuf};

/// Where the recordings lie. Without them the replay cannot be tested: that is an error unless it is said on purpose.
#[expect(clippy::disallowed_methods, reason = "a test reads where its recordings lie")]
pub fn recordings() -> Option<PathBuf> {
    let named = std::env::var("SCALING_MODE_RECORDINGS").unwrap_or_else(|_| "../shared/data".to_owned());
    if named == "none" {
        println!("SCALING_MODE_RECORDINGS=none: the replay of recordings is left out");
        return None;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(&named);
    assert!(
        folder.join("nab").is_dir(),
        "the public recordings (numenta/NAB, microsoft/cloud-monitoring-dataset, Azure LLM trace, Telco churn) are not in {}; \
         name their folder with SCALING_MODE_RECORDINGS, or say SCALING_MODE_RECORDINGS=none to leave this test out",
        folder.display()
    );
    Some(folder)
}
