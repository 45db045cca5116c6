//! Cases of further proofs: codes, passkeys, accounts at a provider, and what is begun with a browser. Each is used once where it may be
//! used once, and each change has its event, or neither is there.

use super::access::{anna, entry, invitation, said, session};
use super::support::*;
use scaling_mode::domain::access::{Reach, Role};
use scaling_mode::server::store::access::{JoinedBy, Person};
use scaling_mode::server::store::proofs::{Ceremony, Codes, Passkey, ProviderAccount};
use scaling_mode::server::store::{Store, StoreError};

fn passkey(id: &str) -> Passkey {
    Passkey {
        created_at: minute(2),
        credential: r#"{"counter":1}"#.to_owned(),
        id: id.to_owned(),
        name: "a laptop".to_owned(),
        used_at: None,
    }
}

fn account(subject: &str) -> ProviderAccount {
    ProviderAccount {
        issuer: "https://id.example".to_owned(),
        label: "anna@id.example".to_owned(),
        subject: subject.to_owned(),
    }
}

async fn eve(store: &dyn Store) -> Person {
    store.add_person(("eve@example.com", "Eve"), "h", &[], minute(1), &entry("eve")).await.unwrap()
}

#[tokio::test]
async fn a_code_is_used_once_and_codes_end_other_sessions() {
    for_each_backend(async |store| {
        let anna = anna(store).await;
        for name in ["this", "other"] {
            store.begin_session(anna.id, &session(name, 1)).await.unwrap();
        }
        let recovery = ["one".to_owned(), "two".to_owned()];
        let codes = Codes { recovery: &recovery, secret: b"sealed", step: 6 };
        store.set_codes(anna.id, Some(codes), Some("this"), &entry("on")).await.unwrap();
        let proofs = store.proofs("anna@example.com").await.unwrap().unwrap();
        assert_eq!((proofs.totp.as_deref(), proofs.totp_step, proofs.person.has_totp), (Some(&b"sealed"[..]), 6, true));
        assert!(store.session("this").await.unwrap().is_some() && store.session("other").await.unwrap().is_none());
        let used = async |step| store.use_totp_step(anna.id, step).await.unwrap();
        assert_eq!([used(6).await, used(7).await, used(7).await, used(8).await], [false, true, false, true]);
        let recovered =
            async |code| store.use_recovery_code(anna.id, code, minute(3), &entry("recovered")).await.unwrap();
        assert_eq!([recovered("one").await, recovered("one").await, recovered("none").await], [true, false, false]);
        assert_eq!(store.recovery_codes_left(anna.id).await.unwrap(), 1);
        // Somebody else's code doesn't work for them.
        let eve = eve(store).await;
        assert!(!store.use_recovery_code(eve.id, "two", minute(3), &entry("never")).await.unwrap());
        store.set_codes(anna.id, None, Some("this"), &entry("off")).await.unwrap();
        assert_eq!(store.recovery_codes_left(anna.id).await.unwrap(), 0);
        assert!(!store.proofs("anna@example.com").await.unwrap().unwrap().person.has_totp);
        assert_eq!(said(store).await, ["off", "eve", "recovered", "on", "anna"]);
    })
    .await;
}

