//! Cases of proof to others: bundles that are verified with nothing but the public key, and stores that are held against signed heads
//! which were kept elsewhere.

use super::support::*;
use scaling_mode::domain::act::Act;
use scaling_mode::domain::canonical;
use scaling_mode::domain::history::{self, Event, Head, NewEvent};
use scaling_mode::domain::signed_head::{Places, SignedHead};
use scaling_mode::server::bundle::{self, Fault, Whole};
use scaling_mode::server::proof::examine_signed;
use scaling_mode::server::signing::heads::{self, HeadsError, Keeper};
use scaling_mode::server::signing::{PublicKey, SecretKey};
use scaling_mode::server::store::Store;
use sqlx::Connection;

const ROUNDS: u64 = 10_000;

async fn fill(store: &dyn Store) {
    create(store, "another").await;
    for place in 0..6 {
        store.append(ENV, note_of(&format!("note {place}"))).await.unwrap();
        store.append("another", note_of("elsewhere")).await.unwrap();
    }
    store.act(ENV, &Act::Freeze { reason: "why".into() }, "local".into(), minute(9), None).await.unwrap();
}

async fn exported(store: &dyn Store, environment: Option<&str>, key: &SecretKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    bundle::export(store, (environment, "monday.jsonl"), key, ("local".into(), minute(10)), &mut bytes).await.unwrap();
    bytes
}

fn faulty(bytes: &[u8], trusted: &[PublicKey]) -> (u64, String) {
    match bundle::verify(bytes, trusted) {
        Err(Fault::Line { line, what }) => (line, what),
        other => panic!("{other:?}:\n{}", String::from_utf8_lossy(bytes)),
    }
}

#[tokio::test]
async fn a_bundle_is_proved_with_nothing_but_the_public_key_and_holds_its_own_export() {
    for_each_backend(async |store| {
        fill(store).await;
        let key = SecretKey::make().unwrap();
        // Events that are added after the bundle are no part of it, nor needed for it.
        let bytes = exported(store, None, &key).await;
        store.append(ENV, note_of("later")).await.unwrap();
        let public = PublicKey::read(&key.public().to_string()).unwrap();
        let Whole { events, heads, .. } = bundle::verify(bytes.as_slice(), &[public]).unwrap();
        let ends: Vec<_> = heads.iter().map(|head| (head.environment.as_str(), head.seq)).collect();
        assert_eq!((events, ends), (17, vec![("another", 8), (ENV, 9)]));
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("the history of every environment, to monday.jsonl"), "{text}");
        let one = bundle::verify(exported(store, Some(ENV), &key).await.as_slice(), &[key.public()]).unwrap();
        assert_eq!((one.heads.len(), one.events), (1, 11));
    })
    .await;
}

