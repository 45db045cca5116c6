//! Owns who may do what: permissions, the roles of people, the scopes of tokens, and the one question that decides. Must not know how
//! somebody proves who they are.

mod identity;
mod person;
mod scope;
mod shared;

pub use identity::{Identity, Reach, Right, Who};
pub use person::{MAX_EMAIL, MAX_NAME, email, is_hidden, person_name};
pub use scope::Scope;
pub use shared::{SHARED_EVENTS, Shared, SharedAnswer, SharedEvent, SharedScore, SharedView, scores};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One kind of thing that somebody may be allowed to do in an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Adding sources that the server asks, and changing what they are asked for.
    AddSources,
    /// Mode, auto-mode and proposals.
    ChangeMode,
    /// Limits, guardrails, weights and windows.
    ChangePolicy,
    /// Evaluating now.
    Evaluate,
    /// Freezing and unfreezing.
    Freeze,
    /// People, tokens and share links.
    ManageAccess,
    /// Sources that the server asks: asking now and removing.
    OperateSources,
    /// All that is measured, answered and configured, and the history.
    Read,
    /// The server's own metrics.
    ReadMetrics,
    /// Only what was shared.
    ReadShared,
    /// Telemetry in.
    SendTelemetry,
}

impl Permission {
    pub const ALL: [Permission; 11] = [
        Permission::AddSources,
        Permission::ChangeMode,
        Permission::ChangePolicy,
        Permission::Evaluate,
        Permission::Freeze,
        Permission::ManageAccess,
        Permission::OperateSources,
        Permission::Read,
        Permission::ReadMetrics,
        Permission::ReadShared,
        Permission::SendTelemetry,
    ];

    /// What it is to do, after "may".
    pub const fn deed(self) -> &'static str {
        match self {
            Permission::AddSources => "add and change sources",
            Permission::ChangeMode => "change the mode",
            Permission::ChangePolicy => "change limits and guardrails",
            Permission::Evaluate => "generate snapshots",
            Permission::Freeze => "freeze and unfreeze",
            Permission::ManageAccess => "manage people, tokens and share links",
            Permission::OperateSources => "ask and remove sources",
            Permission::Read => "read this",
            Permission::ReadMetrics => "read the server's metrics",
            Permission::ReadShared => "read what is shared",
            Permission::SendTelemetry => "send telemetry",
        }
    }
}

/// What a person is in an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Founder,
    /// Freezing, snapshots, asking and removing sources; neither limits, modes, new sources nor people.
    Operator,
    /// Reading.
    Viewer,
    /// Reading what is shared, and nothing else.
    Investor,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Founder, Role::Operator, Role::Viewer, Role::Investor];

    pub const fn name(self) -> &'static str {
        match self {
            Role::Founder => "founder",
            Role::Operator => "operator",
            Role::Viewer => "viewer",
            Role::Investor => "investor",
        }
    }

    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    /// What the role may do, in words for those who give it.
    pub const fn says(self) -> &'static str {
        match self {
            Role::Founder => "everything, people and tokens too",
            Role::Operator => "read, freeze and unfreeze, generate snapshots, ask and remove sources",
            Role::Viewer => "read everything",
            Role::Investor => "read the answer, the scores and the timeline, without limits or sources",
        }
    }

    /// All that the role may do.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission::{Evaluate, Freeze, OperateSources, Read, ReadMetrics, ReadShared};
        match self {
            Role::Founder => &Permission::ALL,
            Role::Operator => &[Evaluate, Freeze, OperateSources, Read, ReadMetrics, ReadShared],
            Role::Viewer => &[Read, ReadShared],
            Role::Investor => &[ReadShared],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_stops_growth_and_never_widens_it() {
        for permission in
            [Permission::AddSources, Permission::ChangeMode, Permission::ChangePolicy, Permission::ManageAccess]
        {
            assert!(!Role::Operator.permissions().contains(&permission), "{permission:?}");
        }
        assert!(Role::Operator.permissions().contains(&Permission::Freeze));
    }

    #[test]
    fn those_who_only_read_have_nothing_that_writes() {
        for role in [Role::Viewer, Role::Investor] {
            let reads = [Permission::Read, Permission::ReadShared];
            assert!(role.permissions().iter().all(|permission| reads.contains(permission)), "{role:?}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
    }
}
