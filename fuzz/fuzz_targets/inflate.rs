//! Compressed bodies: the first byte says how, the rest is the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scaling_mode::server::sources::inflate::{LARGEST, inflate};

fuzz_target!(|data: &[u8]| {
    let Some((kind, body)) = data.split_first() else { return };
    let encoding = ["gzip", "zstd", "snappy"][usize::from(kind % 3)];
    if let Ok(bytes) = inflate(body, Some(encoding)) {
        assert!(bytes.len() <= LARGEST);
    }
});