/// ASVS 11.6.1.
#[tokio::test]
async fn a_bundle_under_another_key_without_its_end_or_with_an_altered_signature_is_not_accepted() {
    let (_folder, store) = sqlite().await;
    fill(&store).await;
    let (key, other) = (SecretKey::make().unwrap(), SecretKey::make().unwrap());
    let bytes = exported(&store, None, &key).await;
    let end = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    assert!(faulty(&bytes, &[other.public()]).1.contains("none of those that are trusted"));
    let (line, what) = faulty(&bytes[..end], &[key.public()]);
    assert!(what.contains(&format!("the end is missing after event 9 of {ENV}")), "{line}: {what}");
    // Someone without a key can make a complete bundle of his own, but not sign it.
    let mut forged: SignedHead = serde_json::from_slice(&bytes[end..]).unwrap();
    forged.signature = other.sign(forged.heads.clone(), forged.bundle.clone(), forged.signed_at).signature;
    let forged = [&bytes[..end], &canonical::to_vec(&forged), b"\n"].concat();
    assert!(faulty(&forged, &[key.public()]).1.contains("its signature does not fit"));
    // The signed head of an earlier bundle does not end a later one.
    let later = exported(&store, None, &key).await;
    let later_end = later[..later.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    faulty(&[&later[..later_end], &bytes[end..]].concat(), &[key.public()]);
    let (_, what) = faulty(&[&bytes[..end], &later[later_end..]].concat(), &[key.public()]);
    assert!(what.contains("another: event 9 is missing"), "{what}");
}

/// Alters a bundle at random; the line where that must be found, where it must be a certain one.
fn damage(bytes: &[u8], dice: &mut Dice, key: &SecretKey) -> (Vec<u8>, Option<u64>) {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let number = |sides: usize, dice: &mut Dice| usize::try_from(dice.roll(sides as u64)).unwrap();
    let events = lines.len() - 2;
    let place = 1 + number(events, dice);
    let at = Some(place as u64 + 1);
    match dice.roll(8) {
        0 => {
            // One bit, anywhere.
            let mut bytes = bytes.to_vec();
            let position = number(bytes.len(), dice);
            bytes[position] ^= 1 << dice.roll(8);
            return (bytes, None);
        }
        1 => return (bytes[..number(bytes.len(), dice)].to_vec(), None),
        2 => {
            // One bit of an event.
            let position = number(lines[place].len(), dice);
            lines[place][position] ^= 1 << dice.roll(8);
            return (lines.concat(), at);
        }
        3 => {
            lines.remove(place);
            return (lines.concat(), None);
        }
        4 => {
            let twice = lines[place].clone();
            lines.insert(place, twice);
            return (lines.concat(), at.map(|at| at + 1));
        }
        5 => {
            let other = 1 + (place + number(events - 1, dice)) % events;
            lines.swap(place, other);
            return (lines.concat(), None);
        }
        _ => {}
    }
    // A field, and, in the hands of somebody who knows how, all hashes after it.
    let mut event: Event = serde_json::from_slice(&lines[place]).unwrap();
    match dice.roll(5) {
        0 => event.address = Some("203.0.113.9".into()),
        1 => event.actor.push('x'),
        2 => event.at += chrono::Duration::milliseconds(1),
        3 => event.reason = Some("never said".into()),
        _ => event.digest = Some("ab".repeat(32)),
    }
    if dice.roll(2) == 0 {
        lines[place] = [canonical::to_vec(&event), b"\n".to_vec()].concat();
        return (lines.concat(), at);
    }
    let mut head = Head { hash: event.prev_hash.clone(), seq: event.seq - 1, environment: event.environment.clone() };
    for line in &mut lines[place..=events] {
        let next: Event = serde_json::from_slice(line).unwrap();
        let next = if next.seq == event.seq && next.environment == event.environment { event.clone() } else { next };
        if next.environment != head.environment {
            break;
        }
        let linked = relinked(&head, next);
        head = linked.head();
        *line = [canonical::to_vec(&linked), b"\n".to_vec()].concat();
    }
    if dice.roll(2) == 0 {
        // Signed again, under the old name, by another key.
        let mut signed: SignedHead = serde_json::from_slice(&lines[events + 1]).unwrap();
        for end in signed.heads.iter_mut().filter(|end| end.environment == head.environment) {
            *end = head.clone();
        }
        let digest = canonical::digest(&lines[..=events].concat());
        let name = signed.public_key;
        signed = key.sign(signed.heads, Some(digest), signed.signed_at);
        signed.public_key = name;
        lines[events + 1] = [canonical::to_vec(&signed), b"\n".to_vec()].concat();
    }
    (lines.concat(), None)
}

fn relinked(head: &Head, event: Event) -> Event {
    let new = NewEvent {
        actor: event.actor,
        address: event.address,
        at: event.at,
        digest: event.digest,
        event_type: event.event_type,
        new_mode: event.new_mode,
        old_mode: event.old_mode,
        reason: event.reason,
        snapshot_id: event.snapshot_id,
    };
    history::link(head, new)
}

#[tokio::test]
async fn every_one_of_ten_thousand_alterations_of_a_bundle_is_found() {
    let (_folder, store) = sqlite().await;
    fill(&store).await;
    let key = SecretKey::make().unwrap();
    let trusted = [key.public()];
    let whole = exported(&store, None, &key).await;
    bundle::verify(whole.as_slice(), &trusted).unwrap();
    let forger = SecretKey::make().unwrap();
    let mut dice = Dice(20_261_125);
    for round in 0..ROUNDS {
        let (bytes, first_bad) = damage(&whole, &mut dice, &forger);
        let (line, what) = faulty(&bytes, &trusted);
        if let Some(first_bad) = first_bad {
            assert_eq!(line, first_bad, "round {round}: {what}");
        }
    }
}

/// What a thief of the database does: drops what guards it, alters one event and makes every hash after it again.
async fn rewriting(store: &dyn Store) -> Vec<String> {
    let mut head = Head::genesis(ENV);
    let mut statements = Vec::new();
    for mut event in store.events_after(ENV, 0, 100).await.unwrap() {
        if event.seq == 3 {
            event.reason = Some("never said".to_owned());
        }
        let linked = relinked(&head, event);
        head = linked.head();
        let (hash, before, seq) = (&linked.hash, &linked.prev_hash, linked.seq);
        let reason = linked.reason.as_ref().map_or_else(|| "NULL".to_owned(), |reason| format!("'{reason}'"));
        statements.push(format!(
            "UPDATE history SET reason = {reason}, prev_hash = '{before}', hash = '{hash}' WHERE seq = {seq} AND environment_id = \
             (SELECT id FROM environments WHERE name = '{ENV}')"
        ));
    }
    statements.push(format!("UPDATE environments SET head_hash = '{}' WHERE name = '{ENV}'", head.hash));
    statements
}

fn places(signed: &SignedHead) -> Places {
    let mut places = Places::default();
    places.add(signed).unwrap();
    places
}

/// Signs, lets the thief do his work, and sees that only the signed head shows it.
async fn is_rewritten_and_found(store: &dyn Store, rewrite: impl AsyncFnOnce(Vec<String>)) {
    let key = SecretKey::make().unwrap();
    fill(store).await;
    let signed = places(&key.sign(store.heads().await.unwrap(), None, minute(10)));
    store.append(ENV, note_of("after it was signed")).await.unwrap();
    assert!(examine_signed(store, None, &signed).await.unwrap().problem.is_none());
    rewrite(rewriting(store).await).await;
    assert!(examine_signed(store, None, &Places::default()).await.unwrap().problem.is_none());
    let problem = examine_signed(store, None, &signed).await.unwrap().problem.unwrap();
    assert_eq!((problem.environment.as_str(), problem.seq), (ENV, Some(8)), "{}", problem.what);
    // And it can no more be passed off by signing what is there now.
    let mut both = signed;
    let again =
        both.add(&key.sign(vec![Head { hash: "ab".repeat(32), environment: ENV.into(), seq: 8 }], None, minute(11)));
    assert_eq!(again.unwrap_err().seq, 8);
}

/// The triggers that keep the history from being altered are part of the proof.
async fn has_lost_a_trigger(store: &dyn Store) {
    let problem = examine_signed(store, None, &Places::default()).await.unwrap().problem.unwrap();
    assert!(problem.table == "triggers" && problem.what.contains("history_is_never"), "{problem:?}");
}

#[tokio::test]
async fn a_history_that_was_rewritten_as_a_whole_is_found_against_a_signed_head() {
    let (folder, store) = sqlite().await;
    is_rewritten_and_found(&store, async |statements| {
        let mut db = raw(&file(&folder)).await;
        let trigger: String =
            sqlx::query_scalar("SELECT sql FROM sqlite_schema WHERE name = 'history_is_never_updated'")
                .fetch_one(&mut db)
                .await
                .unwrap();
        sqlx::query("DROP TRIGGER history_is_never_updated").execute(&mut db).await.unwrap();
        has_lost_a_trigger(&store).await;
        for sql in statements.into_iter().chain([trigger]) {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut db).await.unwrap();
        }
    })
    .await;
    let (url, store) = postgres().await;
    is_rewritten_and_found(&store, async |statements| {
        let mut db = sqlx::PgConnection::connect(&url).await.unwrap();
        sqlx::query("ALTER TABLE history DISABLE TRIGGER history_is_never_altered").execute(&mut db).await.unwrap();
        has_lost_a_trigger(&store).await;
        let enabled = "ALTER TABLE history ENABLE TRIGGER history_is_never_altered".to_owned();
        for sql in statements.into_iter().chain([enabled]) {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut db).await.unwrap();
        }
        db.close().await.unwrap();
    })
    .await;
    store.close().await;
}

