//! Owns the one connection to the server's events that all open pages of an environment share: the page that holds a lock
//! of the browser's listens, and tells the others. Where the browser has no such lock every page listens for itself. A connection that
//! breaks off is opened again after growing pauses, after any answer of a proxy: a browser gives up for good.

use super::browser::{on, time};
use super::page_now::{self, Now};
use leptos::prelude::{set_timeout, window};
use leptos::wasm_bindgen::prelude::Closure;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::js_sys::{Function, Math, Object, Promise, Reflect};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;
use web_sys::{BroadcastChannel, Event, EventSource, MessageEvent};

/// The first pause before a connection is opened again, and the longest, in milliseconds.
const FIRST_PAUSE: u32 = 1_000;
const LONGEST_PAUSE: u32 = 30_000;
/// For how long news count as news for a page that asks, in milliseconds: it can have been made before they came.
const RECENT: f64 = 30_000.0;

/// What a page hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The connection is open, and something has come over it just now.
    Connected,
    /// The reader can't listen any more.
    Ended,
    Lost,
    /// Something has happened; the page is to look again.
    News,
}

impl Heard {
    /// As pages tell each other.
    fn sign(self) -> JsValue {
        JsValue::from_f64(f64::from(self as u8))
    }

    fn of(sign: f64) -> Heard {
        match sign as u8 {
            0 => Heard::Connected,
            1 => Heard::Ended,
            2 => Heard::Lost,
            _ => Heard::News,
        }
    }
}

type Hear = Rc<dyn Fn(Heard)>;

/// Listens to an environment's events after a place in its history, and to telemetry since a time, for as long as the page is open. The
/// value that is given back has the connection looked after, as when somebody comes back to the page, or when nothing has come for long.
pub fn open(environment: &str, after: u64, since: i64, hear: impl Fn(Heard) + 'static) -> Rc<dyn Fn(bool)> {
    let hear: Hear = Rc::new(hear);
    let name = ["scaling-mode-live-", environment].concat();
    let line = Rc::new_cyclic(|line| Line::new(line.clone(), environment, after, since));
    let Some((channel, locks)) = BroadcastChannel::new(&name).ok().zip(locks()) else {
        line.listen(hear);
        return Rc::new(move |is_silent| line.look_after(is_silent));
    };
    let (heard, own, told) = (hear.clone(), line.clone(), channel.clone());
    on(&channel, "message", move |message: MessageEvent| {
        let said = message.data();
        match said.as_f64() {
            Some(sign) => heard(Heard::of(sign)),
            // A page that was opened later asks for the state of the connection, with the newest event that it knows.
            None => own.answer(&said.as_string().unwrap_or_default(), &told),
        }
    });
    let (leading, told) = (line.clone(), channel.clone());
    let lead = Closure::once_into_js(move || -> Promise {
        leading.listen(Rc::new(move |heard: Heard| {
            hear(heard);
            tell(&told, &heard.sign());
        }));
        // Never settled: the lock is held until the page goes.
        Promise::new(&mut |_, _| {})
    });
    let request =
        Reflect::get(&locks, &JsValue::from_str("request")).ok().and_then(|it| it.dyn_into::<Function>().ok());
    if let Some(request) = request {
        let _ = request.call2(&locks, &JsValue::from_str(&name), &lead);
    }
    let look: Rc<dyn Fn(bool)> = Rc::new(move |is_silent| {
        if line.leads() {
            line.look_after(is_silent);
        } else {
            tell(&channel, &JsValue::from_str(&line.after.borrow()));
        }
    });
    look(false);
    look
}

/// A page that can't be reached is one that has just gone.
fn tell(channel: &BroadcastChannel, said: &JsValue) {
    let _ = channel.post_message(said);
}

/// The browser's locks, where it has them.
fn locks() -> Option<Object> {
    Reflect::get(&window().navigator(), &JsValue::from_str("locks")).ok()?.dyn_into::<Object>().ok()
}

/// The connection.
struct Line {
    /// The newest event that has come.
    after: RefCell<String>,
    environment: String,
    /// How often in a row it could not be opened.
    failures: Cell<u32>,
    /// What hears of it; nothing where another page listens.
    hear: RefCell<Option<Hear>>,
    listener: Function,
    /// When the newest news came, in milliseconds since 1970.
    news_at: Cell<f64>,
    own: Weak<Line>,
    since: String,
    source: RefCell<Option<EventSource>>,
    /// The newest state of the connection.
    told: Cell<Heard>,
    /// Counts what was planned: a plan that is not the newest no longer counts.
    plan: Cell<u32>,
}

