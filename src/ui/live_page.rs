//! Owns keeping an open page up to date: it listens to the server's events and loads the page as it is now, says since when it could not,
//! and takes the numbers away once the reader can't see them any more. Without JavaScript the page is brought up to date by loading it
//! again. Must not know what a part shows.

use super::browser::{on, time};
use super::live_connection::{self, Heard};
use super::page_now::{self, Now};
use super::{links, live_parts, local_time};
use leptos::prelude::*;
use leptos::web_sys::Document;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use web_sys::Event;

/// Events that come together are shown together.
const GATHERED: Duration = Duration::from_millis(120);
/// The longest silence of a connection that works, in milliseconds: three beats of the server.
const SILENCE: f64 = 45_000.0;

/// The element that says whether the page hears of news, and tells screen readers what has changed.
#[component]
pub fn LivePage(environment: String) -> impl IntoView {
    let next = links::escape(&links::page(&environment));
    view! {
        <p id="live-state" class="live-state" hidden></p>
        <p id="live-said" class="visually-hidden" aria-live="polite"></p>
        <div id="signed-out" class="banner banner-signed-out" role="alert" hidden>
            <p>
                <strong>"You are signed out, or can no longer see this environment."</strong>
                " The numbers were taken off this page. It comes back by itself once you are signed in again. "
                <a href=format!("{}?next={next}", links::SIGN_IN)>"Sign in"</a>
            </p>
        </div>
    }
}

/// Follows an environment's events after a place in its history, and its telemetry since a time. The value that is given back checks whether the
/// connection is still alive.
pub fn attach(environment: &str, after: u64, since: i64) -> Box<dyn Fn()> {
    let page = Rc::new(LivePageState {
        contact: Cell::new(time()),
        has_ended: Cell::new(false),
        is_live: Cell::new(false),
        is_waiting: Cell::new(false),
        verdict: RefCell::new(verdict(&document())),
    });
    let hearing = page.clone();
    let look = live_connection::open(environment, after, since, move |heard| hearing.hear(heard));
    let come_back = {
        let look = look.clone();
        move |_: Event| look(false)
    };
    for event in ["online", "focus"] {
        on(&window(), event, come_back.clone());
    }
    Box::new(move || {
        if page.is_live.get() && time() - page.contact.get() > SILENCE {
            page.lost();
            look(true);
        }
    })
}

struct LivePageState {
    /// When the server was heard of last, in milliseconds since 1970.
    contact: Cell<f64>,
    /// Whether the numbers were taken off the page.
    has_ended: Cell<bool>,
    is_live: Cell<bool>,
    /// Whether the page is about to be loaded.
    is_waiting: Cell<bool>,
    /// The answer as the server has said it last. The page itself can be translated.
    verdict: RefCell<String>,
}

impl LivePageState {
    fn hear(self: &Rc<Self>, heard: Heard) {
        match heard {
            Heard::Connected => {
                self.contact.set(time());
                let was_live = self.is_live.replace(true);
                if self.has_ended.get() {
                    self.load_soon();
                } else if !was_live {
                    state("live", "Live");
                }
            }
            Heard::Ended => self.end(),
            Heard::Lost => self.lost(),
            Heard::News => self.load_soon(),
        }
    }

    fn load_soon(self: &Rc<Self>) {
        if !self.is_waiting.replace(true) {
            let page = self.clone();
            set_timeout(move || page.load(), GATHERED);
        }
    }

    fn lost(&self) {
        self.is_live.set(false);
        if !self.has_ended.get() {
            state("lost", &["Connection lost since ", &local_time::clock(self.contact.get())].concat());
        }
    }

    /// Takes the numbers away.
    fn end(&self) {
        self.is_live.set(false);
        if !self.has_ended.replace(true) {
            live_parts::take_away();
            document().set_title("Signed out · Scaling Mode");
            say("");
        }
        state("ended", "Signed out");
    }

    /// Loads the page as it is now and takes over what has changed.
    fn load(self: &Rc<Self>) {
        self.is_waiting.set(false);
        let page = self.clone();
        page_now::page(Box::new(move |now| match now {
            Now::Fresh(Some(fresh)) if fresh.get_element_by_id("answer").is_some() => page.take_over(&fresh),
            Now::Ended => page.end(),
            Now::Fresh(_) | Now::Unknown => page.lost(),
        }));
    }

    fn take_over(&self, fresh: &Document) {
        self.contact.set(time());
        let now = verdict(fresh);
        if self.has_ended.get() {
            // Perhaps for somebody else: nothing of before is kept.
            let _ = window().location().reload();
            return;
        }
        live_parts::take_over(fresh);
        document().set_title(&fresh.title());
        local_time::localise();
        if self.is_live.get() {
            state("live", "Live");
        } else {
            self.lost();
        }
        if *self.verdict.borrow() != now {
            say(&["New answer: ", &now].concat());
            self.verdict.replace(now);
        }
    }
}

fn state(name: &str, words: &str) {
    if let Some(place) = document().get_element_by_id("live-state") {
        place.set_text_content(Some(words));
        let _ = place.set_attribute("data-live", name);
        let _ = place.remove_attribute("hidden");
    }
}

/// Says something to readers of the screen.
fn say(words: &str) {
    if let Some(said) = document().get_element_by_id("live-said") {
        said.set_text_content(Some(words));
    }
}

fn verdict(page: &Document) -> String {
    page.query_selector(".verdict").ok().flatten().and_then(|verdict| verdict.text_content()).unwrap_or_default()
}