#[tokio::test]
async fn signed_heads_find_a_cut_end_another_store_and_an_environment_that_is_gone() {
    let (_folder, store) = sqlite().await;
    fill(&store).await;
    let (_other_folder, other) = sqlite().await;
    let key = SecretKey::make().unwrap();
    let found = async |store: &dyn Store, heads: Vec<Head>| {
        let signed = places(&key.sign(heads, None, minute(10)));
        examine_signed(store, None, &signed).await.unwrap().problem.map(|problem| (problem.seq, problem.what))
    };
    let heads = store.heads().await.unwrap();
    assert_eq!(found(&store, heads.clone()).await, None);
    let own = |heads: &[Head]| heads.iter().filter(|head| head.environment == ENV).cloned().collect::<Vec<_>>();
    // The other store has but its first event.
    let (seq, what) = found(&other, own(&heads)).await.unwrap();
    assert!(seq == Some(2) && what.contains("cut off"), "{what}");
    other.append(ENV, note_of("of another store")).await.unwrap();
    let (seq, what) = found(&store, other.heads().await.unwrap()).await.unwrap();
    assert!(seq == Some(2) && what.contains("not the one that was signed"), "{what}");
    assert!(found(&other, heads).await.unwrap().1.contains("is gone"));
}

#[tokio::test]
async fn a_file_of_signed_heads_is_accepted_only_as_it_was_signed() {
    let (folder, store) = sqlite().await;
    let key = SecretKey::make().unwrap();
    let path = folder.path().join("heads.jsonl");
    let first = key.sign(store.heads().await.unwrap(), None, minute(1));
    store.append(ENV, note_of("more")).await.unwrap();
    heads::keep(&path, &first).unwrap();
    heads::keep(&path, &key.sign(store.heads().await.unwrap(), None, minute(2))).unwrap();
    let kept = heads::read(&path, &[key.public()]).unwrap();
    assert_eq!(kept.of(ENV).map(|(seq, _)| seq).collect::<Vec<_>>(), [1, 2]);
    assert!(examine_signed(&store, None, &kept).await.unwrap().problem.is_none());
    let refused = |trusted: &[PublicKey]| match heads::read(&path, trusted) {
        Err(HeadsError::Line { line, .. }) => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&[SecretKey::make().unwrap().public()]), 1);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"seq\":2", "\"seq\":3", 1)).unwrap();
    assert_eq!(refused(&[key.public()]), 2);
}

