//! Owns whose subscriptions a source counts: live or test mode, and which account. Must not know what makes a client.

use super::super::StoreError;
use super::super::moving::Value;
use super::{Connection, seals};
use crate::domain::subscription::{Billing, Page, PageError};

/// Whose subscriptions a source counts, and whether one of its lists has said so.
pub(super) struct Own {
    pub billing: Billing,
    is_told: bool,
}

pub(super) async fn of(db: &mut Connection, source: i64) -> Result<Own, StoreError> {
    let row: Option<(Option<String>, Option<bool>)> =
        sqlx::query_as("SELECT account, is_live FROM billing WHERE source_id = $1").bind(source).fetch_optional(db).await?;
    let is_told = row.is_some();
    let billing = row.map(|(account, is_live)| Billing { account, is_live }).unwrap_or_default();
    Ok(Own { billing, is_told })
}

/// Holds a page to what the source counts. A first page says what that is, as long as no list was complete or none has said it. Returns
/// whether it is other than what was assumed until now.
pub(super) async fn follow(
    db: &mut Connection,
    source: i64,
    page: &Page,
    own: &mut Own,
    has_list: bool,
) -> Result<bool, StoreError> {
    let may_say = page.starting_after.is_none() && !(has_list && own.is_told);
    let told = Billing { account: page.account.clone(), is_live: page.is_live.or(own.billing.is_live) };
    if !may_say {
        if let (Some(own), Some(told)) = (own.billing.is_live, page.is_live)
            && own != told
        {
            return Err(PageError::OtherMode { is_live: own }.into());
        }
        if told.account != own.billing.account {
            return Err(PageError::OtherAccount.into());
        }
    }
    let is_other = told.account != own.billing.account || told.is_live() != own.billing.is_live();
    if told != own.billing || !own.is_told {
        sqlx::query(
            "INSERT INTO billing (source_id, account, is_live) VALUES ($1, $2, $3) ON CONFLICT (source_id) DO UPDATE \
             SET account = excluded.account, is_live = excluded.is_live",
        )
        .bind(source)
        .bind(&told.account)
        .bind(told.is_live)
        .execute(&mut *db)
        .await?;
        seals::reseal(db, "billing", &[Value::Whole(source)]).await?;
        *own = Own { billing: told, is_told: true };
    }
    Ok(is_other)
}
