//! Cases of who may do what: people, sessions, invitations, tokens, share links. Each change has its event, or neither is there.

use super::support::*;
use scaling_mode::domain::access::{Reach, Role, Scope};
use scaling_mode::domain::history::{EventType, NewEvent};
use scaling_mode::server::store::access::{
    Entry, Invitation, JoinedBy, NewSession, NewShareLink, NewToken, Person, SessionOf,
};
use scaling_mode::server::store::postgres::PostgresStore;
use scaling_mode::server::store::session_key::SessionKey;
use scaling_mode::server::store::sqlite::SqliteStore;
use scaling_mode::server::store::{EventFilter, Store, StoreError};
use sqlx::Connection;

pub fn entry(reason: &str) -> Entry {
    let event = NewEvent {
        reason: Some(reason.to_owned()),
        ..NewEvent::new(EventType::AccessChanged, "person:anna@example.com", minute(1))
    };
    Entry { environment: ENV.to_owned(), event }
}

pub fn session(hash: &str, at: i64) -> NewSession {
    NewSession {
        address: "203.0.113.7".to_owned(),
        agent: "a browser".to_owned(),
        at: minute(at),
        is_whole: true,
        token_hash: hash.to_owned(),
    }
}

pub fn invitation(email: &str, hash: &str) -> Invitation {
    Invitation {
        created_at: minute(1),
        created_by: "person:anna@example.com".to_owned(),
        email: email.to_owned(),
        expires_at: minute(100),
        roles: vec![(Reach::One(ENV.to_owned()), Role::Viewer)],
        token_hash: hash.to_owned(),
    }
}

pub async fn anna(store: &dyn Store) -> Person {
    let roles = [(Reach::All, Role::Founder)];
    store.add_person(("anna@example.com", "Anna"), "a hash", &roles, minute(1), &entry("anna")).await.unwrap()
}

/// The reasons of what changed access, newest first.
pub async fn said(store: &dyn Store) -> Vec<String> {
    let filter = EventFilter { types: vec![EventType::AccessChanged, EventType::Accessed], ..EventFilter::default() };
    store.events(ENV, &filter, 100).await.unwrap().into_iter().map(|event| event.reason.unwrap()).collect()
}

#[tokio::test]
async fn a_person_is_made_once_with_roles_and_their_event() {
    for_each_backend(async |store| {
        assert!(!store.has_people().await.unwrap());
        store.invite(&invitation("", "first founder"), None).await.unwrap();
        let made = anna(store).await;
        assert!(store.invitation("first founder", minute(2)).await.unwrap().is_none());
        assert!(store.has_people().await.unwrap());
        assert_eq!(store.people().await.unwrap(), std::slice::from_ref(&made));
        assert_eq!((made.roles.as_slice(), made.has_password), (&[(Reach::All, Role::Founder)][..], true));
        let again = store.add_person(("anna@example.com", "A"), "x", &[], minute(2), &entry("again")).await;
        assert!(matches!(again, Err(StoreError::PersonExists(email)) if email == "anna@example.com"));
        assert_eq!(said(store).await, ["anna"]);
        let proofs = store.proofs("anna@example.com").await.unwrap().unwrap();
        assert_eq!((proofs.password.as_deref(), proofs.totp, proofs.totp_step), (Some("a hash"), None, 0));
        assert!(store.proofs("bob@example.com").await.unwrap().is_none());
    })
    .await;
}

