//! Notifications and lists of subscriptions, up to what they make of a customer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scaling_mode::domain::subscription::{self, Told};

fuzz_target!(|data: &[u8]| {
    let now = chrono::DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    if let Ok(Told::Page(page)) = subscription::read(data, None, now) {
        let _ = page.subscriptions.iter().filter(|one| one.is_at_risk()).count();
    }
});
