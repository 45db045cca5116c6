//! Owns the parts of one's own account that say what one signs in by beside a password: codes, passkeys, the provider. Must not know how
//! any of it is checked.

use super::links;
use super::widgets::{TableRegion, TimeStamp};
use crate::api::{AccountView, PasskeyLine, ProviderAccountLine, ProviderView};
use leptos::prelude::*;

const YOURS: &str = "Your password";

/// The question before a sign-in method is changed.
#[derive(Clone, Copy)]
pub enum Asks {
    /// The password of now.
    Password,
    /// To have proved once more that it is them, which was done.
    Proved,
    /// The same, and it was not done.
    Proof,
}

impl Asks {
    pub fn of(view: &AccountView) -> Asks {
        match (view.has_password, view.is_proved) {
            (true, _) => Asks::Password,
            (false, true) => Asks::Proved,
            (false, false) => Asks::Proof,
        }
    }
}

/// How somebody without a password proves once more that it is them; nothing where they have one, or have done so.
pub fn prove_again(view: &AccountView) -> Option<AnyView> {
    if !matches!(Asks::of(view), Asks::Proof) {
        return None;
    }
    let name = view.provider.as_ref().filter(|provider| !provider.accounts.is_empty()).map(|provider| &provider.name);
    let at_provider = name.map(|name| {
        view! {
            <p>
                <a class="button" href=format!("{}?confirm=yes", links::PROVIDER)>
                    {format!("Sign in at {name} once more")}
                </a>
            </p>
        }
    });
    let by_passkey = (!view.passkeys.is_empty()).then(|| {
        view! { <p>"With a passkey: sign out, and sign in with it."</p> }
    });
    let by_link = (at_provider.is_none() && by_passkey.is_none()).then(|| {
        view! { <p>"Ask a founder for a link, and choose a password by it."</p> }
    });
    let panel = view! {
        <section class="panel narrow" aria-labelledby="again-title">
            <h2 id="again-title">"Prove once more that it is you"</h2>
            <p>
                "You have no password here. Before anything that you sign in by is changed, prove once more that it is you; then you have ten minutes."
            </p>
            {at_provider}
            {by_passkey}
            {by_link}
        </section>
    };
    Some(panel.into_any())
}

/// The question for the password of now, or what is asked of an account without one.
pub fn password_now(id: &str, label: &'static str, asks: Asks) -> AnyView {
    let id = match asks {
        Asks::Password => format!("{id}-current"),
        Asks::Proved => {
            return view! { <p class="quiet">"You have just proved that it is you: this works for ten minutes."</p> }
                .into_any();
        }
        Asks::Proof => {
            return view! { <p class="quiet">"Prove once more that it is you first, above."</p> }.into_any();
        }
    };
    view! {
        <label for=id.clone()>{label}</label>
        <input id=id name="current" type="password" required autocomplete="current-password" maxlength="256" />
    }
    .into_any()
}

/// One-time codes: on or off.
pub fn codes(view: &AccountView) -> AnyView {
    let (says, form, button) = match view.codes {
        None => (
            "Signing in asks for a code of an authenticator app on your telephone, besides your password. Whoever learns your password alone cannot come in."
                .to_owned(),
            "begin-codes",
            "Turn codes on",
        ),
        Some(left) => (
            format!(
                "Codes are on: signing in with your password asks for one. {} left, each for one sign-in without your telephone. For new ones turn codes off and on again.",
                match left {
                    1 => "1 recovery code is".to_owned(),
                    left => format!("{left} recovery codes are"),
                }
            ),
            "end-codes",
            "Turn codes off",
        ),
    };
    view! {
        <section class="panel narrow" aria-labelledby="codes-title">
            <h2 id="codes-title">"Codes"</h2>
            <p>{says}</p>
            <form method="post" action=links::form(form) class="access-form">
                {password_now("codes", YOURS, Asks::of(view))}
                <button type="submit" class="button">
                    {button}
                </button>
            </form>
        </section>
    }
    .into_any()
}

/// Recovery codes that were just made. They are nowhere else, and gone with the next page.
pub fn recovery_codes(codes: &str) -> AnyView {
    let lines: Vec<_> = codes.lines().map(|code| view! { <li>{code.to_owned()}</li> }).collect();
    view! {
        <section id="made" class="panel made" aria-labelledby="made-title">
            <h2 id="made-title">"Codes are on. Keep these recovery codes"</h2>
            <p>
                "Each lets you sign in once without your telephone. Print them, or put them into your password manager: they are not shown again. You are signed out everywhere else."
            </p>
            <ol class="recovery-codes">{lines}</ol>
        </section>
    }
    .into_any()
}

