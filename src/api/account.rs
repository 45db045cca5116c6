//! Owns the functions of one's own account: sessions, password, codes, passkeys, the provider; and of the second proof. Must not decide
//! anything.

use super::access::{Made, RoleLine};
use crate::error::WireError;
use crate::views::overview::Notice;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, Json, PostUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of one's own sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnSession {
    pub address: String,
    /// What the browser says it is.
    pub agent: String,
    pub created_at: DateTime<Utc>,
    /// By which it is named; of no use for anything else.
    pub id: String,
    pub is_this: bool,
    pub seen_at: DateTime<Utc>,
}

/// What the page of one's own account shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountView {
    /// How many recovery codes are left; nothing where codes are off.
    pub codes: Option<u64>,
    pub email: String,
    pub has_password: bool,
    /// Whether they have proved once more, minutes ago at most, that it is them; asked of those without a password.
    pub is_proved: bool,
    /// Recovery codes that were just made.
    pub made: Option<Made>,
    pub name: String,
    pub notice: Option<Notice>,
    /// Newest first.
    pub passkeys: Vec<PasskeyLine>,
    /// Nothing where the settings name none.
    pub provider: Option<ProviderView>,
    pub roles: Vec<RoleLine>,
    pub sessions: Vec<OwnSession>,
}

/// A passkey in the list of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyLine {
    pub created_at: DateTime<Utc>,
    pub id: String,
    pub name: String,
    pub used_at: Option<DateTime<Utc>>,
}

/// An account at the provider by which one signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderAccountLine {
    pub issuer: String,
    pub label: String,
    pub subject: String,
}

/// What the page of one's own account shows of the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderView {
    pub accounts: Vec<ProviderAccountLine>,
    /// Whether one may go there now to connect an account.
    pub is_allowed: bool,
    pub name: String,
}

/// A picture that gives an authenticator app its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodePicture {
    /// The same, for an app on this device.
    pub address: String,
    /// Its dark squares, each 1 by 1, as the path of an SVG.
    pub path: String,
    /// Squares to a side.
    pub side: u32,
    /// The secret, for who types it.
    pub typed: String,
}

/// What the page shows on which codes are turned on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodesView {
    pub notice: Option<Notice>,
    /// Nothing where it was not begun, or too long ago.
    pub picture: Option<CodePicture>,
}

/// What the page shows that asks for a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecondProofView {
    /// False where no password was given before, or too long ago.
    pub is_asked: bool,
    /// The page to go on to.
    pub next: Option<String>,
    pub notice: Option<Notice>,
}

/// What a browser asks a passkey for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    /// To be sent back with the answer.
    pub ceremony: String,
    /// Options of the Web Authentication API, as JSON.
    pub options: String,
}

/// Where somebody goes on to who has signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Went {
    pub to: String,
}

/// What the page of one's own account shows.
#[server(name = ReadAccount, prefix = "/api", endpoint = "scaling-mode/account", input = GetUrl, output = Json)]
pub async fn account_page(#[server(default)] notice: Option<String>) -> Result<AccountView, WireError> {
    use crate::server::http::{account, context};
    context::with_status(account::page(notice).await)
}

/// Ends one of one's own sessions, or all `others`.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/end-session", input = PostUrl, output = Json)]
pub async fn end_session_form(#[server(default)] id: String) -> Result<(), WireError> {
    use crate::server::http::account;
    account::end_session(&id).await
}

/// Changes one's own password.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/change-password", input = PostUrl, output = Json)]
pub async fn change_password_form(
    #[server(default)] current: String,
    #[server(default)] new: String,
) -> Result<(), WireError> {
    use crate::server::http::account;
    account::change_password(current, new).await
}

/// What the page shows on which codes are turned on.
#[server(name = ReadCodes, prefix = "/api", endpoint = "scaling-mode/codes", input = GetUrl, output = Json)]
pub async fn codes_page(#[server(default)] notice: Option<String>) -> Result<CodesView, WireError> {
    use crate::server::http::{codes, context};
    context::with_status(codes::page(notice).await)
}

