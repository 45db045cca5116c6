//! Owns the part of the settings file that names a provider by which people may sign in (OpenID Connect). Its secret is only named in
//! it: `secrets.rs` has where that comes from.

use super::secrets::{Token, token};
use super::{SettingsError, value_error};
use reqwest::Url;
use serde::Deserialize;
use std::net::IpAddr;

/// `[openid]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    issuer: String,
    client_id: String,
    name: Option<String>,
    secret_env: Option<String>,
    #[serde(default)]
    allow_addresses: Vec<IpAddr>,
}

/// The provider by which people may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenId {
    /// Addresses that are asked although nothing is asked there unless it is named.
    pub allow_addresses: Vec<IpAddr>,
    pub client_id: String,
    /// As it was registered: the last stroke is part of it.
    pub issuer: String,
    /// What the button calls it.
    pub name: String,
    /// What this server proves itself by there; `None` where it is registered as a public client.
    pub secret: Option<Token>,
}

impl File {
    pub(super) fn read(self) -> Result<OpenId, SettingsError> {
        let wrong = |problem: &str| value_error("openid.issuer", problem);
        let url: Url = self.issuer.parse().map_err(|_| wrong("must be an address, such as https://id.example.com"))?;
        let host = url.host_str().ok_or_else(|| wrong("must name a host"))?;
        let is_here = host == "localhost"
            || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
            return Err(wrong("must begin with https://: whoever stands in between could sign in as anybody"));
        }
        if self.client_id.is_empty() {
            return Err(value_error("openid.client_id", "must not be empty"));
        }
        let name = self.name.unwrap_or_else(|| host.to_owned());
        if name.is_empty() || name.chars().count() > 60 || name.chars().any(char::is_control) {
            return Err(value_error("openid.name", "must have 1 to 60 characters that can be seen"));
        }
        let secret = match self.secret_env {
            None => None,
            Some(name) if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => {
                Some(token(name))
            }
            Some(_) => {
                return Err(value_error(
                    "openid.secret_env",
                    "must be the name of an environment variable, not the secret",
                ));
            }
        };
        Ok(OpenId {
            allow_addresses: self.allow_addresses,
            client_id: self.client_id,
            issuer: self.issuer,
            name,
            secret,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<OpenId, String> {
        toml::from_str::<File>(text).map_err(|error| error.to_string())?.read().map_err(|error| error.to_string())
    }

    #[test]
    fn a_provider_is_asked_over_https_or_on_this_machine() {
        for right in ["https://id.example.com", "http://localhost:9000", "http://127.0.0.1:9000/", "http://[::1]:9"] {
            let openid = read(&format!("issuer = \"{right}\"\nclient_id = \"x\"")).unwrap();
            assert_eq!(openid.issuer, right);
        }
        for wrong in ["http://id.example.com", "ftp://localhost", "nothing", ""] {
            assert!(read(&format!("issuer = \"{wrong}\"\nclient_id = \"x\"")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_secret_is_named_and_never_written_down() {
        let text = "issuer = \"https://id.example.com\"\nclient_id = \"x\"\nsecret_env = ";
        assert!(read(&format!("{text}\"s3cr3t!\"")).unwrap_err().contains("openid.secret_env"));
        let openid = read(&format!("{text}\"OPENID_SECRET\"")).unwrap();
        assert_eq!(
            (openid.name.as_str(), openid.secret.unwrap().variable.as_str()),
            ("id.example.com", "OPENID_SECRET")
        );
        assert!(read("issuer = \"https://id.example.com\"\nclient_id = \"\"").is_err());
    }
}