/// Passkeys: the list of them, and a further one.
pub fn passkeys(view: &AccountView) -> AnyView {
    let asks = Asks::of(view);
    let list = (!view.passkeys.is_empty()).then(|| {
        let rows: Vec<_> = view.passkeys.iter().map(|passkey| passkey_row(passkey, asks)).collect();
        view! {
            <TableRegion label="Your passkeys">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Passkey"</th>
                            <th scope="col">"Since"</th>
                            <th scope="col">"Last used"</th>
                            <th scope="col">"Remove"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableRegion>
        }
    });
    view! {
        <section class="panel" aria-labelledby="passkeys-title">
            <h2 id="passkeys-title">"Passkeys"</h2>
            <p>
                "A passkey signs you in by your fingerprint, your face or the screen lock of a device, without a password or a code. Nobody can be talked out of one."
            </p>
            {list} <noscript>
                <p class="quiet">"Adding one needs JavaScript, as signing in by one does."</p>
            </noscript> <form method="post" action=links::form("begin-passkey") class="access-form" data-passkey="add" hidden>
                <label for="passkey-name">"What to call it, such as the device"</label>
                <input id="passkey-name" name="name" type="text" required autocomplete="off" maxlength="100" />
                {password_now("passkey", YOURS, asks)} <button type="submit" class="button">
                    "Add a passkey"
                </button> <p role="alert" class="form-error"></p>
            </form>
        </section>
    }
    .into_any()
}

fn passkey_row(passkey: &PasskeyLine, asks: Asks) -> AnyView {
    let used = match passkey.used_at {
        Some(at) => view! { <TimeStamp at=at /> }.into_any(),
        None => "never".into_any(),
    };
    let id = format!("remove-{}", passkey.id);
    view! {
        <tr>
            <th scope="row" class="agent">
                {passkey.name.clone()}
            </th>
            <td>
                <TimeStamp at=passkey.created_at />
            </td>
            <td>{used}</td>
            <td>
                <details>
                    <summary>{format!("Remove {}", passkey.name)}</summary>
                    <form method="post" action=links::form("remove-passkey") class="access-form">
                        <input type="hidden" name="id" value=passkey.id.clone() />
                        {password_now(&id, YOURS, asks)}
                        <button type="submit" class="button">
                            "Remove it"
                        </button>
                    </form>
                </details>
            </td>
        </tr>
    }
    .into_any()
}

/// The provider by which one may sign in: the accounts that are connected, and a further one.
pub fn provider(view: &ProviderView, asks: Asks) -> AnyView {
    let name = view.name.clone();
    let accounts: Vec<_> =
        view.accounts.iter().enumerate().map(|(place, account)| account_line(place, account, asks)).collect();
    let list = (!accounts.is_empty()).then(|| view! { <ul>{accounts}</ul> });
    let further = if view.is_allowed {
        view! {
            <p>
                <a class="button" href=format!("{}?connect=yes", links::PROVIDER)>
                    {format!("Go on to {name}")}
                </a>
            </p>
        }
        .into_any()
    } else {
        view! {
            <form method="post" action=links::form("allow-provider") class="access-form">
                {password_now("provider", YOURS, asks)}
                <button type="submit" class="button">
                    {format!("Connect an account at {name}")}
                </button>
            </form>
        }
        .into_any()
    };
    view! {
        <section class="panel narrow" aria-labelledby="provider-title">
            <h2 id="provider-title">{name}</h2>
            <p>"Whoever is signed in there by an account that is connected here signs in here without a password."</p>
            {list}
            {further}
        </section>
    }
    .into_any()
}

fn account_line(place: usize, account: &ProviderAccountLine, asks: Asks) -> AnyView {
    view! {
        <li>
            {account.label.clone()} " " <span class="quiet">{account.issuer.clone()}</span> <details>
                <summary>{format!("Disconnect {}", account.label)}</summary>
                <form method="post" action=links::form("disconnect-provider") class="access-form">
                    <input type="hidden" name="issuer" value=account.issuer.clone() />
                    <input type="hidden" name="subject" value=account.subject.clone() />
                    {password_now(&format!("disconnect-{place}"), YOURS, asks)}
                    <button type="submit" class="button">
                        "Disconnect it"
                    </button>
                </form>
            </details>
        </li>
    }
    .into_any()
}
