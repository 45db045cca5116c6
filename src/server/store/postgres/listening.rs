//! Owns hearing of what other replicas commit, at once. What is missed while the connection is lost is caught up with when it is
//! back; where a pooler lets nobody listen, it is found by looking.

use super::PostgresStore;
use sqlx::postgres::PgListener;
use std::time::Duration;

/// The channel on which the database tells that a chain has grown.
const CHANNEL: &str = "scaling_mode_heads";
/// How soon it is listened again after a failure.
const AGAIN: Duration = Duration::from_secs(1);

/// Listens until the store is closed.
pub(super) async fn listen(store: PostgresStore) {
    loop {
        let stop = store.stop.clone();
        tokio::select! {
            () = stop.cancelled() => return,
            ended = hear(&store) => if let Err(error) = ended {
                tracing::debug!(error = &error as &dyn std::error::Error, "other replicas cannot be heard");
            },
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

async fn hear(store: &PostgresStore) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(&store.pool).await?;
    // A connection that is lost is made anew here, so that nothing is waited for that nobody says.
    listener.ignore_pool_close_event(true);
    listener.listen(CHANNEL).await?;
    // What was committed before it was listened.
    store.changed();
    while listener.try_recv().await?.is_some() {
        store.changed();
    }
    Ok(())
}
