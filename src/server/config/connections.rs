//! Owns the part of the settings that says how connections come: with which certificate, and how far a proxy is believed. Must
//! not know what a request is.

use super::{SettingsError, value_error};
use crate::server::tls::TlsFiles;
use ipnet::IpNet;
use std::net::IpAddr;
use std::path::PathBuf;

/// The certificate and its key, where TLS is spoken.
pub(super) fn tls(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>, SettingsError> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (Some(_), None) => Err(value_error("tls_key", "is missing: tls_certificate needs the file with its key")),
        (None, Some(_)) => {
            Err(value_error("tls_certificate", "is missing: tls_key needs the file with its certificate"))
        }
    }
}

/// The proxies whose word counts: addresses, or networks with their prefix.
pub(super) fn trusted_proxies(given: &[String]) -> Result<Vec<IpNet>, SettingsError> {
    given.iter().map(|text| trusted_proxy(text.trim())).collect()
}

fn trusted_proxy(text: &str) -> Result<IpNet, SettingsError> {
    let wrong = |problem: String| value_error("trusted_proxies", problem);
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => text.parse::<IpNet>().map_err(|_| {
            wrong(format!("\"{text}\" is neither an address such as 127.0.0.1 nor a network such as 10.0.0.0/8"))
        })?,
    };
    // Addresses are compared in their IPv4 form: such a network would match none.
    if network.prefix_len() > 0 && network.addr().to_canonical() != network.addr() {
        return Err(wrong(format!("\"{text}\" is an IPv4 network in the form of IPv6: write it as IPv4")));
    }
    if network.prefix_len() == 0 {
        return Err(wrong(format!(
            "\"{text}\" is everyone: whoever connects could say to be anyone. Name the addresses of the proxy"
        )));
    }
    Ok(network.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_and_its_key_are_named_together_or_not_at_all() {
        let file = |name: &str| Some(PathBuf::from(name));
        assert_eq!(tls(None, None).unwrap(), None);
        assert!(tls(file("c"), file("k")).unwrap().is_some());
        assert!(tls(file("c"), None).unwrap_err().to_string().starts_with("tls_key is missing"));
        assert!(tls(None, file("k")).unwrap_err().to_string().starts_with("tls_certificate is missing"));
    }

    #[test]
    fn proxies_are_addresses_and_networks_and_never_everyone() {
        for (text, network) in [
            ("127.0.0.1", "127.0.0.1/32"),
            (" 10.1.2.3/8 ", "10.0.0.0/8"),
            ("::1", "::1/128"),
            ("fd00::/8", "fd00::/8"),
            ("::ffff:10.0.0.1", "10.0.0.1/32"),
        ] {
            let read = trusted_proxies(&[text.to_owned()]).unwrap();
            assert_eq!(read[0].to_string(), network, "{text}");
        }
        for text in ["", "proxy.internal", "10.0.0.0/33", "0.0.0.0/0", "::/0", "::ffff:10.0.0.0/104"] {
            let error = trusted_proxies(&[text.to_owned()]).unwrap_err().to_string();
            assert!(error.starts_with("trusted_proxies "), "{text}: {error}");
        }
    }
}