/// ASVS 6.4.1.
#[tokio::test]
async fn an_invitation_is_used_once_and_not_after_its_time() {
    for_each_backend(async |store| {
        store.invite(&invitation("bob@example.com", "first"), Some(&entry("invited"))).await.unwrap();
        store.invite(&invitation("bob@example.com", "second"), None).await.unwrap();
        assert!(store.invitation("first", minute(2)).await.unwrap().is_none(), "the newer one replaces it");
        assert_eq!(store.invitation("second", minute(2)).await.unwrap(), Some(invitation("bob@example.com", "second")));
        assert!(store.invitation("second", minute(100)).await.unwrap().is_none());
        assert_eq!(store.invitations(minute(2)).await.unwrap().len(), 1);
        let join = async |hash: &str| {
            store
                .join(hash, ("ignored@example.com", "Bob"), JoinedBy::Password("his hash"), minute(3), &entry("joined"))
                .await
        };
        let late =
            store.join("second", ("x@example.com", "B"), JoinedBy::Password("h"), minute(101), &entry("late")).await;
        assert!(matches!(late, Err(StoreError::NoInvitation)));
        let bob = join("second").await.unwrap();
        assert_eq!((bob.email.as_str(), bob.name.as_str()), ("bob@example.com", "Bob"));
        assert_eq!(bob.roles, [(Reach::One(ENV.to_owned()), Role::Viewer)]);
        assert!(matches!(join("second").await, Err(StoreError::NoInvitation)));
        assert_eq!(said(store).await, ["joined", "invited"]);
        // A link for an existing user sets a new password, and ends what was open.
        store.begin_session(bob.id, &session("s", 4)).await.unwrap();
        store.invite(&invitation("bob@example.com", "third"), None).await.unwrap();
        join("third").await.unwrap();
        assert!(store.session("s").await.unwrap().is_none());
        // The open link of the start is for the first person: once somebody exists it lets nobody in, known or new.
        store.invite(&invitation("", "open"), None).await.unwrap();
        for email in ["bob@example.com", "new@example.com"] {
            let late = store.join("open", (email, "B"), JoinedBy::Password("h"), minute(5), &entry("met")).await;
            assert!(matches!(late, Err(StoreError::NoInvitation)), "{email}");
        }
    })
    .await;
}

#[tokio::test]
async fn roles_change_and_a_founder_of_everything_stays() {
    for_each_backend(async |store| {
        let anna = anna(store).await;
        let bob = store.add_person(("bob@example.com", "Bob"), "h", &[], minute(2), &entry("bob")).await.unwrap();
        let place = Reach::One(ENV.to_owned());
        // A link that was made for a minor role doesn't pass on a greater role that its owner gets later.
        store.invite(&invitation("bob@example.com", "held"), None).await.unwrap();
        store.set_role(bob.id, &place, Some(Role::Operator), &entry("operator")).await.unwrap();
        assert!(store.invitation("held", minute(3)).await.unwrap().is_none());
        // A founder of one environment ends no link that reaches beyond it; a founder of everything ends each.
        create(store, "trial").await;
        let trial = Reach::One("trial".to_owned());
        store.invite(&invitation("bob@example.com", "wider"), None).await.unwrap();
        for role in [Some(Role::Founder), None] {
            store.set_role(bob.id, &trial, role, &entry("in trial")).await.unwrap();
            assert!(store.invitation("wider", minute(3)).await.unwrap().is_some());
        }
        store.set_role(bob.id, &Reach::All, Some(Role::Viewer), &entry("everywhere")).await.unwrap();
        assert!(store.invitation("wider", minute(3)).await.unwrap().is_none());
        store.set_role(bob.id, &Reach::All, None, &entry("no longer")).await.unwrap();
        store.invite(&invitation("eve@example.com", "early"), None).await.unwrap();
        store.add_person(("eve@example.com", "Eve"), "h", &[], minute(2), &entry("eve")).await.unwrap();
        assert!(store.invitation("early", minute(3)).await.unwrap().is_none());
        store.set_role(bob.id, &place, Some(Role::Viewer), &entry("viewer")).await.unwrap();
        let roles = async || store.proofs("bob@example.com").await.unwrap().unwrap().person.roles;
        assert_eq!(roles().await, [(place.clone(), Role::Viewer)]);
        for role in [None, Some(Role::Viewer)] {
            let last = store.set_role(anna.id, &Reach::All, role, &entry("never")).await;
            assert!(matches!(last, Err(StoreError::LastFounder)));
        }
        assert!(matches!(
            store.set_disabled(anna.id, Some(minute(3)), &entry("never")).await,
            Err(StoreError::LastFounder)
        ));
        assert!(matches!(store.set_role(999, &place, None, &entry("never")).await, Err(StoreError::UnknownPerson)));
        store.set_role(bob.id, &Reach::All, Some(Role::Founder), &entry("founder")).await.unwrap();
        store.set_role(anna.id, &Reach::All, None, &entry("gone")).await.unwrap();
        store.begin_session(anna.id, &session("s", 3)).await.unwrap();
        store.set_disabled(anna.id, Some(minute(4)), &entry("out")).await.unwrap();
        assert!(store.session("s").await.unwrap().is_none());
        assert_eq!(store.people().await.unwrap()[0].disabled_at, Some(minute(4)));
        store.set_disabled(anna.id, None, &entry("in")).await.unwrap();
        assert_eq!(store.people().await.unwrap()[0].disabled_at, None);
        let all = [
            "in",
            "out",
            "gone",
            "founder",
            "viewer",
            "eve",
            "no longer",
            "everywhere",
            "in trial",
            "in trial",
            "operator",
            "bob",
            "anna",
        ];
        assert_eq!(said(store).await, all);
    })
    .await;
}

