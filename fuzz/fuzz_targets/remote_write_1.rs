//! Prometheus remote write 1.0, decompressed, up to what it comes to.
#![no_main]

use chrono::DateTime;
use libfuzzer_sys::fuzz_target;
use scaling_mode::domain::mapping::{Mapper, Rules};
use scaling_mode::domain::price::PriceTable;
use scaling_mode::server::sources::remote_write::{self, Pending, Version};
use std::sync::LazyLock;

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(Vec::new()));

fuzz_target!(|data: &[u8]| {
    let Ok(request) = remote_write::read(data.to_vec(), Version::V1) else { return };
    let (prices, pending) = (PriceTable::default(), Pending::default());
    let now = DateTime::from_timestamp_nanos(1_795_489_200_000_000_000);
    let _ = remote_write::map(&request, ("production", &pending), now, || Mapper::new(&RULES, &prices, now));
});
