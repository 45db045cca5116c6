//! Owns share links: made and revoked by founders, opened by whoever has one, and what is then shown. Must not show anything that was
//! not shared.

use super::context::{allowed, identity, state};
use super::people::{self, entry, lead_back, may_reach, reach, wrong};
use super::session::Browser;
use super::{AppState, context, cookies, joining, notices, problem, session, shown_once, sign_in};
use crate::api::{Made, ShareLine, ShareView};
use crate::domain::access::{
    Identity, Permission, Reach, SHARED_EVENTS, Shared, SharedAnswer, SharedEvent, SharedView, Who, person_name, scores,
};
use crate::domain::history::{Actor, EventType, NewEvent};
use crate::domain::policy::EnvironmentKind;
use crate::error::{Code, WireError};
use crate::server::access::guesses::Guess;
use crate::server::access::{password, secret};
use crate::server::clock;
use crate::server::store::EventFilter;
use crate::server::store::access::{Entry, NewShareLink, SessionOf, ShareLink};
use crate::views::overview::Notice;
use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use std::collections::BTreeMap;

/// The page of what was shared.
pub const ADDRESS: &str = "/founder/shared";
/// For how many days a link can be opened at most.
const MOST_DAYS: i64 = 365;
/// Events that are shown at most.
const MOST_EVENTS: u32 = 200;

fn address(secret: &str) -> String {
    format!("/founder/share/{secret}")
}

/// The links that they may see.
pub async fn lines(state: &AppState, identity: &Identity, now: DateTime<Utc>) -> Result<Vec<ShareLine>, WireError> {
    let links = state.store.share_links().await.map_err(problem::of_store)?;
    let own = links.into_iter().filter(|link| identity.may(Permission::ManageAccess, &link.environment));
    Ok(own
        .map(|link| ShareLine {
            environment: link.environment,
            expires_at: link.expires_at,
            has_passphrase: link.has_passphrase,
            id: link.id,
            is_expired: link.expires_at <= now,
            name: link.name,
            opened: link.opened,
            opened_at: link.opened_at,
            revoked_at: link.revoked_at,
            views: link.views.iter().filter_map(|view| SharedView::from_name(view)).collect(),
        })
        .collect())
}

/// What a founder enters for a link, beside its views.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub days: String,
    pub environment: String,
    pub from: String,
    pub name: String,
    pub passphrase: String,
    pub to: String,
}

/// Makes a link, which is shown this once.
pub async fn make(wanted: Wanted, fields: &BTreeMap<String, String>) -> Result<Made, WireError> {
    shown_once::show(people::ADDRESS, made(wanted, fields).await)
}

fn day(field: &'static str, text: &str, at: NaiveTime) -> Result<Option<DateTime<Utc>>, WireError> {
    match text.trim() {
        "" => Ok(None),
        text => {
            let day: NaiveDate = text.parse().map_err(|_| wrong(field, "must be a day, such as 2026-11-24"))?;
            Ok(Some(day.and_time(at).and_utc()))
        }
    }
}

