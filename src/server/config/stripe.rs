//! Owns the part of the settings file that says what Stripe signs with. The secret itself is only named in it:
//! `secrets.rs` has where it comes from.

use super::secrets::{Token, token};
use super::{SettingsError, value_error};
use serde::Deserialize;

/// `[stripe]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stripe {
    secret_env: String,
}

impl Stripe {
    /// The secret. Where its variable is not set it is there without a value: nothing is then taken, rather than everything.
    pub(super) fn secret(self) -> Result<Token, SettingsError> {
        let name = self.secret_env;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(value_error(
                "stripe.secret_env",
                "must be the name of an environment variable, not the secret",
            ));
        }
        Ok(token(name))
    }
}