/// What the page shows that asks for a code.
#[server(name = ReadSecondProof, prefix = "/api", endpoint = "scaling-mode/sign-in-code", input = GetUrl, output = Json)]
pub async fn second_proof_page(
    #[server(default)] next: Option<String>,
    #[server(default)] notice: Option<String>,
) -> Result<SecondProofView, WireError> {
    use crate::server::http::{context, second_proof};
    context::with_status(second_proof::page(next, notice).await)
}

/// Lets somebody in by a code, who has given their password before.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/sign-in-code", input = PostUrl, output = Json)]
pub async fn second_proof_form(
    #[server(default)] code: String,
    #[server(default)] next: Option<String>,
) -> Result<(), WireError> {
    use crate::server::http::second_proof;
    second_proof::answer(&code, next).await
}

/// Makes a secret for one-time codes, and leads to the page that shows it.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/begin-codes", input = PostUrl, output = Json)]
pub async fn begin_codes_form(#[server(default)] current: String) -> Result<(), WireError> {
    use crate::server::http::codes;
    codes::begin(current).await
}

/// Turns codes on by the first of them. What it answers with are the recovery codes.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/confirm-codes", input = PostUrl, output = Json)]
pub async fn confirm_codes_form(#[server(default)] code: String) -> Result<Made, WireError> {
    use crate::server::http::codes;
    codes::confirm(&code).await
}

/// Turns codes off.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/end-codes", input = PostUrl, output = Json)]
pub async fn end_codes_form(#[server(default)] current: String) -> Result<(), WireError> {
    use crate::server::http::codes;
    codes::turn_off(current).await
}

/// Asks the browser for a new passkey.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/begin-passkey", input = PostUrl, output = Json)]
pub async fn begin_passkey_form(#[server(default)] current: String) -> Result<Asked, WireError> {
    use crate::server::http::passkeys;
    passkeys::begin_adding(current).await
}

/// Keeps a passkey that the browser has made.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/add-passkey", input = PostUrl, output = Json)]
pub async fn add_passkey_form(
    #[server(default)] ceremony: String,
    #[server(default)] name: String,
    #[server(default)] credential: String,
) -> Result<(), WireError> {
    use crate::server::http::passkeys;
    passkeys::add(&ceremony, &name, &credential).await
}

/// Removes a passkey.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/remove-passkey", input = PostUrl, output = Json)]
pub async fn remove_passkey_form(
    #[server(default)] id: String,
    #[server(default)] current: String,
) -> Result<(), WireError> {
    use crate::server::http::passkeys;
    passkeys::remove(&id, current).await
}

/// Asks the browser for any passkey of this server.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/begin-passkey-sign-in", input = PostUrl, output = Json)]
pub async fn begin_passkey_sign_in_form() -> Result<Asked, WireError> {
    use crate::server::http::passkeys;
    passkeys::begin_signing_in().await
}

/// Signs somebody in by the answer of their passkey.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/passkey-sign-in", input = PostUrl, output = Json)]
pub async fn passkey_sign_in_form(
    #[server(default)] ceremony: String,
    #[server(default)] credential: String,
    #[server(default)] next: Option<String>,
) -> Result<Went, WireError> {
    use crate::server::http::passkeys;
    passkeys::sign_in(&ceremony, &credential, next.as_deref()).await
}

/// Lets the signed-in user connect an account at the provider, within minutes.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/allow-provider", input = PostUrl, output = Json)]
pub async fn allow_provider_form(#[server(default)] current: String) -> Result<(), WireError> {
    use crate::server::http::provider_accounts;
    provider_accounts::allow(current).await
}

/// Undoes a connection with an account at the provider.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/disconnect-provider", input = PostUrl, output = Json)]
pub async fn disconnect_provider_form(
    #[server(default)] issuer: String,
    #[server(default)] subject: String,
    #[server(default)] current: String,
) -> Result<(), WireError> {
    use crate::server::http::provider_accounts;
    provider_accounts::disconnect(issuer, subject, current).await
}