async fn made(wanted: Wanted, fields: &BTreeMap<String, String>) -> Result<Made, WireError> {
    let (state, identity) = (state()?, identity()?);
    let Reach::One(environment) = reach(&state, &identity, &wanted.environment).await? else {
        return Err(wrong("environment", "must be one: what is shared is of one environment"));
    };
    let name = person_name(&wanted.name).map_err(|sentence| wrong("name", sentence))?;
    let days: Option<i64> = wanted.days.trim().parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
    let days = days.ok_or_else(|| wrong("days", format!("must be a whole number from 1 to {MOST_DAYS}")))?;
    let from = day("from", &wanted.from, NaiveTime::MIN)?;
    let to = day("to", &wanted.to, NaiveTime::MIN)?.map(|to| to + Duration::days(1));
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        return Err(wrong("to", "must not lie before the first day"));
    }
    let views: Vec<SharedView> = fields
        .keys()
        .map(|field| {
            let view = field.strip_prefix("view.").and_then(SharedView::from_name);
            view.ok_or_else(|| wrong(field, "is no view that can be shared"))
        })
        .collect::<Result<_, _>>()?;
    if views.is_empty() {
        return Err(wrong("view", "is needed: choose what is shown"));
    }
    let passphrase = match wanted.passphrase.as_str() {
        "" => None,
        text => {
            password::check(text, &[&name]).map_err(|sentence| wrong("passphrase", sentence))?;
            Some(joining::hashed(&state, text.to_owned()).await?)
        }
    };
    let fresh = session::fresh(secret::fresh())?;
    let now = clock::now();
    let shown: Vec<&str> = views.iter().map(|view| view.name()).collect();
    let reach = Reach::One(environment.clone());
    let entry =
        entry(&identity, &reach, format!("made the share link \"{name}\" to {} for {days} days", shown.join(", ")));
    let link = NewShareLink {
        at: now,
        created_by: identity.actor(),
        environment,
        expires_at: now + Duration::days(days),
        from,
        name: name.clone(),
        passphrase,
        to,
        token_hash: fresh.hash,
        views: shown.into_iter().map(str::to_owned).collect(),
    };
    state.store.add_share_link(&link, &entry).await.map_err(problem::of_store)?;
    let link = format!("{}{}", context::base_url(), address(&fresh.secret));
    Ok(Made { kind: "share_link".to_owned(), name, secret: link })
}

/// Revokes a link; whoever has it open sees no more.
pub async fn revoke(id: &str) -> Result<(), WireError> {
    lead_back("share-link-revoked", revoked(id).await)
}

async fn revoked(id: &str) -> Result<(), WireError> {
    let (state, identity) = (state()?, identity()?);
    let links = state.store.share_links().await.map_err(problem::of_store)?;
    let reach_of = |link: &ShareLink| Reach::One(link.environment.clone());
    let found = links.into_iter().find(|link| link.id.to_string() == id && may_reach(&identity, &reach_of(link)));
    let link = found.ok_or_else(|| WireError::new(Code::OutOfRange, "There is no such share link.").at("id"))?;
    let entry = entry(&identity, &reach_of(&link), format!("revoked the share link \"{}\"", link.name));
    state.store.revoke_share_link(link.id, clock::now(), &entry).await.map_err(problem::of_store)
}

/// The link of this secret, if it can be opened.
async fn usable(state: &AppState, secret: &str) -> Result<(ShareLink, Option<String>), WireError> {
    let now = clock::now();
    let found = state.store.share_link(&secret::hash(secret)).await.map_err(problem::of_store)?;
    let usable = found.filter(|(link, _)| link.revoked_at.is_none() && now < link.expires_at);
    usable.ok_or_else(problem::unusable_link)
}

/// What is said to whoever has a link, before they open it: opening is counted, and a program that looks at links opens nothing.
pub async fn door(secret: &str, notice: Option<String>) -> Result<ShareView, WireError> {
    let (link, _) = usable(&state()?, secret).await?;
    let notice = match notice.as_deref() {
        Some("sign-in-failed") => Some("The passphrase is not right."),
        Some("too-many-requests") => Some("There were too many tries. Wait half a minute, then try again."),
        _ => None,
    };
    Ok(ShareView {
        expires_at: link.expires_at,
        has_passphrase: link.has_passphrase,
        notice: notice.map(|text| Notice { is_error: true, text: text.to_owned() }),
    })
}

/// Whether the browser has this link open already.
async fn has_open(state: &AppState, link: &ShareLink) -> Result<bool, WireError> {
    let parts = sign_in::parts()?;
    let Some(cookie) = cookies::share(&parts.headers) else { return Ok(false) };
    let found = state.store.session(&secret::hash(cookie)).await.map_err(problem::of_store)?;
    let now = clock::now();
    Ok(found.is_some_and(|session| {
        super::identity::is_current(&session, now) && matches!(&session.of, SessionOf::Link(own) if own.id == link.id)
    }))
}

/// Opens a link.
pub async fn open(secret: &str, passphrase: String) -> Result<(), WireError> {
    let done = opened(secret, passphrase).await;
    let back = address(&secret.chars().filter(char::is_ascii_alphanumeric).take(64).collect::<String>());
    let to = match &done {
        Ok(environment) => format!("{ADDRESS}?environment={}", notices::encoded(environment)),
        Err(error) => format!("{back}?notice={}", error.code_name()),
    };
    notices::lead_to(&to, done.map(|_| ()))
}

