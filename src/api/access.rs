//! Owns the functions of signing in, joining, and the page of people. Must not decide anything.

use crate::domain::access::{Role, Scope, Shared, SharedView};
use crate::error::WireError;
use crate::views::overview::Notice;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, Json, PostUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the page shows on which one signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignInView {
    /// False before the first person was created: then nobody has to sign in.
    pub has_people: bool,
    /// The page to go on to.
    pub next: Option<String>,
    pub notice: Option<Notice>,
    /// What the provider is called by which one may sign in.
    pub provider: Option<String>,
    /// The user who is signed in already.
    pub signed_in: Option<String>,
}

/// A role, and the environments where it applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleLine {
    /// `None` if it applies everywhere.
    pub environment: Option<String>,
    pub role: Role,
}

/// What the page of an invitation shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JoinView {
    /// Empty if the person with the link chooses it.
    pub email: String,
    pub expires_at: DateTime<Utc>,
    pub notice: Option<Notice>,
    /// What the provider is called by which one may join.
    pub provider: Option<String>,
    pub roles: Vec<RoleLine>,
}

/// A person in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PersonLine {
    pub created_at: DateTime<Utc>,
    pub email: String,
    pub id: i64,
    pub is_disabled: bool,
    /// Whether it is who is asking.
    pub is_me: bool,
    pub name: String,
    pub roles: Vec<RoleLine>,
}

/// An invitation that was not used yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationLine {
    pub created_by: String,
    pub email: String,
    pub expires_at: DateTime<Utc>,
    pub roles: Vec<RoleLine>,
}

/// An API token in the list; its secret is nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenLine {
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    /// `None` if it applies everywhere.
    pub environment: Option<String>,
    pub expires_at: Option<DateTime<Utc>>,
    pub id: i64,
    pub is_expired: bool,
    pub name: String,
    /// Its beginning.
    pub prefix: String,
    pub revoked_at: Option<DateTime<Utc>>,
    pub scopes: Vec<Scope>,
    /// The sources that it sends as; empty for any.
    pub sources: Vec<String>,
    pub used_at: Option<DateTime<Utc>>,
}

/// A secret that was just made: it is shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Made {
    /// What it is for: `invitation`, `token`, `share_link` or `recovery_codes`.
    pub kind: String,
    pub name: String,
    /// A link, a token, or codes by the line.
    pub secret: String,
}

/// What the page of people shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeopleView {
    pub as_of: DateTime<Utc>,
    /// The environments in which the caller may give roles.
    pub environments: Vec<String>,
    pub invitations: Vec<InvitationLine>,
    /// Whether the caller may give roles everywhere.
    pub is_everywhere: bool,
    /// The secret that was just made.
    pub made: Option<Made>,
    pub notice: Option<Notice>,
    pub people: Vec<PersonLine>,
    pub share_links: Vec<ShareLine>,
    pub tokens: Vec<TokenLine>,
}

/// A form that was posted without a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unsent {
    /// When it was posted.
    pub at: DateTime<Utc>,
    /// The page that it was posted from.
    pub back: Option<String>,
    /// The entered texts, by the names of the fields.
    pub fields: Vec<(String, String)>,
    /// Its name.
    pub form: String,
    /// Fields that held a secret, which was not kept.
    pub secrets: Vec<String>,
}

/// The form that waits in the browser that asks, where there is one.
#[server(name = ReadUnsent, prefix = "/api", endpoint = "scaling-mode/unsent", input = GetUrl, output = Json)]
pub async fn unsent_page() -> Result<Option<Unsent>, WireError> {
    use crate::server::http::{context, unsent};
    context::with_status(unsent::page())
}

/// What the page shows on which one signs in.
#[server(name = ReadSignIn, prefix = "/api", endpoint = "scaling-mode/sign-in", input = GetUrl, output = Json)]
pub async fn sign_in_page(
    #[server(default)] next: Option<String>,
    #[server(default)] notice: Option<String>,
) -> Result<SignInView, WireError> {
    use crate::server::http::{context, sign_in};
    context::with_status(sign_in::page(next, notice).await)
}

/// Signs somebody in by e-mail address and password.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/sign-in", input = PostUrl, output = Json)]
pub async fn sign_in_form(
    #[server(default)] email: String,
    #[server(default)] password: String,
    #[server(default)] next: Option<String>,
) -> Result<(), WireError> {
    use crate::server::http::sign_in;
    sign_in::sign_in(&email, password, next).await
}

/// Ends the session.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/sign-out", input = PostUrl, output = Json)]
pub async fn sign_out_form() -> Result<(), WireError> {
    use crate::server::http::sign_in;
    sign_in::sign_out().await
}

/// What the page of an invitation shows.
#[server(name = ReadJoin, prefix = "/api", endpoint = "scaling-mode/join", input = GetUrl, output = Json)]
pub async fn join_page(
    #[server(default)] link: String,
    #[server(default)] notice: Option<String>,
) -> Result<JoinView, WireError> {
    use crate::server::http::{context, joining};
    context::with_status(joining::page(&link, notice).await)
}

