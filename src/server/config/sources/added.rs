//! Owns a source that was added on the page or by a script: kept in the form of the settings file and judged by its rules, and by
//! a few more, since whoever adds it need not be who writes that file. Must not know where it is kept.

use super::{PulledSource, Signals, Source};
use crate::domain::source::{
    KINDS, MOST_QUERY, MOST_SIGNALS, MOST_URL, SourceChange, SourceSignal, SourceView, VARIABLE_PREFIX, is_variable,
    wrong,
};
use crate::domain::telemetry::RowError;

/// A source that was added.
#[derive(Clone, Debug)]
pub struct Added {
    source: Source,
    /// How it is asked.
    pub pulled: PulledSource,
}

impl Added {
    /// A source as a founder adds it.
    ///
    /// # Errors
    /// The field that is wrong, with a sentence.
    pub fn of(environment: &str, change: &SourceChange) -> Result<Added, RowError> {
        let source = Source {
            allow_addresses: Vec::new(),
            backfill_hours: change.backfill_hours,
            environment: environment.to_owned(),
            every_seconds: change.every_seconds,
            kind: change.kind.clone().unwrap_or_default(),
            late_hours: change.late_hours,
            name: change.name.clone(),
            signals: change.signal.iter().cloned().map(Signals::from).collect(),
            token_env: change.token_env.clone(),
            url: change.url.clone(),
            url_env: change.url_env.clone(),
            url_file: None,
        };
        Added::checked(source)
    }

    /// A source as it is kept.
    ///
    /// # Errors
    /// Why it cannot be asked as it stands.
    pub fn read(definition: &str) -> Result<Added, String> {
        let source: Source = serde_json::from_str(definition).map_err(|error| error.to_string())?;
        Added::checked(source).map_err(|why| why.detail)
    }

    /// The same source, asked for more.
    ///
    /// # Errors
    /// The field that is wrong, with a sentence; its index is the place among what is added.
    pub fn with_signals(self, signals: &[SourceSignal]) -> Result<Added, RowError> {
        let Added { mut source, .. } = self;
        // Of LiteLLM's log it is known what to ask where nothing is named; naming something else would end that in silence.
        if source.signals.is_empty() {
            return Err(wrong("signal", "this source is asked for what its kind says, and for nothing else"));
        }
        if signals.is_empty() {
            return Err(wrong("signal", "needs a signal, and the query that it is asked with"));
        }
        let before = source.signals.len();
        source.signals.extend(signals.iter().cloned().map(Signals::from));
        Added::checked(source).map_err(|why| {
            let index = why.index.map(|index| index.saturating_sub(u32::try_from(before).unwrap_or(0)));
            RowError { index, ..why }
        })
    }

    /// As it is kept: JSON in the form of the settings file.
    pub fn definition(&self) -> String {
        serde_json::to_string(&self.source).unwrap_or_default()
    }

    /// Its kind, as the settings file names it.
    pub fn kind(&self) -> &str {
        &self.source.kind
    }

    /// The field that names a variable, with the variable's name.
    pub(in crate::server::config) fn variable(&self) -> Option<(&'static str, String)> {
        let token = self.source.token_env.as_ref().map(|name| ("token_env", name.clone()));
        token.or_else(|| self.source.url_env.as_ref().map(|name| ("url_env", name.clone())))
    }

    /// The variable that holds the token it is asked with, if any.
    pub fn token_variable(&self) -> Option<&str> {
        self.source.token_env.as_deref()
    }

    /// As it is shown.
    pub fn view(&self) -> SourceView {
        SourceView {
            address: Some(self.pulled.address()),
            environment: self.source.environment.clone(),
            every_seconds: u32::try_from(self.pulled.every.num_seconds()).ok(),
            kind: Some(self.source.kind.clone()),
            name: self.source.name.clone(),
            signals: self.source.signals.iter().map(|asked| asked.signal.clone()).collect(),
        }
    }

    fn checked(source: Source) -> Result<Added, RowError> {
        accept(&source)?;
        let pulled = source.clone().pulled()?;
        Ok(Added { source, pulled })
    }
}

impl From<SourceSignal> for Signals {
    fn from(asked: SourceSignal) -> Signals {
        let SourceSignal {
            aggregation,
            combine,
            complete_through,
            delay_minutes,
            factor,
            query,
            severity,
            signal,
            unit,
        } = asked;
        Signals { aggregation, combine, complete_through, delay_minutes, factor, query, severity, signal, unit }
    }
}

/// What only the settings file may say, and how much may be said.
fn accept(source: &Source) -> Result<(), RowError> {
    let kind = source.kind.as_str();
    if kind == "sqlite" {
        return Err(wrong("kind", "a source of kind sqlite would read any file: only the settings file may name one"));
    }
    if !KINDS.contains(&kind) {
        return Err(wrong("kind", "its kind is prometheus, postgres, mysql or litellm"));
    }
    if !source.allow_addresses.is_empty() || source.url_file.is_some() {
        return Err(wrong("url", "allow_addresses and url_file are the settings file's"));
    }
    for (field, named) in [("token_env", &source.token_env), ("url_env", &source.url_env)] {
        if named.as_deref().is_some_and(|name| !is_variable(name)) {
            // What was written is not repeated: it may be the secret itself.
            let why = format!(
                "{field} names an environment variable that begins with {VARIABLE_PREFIX}, in capital letters, digits and _"
            );
            return Err(wrong(field, why));
        }
    }
    if let Some(url) = &source.url {
        if kind != "prometheus" {
            return Err(wrong(
                "url",
                "url is for Prometheus: a database's is held by the environment variable that url_env names",
            ));
        }
        if url.chars().count() > MOST_URL {
            return Err(wrong("url", format!("its url has at most {MOST_URL} characters")));
        }
        if url.contains(['?', '#']) {
            return Err(wrong("url", "its url holds a query, which would be shown: it ends with a path"));
        }
    }
    if kind != "prometheus" && source.url_env.is_none() && source.token_env.is_none() {
        return Err(wrong("url_env", "a database needs url_env, the environment variable that holds its address"));
    }
    if source.signals.len() > MOST_SIGNALS {
        return Err(wrong("signal", format!("a source is asked for at most {MOST_SIGNALS} signals")));
    }
    for (place, asked) in source.signals.iter().enumerate() {
        let parts = [("query", Some(&asked.query)), ("complete_through", asked.complete_through.as_ref())];
        for (field, text) in parts {
            if text.is_some_and(|text| text.chars().count() > MOST_QUERY) {
                return Err(super::at(place, wrong(field, format!("{field} has at most {MOST_QUERY} characters"))));
            }
        }
    }
    Ok(())
}
