//! Owns the proof that pages of history read no further than they are long, by SQLite's own plans. Only for tests.

use super::MIGRATIONS;
use super::history::{Before, COLUMNS, page_query};
use crate::domain::history::EventType;
use crate::server::store::EventFilter;
use chrono::DateTime;
use sqlx::{Connection, Row, SqliteConnection};

#[tokio::test]
async fn no_page_reads_further_than_it_is_long() {
    let mut db = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    MIGRATIONS.run(&mut db).await.unwrap();
    let two = vec![EventType::Note, EventType::Frozen];
    for types in [vec![], vec![EventType::Note], two, EventType::ALL.to_vec()] {
        for (before, from, actor) in [
            (Before::Seq(9), None, None),
            (Before::Time(9, 9), None, None),
            (Before::Time(9, 9), DateTime::from_timestamp_millis(3), None),
            (Before::Time(9, 9), None, Some("local".to_owned())),
        ] {
            let filter = EventFilter { actor, types: types.clone(), from, ..EventFilter::default() };
            let mut query = page_query(&format!("EXPLAIN QUERY PLAN {COLUMNS}"), 1, &filter, before, 5);
            let plan = query.build().fetch_all(&mut db).await.unwrap();
            for step in plan.iter().map(|step| step.get::<String, _>("detail")) {
                let is_whole = step.ends_with("(environment_id=?)") || step.ends_with("type=?)");
                assert!(
                    !is_whole && !step.starts_with("SCAN history") && !step.starts_with("SCAN h"),
                    "{types:?}: {step}"
                );
            }
        }
    }
}