#[tokio::test]
async fn sessions_are_seen_listed_ended_and_forgotten() {
    for_each_backend(async |store| {
        let anna = anna(store).await;
        for (hash, at) in [("one", 1), ("two", 2), ("three", 3)] {
            store.begin_session(anna.id, &session(hash, at)).await.unwrap();
        }
        store.see_session("one", minute(9)).await.unwrap();
        store.see_session("two", minute(0)).await.unwrap();
        let found = store.session("one").await.unwrap().unwrap();
        assert_eq!((found.created_at, found.seen_at, found.is_whole), (minute(1), minute(9), true));
        assert_eq!(found.of, SessionOf::Person(anna.clone()));
        let order = async || {
            let lines = store.sessions(anna.id).await.unwrap();
            lines.into_iter().map(|line| line.token_hash).collect::<Vec<_>>()
        };
        assert_eq!(order().await, ["one", "three", "two"], "a time before the newest is no time at which it was seen");
        store.end_session("two").await.unwrap();
        store.set_password(anna.id, "another", Some("one"), &entry("password")).await.unwrap();
        assert_eq!(order().await, ["one"]);
        // Of two changes at the same time the second is by a session that the first has ended.
        let late = store.set_password(anna.id, "of the other", Some("three"), &entry("password")).await;
        assert!(matches!(late, Err(StoreError::SessionEnded)), "{late:?}");
        assert_eq!(order().await, ["one"]);
        store.begin_session(anna.id, &session("four", 4)).await.unwrap();
        store.end_other_sessions(anna.id, "four").await.unwrap();
        assert_eq!(order().await, ["four"]);
        store.know_device(anna.id, "device", minute(5)).await.unwrap();
        assert!(store.knows_device("anna@example.com", "device").await.unwrap());
        assert!(store.knows_browser("device").await.unwrap() && !store.knows_browser("other").await.unwrap());
        assert!(!store.knows_device("bob@example.com", "device").await.unwrap());
        assert_eq!(store.prune_access(minute(4), minute(4), minute(6)).await.unwrap(), 0);
        assert_eq!(store.prune_access(minute(5), minute(6), minute(6)).await.unwrap(), 1);
        assert!(!store.knows_device("anna@example.com", "device").await.unwrap());
        assert!(store.session("four").await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_token_is_found_by_its_hash_until_it_is_revoked() {
    for_each_backend(async |store| {
        let made = NewToken {
            at: minute(1),
            created_by: "local".to_owned(),
            expires_at: Some(minute(90)),
            name: "ci".to_owned(),
            prefix: "sm_01234567".to_owned(),
            reach: Reach::One(ENV.to_owned()),
            scopes: vec![Scope::HealthRead, Scope::TelemetryWrite],
            secret_hash: "hash".to_owned(),
            sources: vec!["billing".to_owned(), "crm".to_owned()],
        };
        let token = store.add_token(&made, &entry("made")).await.unwrap();
        assert_eq!((token.scopes.as_slice(), token.expires_at), (made.scopes.as_slice(), Some(minute(90))));
        assert_eq!(token.sources, made.sources);
        assert_eq!(store.token("hash").await.unwrap().unwrap().sources, made.sources);
        assert_eq!(store.tokens().await.unwrap()[0].sources, made.sources);
        let again = NewToken { secret_hash: "other".to_owned(), ..made };
        assert!(matches!(store.add_token(&again, &entry("never")).await, Err(StoreError::NameTaken(_))));
        store.see_token(token.id, minute(3)).await.unwrap();
        store.see_token(token.id, minute(2)).await.unwrap();
        assert_eq!(store.token("hash").await.unwrap().unwrap().used_at, Some(minute(3)));
        assert!(store.token("other").await.unwrap().is_none());
        store.revoke_token(token.id, minute(4), &entry("revoked")).await.unwrap();
        store.revoke_token(token.id, minute(5), &entry("again")).await.unwrap();
        assert_eq!(store.tokens().await.unwrap()[0].revoked_at, Some(minute(4)));
        assert_eq!(said(store).await, ["revoked", "made"]);
    })
    .await;
}

#[tokio::test]
async fn a_share_link_counts_who_opens_it_and_ends_with_its_sessions() {
    for_each_backend(async |store| {
        let made = NewShareLink {
            at: minute(1),
            created_by: "local".to_owned(),
            environment: ENV.to_owned(),
            expires_at: minute(90),
            from: Some(minute(-10)),
            name: "seed".to_owned(),
            passphrase: Some("a hash".to_owned()),
            to: None,
            token_hash: "hash".to_owned(),
            views: vec!["answer".to_owned(), "scores".to_owned()],
        };
        let link = store.add_share_link(&made, &entry("made")).await.unwrap();
        assert_eq!((link.from, link.to, link.opened), (Some(minute(-10)), None, 0));
        assert!(matches!(store.add_share_link(&made, &entry("never")).await, Err(StoreError::NameTaken(_))));
        let (found, passphrase) = store.share_link("hash").await.unwrap().unwrap();
        assert_eq!((found, passphrase.as_deref()), (link.clone(), Some("a hash")));
        for (hash, at) in [("one", 2), ("two", 3)] {
            store.open_share_link(link.id, &session(hash, at), &entry("opened")).await.unwrap();
        }
        let listed = store.share_links().await.unwrap().remove(0);
        assert_eq!((listed.opened, listed.opened_at), (2, Some(minute(3))));
        assert!(matches!(store.session("one").await.unwrap().unwrap().of, SessionOf::Link(of) if of.id == link.id));
        store.revoke_share_link(link.id, minute(4), &entry("revoked")).await.unwrap();
        assert!(store.session("one").await.unwrap().is_none());
        store.revoke_share_link(link.id, minute(5), &entry("again")).await.unwrap();
        assert_eq!(said(store).await, ["revoked", "opened", "opened", "made"]);
    })
    .await;
}

#[tokio::test]
async fn of_many_who_use_one_invitation_at_the_same_time_one_comes_in() {
    for_each_backend(async |store| {
        store.invite(&invitation("bob@example.com", "link"), None).await.unwrap();
        let joins = (0..8).map(|_| async {
            store
                .join("link", ("bob@example.com", "Bob"), JoinedBy::Password("h"), minute(2), &entry("joined"))
                .await
                .is_ok()
        });
        let came = crate::acts::join_all(joins).await;
        assert_eq!(came.into_iter().filter(|came| *came).count(), 1);
        assert_eq!(said(store).await, ["joined"]);
    })
    .await;
}

#[tokio::test]
async fn two_founders_who_take_the_others_role_at_the_same_time_leave_one() {
    for_each_backend(async |store| {
        let anna = anna(store).await;
        let roles = [(Reach::All, Role::Founder)];
        let bob = store.add_person(("bob@example.com", "Bob"), "h", &roles, minute(2), &entry("bob")).await.unwrap();
        let (one, other) = (entry("one"), entry("other"));
        let (one, other) = tokio::join!(
            store.set_role(anna.id, &Reach::All, None, &one),
            store.set_role(bob.id, &Reach::All, None, &other)
        );
        assert_ne!(one.is_ok(), other.is_ok(), "{one:?} {other:?}");
    })
    .await;
}

/// Someone who can write to the database, and knows this code but not the key: invents a session, copies a seal, alters an owner.
async fn forged_sessions_open_nothing(store: &dyn Store, forger: &dyn Store, run: impl AsyncFn(&'static str)) {
    store.seal_sessions_with(SessionKey::new([7; 32], "own"));
    let anna = anna(store).await;
    let bob = store.add_person(("bob@example.com", "Bob"), "h", &[], minute(2), &entry("bob")).await.unwrap();
    store.begin_session(bob.id, &session("bob", 3)).await.unwrap();
    store.see_session("bob", minute(9)).await.unwrap();
    assert!(store.session("bob").await.unwrap().is_some());
    assert_eq!(store.altered_session().await.unwrap(), None);
    // Without a key at all, and with a key of one's own under the name of the true one.
    forger.begin_session(anna.id, &session("invented", 3)).await.unwrap();
    assert!(store.session("invented").await.unwrap().is_none());
    assert_eq!(store.sessions_of_other_keys().await.unwrap(), 1);
    forger.seal_sessions_with(SessionKey::new([8; 32], "own"));
    forger.begin_session(anna.id, &session("sealed", 3)).await.unwrap();
    assert!(store.session("sealed").await.unwrap().is_none());
    store.see_session("sealed", minute(9)).await.unwrap();
    assert!(store.session("sealed").await.unwrap().is_none(), "using it does not seal it");
    assert_eq!(store.altered_session().await.unwrap(), Some(format!("person {}", anna.id)));
    store.end_session("sealed").await.unwrap();
    assert_eq!(store.altered_session().await.unwrap(), None);
    // A true seal fits no other row.
    run("INSERT INTO sessions (token_hash, person_id, link_id, created_at, seen_at, is_whole, address, agent, seal) \
         SELECT 'copied', person_id, link_id, created_at, seen_at, is_whole, address, agent, seal FROM sessions \
         WHERE token_hash = 'bob'")
    .await;
    assert!(store.session("copied").await.unwrap().is_none());
    store.end_session("copied").await.unwrap();
    run("UPDATE sessions SET person_id = (SELECT id FROM people WHERE email = 'anna@example.com') WHERE token_hash = 'bob'")
        .await;
    assert!(store.session("bob").await.unwrap().is_none());
    assert_eq!(store.altered_session().await.unwrap(), Some(format!("person {}", anna.id)));
}

#[tokio::test]
async fn a_session_that_the_key_has_not_sealed_opens_nothing() {
    let (folder, store) = sqlite().await;
    let forger = SqliteStore::open(&file(&folder)).await.unwrap();
    forged_sessions_open_nothing(&store, &forger, async |sql| {
        sqlx::query(sql).execute(&mut raw(&file(&folder)).await).await.unwrap();
    })
    .await;
    let (url, store) = postgres().await;
    let forger = PostgresStore::open(&url).await.unwrap();
    forged_sessions_open_nothing(&store, &forger, async |sql| {
        let mut db = sqlx::PgConnection::connect(&url).await.unwrap();
        sqlx::query(sql).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
    })
    .await;
    forger.close().await;
    store.close().await;
}

/// What a server knows of its own acts needs no database to be true.
#[tokio::test]
async fn a_store_counts_each_own_write_that_can_take_a_right_away() {
    for_each_backend(async |store| {
        let anna = anna(store).await;
        let mut before = store.own_access_changes();
        let mut counted = |what: &str| {
            let now = store.own_access_changes();
            assert!(now > before, "{what}");
            before = now;
        };
        store.begin_session(anna.id, &session("s", 1)).await.unwrap();
        store.end_session("s").await.unwrap();
        counted("an ended session");
        store.begin_session(anna.id, &session("own", 2)).await.unwrap();
        store.end_other_sessions(anna.id, "own").await.unwrap();
        counted("other sessions");
        store.set_role(anna.id, &Reach::One(ENV.to_owned()), Some(Role::Viewer), &entry("a role")).await.unwrap();
        counted("a role");
        store.set_password(anna.id, "another", None, &entry("a password")).await.unwrap();
        counted("a password");
        store.reset_proofs(anna.id, &entry("proofs")).await.unwrap();
        counted("proofs");
        let before = store.own_access_changes();
        store.see_session("s", minute(9)).await.unwrap();
        store.append(ENV, note_of("a note")).await.unwrap();
        assert_eq!(store.own_access_changes(), before, "what takes no right away does not count");
        // The others see it in the database.
        let changes = store.access_changes().await.unwrap();
        store.end_session("s").await.unwrap();
        assert!(store.access_changes().await.unwrap() > changes);
    })
    .await;
}
