//! Owns share links: made and revoked by founders, opened by whoever has one, and what is then shown. Must not show anything that was
//! not shared.

use super::context::{ActRequest, allowed, identity, state};
use super::people::{self, redirect_back, wrong};
use super::session::Browser;
use super::{AppState, context, cookies, notices, problem, session, shown_once, sign_in};
use crate::api::{Made, ShareLine, ShareView};
use crate::domain::access::{
    Identity, Permission, Reach, SHARED_EVENTS, Shared, SharedAnswer, SharedEvent, SharedView, Who, scores,
};
use crate::domain::history::{Actor, EventType, NewEvent};
use crate::domain::policy::EnvironmentKind;
use crate::error::{Code, WireError};
use crate::server::access::guesses::Guess;
use crate::server::access::secret;
use crate::server::acts::{Context, NewSecret, share_links};
use crate::server::clock;
use crate::server::store::EventFilter;
use crate::server::store::access::{Entry, SessionOf, ShareLink};
use crate::views::overview::Notice;
use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use std::collections::BTreeMap;

/// The page of what was shared.
pub const ADDRESS: &str = "/founder/shared";
/// Events that are shown at most.
const MOST_EVENTS: u32 = 200;

fn address(secret: &str) -> String {
    format!("/founder/share/{secret}")
}

/// The links that they may see.
pub async fn lines(context: &Context<'_>) -> Result<Vec<ShareLine>, WireError> {
    let now = context.now;
    let links = share_links::list(context).await?;
    Ok(links
        .into_iter()
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

/// Creates a link as a form asks, and shows it this once.
pub async fn create(wanted: Wanted, fields: &BTreeMap<String, String>) -> Result<Made, WireError> {
    let (state, request) = (state()?, ActRequest::here()?);
    let made = match read(wanted, fields) {
        Ok(wanted) => {
            share_links::create(&request.context(), &state.access.hasher, wanted).await.map_err(WireError::from)
        }
        Err(problem) => Err(problem),
    };
    let made = made.map(|NewSecret { name, secret }| {
        let link = format!("{}{}", context::base_url(), address(&secret));
        Made { kind: "share_link".to_owned(), name, secret: link }
    });
    shown_once::show(people::ADDRESS, made)
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

/// The link that a form asks for.
fn read(wanted: Wanted, fields: &BTreeMap<String, String>) -> Result<share_links::Wanted, WireError> {
    let views = fields.keys().map(|field| {
        let view = field.strip_prefix("view.").and_then(SharedView::from_name);
        view.ok_or_else(|| wrong(field, "is no view that can be shared"))
    });
    Ok(share_links::Wanted {
        days: wanted.days.trim().parse().ok(),
        environment: wanted.environment.trim().to_owned(),
        from: day("from", &wanted.from, NaiveTime::MIN)?,
        name: wanted.name,
        passphrase: wanted.passphrase,
        to: day("to", &wanted.to, NaiveTime::MIN)?.map(|to| to + Duration::days(1)),
        views: views.collect::<Result<_, _>>()?,
    })
}

/// Revokes a link; whoever has it open sees no more.
pub async fn revoke(id: &str) -> Result<(), WireError> {
    let request = ActRequest::here()?;
    redirect_back("share-link-revoked", share_links::revoke(&request.context(), id).await)
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
