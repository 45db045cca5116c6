//! Owns the commands on people. Whoever can run them on the store can do everything in it: they ask for no sign-in. Must not hold rules.

use super::{CliError, open, print_json, serve};
use crate::domain::access::{Reach, Role, email, person_name};
use crate::domain::history::{EventType, NewEvent};
use crate::server::access::password::{self, Hasher};
use crate::server::access::{invitation_timeout, secret};
use crate::server::cli::ACTOR;
use crate::server::clock;
use crate::server::config::Settings;
use crate::server::http::joining::{self, chain_of, said};
use crate::server::store::access::{Entry, Invitation, Person};
use crate::server::store::{Store, StoreError};
use clap::{Args, Subcommand};
use std::io::{BufRead, IsTerminal};
use std::sync::Arc;

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Create a person. Asks for a password, or reads it as the first line of what is piped in.
    Create(Create),
    /// List people with their roles.
    List(super::read::Format),
    /// Print a link with which somebody can choose a new password, once; for whoever has lost theirs.
    Reset(Named),
    /// Take one-time codes, passkeys and accounts at the provider from somebody who has lost them: only the password is left.
    ResetProofs(Named),
    /// Keep somebody from signing in, and sign them out.
    Disable(Named),
    /// Let somebody in again.
    Enable(Named),
}

