//! Owns what is read for the page of settings and how its form is saved. Must not hold rules: a form becomes the very
//! body of `PUT config`, and goes through the same act.

use super::context::{self, state};
use super::{PAGE, notices, problem};
use crate::domain::access::Permission;
use crate::domain::canonical;
use crate::domain::change::{Action, ConfigChange};
use crate::domain::consequence::Load;
use crate::domain::history::{Event, EventType};
use crate::domain::policy::{Config, Policy};
use crate::domain::policy_fields::{PolicyField, differences, read};
use crate::error::{Code, WireError};
use crate::server::calendar;
use crate::server::store::{EventFilter, Store};
use crate::views::overview::Notice;
use crate::views::settings::{ChangeLine, SettingsData, VersionLine};
use leptos_router::location::Url;
use std::collections::BTreeMap;

/// How many versions of the policy the page lists.
const VERSIONS: usize = 10;
/// How many versions of the configuration are looked through for them: modes and freezes make versions too.
const LOOKED_THROUGH: u64 = 200;
/// The longest text of a field that is led back to the form, in characters.
const MAX_TEXT: usize = 200;

/// All that the page of settings shows. `version` is the one that a sent form was filled from, `restore` the one to be
/// restored.
pub async fn page(
    environment: Option<String>,
    version: Option<String>,
    restore: Option<String>,
    time_zone: Option<String>,
    notice: Option<String>,
) -> Result<SettingsData, WireError> {
    let newest = context::newest(environment).await?;
    let config = newest.config.clone();
    let state = state()?;
    let store = state.store.as_ref();
    let filled = policy_at(store, &config, "version", version).await?.filter(|filled| *filled != config.policy);
    let restored = policy_at(store, &config, "restore", restore).await?;
    let versions = versions(store, &config).await?;
    Ok(SettingsData {
        filled,
        load: newest.snapshot.as_ref().map_or(Load::UNKNOWN, Load::of),
        notice: notice.and_then(|code| words(&code)),
        restored,
        versions,
        zone_error: time_zone.and_then(|zone| calendar::zone(zone.trim()).err()),
        config,
    })
}

/// The policy of the version that a parameter names.
async fn policy_at(
    store: &dyn Store,
    config: &Config,
    field: &'static str,
    version: Option<String>,
) -> Result<Option<Policy>, WireError> {
    let Some(text) = version else {
        return Ok(None);
    };
    let unknown = || WireError::new(Code::OutOfRange, "The configuration has no such version.").at(field);
    let version = text.parse().map_err(|_| unknown())?;
    let found = store.config_at(&config.environment, version).await.map_err(problem::of_store)?;
    found.map(|found| Some(found.policy)).ok_or_else(unknown)
}

/// The newest versions of the policy, each with the event that put it in force: an event carries its digest.
async fn versions(store: &dyn Store, config: &Config) -> Result<Vec<VersionLine>, WireError> {
    let name = config.environment.as_str();
    let filter = EventFilter { types: vec![EventType::ConfigChanged], ..EventFilter::default() };
    // One more than is shown: the oldest line says what it changed as well.
    let events = store.events(name, &filter, VERSIONS as u32 + 1).await.map_err(problem::of_store)?;
    let mut found: Vec<(Config, &Event)> = Vec::new();
    for version in (1..=config.version).rev().take(LOOKED_THROUGH as usize) {
        if found.len() == events.len() {
            break;
        }
        let Some(past) = store.config_at(name, version).await.map_err(problem::of_store)? else {
            continue;
        };
        let digest = canonical::digest(&canonical::to_vec(&past));
        if let Some(event) = events.iter().find(|event| event.digest.as_ref() == Some(&digest)) {
            found.push((past, event));
        }
    }
    let lines = found.iter().enumerate().take(VERSIONS).map(|(place, (past, event))| VersionLine {
        actor: event.actor.clone(),
        at: event.at,
        changes: found.get(place + 1).map_or_else(Vec::new, |(before, _)| {
            differences(&before.policy, &past.policy).into_iter().map(ChangeLine::from).collect()
        }),
        is_in_force: past.policy == config.policy,
        reason: event.reason.clone(),
        version: past.version,
    });
    Ok(lines.collect())
}

