//! Owns running a backtest: what is stored is read and judged at the same time, on threads of their own, one backtest
//! after the other. It writes nothing. Must not know what the answers mean.

use super::store::{Store, StoreError};
use crate::domain::backtest::{Backtest, BacktestReport, Recorded};
use crate::domain::policy::{Config, Policy};
use chrono::{DateTime, Duration, Utc};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_blocking;

/// Backtests at once: one uses all cores, and the server has other things to do.
static RUNNING: Semaphore = Semaphore::const_new(1);
/// Pages that wait to be judged.
const WAITING: usize = 4;

/// What is to be tested, and over which of the stored evaluations: all where neither end is named.
#[derive(Clone, Debug)]
pub struct Plan {
    pub environment: String,
    pub from: Option<DateTime<Utc>>,
    pub policy: Policy,
    pub to: Option<DateTime<Utc>>,
}

/// Judges the stored ticks of an environment under a proposed policy. Where the plan begins in the midst of what is
/// stored, as much before it as answers look back is judged as well, uncounted, on top of the ticks as they were.
///
/// # Errors
/// What the store says.
pub async fn backtest(store: Arc<dyn Store>, plan: Plan) -> Result<BacktestReport, StoreError> {
    let _turn = RUNNING.acquire().await.map_err(|error| stopped(Box::new(error)))?;
    let configs = configs(store.as_ref(), &plan.environment).await?;
    let (mut begins, mut ticks) = (None, Vec::new());
    if let (Some(from), Some(in_force)) = (plan.from, configs.last()) {
        let reach = Backtest::reach(in_force, &plan.policy);
        let lead = earlier(from, reach);
        ticks = store.ticks(&plan.environment, earlier(lead, reach), lead).await?;
        begins = Some(lead);
    }
    let mut run = Backtest::new(&configs, &plan.policy, ticks, plan.from);
    let (sender, mut receiver) = mpsc::channel::<Vec<Recorded>>(WAITING);
    let judging = spawn_blocking(move || {
        while let Some(page) = receiver.blocking_recv() {
            page.iter().for_each(|evaluation| run.judge(evaluation));
        }
        run.finish()
    });
    store.recorded_ticks(&plan.environment, begins, plan.to, sender).await?;
    judging.await.map_err(|error| stopped(Box::new(error)))
}

/// A time that may have been asked for at the very beginning of the calendar.
fn earlier(at: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    at.checked_sub_signed(by).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

fn stopped(error: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::Corrupt { what: "the end of a backtest", source: Some(error) }
}

/// Every version of the configuration so far, ascending.
async fn configs(store: &dyn Store, environment: &str) -> Result<Vec<Config>, StoreError> {
    let newest = store.config(environment).await?;
    let mut configs = Vec::new();
    for version in 1..newest.version {
        configs.extend(store.config_at(environment, version).await?);
    }
    configs.push(newest);
    Ok(configs)
}
