//! Owns which sources are asked while the server runs: those of the settings file and those that were added, each in a task of its
//! own that ends when its source is removed or changed. Must not know how a source is asked.

use super::run;
use crate::error::Code;
use crate::server::config::{Added, PulledSource, Settings, Unbound};
use crate::server::leadership::Leadership;
use crate::server::live::Feed;
use crate::server::observability;
use crate::server::sources::sql::settled;
use crate::server::store::{Store, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How soon what was changed through another server is looked for.
const ANOTHERS: Duration = Duration::from_secs(30);
/// How soon it is looked again where the store could not be read.
const AGAIN: Duration = Duration::from_secs(5);

/// Why an added source is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unasked {
    /// Stable, for scripts.
    pub code: Code,
    pub cure: String,
    pub problem: String,
}

impl Unasked {
    fn unreadable(problem: &str) -> Unasked {
        Unasked {
            code: Code::SourceUnreadable,
            cure: "Remove it on the connections page, then add it again.".to_owned(),
            problem: format!("it cannot be asked as it is kept: {problem}"),
        }
    }

    fn unbound(Unbound { cure, problem, .. }: Unbound) -> Unasked {
        Unasked { code: Code::SecretNotBound, cure, problem }
    }
}

/// A source that is asked, or was added and cannot be.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub environment: String,
    /// Whether it was added; otherwise the settings file names it.
    pub is_added: bool,
    pub name: String,
    /// How it is asked, or why it cannot be as it stands.
    pub source: Result<PulledSource, Unasked>,
}

impl Known {
    fn is_named(&self, environment: &str, name: &str) -> bool {
        self.environment == environment && self.name == name
    }
}

/// All sources of an environment, or of any. Where the settings file names one as an added one is named, the file's is asked.
///
/// # Errors
/// Where the store cannot be read.
pub async fn known(
    settings: &Settings,
    store: &dyn Store,
    environment: Option<&str>,
) -> Result<Vec<Known>, StoreError> {
    let of_file = settings.sources.iter().filter(|source| environment.is_none_or(|name| source.environment == name));
    let of_file = of_file.map(|source| Known {
        environment: source.environment.clone(),
        is_added: false,
        name: source.name.clone(),
        source: Ok(source.clone()),
    });
    let mut all: Vec<Known> = of_file.collect();
    for row in store.added_sources(environment).await? {
        if all.iter().any(|known| known.is_named(&row.environment, &row.name)) {
            continue;
        }
        let source = Added::read(&row.definition)
            .map_err(|problem| Unasked::unreadable(&problem))
            .and_then(|added| settings.bindings.hold(added).map_err(Unasked::unbound))
            .map(|added| added.pulled);
        all.push(Known { environment: row.environment, is_added: true, name: row.name, source });
    }
    Ok(all)
}

/// A source that is being asked, until it is told to stop.
struct Running {
    source: PulledSource,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Has sources asked, and follows what is added, changed and removed.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    changed: Arc<Notify>,
}

impl Supervisor {
    /// Sources have been added, changed or removed.
    pub fn look_again(&self) {
        self.changed.notify_one();
    }

    /// Asks all sources until it is told to stop.
    pub async fn run(
        self,
        store: Arc<dyn Store>,
        settings: Arc<Settings>,
        feed: Feed,
        leadership: Leadership,
        stop: CancellationToken,
    ) {
        let mut running: HashMap<(String, String), Running> = HashMap::new();
        loop {
            let again = match known(&settings, store.as_ref(), None).await {
                Ok(all) => {
                    end_others(&mut running, &all).await;
                    for Known { environment, name, source, .. } in all {
                        let source = match source {
                            Ok(source) => source,
                            Err(Unasked { problem, .. }) => {
                                tracing::warn!(environment, source = name, problem, "an added source cannot be asked");
                                continue;
                            }
                        };
                        let name = (environment, name);
                        running.entry(name).or_insert_with(|| {
                            let stop = stop.child_token();
                            let asking =
                                run(source.clone(), store.clone(), feed.clone(), leadership.clone(), stop.clone());
                            Running { source, stop, task: tokio::spawn(asking) }
                        });
                    }
                    ANOTHERS
                }
                Err(error) => {
                    observability::log_error("the sources that are to be asked could not be read", &error);
                    AGAIN
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.changed.notified() => {}
                () = tokio::time::sleep(again) => {}
            }
        }
        // Their tokens are children of the one that has just told this to stop.
        for (_, ending) in running {
            ended(ending.task).await;
        }
        // Otherwise a statement that was cut off keeps running at its server.
        settled().await;
    }
}

/// Ends what is asked and is no longer to be, or to be asked otherwise; the new task begins when the old one is over.
async fn end_others(running: &mut HashMap<(String, String), Running>, all: &[Known]) {
    let others: Vec<_> = running
        .iter()
        .filter(|(_, one)| !all.iter().any(|known| known.source.as_ref() == Ok(&one.source)))
        .map(|(name, _)| name.clone())
        .collect();
    for name in others {
        if let Some(ending) = running.remove(&name) {
            ending.stop.cancel();
            ended(ending.task).await;
        }
    }
}

async fn ended(task: JoinHandle<()>) {
    if let Err(error) = task.await {
        observability::log_error("asking a source has ended badly", &error);
    }
}