async fn opened(secret: &str, passphrase: String) -> Result<String, WireError> {
    let (state, browser) = (state()?, Browser::here()?);
    let (link, stored) = usable(&state, secret).await?;
    // Who has it open already is shown it again: each visitor is counted once a session.
    if has_open(&state, &link).await? {
        return Ok(link.environment);
    }
    let account = format!("share-link {}", link.id);
    let guess = Guess { account: &account, address: browser.address, device: None };
    state.access.guesses.count(guess).map_err(|wait| sign_in::too_many(guess.account, guess.address, wait))?;
    if let Some(stored) = stored
        && !state.access.hasher.is_right(passphrase, Some(stored)).await
    {
        tracing::warn!(account, address = %browser.address, "a share link's passphrase was wrong");
        return Err(WireError::new(Code::SignInFailed, "The passphrase is not right."));
    }
    let now = clock::now();
    let fresh = session::fresh(secret::fresh())?;
    let actor = Identity::guest(link.id, &link.name, &link.environment).actor();
    let actor = Actor { address: context::peer_address(), name: &actor };
    let mut event = NewEvent::new(EventType::Accessed, actor, now);
    event.reason = Some(format!("opened: {}", link.views.join(", ")));
    let entry = Entry { environment: link.environment.clone(), event };
    let session = browser.session(fresh.hash, now, true);
    state.store.open_share_link(link.id, &session, &entry).await.map_err(problem::of_store)?;
    session::set_cookie(&cookies::with_share(&fresh.secret));
    Ok(link.environment)
}

/// What somebody is shown: by a link what it is for, in its period; everybody else all that can be shared.
pub async fn page(environment: Option<String>) -> Result<Shared, WireError> {
    let (state, identity) = (state()?, identity()?);
    let link = match &identity.who {
        Who::Guest { link, .. } => {
            let links = state.store.share_links().await.map_err(problem::of_store)?;
            Some(links.into_iter().find(|own| own.id == *link).ok_or_else(problem::unusable_link)?)
        }
        _ => None,
    };
    let environment = environment.or_else(|| link.as_ref().map(|link| link.environment.clone()));
    let environment = match environment {
        Some(name) => Some(name),
        // Who is somebody in one environment only is shown that one.
        None => identity.rights.iter().find_map(|right| match &right.reach {
            Reach::One(name) => Some(name.clone()),
            Reach::All => None,
        }),
    };
    let config = allowed(Permission::ReadShared, environment).await?;
    let views = match &link {
        Some(link) => link.views.iter().filter_map(|view| SharedView::from_name(view)).collect(),
        None => SharedView::ALL.to_vec(),
    };
    let (from, to) = link.map_or((None, None), |link| (link.from, link.to));
    let store = state.store.as_ref();
    let name = config.environment.as_str();
    let now = clock::now();
    let newest = if config.kind == EnvironmentKind::Live {
        let present = to.map_or(now, |to| (to - Duration::milliseconds(1) - clock::LEEWAY).min(now));
        store.latest_snapshot(name, present).await
    } else {
        let before = to.map(|to| (to, String::new()));
        store.snapshots(name, 1, before, None).await.map(|mut newest| newest.pop())
    };
    let newest = newest.map_err(problem::of_store)?;
    let newest = newest.filter(|snapshot| from.is_none_or(|from| snapshot.body.as_of >= from));
    let events = if views.contains(&SharedView::Timeline) {
        let filter = EventFilter { from, to, types: SHARED_EVENTS.to_vec(), ..EventFilter::default() };
        store.events(name, &filter, MOST_EVENTS).await.map_err(problem::of_store)?
    } else {
        Vec::new()
    };
    Ok(Shared {
        answer: newest.as_ref().filter(|_| views.contains(&SharedView::Answer)).map(SharedAnswer::of),
        environment: config.environment,
        events: events.iter().map(SharedEvent::of).collect(),
        from,
        kind: config.kind,
        now,
        scores: newest.as_ref().filter(|_| views.contains(&SharedView::Scores)).map(scores).unwrap_or_default(),
        to,
        views,
    })
}