#[tokio::test]
async fn a_passkey_is_one_persons_and_its_counter_moves_once() {
    for_each_backend(async |store| {
        let (anna, eve) = (anna(store).await, eve(store).await);
        for (of, name) in [(anna.id, "this"), (anna.id, "other"), (eve.id, "hers")] {
            store.begin_session(of, &session(name, 1)).await.unwrap();
        }
        store.add_passkey(anna.id, &passkey("k"), "this", &entry("added")).await.unwrap();
        assert!(store.session("other").await.unwrap().is_none());
        let taken = store.add_passkey(eve.id, &passkey("k"), "hers", &entry("never")).await;
        assert!(matches!(taken, Err(StoreError::NameTaken(_))));
        // By a session that has ended, or is somebody else's, nothing is changed.
        for ended in ["other", "hers"] {
            let late = store.add_passkey(anna.id, &passkey("late"), ended, &entry("never")).await;
            assert!(matches!(late, Err(StoreError::SessionEnded)), "{late:?}");
        }
        assert!(store.passkey("late").await.unwrap().is_none());
        let (whose, kept) = store.passkey("k").await.unwrap().unwrap();
        assert_eq!((whose.id, &kept), (anna.id, &passkey("k")));
        let used = async || store.use_passkey(&kept, r#"{"counter":2}"#, minute(4)).await.unwrap();
        assert_eq!([used().await, used().await], [true, false]);
        assert_eq!(store.passkeys(anna.id).await.unwrap()[0].used_at, Some(minute(4)));
        // Nobody removes what is somebody else's.
        store.remove_passkey(eve.id, "k", "hers", &entry("never")).await.unwrap();
        store.add_passkey(anna.id, &passkey("lost"), "this", &entry("added too")).await.unwrap();
        store.begin_session(anna.id, &session("thief", 1)).await.unwrap();
        store.remove_passkey(anna.id, "lost", "this", &entry("removed")).await.unwrap();
        assert!(store.session("thief").await.unwrap().is_none());
        store.connect(anna.id, &account("1"), "this", minute(2), &entry("connected")).await.unwrap();
        store.begin_session(anna.id, &session("open", 1)).await.unwrap();
        store.reset_proofs(anna.id, &entry("reset")).await.unwrap();
        assert!(store.passkey("k").await.unwrap().is_none() && store.session("open").await.unwrap().is_none());
        assert!(store.provider_accounts(anna.id).await.unwrap().is_empty());
        store.begin_session(anna.id, &session("this", 5)).await.unwrap();
        store.remove_passkey(anna.id, "k", "this", &entry("never")).await.unwrap();
        assert_eq!(said(store).await, ["reset", "connected", "removed", "added too", "added", "eve", "anna"]);
    })
    .await;
}

#[tokio::test]
async fn an_account_at_a_provider_is_one_persons_and_one_may_join_by_it() {
    for_each_backend(async |store| {
        let (anna, eve) = (anna(store).await, eve(store).await);
        for (of, name) in [(anna.id, "this"), (anna.id, "that"), (eve.id, "hers")] {
            store.begin_session(of, &session(name, 1)).await.unwrap();
        }
        store.connect(anna.id, &account("1"), "this", minute(2), &entry("connected")).await.unwrap();
        assert!(store.session("this").await.unwrap().is_some() && store.session("that").await.unwrap().is_none());
        let taken = store.connect(eve.id, &account("1"), "hers", minute(2), &entry("never")).await;
        assert!(matches!(taken, Err(StoreError::NameTaken(_))));
        assert_eq!(store.person_of("https://id.example", "1").await.unwrap().unwrap().id, anna.id);
        // The same name at another provider is somebody else.
        assert!(store.person_of("https://other.example", "1").await.unwrap().is_none());
        store.invite(&invitation("bob@example.com", "link"), None).await.unwrap();
        let join = async |account: &ProviderAccount| {
            let by = JoinedBy::Provider(account);
            store.join("link", ("x@example.com", "Bob"), by, minute(3), &entry("joined")).await
        };
        let taken = join(&account("1")).await;
        assert!(matches!(taken, Err(StoreError::NameTaken(_))), "{taken:?}");
        let bob = join(&account("2")).await.unwrap();
        assert_eq!((bob.email.as_str(), bob.has_password), ("bob@example.com", false));
        assert_eq!(bob.roles, [(Reach::One(ENV.to_owned()), Role::Viewer)]);
        assert_eq!(store.provider_accounts(bob.id).await.unwrap(), [account("2")]);
        for name in ["own", "other"] {
            store.begin_session(bob.id, &session(name, 4)).await.unwrap();
        }
        store.disconnect(anna.id, &account("2"), "this", &entry("never")).await.unwrap();
        // Nobody goes round what somebody signs in by already, with their link and an account of their own.
        store.invite(&invitation("bob@example.com", "held"), None).await.unwrap();
        let own = account("9");
        let by = JoinedBy::Provider(&own);
        let round = store.join("held", ("x@example.com", "X"), by, minute(3), &entry("never")).await;
        assert!(matches!(round, Err(StoreError::PersonExists(_))), "{round:?}");
        // Something to sign in by is left, whichever is taken first.
        let alone = async |reason| store.disconnect(bob.id, &account("2"), "own", &entry(reason)).await;
        assert!(matches!(alone("never").await, Err(StoreError::LastWayIn)));
        store.add_passkey(bob.id, &passkey("b"), "own", &entry("added")).await.unwrap();
        alone("disconnected").await.unwrap();
        let last = store.remove_passkey(bob.id, "b", "own", &entry("never")).await;
        assert!(matches!(last, Err(StoreError::LastWayIn)));
        assert!(store.person_of("https://id.example", "2").await.unwrap().is_none());
        assert!(store.session("other").await.unwrap().is_none());
        assert_eq!(said(store).await, ["disconnected", "added", "joined", "connected", "eve", "anna"]);
    })
    .await;
}

#[tokio::test]
async fn what_was_begun_is_taken_once_for_what_it_is_and_in_its_time() {
    for_each_backend(async |store| {
        let begin = async |sealed: &[u8]| {
            let ceremony = Ceremony { expires_at: minute(10), id_hash: "id", kind: "codes", sealed };
            store.begin_ceremony(ceremony).await.unwrap();
        };
        begin(b"first").await;
        begin(b"second").await;
        let looked = async |kind, at| store.ceremony("id", kind, minute(at)).await.unwrap();
        let taken = async |kind, at| store.take_ceremony("id", kind, minute(at)).await.unwrap();
        assert_eq!((looked("codes", 9).await.as_deref(), looked("codes", 10).await), (Some(&b"second"[..]), None));
        assert_eq!((taken("other", 2).await, taken("codes", 10).await), (None, None));
        assert_eq!((taken("codes", 2).await.as_deref(), taken("codes", 2).await), (Some(&b"second"[..]), None));
        begin(b"third").await;
        let prune = async |now| store.prune_access(minute(0), minute(0), minute(now)).await.unwrap();
        assert_eq!((prune(10).await, prune(11).await), (0, 1));
    })
    .await;
}

/// What an attacker did: joined under somebody's address, left ways in behind, and waited for the true person to come by a link.
#[tokio::test]
async fn a_link_removes_the_ways_in_that_somebody_else_has_left() {
    for_each_backend(async |store| {
        let eve = eve(store).await;
        store.begin_session(eve.id, &session("this", 1)).await.unwrap();
        store.add_passkey(eve.id, &passkey("left"), "this", &entry("added")).await.unwrap();
        store.connect(eve.id, &account("left"), "this", minute(2), &entry("connected")).await.unwrap();
        store.invite(&invitation("eve@example.com", "link"), None).await.unwrap();
        let by = JoinedBy::Password("new");
        let joined = store.join("link", ("x@example.com", "X"), by, minute(3), &entry("joined")).await.unwrap();
        assert_eq!(joined.id, eve.id);
        assert!(store.passkey("left").await.unwrap().is_none() && store.passkeys(eve.id).await.unwrap().is_empty());
        assert!(store.person_of("https://id.example", "left").await.unwrap().is_none());
        assert_eq!(store.proofs("eve@example.com").await.unwrap().unwrap().password.as_deref(), Some("new"));
    })
    .await;
}