/// Saves a form's fields, and leads the browser back: to the page with what was done, or to the form with what was entered.
pub async fn save(
    environment: Option<String>,
    version: u64,
    reason: Option<String>,
    fields: BTreeMap<String, String>,
) -> Result<(), WireError> {
    let reason = reason.filter(|reason| !reason.trim().is_empty());
    let result = change(environment.clone(), version, reason.clone(), &fields).await;
    let name = context::name(environment);
    let address = match &result {
        Ok(changed) => address(&name, if *changed { "settings-saved" } else { "nothing-changed" }),
        Err(error) => {
            let kept = fields.iter().map(|(name, text)| (name.as_str(), text.as_str()));
            let entered = entered(kept.chain(reason.as_deref().map(|reason| ("reason", reason))));
            format!("{}&review=1{entered}", address(&name, notice_of(error)))
        }
    };
    notices::lead_to(&format!("{address}#notice"), result.map(|_| ()))
}

/// Does what the form asks for; whether anything changed.
async fn change(
    environment: Option<String>,
    version: u64,
    reason: Option<String>,
    fields: &BTreeMap<String, String>,
) -> Result<bool, WireError> {
    let config = context::allowed(Permission::ChangePolicy, environment.clone()).await?;
    let pairs = fields.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let (policy, errors) = read(pairs, &config.policy);
    // A version that has moved is said first, as everywhere: what is entered may be right over what is in force now.
    if version == config.version && !errors.is_empty() {
        return Err(WireError::of_fields(errors));
    }
    let mut body = ConfigChange::of(Action::Update, environment);
    (body.version, body.reason) = (Some(version), reason);
    body.replace_policy(&policy).map_err(|error| WireError::of_fields(vec![error]))?;
    notices::changed(body).await
}

/// The page's address with a notice.
fn address(environment: &str, notice: &str) -> String {
    format!("{PAGE}/settings?environment={}&notice={notice}", notices::encoded(environment))
}

fn notice_of(error: &WireError) -> &str {
    match error.code() {
        Some(Code::Conflict) => "settings-moved",
        Some(Code::OutOfRange | Code::Malformed) => "settings-wrong",
        _ => error.code_name(),
    }
}

/// What was entered, as the rest of an address. Only what is a field is led back.
fn entered<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    pairs
        .filter(|(name, _)| *name == "reason" || PolicyField::by_path(name).is_some())
        .map(|(name, text)| {
            let most = if name == "reason" { crate::domain::act::MAX_REASON } else { MAX_TEXT };
            let text: String = text.chars().take(most).collect();
            format!("&{name}={}", Url::escape(&text))
        })
        .collect()
}

/// The words of a notice on this page.
fn words(code: &str) -> Option<Notice> {
    let (is_error, text) = match code {
        "settings-saved" => (false, "Saved as a new version. The change stands in the history."),
        "nothing-changed" => (false, "Nothing had to change."),
        "settings-moved" => (
            true,
            "The configuration was changed in between, so nothing was saved. What you entered is kept here, laid over what is \
             in force now. Look at the changes again before you save.",
        ),
        "settings-wrong" => (true, "Nothing was saved: something that was entered cannot be. It is named below."),
        code => return notices::of_problem(code, "Nothing was saved."),
    };
    Some(Notice { is_error, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_are_led_back_and_nothing_leaves_its_place() {
        let pairs = [("weights.infra", "a&b=c#d"), ("reason", "more room"), ("notice", "prize"), ("x.y", "1")];
        assert_eq!(entered(pairs.into_iter()), "&weights.infra=a%26b%3Dc%23d&reason=more%20room");
        assert_eq!(
            entered([("time_zone", "x".repeat(999).as_str())].into_iter()).len(),
            "&time_zone=".len() + MAX_TEXT
        );
    }

    #[test]
    fn only_known_codes_say_anything() {
        assert_eq!(words("You have won a prize"), None);
        assert!(words("settings-moved").is_some_and(|notice| notice.is_error && notice.text.contains("kept")));
        assert!(words("settings-saved").is_some_and(|notice| !notice.is_error));
    }
}
