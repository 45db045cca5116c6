//! Owns passkeys (WebAuthn level 3): what a browser is asked for, and whether what it answers proves anything. A passkey is two proofs in
//! one: having the device, and opening it. Must not know where any of it is kept; its state between the two steps never leaves the server.

use crate::server::store::access::Person;
use sha2::{Digest, Sha256};
use webauthn_rs::prelude::{
    Credential, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Uuid, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

/// What an authenticator shows beside the name of the host.
const NAME: &str = "Scaling Mode";

/// Why a passkey proves nothing. The cause is for the log.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    #[error("passkeys need a host with a name")]
    NoName,
    #[error("what the browser sent is no answer of a passkey")]
    Unreadable(#[source] serde_json::Error),
    #[error("the passkey's answer proves nothing")]
    Unproved(#[from] WebauthnError),
}

/// What the browser is asked for, and what is to be kept until it answers.
pub struct Begun {
    /// JSON, as `PublicKeyCredential.parseCreationOptionsFromJSON` and its sister read it.
    pub options: String,
    /// JSON; whoever has it could answer for the browser.
    pub state: Vec<u8>,
}

/// A passkey that was just made.
pub struct Made {
    /// JSON.
    pub credential: String,
    /// Its name among all, in hexadecimal.
    pub id: String,
}

/// Passkeys for one address of this server, such as `https://scaling.example`.
pub struct Passkeys(Webauthn);

/// By which an authenticator knows a person: the same for each of their passkeys, and nothing that says who they are.
fn handle(person: &Person) -> Uuid {
    let text = format!("scaling-mode person {} of {}", person.id, person.created_at.timestamp_millis());
    let digest = Sha256::digest(text.as_bytes());
    Uuid::from_bytes(digest.first_chunk::<16>().copied().unwrap_or_default())
}

fn read<'j, T: serde::Deserialize<'j>>(json: &'j str) -> Result<T, PasskeyError> {
    serde_json::from_str(json).map_err(PasskeyError::Unreadable)
}

fn state_of<T: serde::de::DeserializeOwned>(state: &[u8]) -> Result<T, PasskeyError> {
    serde_json::from_slice(state).map_err(PasskeyError::Unreadable)
}

fn begun(options: &serde_json::Value, state: &impl serde::Serialize) -> Result<Begun, PasskeyError> {
    Ok(Begun { options: options.to_string(), state: serde_json::to_vec(state).map_err(PasskeyError::Unreadable)? })
}

impl Passkeys {
    /// # Errors
    /// [`PasskeyError::NoName`] where the address has only numbers.
    pub fn at(origin: &str) -> Result<Passkeys, PasskeyError> {
        let origin: Url = origin.parse().map_err(|_| PasskeyError::NoName)?;
        let host = origin.domain().ok_or(PasskeyError::NoName)?.to_owned();
        let built = WebauthnBuilder::new(&host, &origin).and_then(|builder| builder.rp_name(NAME).build());
        Ok(Passkeys(built.map_err(|_| PasskeyError::NoName)?))
    }

    /// Asks a browser to make a passkey for a person, on a device that has none of theirs yet.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub fn begin_adding(&self, person: &Person, known: &[String]) -> Result<Begun, PasskeyError> {
        let known = known.iter().filter_map(|id| hex::decode(id).ok()).collect();
        let (challenge, state) =
            self.0.start_passkey_registration(handle(person), &person.email, &person.name, Some(known))?;
        let mut options = serde_json::to_value(&challenge.public_key).map_err(PasskeyError::Unreadable)?;
        // Kept on the device, so that one can sign in without saying first who one is.
        options["authenticatorSelection"]["residentKey"] = "required".into();
        options["authenticatorSelection"]["requireResidentKey"] = true.into();
        begun(&options, &state)
    }

    /// Takes the passkey that a browser has made.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub fn finish_adding(&self, state: &[u8], answer: &str) -> Result<Made, PasskeyError> {
        let state: PasskeyRegistration = state_of(state)?;
        let answer: RegisterPublicKeyCredential = read(answer)?;
        let passkey = self.0.finish_passkey_registration(&answer, &state)?;
        let credential = serde_json::to_string(&passkey).map_err(PasskeyError::Unreadable)?;
        Ok(Made { credential, id: hex::encode(passkey.cred_id()) })
    }

    /// Asks a browser for any passkey of this server.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub fn begin_signing_in(&self) -> Result<Begun, PasskeyError> {
        let (challenge, state) = self.0.start_discoverable_authentication()?;
        let options = serde_json::to_value(&challenge.public_key).map_err(PasskeyError::Unreadable)?;
        begun(&options, &state)
    }

    /// Which passkey an answer says that it is of. That proves nothing yet.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub fn named(&self, answer: &str) -> Result<String, PasskeyError> {
        let answer: PublicKeyCredential = read(answer)?;
        let (_, id) = self.0.identify_discoverable_authentication(&answer)?;
        Ok(hex::encode(id))
    }

    /// Whether an answer proves that whoever sent it has this passkey, which is that person's; then what is to be kept of it from now on.
    /// A counter that went back means that the passkey was copied, and proves nothing.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub fn finish_signing_in(
        &self,
        state: &[u8],
        answer: &str,
        person: &Person,
        credential: &str,
    ) -> Result<String, PasskeyError> {
        let state: DiscoverableAuthentication = state_of(state)?;
        let answer: PublicKeyCredential = read(answer)?;
        let mut passkey: Passkey = read(credential)?;
        let (whose, _) = self.0.identify_discoverable_authentication(&answer)?;
        if whose != handle(person) {
            return Err(WebauthnError::InvalidUserUniqueId.into());
        }
        let proved = self.0.finish_discoverable_authentication_v2(&answer, state, Credential::from(passkey.clone()))?;
        if !proved.user_verified() {
            return Err(WebauthnError::UserNotVerified.into());
        }
        passkey.update_credential(&proved);
        serde_json::to_string(&passkey).map_err(PasskeyError::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anna() -> Person {
        Person {
            created_at: chrono::DateTime::UNIX_EPOCH,
            disabled_at: None,
            email: "anna@example.com".to_owned(),
            has_password: true,
            has_totp: false,
            id: 1,
            name: "Anna".to_owned(),
            roles: Vec::new(),
        }
    }

    #[test]
    fn a_host_without_a_name_has_no_passkeys() {
        for wrong in ["http://127.0.0.1:3008", "http://[::1]:3008", "nothing"] {
            assert!(matches!(Passkeys::at(wrong), Err(PasskeyError::NoName)), "{wrong}");
        }
        assert!(Passkeys::at("http://localhost:3008").is_ok() && Passkeys::at("https://scaling.example").is_ok());
    }

    #[test]
    fn a_browser_is_asked_for_a_passkey_that_is_kept_on_an_opened_device() {
        let begun = Passkeys::at("https://scaling.example").unwrap().begin_adding(&anna(), &["00ff".into()]).unwrap();
        let options: serde_json::Value = serde_json::from_str(&begun.options).unwrap();
        assert_eq!(options["rp"]["id"], "scaling.example");
        assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        assert_eq!(options["excludeCredentials"][0]["id"], "AP8");
        assert!(!begun.options.contains("scaling-mode person"), "the handle says nothing of the person");
        assert_ne!(handle(&anna()), handle(&Person { id: 2, ..anna() }));
    }

    #[test]
    fn what_is_no_answer_proves_nothing() {
        let passkeys = Passkeys::at("https://scaling.example").unwrap();
        let state = passkeys.begin_signing_in().unwrap().state;
        for answer in ["", "{}", "null", r#"{"id":"AA","rawId":"AA","type":"public-key","response":{}}"#] {
            assert!(passkeys.named(answer).is_err(), "{answer}");
            assert!(passkeys.finish_signing_in(&state, answer, &anna(), "{}").is_err(), "{answer}");
        }
    }
}
