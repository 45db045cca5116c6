//! Owns the scopes of API tokens. Must not know roles: a token is no person.

use super::Permission;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Scope {
    #[serde(rename = "config:write")]
    ConfigWrite,
    #[serde(rename = "health:read")]
    HealthRead,
    #[serde(rename = "health:write")]
    HealthWrite,
    #[serde(rename = "metrics:read")]
    MetricsRead,
    #[serde(rename = "sources:write")]
    SourcesWrite,
    #[serde(rename = "telemetry:write")]
    TelemetryWrite,
}

impl Scope {
    pub const ALL: [Scope; 6] = [
        Scope::ConfigWrite,
        Scope::HealthRead,
        Scope::HealthWrite,
        Scope::MetricsRead,
        Scope::SourcesWrite,
        Scope::TelemetryWrite,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Scope::ConfigWrite => "config:write",
            Scope::HealthRead => "health:read",
            Scope::HealthWrite => "health:write",
            Scope::MetricsRead => "metrics:read",
            Scope::SourcesWrite => "sources:write",
            Scope::TelemetryWrite => "telemetry:write",
        }
    }

    pub fn from_name(name: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// What the scope lets a script do.
    pub const fn says(self) -> &'static str {
        match self {
            Scope::ConfigWrite => "set modes, freeze, accept proposals, change limits",
            Scope::HealthRead => "read answers, snapshots, history and configuration",
            Scope::HealthWrite => "have an answer evaluated now",
            Scope::MetricsRead => "scrape /metrics",
            Scope::SourcesWrite => "ask and remove sources",
            Scope::TelemetryWrite => "send telemetry",
        }
    }

    /// All that the scope allows.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission::{
            ChangeMode, ChangePolicy, Evaluate, Freeze, OperateSources, Read, ReadMetrics, ReadShared, SendTelemetry,
        };
        match self {
            Scope::ConfigWrite => &[ChangeMode, ChangePolicy, Freeze],
            Scope::HealthRead => &[Read, ReadShared],
            Scope::HealthWrite => &[Evaluate],
            Scope::MetricsRead => &[ReadMetrics],
            Scope::SourcesWrite => &[OperateSources],
            Scope::TelemetryWrite => &[SendTelemetry],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_on_the_wire() {
        for scope in Scope::ALL {
            assert_eq!(Scope::from_name(scope.name()), Some(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.name());
        }
    }

    #[test]
    fn no_token_manages_people_or_adds_sources() {
        assert!(Scope::ALL.iter().all(|scope| !scope.permissions().contains(&Permission::AddSources)));
        assert!(Scope::ALL.iter().all(|scope| !scope.permissions().contains(&Permission::ManageAccess)));
    }
}
