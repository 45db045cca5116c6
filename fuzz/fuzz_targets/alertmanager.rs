//! Notifications of Alertmanager's webhook, up to the alerts that they describe.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scaling_mode::domain::alert::{self, AlertState};

fuzz_target!(|data: &[u8]| {
    let mut known = None;
    for alert in alert::read(data).unwrap_or_default() {
        known = Some(AlertState::after(known, &alert));
    }
});