impl Line {
    fn new(own: Weak<Line>, environment: &str, after: u64, since: i64) -> Line {
        let hears = own.clone();
        let listener = Closure::<dyn Fn(Event)>::new(move |event: Event| {
            if let Some(line) = hears.upgrade() {
                line.take(&event);
            }
        });
        Line {
            after: RefCell::new(after.to_string()),
            environment: environment.to_owned(),
            failures: Cell::new(0),
            hear: RefCell::new(None),
            listener: listener.into_js_value().unchecked_into(),
            news_at: Cell::new(0.0),
            own,
            since: since.to_string(),
            source: RefCell::new(None),
            told: Cell::new(Heard::Lost),
            plan: Cell::new(0),
        }
    }

    fn leads(&self) -> bool {
        self.hear.borrow().is_some()
    }

    fn listen(&self, hear: Hear) {
        self.hear.replace(Some(hear));
        self.connect();
    }

    fn say(&self, heard: Heard) {
        if heard == Heard::News {
            self.news_at.set(time());
        } else {
            self.told.set(heard);
        }
        let hear = self.hear.borrow().clone();
        if let Some(hear) = hear {
            hear(heard);
        }
    }

    /// Tells a page that was opened later the state of the connection.
    fn answer(&self, knows: &str, channel: &BroadcastChannel) {
        if !self.leads() {
            return;
        }
        tell(channel, &self.told.get().sign());
        if *self.after.borrow() != knows || time() - self.news_at.get() < RECENT {
            tell(channel, &Heard::News.sign());
        }
        if self.source.borrow().is_none() {
            self.look_after(false);
        }
    }

    fn connect(&self) {
        self.close();
        // A name of an environment holds nothing that an address would have to escape.
        let after = self.after.borrow();
        let address =
            ["/api/scaling-mode/events?environment=", &self.environment, "&after=", &after, "&since=", &self.since]
                .concat();
        let Ok(source) = EventSource::new(&address) else {
            return self.lose();
        };
        for event in ["open", "error", "history", "telemetry", "behind", "beat"] {
            let _ = source.add_event_listener_with_callback(event, &self.listener);
        }
        self.source.replace(Some(source));
    }

    fn close(&self) {
        if let Some(source) = self.source.take() {
            source.close();
        }
    }

    fn take(&self, event: &Event) {
        let is_current =
            self.source.borrow().as_ref().is_some_and(|source| event.target().is_some_and(|of| of == **source));
        if !is_current {
            return;
        }
        let kind = event.type_();
        if kind == "error" {
            return self.lose();
        }
        self.failures.set(0);
        self.say(Heard::Connected);
        if kind != "open" && kind != "beat" {
            // A message has one. Before the first event that has an id it is empty.
            let id = event.unchecked_ref::<MessageEvent>().last_event_id();
            if !id.is_empty() {
                self.after.replace(id);
            }
            self.say(Heard::News);
        }
    }

    fn lose(&self) {
        self.close();
        // A page that was signed out stays so until it is let in again.
        if self.told.get() != Heard::Ended {
            self.say(Heard::Lost);
        }
        self.try_later();
    }

    /// Between half and all of a pause that doubles: pages that lost their server together do not come back together.
    fn try_later(&self) {
        let failures = self.failures.get();
        self.failures.set(failures + 1);
        let longest = (FIRST_PAUSE << failures.min(8)).min(LONGEST_PAUSE);
        let pause = f64::from(longest) * (1.0 + Math::random()) / 2.0;
        let (plan, own) = (self.planned(), self.own.clone());
        let retry = move || {
            if let Some(line) = own.upgrade().filter(|line| line.plan.get() == plan) {
                line.probe();
            }
        };
        set_timeout(retry, Duration::from_millis(pause as u64));
    }

    fn planned(&self) -> u32 {
        self.plan.set(self.plan.get().wrapping_add(1));
        self.plan.get()
    }

    /// Asks for something small before the connection is opened: what refuses a connection says no reason.
    fn probe(&self) {
        let (plan, own) = (self.planned(), self.own.clone());
        let address = ["/api/scaling-mode/config?environment=", &self.environment].concat();
        page_now::json(
            &address,
            Box::new(move |now| {
                let Some(line) = own.upgrade().filter(|line| line.plan.get() == plan) else { return };
                match now {
                    Now::Fresh(_) => {
                        // Events that were missed while nobody listened, telemetry included.
                        line.connect();
                        line.say(Heard::News);
                    }
                    Now::Ended => {
                        line.say(Heard::Ended);
                        line.try_later();
                    }
                    Now::Unknown => line.try_later(),
                }
            }),
        );
    }

    /// Opens the connection again without a pause where it is not open, or nothing comes over it any more.
    fn look_after(&self, is_silent: bool) {
        if self.leads() && (is_silent || self.source.borrow().is_none()) {
            self.close();
            self.failures.set(0);
            self.probe();
        }
    }
}
