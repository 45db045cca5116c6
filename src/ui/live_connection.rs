//! Owns the one connection to the server's events that all open pages of an environment share: the page that holds a lock
//! of the browser's listens, and tells the others. Where the browser has no such lock every page listens for itself.

use super::browser::on;
use leptos::prelude::window;
use leptos::wasm_bindgen::prelude::Closure;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::js_sys::{Function, Object, Promise, Reflect};
use std::rc::Rc;
use web_sys::{BroadcastChannel, Event, EventSource, MessageEvent};

/// What a page hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Connected,
    Lost,
    /// Something has happened; the page is to look anew.
    News,
}

impl Heard {
    const fn word(self) -> &'static str {
        match self {
            Heard::Connected => "connected",
            Heard::Lost => "lost",
            Heard::News => "news",
        }
    }

    fn of(word: &str) -> Option<Heard> {
        [Heard::Connected, Heard::Lost, Heard::News].into_iter().find(|heard| heard.word() == word)
    }
}

type Hear = Rc<dyn Fn(Heard)>;

/// Listens to an environment's events after a place in its history, and to telemetry since a time, for as long as the page is open.
pub fn open(environment: &str, after: u64, since: i64, hear: impl Fn(Heard) + 'static) {
    let hear: Hear = Rc::new(hear);
    let name = ["scaling-mode-live-", environment].concat();
    // A name of an environment holds nothing that an address would have to escape.
    let (after, since) = (after.to_string(), since.to_string());
    let address = ["/api/scaling-mode/events?environment=", environment, "&after=", &after, "&since=", &since].concat();
    let Some((channel, locks)) = BroadcastChannel::new(&name).ok().zip(locks()) else {
        return listen(&address, hear);
    };
    let heard = hear.clone();
    on(&channel, "message", move |message: MessageEvent| {
        if let Some(heard_word) = message.data().as_string().as_deref().and_then(Heard::of) {
            heard(heard_word);
        }
    });
    // Another page may hold the connection already; until it says otherwise it is taken to stand.
    hear(Heard::Connected);
    let lead = Closure::once_into_js(move || -> Promise {
        let told = channel;
        listen(
            &address,
            Rc::new(move |heard: Heard| {
                hear(heard);
                let _ = told.post_message(&JsValue::from_str(heard.word()));
            }),
        );
        // Never settled: the lock is held until the page goes.
        Promise::new(&mut |_, _| {})
    });
    let request =
        Reflect::get(&locks, &JsValue::from_str("request")).ok().and_then(|it| it.dyn_into::<Function>().ok());
    if let Some(request) = request {
        let _ = request.call2(&locks, &JsValue::from_str(&name), &lead);
    }
}

/// The browser's locks, where it has them.
fn locks() -> Option<Object> {
    Reflect::get(&window().navigator(), &JsValue::from_str("locks")).ok()?.dyn_into::<Object>().ok()
}

/// Opens the connection. The browser opens it anew by itself, from the event that it saw last.
fn listen(address: &str, hear: Hear) {
    let Ok(source) = EventSource::new(address) else {
        return;
    };
    for (event, heard) in [
        ("open", Heard::Connected),
        ("error", Heard::Lost),
        ("history", Heard::News),
        ("telemetry", Heard::News),
        ("behind", Heard::News),
    ] {
        let hear = hear.clone();
        on(&source, event, move |_: Event| hear(heard));
    }
    // Kept for as long as the page is there.
    std::mem::forget(source);
}
