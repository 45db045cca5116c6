//! People: create, set a role, disable and enable, reset the ways to sign in.

use super::access_log::{allow_everywhere, allow_reach, entry, roles_in_words};
use super::{Context, Refusal};
use crate::domain::access::{Reach, Role, email, person_name};
use crate::error::{Code, WireError};
use crate::server::access::password::{self, Hasher};
use crate::server::observability;
use crate::server::store::StoreError;
use crate::server::store::access::Person;

/// A new person.
#[derive(Clone)]
pub struct Wanted {
    pub email: String,
    /// Defaults to the part before the @.
    pub name: Option<String>,
    pub reach: Reach,
    pub role: Role,
}

/// An e-mail address in its stored form.
///
/// # Errors
/// `out-of-range`.
pub fn address(text: &str) -> Result<String, Refusal> {
    email(text).map_err(|sentence| Refusal::of_field("email", sentence))
}

/// The person with an e-mail address.
///
/// # Errors
/// `out-of-range` if the address is invalid, `unknown-person`, and what the store says.
pub async fn find(context: &Context<'_>, text: &str) -> Result<Person, Refusal> {
    let proofs = context.store.proofs(&address(text)?).await?;
    Ok(proofs.ok_or(StoreError::UnknownPerson)?.person)
}

/// Creates a person with a password and a role. Calls `read_password` after all other checks.
///
/// # Errors
/// `unknown-environment`, `not-allowed`, `out-of-range`, `person-exists`, and what the store says or `read_password` fails with.
pub async fn create<E: From<Refusal>>(
    context: &Context<'_>,
    hasher: &Hasher,
    wanted: Wanted,
    read_password: impl FnOnce() -> Result<String, E> + Send,
) -> Result<Person, E> {
    let Wanted { email, name, reach, role } = wanted;
    let email = address(&email)?;
    let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or(&email).to_owned());
    let name = person_name(&name).map_err(|sentence| Refusal::of_field("name", sentence))?;
    allow_reach(context, &reach).await?;
    let password = read_password()?;
    password::check(&password, &[&email, &name]).map_err(|sentence| Refusal::of_field("password", sentence))?;
    let hash = hashed(hasher, password).await?;
    let roles = [(reach.clone(), role)];
    let entry = entry(context, &reach, format!("created {email} as {}", roles_in_words(&roles)));
    let person = context.store.add_person((&email, &name), &hash, &roles, context.now, &entry).await;
    Ok(person.map_err(Refusal::from)?)
}

/// The hash of a password or passphrase that passed its checks.
///
/// # Errors
/// `internal` if hashing fails; the cause is in the log.
pub async fn hashed(hasher: &Hasher, password: String) -> Result<String, Refusal> {
    hasher.hash(password).await.map_err(|error| {
        observability::log_error("a password could not be hashed", &error);
        WireError::new(Code::Internal, "The cause is in the server's log.").into()
    })
}

/// Sets or removes a person's role in one environment or everywhere.
///
/// # Errors
/// `unknown-environment`, `not-allowed`, `out-of-range`, `unknown-person`, `last-founder`, and what the store says.
pub async fn set_role(
    context: &Context<'_>,
    address: &str,
    reach: &Reach,
    role: Option<Role>,
) -> Result<Person, Refusal> {
    allow_reach(context, reach).await?;
    let person = find(context, address).await?;
    let reason = match role {
        Some(role) => format!("made {} {}", person.email, roles_in_words(&[(reach.clone(), role)])),
        None if *reach == Reach::All => format!("took the role from {} that held everywhere", person.email),
        None => format!("took the role from {} here", person.email),
    };
    context.store.set_role(person.id, reach, role, &entry(context, reach, reason)).await?;
    Ok(person)
}

/// Disables a person and signs them out, or enables them again. This affects all environments, so it needs the permission everywhere.
///
/// # Errors
/// `not-allowed`, `out-of-range`, `unknown-person`, `last-founder`, and what the store says.
pub async fn set_disabled(context: &Context<'_>, address: &str, disabled: bool) -> Result<Person, Refusal> {
    allow_everywhere(&context.principal.identity)?;
    let person = find(context, address).await?;
    let what = if disabled { "shut out" } else { "let in again" };
    let entry = entry(context, &Reach::All, format!("{what} {}", person.email));
    context.store.set_disabled(person.id, disabled.then_some(context.now), &entry).await?;
    Ok(person)
}

/// Removes a person's two-factor codes, passkeys and provider accounts, and signs them out. This affects all environments, so it needs the
/// permission everywhere.
///
/// # Errors
/// `not-allowed`, `out-of-range`, `unknown-person`, and what the store says.
pub async fn reset_proofs(context: &Context<'_>, address: &str) -> Result<Person, Refusal> {
    allow_everywhere(&context.principal.identity)?;
    let person = find(context, address).await?;
    let entry = entry(context, &Reach::All, format!("took codes, passkeys and accounts from {}", person.email));
    context.store.reset_proofs(person.id, &entry).await?;
    Ok(person)
}
