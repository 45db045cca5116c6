//! The commands on people. They need no sign-in: a person who can run them on the store can do everything in it.

use super::console::Console;
use super::{CliError, print_json, serve};
use crate::domain::access::{Reach, Role};
use crate::server::access::password::Hasher;
use crate::server::acts::access_log::roles_in_words;
use crate::server::acts::invitations;
use crate::server::acts::people::{self, Wanted};
use crate::server::config::Settings;
use crate::server::http::joining;
use clap::{Args, Subcommand};
use std::io::{BufRead, IsTerminal};

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
    let console = Console::open(settings).await?;
    let done = match command {
        Command::Create(create) => self::create(create, &console, settings).await,
        Command::List(format) => list(&format, &console).await,
        Command::Reset(named) => reset(&named, &console, settings).await,
        Command::ResetProofs(named) => reset_proofs(&named, &console).await,
        Command::Disable(named) => set_disabled(&named, &console, true).await,
        Command::Enable(named) => set_disabled(&named, &console, false).await,
    };
    console.close().await;
    done
}

async fn create(create: Create, console: &Console<'_>, settings: &Settings) -> Result<(), CliError> {
    // What stands in a history needs an environment to stand in, on a new store too.
    serve::first_run(&console.store, settings).await?;
    let Create { email, name, role, environment } = create;
    let reach = environment.map_or(Reach::All, Reach::One);
    let wanted = Wanted { email, name, reach, role };
    let person = people::create(&console.context(), &Hasher::default(), wanted, read_password).await?;
    say!("{} is {}.", person.email, roles_in_words(&person.roles));
    Ok(())
}

/// Reads a password: hidden from a terminal, or the first line of what is piped in.
fn read_password() -> Result<String, CliError> {
    let failed = |source| CliError::File { what: "the password cannot be read".to_owned(), source };
    if std::io::stdin().is_terminal() {
        let one = rpassword::prompt_password("Password: ").map_err(failed)?;
        if one != rpassword::prompt_password("Once more: ").map_err(failed)? {
            return Err(CliError::Usage("the two are not the same".to_owned()));
        }
        return Ok(one);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn list(format: &super::read::Format, console: &Console<'_>) -> Result<(), CliError> {
    let people = console.store.people().await?;
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
        say!("{} ({}): {}{out}", person.email, person.name, roles_in_words(&person.roles));
    }
    Ok(())
}

async fn reset(named: &Named, console: &Console<'_>, settings: &Settings) -> Result<(), CliError> {
    let made = invitations::reset_password(&console.context(), &named.email).await?;
    say!("{} can choose a new password, once, for a week:", made.name);
    say!("{}{}", serve::address_of(settings.addr, settings.tls.is_some()), joining::address(&made.secret));
    Ok(())
}

async fn reset_proofs(named: &Named, console: &Console<'_>) -> Result<(), CliError> {
    let person = people::reset_proofs(&console.context(), &named.email).await?;
    say!(
        "Only the password is left to {} to sign in by (who has none: person reset). They are signed out everywhere.",
        person.email
    );
    Ok(())
}

async fn set_disabled(named: &Named, console: &Console<'_>, disabled: bool) -> Result<(), CliError> {
    let person = people::set_disabled(&console.context(), &named.email, disabled).await?;
    say!("{} is {}.", person.email, if disabled { "shut out" } else { "let in again" });
    Ok(())
}