#[tokio::test]
async fn a_signed_head_is_kept_and_sent_and_waits_where_nobody_answers() {
    use scaling_mode::server::config::{Flags, ServeFlags, Settings};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (folder, store) = sqlite().await;
    let key = SecretKey::make().unwrap();
    let public = key.public();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serve = ServeFlags {
        heads_url: Some(format!("http://{}/heads?pass=xyzzy", listener.local_addr().unwrap())),
        ..ServeFlags::default()
    };
    let flags = Flags { data_dir: Some(folder.path().to_owned()), ..Flags::default() };
    let settings = Settings::read(&flags, &serve).unwrap();
    assert!(!format!("{settings:?}").contains("xyzzy"));
    let received = tokio::spawn(async move {
        let mut bodies = Vec::new();
        for status in ["503 Service Unavailable", "204 No Content", "204 No Content"] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                let mut part = [0; 4096];
                let length = stream.read(&mut part).await.unwrap();
                request.extend_from_slice(&part[..length]);
            }
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            let text = String::from_utf8(request).unwrap();
            bodies.push(text.split_once("\r\n\r\n").unwrap().1.to_owned());
        }
        bodies
    });
    let mut keeper = Keeper::new(&settings, key).unwrap();
    keeper.sign(&store).await.unwrap();
    store.append(ENV, note_of("more")).await.unwrap();
    keeper.sign(&store).await.unwrap();
    let bodies = received.await.unwrap();
    assert_eq!(bodies[0], bodies[1]);
    let sent: SignedHead = serde_json::from_str(&bodies[2]).unwrap();
    scaling_mode::server::signing::verify(&sent, std::slice::from_ref(&public)).unwrap();
    assert_eq!(sent.heads, store.heads().await.unwrap());
    assert_eq!(heads::read(&heads::file(&settings), &[public]).unwrap().of(ENV).count(), 2);
}

/// A server that is at work beside `verify` is no fault.
#[tokio::test]
async fn a_store_that_grows_while_it_is_examined_is_intact() {
    let (_folder, store) = sqlite().await;
    fill(&store).await;
    let (examined, ()) = tokio::join!(
        async {
            for _ in 0..20 {
                let problem = examine_signed(&store, None, &Places::default()).await.unwrap().problem;
                assert!(problem.is_none(), "{problem:?}");
            }
        },
        async {
            for place in 0..40 {
                let act = if place % 2 == 0 {
                    Act::Unfreeze { reason: "on".into() }
                } else {
                    Act::Freeze { reason: "off".into() }
                };
                store.act(ENV, &act, "local".into(), minute(20 + place), None).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(7)).await;
            }
        }
    );
    examined
}
