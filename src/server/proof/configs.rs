//! Owns that the configuration in force is the newest that was recorded, and every earlier one as it was recorded.

use super::chain::Recorded;
use super::{Problem, found, whole};
use crate::domain::evaluate::SealedConfig;
use crate::server::store::{Store, StoreError};

/// Holds an environment's row and its configurations against the events.
pub(super) async fn check(
    store: &dyn Store,
    environment: &str,
    recorded: &Recorded,
) -> Result<Result<(), Problem>, StoreError> {
    let rows = whole!(found(environment, "configs", store.config_rows(environment).await)?);
    let broken = |table: &'static str, what: String| Ok(Err(Problem::of(environment, table, what)));
    let newest = recorded.configs.len() as u64;
    if rows.in_force != newest {
        let event = recorded.configs.last().map_or(0, |config| config.seq);
        return broken(
            "environments",
            format!(
                "version {} of the configuration is in force, but event {event} recorded version {newest}",
                rows.in_force
            ),
        );
    }
    let first = recorded.configs.first().map(|config| config.at);
    if first.is_some_and(|first| first != rows.created_at) {
        return broken("environments", "it was not created when its first event says".to_owned());
    }
    let mut stored = rows.versions.iter();
    for (version, config) in (1..).zip(&recorded.configs) {
        let Some(row) = stored.next().filter(|row| row.version == version) else {
            return broken("configs", format!("version {version} of the configuration is missing"));
        };
        let read = store.config_at(environment, version).await;
        let Some(body) = whole!(found(environment, "configs", read)?) else {
            return broken("configs", format!("version {version} of the configuration is missing"));
        };
        let kind = body.kind.name();
        if SealedConfig::new(body).digest != config.digest || row.digest != config.digest {
            return broken(
                "configs",
                format!("version {version} of the configuration is not the one that event {} recorded", config.seq),
            );
        }
        if row.at != config.at {
            return broken(
                "configs",
                format!("version {version} of the configuration has another time than event {}", config.seq),
            );
        }
        if kind != rows.kind {
            let what = format!("it is {}, but version {version} of its configuration says {kind}", rows.kind);
            return broken("environments", what);
        }
    }
    if let Some(row) = stored.next() {
        return broken("configs", format!("no event recorded version {} of the configuration", row.version));
    }
    Ok(Ok(()))
}