/// Lets somebody in by the link that they were given, with the password that they choose.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/join", input = PostUrl, output = Json)]
pub async fn join_form(
    #[server(default)] link: String,
    #[server(default)] email: Option<String>,
    #[server(default)] name: String,
    #[server(default)] password: String,
) -> Result<(), WireError> {
    use crate::server::http::joining::{self, Entered};
    joining::join(Entered { email, link, name, password }).await
}

/// What the page of people shows.
#[server(name = ReadPeople, prefix = "/api", endpoint = "scaling-mode/people", input = GetUrl, output = Json)]
pub async fn people_page(#[server(default)] notice: Option<String>) -> Result<PeopleView, WireError> {
    use crate::server::http::{context, people};
    context::with_status(people::page(notice).await)
}

/// Invites somebody, or makes a new link for somebody who has lost their password.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/invite", input = PostUrl, output = Json)]
pub async fn invite_form(
    #[server(default)] email: String,
    #[server(default)] environment: String,
    #[server(default)] role: String,
) -> Result<Made, WireError> {
    use crate::server::http::people;
    people::invite(&email, &environment, &role).await
}

/// Gives a role somewhere, or takes it away.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/set-role", input = PostUrl, output = Json)]
pub async fn set_role_form(
    #[server(default)] email: String,
    #[server(default)] environment: String,
    #[server(default)] role: String,
) -> Result<(), WireError> {
    use crate::server::http::people;
    people::set_role(&email, &environment, &role).await
}

/// Keeps a person from signing in, or lets them in again.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/disable-person", input = PostUrl, output = Json)]
pub async fn disable_person_form(
    #[server(default)] email: String,
    #[server(default)] disabled: bool,
) -> Result<(), WireError> {
    use crate::server::http::people;
    people::set_disabled(&email, disabled).await
}

/// Takes codes, passkeys and accounts at the provider from somebody.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/reset-proofs", input = PostUrl, output = Json)]
pub async fn reset_proofs_form(#[server(default)] email: String) -> Result<(), WireError> {
    use crate::server::http::people;
    people::reset_proofs(&email).await
}

/// Makes an API token. A field `scope.NAME` for each scope.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/make-token", input = PostUrl, output = Json)]
pub async fn make_token_form(
    #[server(default)] name: String,
    #[server(default)] environment: String,
    #[server(default)] days: String,
    #[server(flatten)] fields: BTreeMap<String, String>,
) -> Result<Made, WireError> {
    use crate::server::http::tokens;
    tokens::create(&name, &environment, &days, &fields).await
}

/// Revokes an API token.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/revoke-token", input = PostUrl, output = Json)]
pub async fn revoke_token_form(#[server(default)] id: String) -> Result<(), WireError> {
    use crate::server::http::tokens;
    tokens::revoke(&id).await
}

/// A share link in the list; its secret is nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShareLine {
    pub environment: String,
    pub expires_at: DateTime<Utc>,
    pub has_passphrase: bool,
    pub id: i64,
    pub is_expired: bool,
    pub name: String,
    /// How often it was opened.
    pub opened: u64,
    pub opened_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub views: Vec<SharedView>,
}

/// The text for someone with a share link, before they open it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShareView {
    pub expires_at: DateTime<Utc>,
    pub has_passphrase: bool,
    pub notice: Option<Notice>,
}

/// Makes a share link. A field `view.NAME` for each view.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/make-share-link", input = PostUrl, output = Json)]
pub async fn make_share_link_form(
    #[server(default)] name: String,
    #[server(default)] environment: String,
    #[server(default)] from: String,
    #[server(default)] to: String,
    #[server(default)] days: String,
    #[server(default)] passphrase: String,
    #[server(flatten)] fields: BTreeMap<String, String>,
) -> Result<Made, WireError> {
    use crate::server::http::sharing::{self, Wanted};
    sharing::create(Wanted { days, environment, from, name, passphrase, to }, &fields).await
}

/// Revokes a share link.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/revoke-share-link", input = PostUrl, output = Json)]
pub async fn revoke_share_link_form(#[server(default)] id: String) -> Result<(), WireError> {
    use crate::server::http::sharing;
    sharing::revoke(&id).await
}

/// The text for someone with a share link, before they open it.
#[server(name = ReadShareDoor, prefix = "/api", endpoint = "scaling-mode/share", input = GetUrl, output = Json)]
pub async fn share_page(
    #[server(default)] link: String,
    #[server(default)] notice: Option<String>,
) -> Result<ShareView, WireError> {
    use crate::server::http::{context, sharing};
    context::with_status(sharing::door(&link, notice).await)
}

/// Opens a share link.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/open-share", input = PostUrl, output = Json)]
pub async fn open_share_form(
    #[server(default)] link: String,
    #[server(default)] passphrase: String,
) -> Result<(), WireError> {
    use crate::server::http::sharing;
    sharing::open(&link, passphrase).await
}

/// The shared figures, and nothing else.
#[server(name = ReadShared, prefix = "/api", endpoint = "scaling-mode/shared", input = GetUrl, output = Json)]
pub async fn shared_page(#[server(default)] environment: Option<String>) -> Result<Shared, WireError> {
    use crate::server::http::{context, sharing};
    context::with_status(sharing::page(environment).await)
}
