//! Owns how much memory the decoders of others' JSON take for a body that was made to cost as much as it can: little beside the body
//! itself. The allocator counts, so this is the only test of its program.

use scaling_mode_engine::alert;
use scaling_mode_engine::cloud_event::{self, CloudEvent};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The memory that is held, and the most that was.
static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call goes on to the system's allocator as it came; only numbers are kept beside.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        // SAFETY: as the caller has promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller has promised.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that was held at a time while it ran, beside what was held before, in bytes.
fn cost(run: impl FnOnce()) -> usize {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    run();
    MOST.load(Ordering::Relaxed) - before
}

#[test]
fn json_of_others_takes_little_memory_beside_its_body() {
    const SIZE: usize = 2 * 1024 * 1024;
    let filled = |open: &str, item: &str, close: &str| {
        [open, &item.repeat((SIZE - open.len() - close.len()) / item.len()), close].concat().into_bytes()
    };
    let event = r#"{"specversion":"1.0","id":"1","source":"s","type":"t","data":"#;
    let bodies = [
        filled("[", "0,", "0]"),
        filled("[", "{},", "{}]"),
        filled("[", "[],", "[]]"),
        filled("{\"alerts\":[", "{},", "{}],\"version\":\"4\"}"),
        filled("{\"version\":\"4\",\"alerts\":[", "0,", "0]}"),
        filled("{\"version\":\"4\",\"alerts\":[],\"commonLabels\":{", "\"\":0,", "\"\":0}}"),
        filled("{\"version\":\"4\",\"alerts\":[{\"fingerprint\":\"", "x", "\"}]}"),
        filled(&format!("{event}{{\"samples\":["), "{},", "{}]}}"),
        filled(&format!("{event}{{\"samples\":["), "0,", "0]}}"),
        filled(&format!("{event}{{\"covers\":["), "{},", "0]}}"),
        filled(&format!("{event}{{"), "\"\":0,", "\"\":0}}"),
        filled(&format!("[{event}{{}}}},"), "{\"\":{}},", "0]"),
        filled("", "[", ""),
        filled("", "{\"\":", ""),
        [filled("", "[", ""), filled("", "]", "")].concat(),
    ];
    for body in bodies {
        let start = String::from_utf8_lossy(&body[..80.min(body.len())]).into_owned();
        let most = cost(|| {
            let _ = alert::read(&body);
            for is_list in [false, true] {
                for event in cloud_event::read(&body, is_list).unwrap_or_default() {
                    let _ = CloudEvent::of(event);
                }
            }
        });
        println!("{:>5.2} of the body: {start}", most as f64 / body.len() as f64);
        assert!(most <= 3 * body.len(), "{most} bytes for {} of {start}", body.len());
    }
}
