//! Owns who is asking, with what they may do where. Must not know how they have proved it.

use super::{Permission, Role, Scope};
use crate::sender::{Sender, Speaker};
use serde::{Deserialize, Serialize};

/// Where a right applies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Everywhere, in environments that are made later too.
    All,
    /// In one environment.
    One(String),
}

/// How "everywhere" is written where an environment's name would stand; no environment can have this name.
const EVERYWHERE: &str = "*";

impl Reach {
    /// As it is stored.
    pub fn text(&self) -> &str {
        match self {
            Reach::All => EVERYWHERE,
            Reach::One(name) => name,
        }
    }

    pub fn from_text(text: &str) -> Reach {
        if text == EVERYWHERE { Reach::All } else { Reach::One(text.to_owned()) }
    }

    pub fn holds_in(&self, environment: &str) -> bool {
        match self {
            Reach::All => true,
            Reach::One(name) => name == environment,
        }
    }
}

/// Permissions that hold somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Right {
    pub permissions: Vec<Permission>,
    pub reach: Reach,
}

/// The caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// A call from this machine, while no person exists.
    Local,
    Person {
        email: String,
        id: i64,
        name: String,
    },
    /// Somebody with a share link.
    Guest {
        link: i64,
        name: String,
    },
    Token {
        id: i64,
        name: String,
        /// The sources that it speaks for; empty for any.
        sources: Vec<String>,
    },
}

/// The caller, with what they may do where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub rights: Vec<Right>,
    pub who: Who,
}

impl Identity {
    /// A call from this machine, while no person exists: it may do all.
    pub fn local() -> Identity {
        let right = Right { permissions: Permission::ALL.to_vec(), reach: Reach::All };
        Identity { rights: vec![right], who: Who::Local }
    }

    /// A person with roles.
    pub fn person(id: i64, email: &str, name: &str, roles: &[(Reach, Role)]) -> Identity {
        let right =
            |(reach, role): &(Reach, Role)| Right { permissions: role.permissions().to_vec(), reach: reach.clone() };
        Identity {
            rights: roles.iter().map(right).collect(),
            who: Who::Person { email: email.to_owned(), id, name: name.to_owned() },
        }
    }

    /// A script with a token.
    pub fn token(id: i64, name: &str, reach: Reach, scopes: &[Scope], sources: &[String]) -> Identity {
        let permissions = scopes.iter().flat_map(|scope| scope.permissions()).copied().collect();
        Identity {
            rights: vec![Right { permissions, reach }],
            who: Who::Token { id, name: name.to_owned(), sources: sources.to_vec() },
        }
    }

    /// Somebody with a share link to one environment.
    pub fn guest(link: i64, name: &str, environment: &str) -> Identity {
        let right = Right { permissions: vec![Permission::ReadShared], reach: Reach::One(environment.to_owned()) };
        Identity { rights: vec![right], who: Who::Guest { link, name: name.to_owned() } }
    }

    /// The question that decides: whether they may do this there.
    pub fn may(&self, permission: Permission, environment: &str) -> bool {
        self.rights.iter().any(|right| right.permissions.contains(&permission) && right.reach.holds_in(environment))
    }

    /// Whether they may do this in any environment at all.
    pub fn may_somewhere(&self, permission: Permission) -> bool {
        self.rights.iter().any(|right| right.permissions.contains(&permission))
    }

    /// Whether they may do this in every environment, those that are made later too.
    pub fn may_everywhere(&self, permission: Permission) -> bool {
        self.rights.iter().any(|right| right.permissions.contains(&permission) && right.reach == Reach::All)
    }

    /// Whether they may know that the environment is there: they may do anything at all in it.
    pub fn sees(&self, environment: &str) -> bool {
        self.rights.iter().any(|right| !right.permissions.is_empty() && right.reach.holds_in(environment))
    }

    /// These rights as a sender of telemetry; `most_sources` is the limit on new sources.
    pub fn sender(&self, most_sources: u32) -> Sender {
        let speaker = match &self.who {
            Who::Token { id, sources, .. } => Speaker::Token { id: *id, sources: sources.clone() },
            Who::Local | Who::Person { .. } | Who::Guest { .. } => Speaker::Person,
        };
        Sender { most_sources, speaker }
    }

    /// As the actor of an event. Nothing that a person or a token can be called makes it look like another kind of actor.
    pub fn actor(&self) -> String {
        match &self.who {
            Who::Local => "local".to_owned(),
            Who::Person { email, .. } => format!("person:{email}"),
            Who::Guest { name, .. } => format!("share-link:{name}"),
            Who::Token { name, .. } => format!("token:{name}"),
        }
    }

    /// What tells their answers from those of others: equal only for the same one of the same kind.
    pub fn key(&self) -> String {
        match &self.who {
            Who::Local => "local".to_owned(),
            Who::Person { id, .. } => format!("person {id}"),
            Who::Guest { link, .. } => format!("guest {link}"),
            Who::Token { id, .. } => format!("token {id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn roles() -> impl Strategy<Value = Vec<(Reach, Role)>> {
        let reach = prop_oneof![Just(Reach::All), "[a-c]".prop_map(Reach::One),];
        prop::collection::vec((reach, prop::sample::select(Role::ALL.to_vec())), 0..4)
    }

    proptest! {
        #[test]
        fn a_right_applies_where_some_role_gives_it_and_nowhere_else(
            roles in roles(),
            permission in prop::sample::select(Permission::ALL.to_vec()),
            environment in "[a-d]",
        ) {
            let identity = Identity::person(1, "a@b.example", "A", &roles);
            let given = roles.iter().any(|(reach, role)| {
                role.permissions().contains(&permission)
                    && (*reach == Reach::All || *reach == Reach::One(environment.clone()))
            });
            prop_assert_eq!(identity.may(permission, &environment), given);
            prop_assert!(!given || identity.may_somewhere(permission));
            prop_assert!(!identity.may_everywhere(permission) || given);
            prop_assert!(!given || identity.sees(&environment));
        }
    }

    #[test]
    fn nobody_is_taken_for_another() {
        let named = |name: &str| Identity::token(7, name, Reach::All, &[], &[]);
        assert_eq!(named("scheduler").actor(), "token:scheduler");
        assert_ne!(named("local").actor(), Identity::local().actor());
        let person = Identity::person(7, "a@b.example", "scheduler", &[]);
        assert_eq!(person.actor(), "person:a@b.example");
        assert_ne!(person.key(), named("x").key());
    }

    #[test]
    fn a_token_may_do_what_its_scopes_say_where_it_is_for() {
        let token = Identity::token(1, "ci", Reach::One("production".into()), &[Scope::TelemetryWrite], &[]);
        assert!(token.may(Permission::SendTelemetry, "production"));
        assert!(!token.may(Permission::SendTelemetry, "staging"));
        assert!(!token.may(Permission::Read, "production"));
    }
}
