//! Owns where signed heads are sent. Must not show the address: it may hold what admits its bearer.

use super::{SettingsError, value_error};
use std::fmt;

/// An address that signed heads are sent to.
#[derive(Clone, PartialEq, Eq)]
pub struct HeadsUrl(reqwest::Url);

impl HeadsUrl {
    pub(super) fn read(text: &str) -> Result<HeadsUrl, SettingsError> {
        let url =
            reqwest::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        url.map(HeadsUrl)
            .ok_or_else(|| value_error("heads_url", "must be an address with http:// or https:// and a name"))
    }

    pub fn url(&self) -> &reqwest::Url {
        &self.0
    }
}

impl fmt::Debug for HeadsUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}
