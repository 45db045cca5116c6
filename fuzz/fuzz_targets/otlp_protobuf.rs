//! OTLP metrics as protobuf, up to what they come to.
#![no_main]

use chrono::DateTime;
use libfuzzer_sys::fuzz_target;
use scaling_mode::domain::mapping::{Mapper, Rules};
use scaling_mode::domain::price::PriceTable;
use scaling_mode::server::sources::otlp;
use std::sync::LazyLock;

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(Vec::new()));

fuzz_target!(|data: &[u8]| {
    let Ok(request) = otlp::read(data, false) else { return };
    let prices = PriceTable::default();
    for metrics in &request.resource_metrics {
        let mut mapper = Mapper::new(&RULES, &prices, DateTime::from_timestamp_nanos(1_795_489_200_000_000_000));
        otlp::origin(metrics);
        otlp::take(metrics, &mut mapper);
        mapper.finish();
    }
});
