//! CloudEvents, a list of them, up to the batches that they carry.
#![no_main]

use chrono::DateTime;
use libfuzzer_sys::fuzz_target;
use scaling_mode::domain::cloud_event::{self, CloudEvent};
use scaling_mode::domain::telemetry;

fuzz_target!(|data: &[u8]| {
    for event in cloud_event::read(data, true).unwrap_or_default() {
        if let Ok(event) = CloudEvent::of(event) {
            event.identity();
            event.digest();
            let _ = telemetry::accept(&event.batch, DateTime::from_timestamp_nanos(1_795_489_200_000_000_000));
        }
    }
});