#[derive(Args, Debug)]
pub(super) struct Create {
    /// E-mail address: the name to sign in with.
    email: String,
    /// What the page calls them. [default: what stands before the @]
    #[arg(long)]
    name: Option<String>,
    /// What they are: founder, operator, viewer or investor.
    #[arg(long, default_value = "founder", value_parser = role)]
    role: Role,
    /// Where they are it; everywhere when left out.
    #[arg(long, short)]
    environment: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct Named {
    /// E-mail address.
    email: String,
}

fn role(text: &str) -> Result<Role, String> {
    Role::from_name(text).ok_or_else(|| "it is founder, operator, viewer or investor".to_owned())
}

pub(super) async fn run(command: Command, settings: &Settings) -> Result<(), CliError> {
    let store = open(settings).await?;
    let done = match command {
        Command::Create(create) => self::create(create, &store, settings).await,
        Command::List(format) => list(&format, &store).await,
        Command::Reset(named) => reset(&named, &store, settings).await,
        Command::ResetProofs(named) => reset_proofs(&named, &store).await,
        Command::Disable(named) => set_disabled(&named, &store, true).await,
        Command::Enable(named) => set_disabled(&named, &store, false).await,
    };
    store.close().await;
    done
}

fn address(text: &str) -> Result<String, CliError> {
    email(text).map_err(|sentence| CliError::Usage(format!("the e-mail address {sentence}")))
}

async fn create(create: Create, store: &Arc<dyn Store>, settings: &Settings) -> Result<(), CliError> {
    let email = address(&create.email)?;
    let name = create.name.unwrap_or_else(|| email.split('@').next().unwrap_or(&email).to_owned());
    let name = person_name(&name).map_err(|sentence| CliError::Usage(format!("the name {sentence}")))?;
    // What stands in a history needs an environment to stand in, on a new store too.
    serve::first_run(store, settings).await?;
    let reach = create.environment.map_or(Reach::All, Reach::One);
    if let Reach::One(environment) = &reach {
        store.config(environment).await?;
    }
    let password = read_password(&[&email, &name])?;
    let hash = Hasher::default()
        .hash(password)
        .await
        .map_err(|error| CliError::Serve { what: "the password cannot be hashed", source: Box::new(error) })?;
    let roles = [(reach.clone(), create.role)];
    let entry = entry(&reach, format!("created {email} as {}", said(&roles)));
    store.add_person((&email, &name), &hash, &roles, clock::now(), &entry).await?;
    say!("{email} is {}.", said(&roles));
    Ok(())
}

/// Reads a password that may be chosen: hidden from a terminal, or the first line of what is piped in.
fn read_password(about: &[&str]) -> Result<String, CliError> {
    let failed = |source| CliError::File { what: "the password cannot be read".to_owned(), source };
    let password = if std::io::stdin().is_terminal() {
        let one = rpassword::prompt_password("Password: ").map_err(failed)?;
        if one != rpassword::prompt_password("Once more: ").map_err(failed)? {
            return Err(CliError::Usage("the two are not the same".to_owned()));
        }
        one
    } else {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    password::check(&password, about).map_err(|sentence| CliError::Usage(format!("the password {sentence}")))?;
    Ok(password)
}

async fn list(format: &super::read::Format, store: &Arc<dyn Store>) -> Result<(), CliError> {
    let people = store.people().await?;
    if format.json {
        let lines: Vec<_> = people
            .iter()
            .map(|person| {
                serde_json::json!({
                    "email": person.email,
                    "name": person.name,
                    "roles": person.roles.iter().map(|(reach, role)| {
                        serde_json::json!({"environment": reach.text(), "role": role})
                    }).collect::<Vec<_>>(),
                    "created_at": person.created_at,
                    "disabled_at": person.disabled_at,
                })
            })
            .collect();
        print_json(&lines);
        return Ok(());
    }
    if people.is_empty() {
        say!("Nobody has been created yet. scaling-mode person create anna@example.com");
    }
    for person in people {
        let out = if person.disabled_at.is_some() { ", shut out" } else { "" };
        say!("{} ({}): {}{out}", person.email, person.name, said(&person.roles));
    }
    Ok(())
}

async fn found(named: &Named, store: &Arc<dyn Store>) -> Result<Person, CliError> {
    let proofs = store.proofs(&address(&named.email)?).await?;
    Ok(proofs.ok_or(StoreError::UnknownPerson)?.person)
}

/// The event of a change that the command line makes, with its place.
pub(super) fn entry(reach: &Reach, reason: String) -> Entry {
    let mut event = NewEvent::new(EventType::AccessChanged, ACTOR, clock::now());
    event.reason = Some(reason);
    Entry { environment: chain_of(reach), event }
}

async fn reset(named: &Named, store: &Arc<dyn Store>, settings: &Settings) -> Result<(), CliError> {
    let person = found(named, store).await?;
    let made = secret::fresh()
        .map_err(|error| CliError::Serve { what: "there are no random numbers", source: Box::new(error) })?;
    let now = clock::now();
    let invitation = Invitation {
        created_at: now,
        created_by: ACTOR.to_owned(),
        email: person.email.clone(),
        expires_at: now + invitation_timeout(),
        roles: Vec::new(),
        token_hash: made.hash,
    };
    let entry = entry(&Reach::All, format!("made {} a link to choose a new password", person.email));
    store.invite(&invitation, Some(&entry)).await?;
    say!("{} can choose a new password, once, for a week:", person.email);
    say!("{}{}", serve::address_of(settings.addr, settings.tls.is_some()), joining::address(&made.secret));
    Ok(())
}

async fn reset_proofs(named: &Named, store: &Arc<dyn Store>) -> Result<(), CliError> {
    let person = found(named, store).await?;
    let entry = entry(&Reach::All, format!("took codes, passkeys and accounts from {}", person.email));
    store.reset_proofs(person.id, &entry).await?;
    say!(
        "Only the password is left to {} to sign in by (who has none: person reset). They are signed out everywhere.",
        person.email
    );
    Ok(())
}

async fn set_disabled(named: &Named, store: &Arc<dyn Store>, disabled: bool) -> Result<(), CliError> {
    let person = found(named, store).await?;
    let what = if disabled { "shut out" } else { "let in again" };
    let entry = entry(&Reach::All, format!("{what} {}", person.email));
    store.set_disabled(person.id, disabled.then(clock::now), &entry).await?;
    say!("{} is {what}.", person.email);
    Ok(())
}
