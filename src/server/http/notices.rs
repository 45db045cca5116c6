//! Owns the notices that forms lead back with: a code in the address, words on the page. No text of the address is ever
//! shown, so nobody can put words into the page's mouth.

use super::PAGE;
use super::context::{self, ActRequest};
use crate::domain::change::ConfigChange;
use crate::domain::policy::Config;
use crate::error::{Code, WireError};
use crate::server::acts::{configuration, evaluation};
use crate::views::overview::Notice;

/// What each success is called on the page.
fn success(code: &str) -> Option<&'static str> {
    Some(match code {
        "evaluated" => "Evaluated just now.",
        "mode-set" => "The mode is set.",
        "frozen" => "Frozen. No increase will be recommended until you unfreeze.",
        "unfrozen" => "Unfrozen.",
        "auto-mode-on" => "Auto-mode is on: it opens proposals and changes nothing by itself.",
        "auto-mode-off" => "Auto-mode is off.",
        "proposal-accepted" => "The proposal was accepted.",
        "proposal-dismissed" => "The proposal was dismissed.",
        "nothing-changed" => "Nothing had to change.",
        _ => return None,
    })
}

/// What to do about a failure, for forms.
fn advice(code: Code, config: &Config) -> String {
    match code {
        Code::Conflict => {
            format!("It was changed in between: the mode is now {}. Look again before changing it.", config.mode)
        }
        Code::OutOfRange | Code::Malformed => {
            "Something was missing or too long: freezing and unfreezing need a reason of at most 500 characters."
                .to_owned()
        }
        Code::RecommendationChanged => {
            "The recommendation has changed since the proposal was opened. Nothing was done.".to_owned()
        }
        Code::ProposalClosed | Code::UnknownProposal => "The proposal is no longer open. Nothing was done.".to_owned(),
        code => format!("{}. Nothing was changed.", code.title()),
    }
}

/// What a page says of a problem by its code, with what came of it; nothing where it is no problem's code.
pub fn of_problem(code: &str, outcome: &str) -> Option<Notice> {
    let known = Code::ALL.into_iter().find(|known| known.name() == code)?;
    Some(Notice { is_error: true, text: format!("{}. {outcome}", known.title()) })
}

/// The words of a notice code, if it is one.
pub fn notice(code: Option<&str>, config: &Config) -> Option<Notice> {
    let code = code?;
    if let Some(text) = success(code) {
        return Some(Notice { is_error: false, text: text.to_owned() });
    }
    Code::ALL
        .into_iter()
        .find(|problem| problem.name() == code)
        .map(|problem| Notice { is_error: true, text: advice(problem, config) })
}

/// Does a form's act and leads the browser back to its page.
pub async fn change_and_lead_back(change: ConfigChange, done: &str) -> Result<(), WireError> {
    let environment = change.environment.clone();
    lead_back(environment, done, changed(change).await)
}

/// Does a form's act; whether it changed anything.
pub async fn changed(change: ConfigChange) -> Result<bool, WireError> {
    Ok(configuration::change(&ActRequest::here()?.context(), change, None).await?.changed)
}

/// Evaluates now and leads the browser back to its page.
pub async fn evaluate_and_lead_back(environment: Option<String>) -> Result<(), WireError> {
    let request = ActRequest::here()?;
    let evaluated = evaluation::evaluate(&request.context(), environment.as_deref(), None).await;
    lead_back(environment, "evaluated", evaluated.map(|_| true).map_err(WireError::from))
}

/// Leads a browser back to its page with a notice. A script gets the error itself.
pub fn lead_back(environment: Option<String>, done: &str, result: Result<bool, WireError>) -> Result<(), WireError> {
    let notice = match &result {
        Ok(true) => done,
        Ok(false) => "nothing-changed",
        Err(error) => error.code_name(),
    };
    let name = context::name(environment);
    let query = format!("environment={}&notice={notice}", encoded(&name));
    lead_to(&format!("{PAGE}?{query}#notice"), result.map(|_| ()))
}

/// The page of an environment's connections.
pub fn connections_address(environment: &str) -> String {
    format!("{PAGE}/connections?environment={}", encoded(environment))
}

/// Leads a browser to an address of this server. A script gets the result itself.
pub fn lead_to(address: &str, result: Result<(), WireError>) -> Result<(), WireError> {
    if accepts_html() {
        leptos_axum::redirect(address);
        return Ok(());
    }
    result
}

/// Whether the request is a browser's form, which is answered with a page.
pub fn accepts_html() -> bool {
    leptos::prelude::use_context::<axum::http::request::Parts>().is_some_and(|parts| {
        parts
            .headers
            .get(axum::http::header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"))
    })
}

/// An environment's name as it stands in a query; whatever could not be a name is dropped.
pub fn encoded(name: &str) -> String {
    name.chars()
        .filter(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'))
        .take(64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mode::Mode;
    use crate::domain::policy::{EnvironmentKind, Policy};

    #[test]
    fn only_known_codes_say_anything() {
        let config = Config::new(
            "production",
            EnvironmentKind::Live,
            Mode::Pilot,
            Policy::default(),
            chrono::DateTime::UNIX_EPOCH,
        );
        assert_eq!(notice(Some("You have won a prize"), &config), None);
        assert!(!notice(Some("frozen"), &config).unwrap().is_error);
        let conflict = notice(Some("conflict"), &config).unwrap();
        assert!(conflict.is_error && conflict.text.contains("pilot"));
    }
}
