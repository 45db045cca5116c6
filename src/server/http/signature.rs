//! Owns the proof that a body comes from who holds a secret, as Stripe signs it: `Stripe-Signature: t=SECONDS,v1=HEX`, an
//! HMAC-SHA256 over the time, a point and the body. Must not know what the body says.
//! Specification: <https://docs.stripe.com/webhooks#verify-manually>.

use axum::http::HeaderMap;
use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header that carries the time and the signatures.
const HEADER: &str = "stripe-signature";
/// How far the time of a signature may lie from the server's clock, either way. What is older may be a body sent again by
/// someone who overheard it.
const TOLERANCE: Duration = Duration::minutes(5);
/// The most signatures that are tried: while a secret is exchanged there are two.
const MOST_SIGNATURES: usize = 8;

/// Why a signature proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SignatureError {
    #[error("There is no header Stripe-Signature, and the settings ask for one ([stripe] secret_env).")]
    Missing,
    #[error("The header Stripe-Signature is not of the form t=SECONDS,v1=HEX.")]
    Unreadable,
    #[error("The signature's time lies more than 5 minutes from the server's clock.")]
    OutOfTime,
    #[error("The signature does not fit the body: the secret is another, or the body was changed on its way.")]
    Wrong,
}

/// What a header says, which proves nothing yet.
#[derive(Debug)]
pub(super) struct Claim<'h> {
    /// The text that was signed, as it stands there.
    signed_at: &'h str,
    signatures: Vec<Vec<u8>>,
}

/// Reads the header, without the body.
///
/// # Errors
/// [`SignatureError`], where no body could fit it.
pub(super) fn claim(headers: &HeaderMap, now: DateTime<Utc>) -> Result<Claim<'_>, SignatureError> {
    let header = headers.get(HEADER).ok_or(SignatureError::Missing)?;
    let header = header.to_str().map_err(|_| SignatureError::Unreadable)?;
    let pairs = || header.split(',').filter_map(|pair| pair.trim().split_once('='));
    let signed_at = pairs().find(|(name, _)| *name == "t").map(|(_, text)| text).ok_or(SignatureError::Unreadable)?;
    let seconds: i64 = signed_at.parse().map_err(|_| SignatureError::Unreadable)?;
    let signatures = pairs().filter(|(name, _)| *name == "v1").filter_map(|(_, text)| hex::decode(text).ok());
    let signatures: Vec<Vec<u8>> = signatures.take(MOST_SIGNATURES).collect();
    if signatures.is_empty() {
        return Err(SignatureError::Unreadable);
    }
    let at = DateTime::from_timestamp(seconds, 0).ok_or(SignatureError::OutOfTime)?;
    if (now - at).abs() > TOLERANCE {
        return Err(SignatureError::OutOfTime);
    }
    Ok(Claim { signed_at, signatures })
}

/// Checks the signature of a body.
///
/// # Errors
/// [`SignatureError`]; nothing of the body is to be believed then.
pub(super) fn check(headers: &HeaderMap, body: &[u8], secret: &str, now: DateTime<Utc>) -> Result<(), SignatureError> {
    let Claim { signed_at, signatures } = claim(headers, now)?;
    // A key of any length will do; it cannot fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| SignatureError::Wrong)?;
    mac.update(signed_at.as_bytes());
    mac.update(b".");
    mac.update(body);
    // Compared in constant time: how long it takes says nothing of where it differs.
    if signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok()) {
        Ok(())
    } else {
        Err(SignatureError::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const BODY: &[u8] = b"{\"id\":\"evt_1\"}";
    /// By `printf '%s' '1790000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test`.
    const SIGNATURE: &str = "e32657f3e678d33b41ec084c16ac0e125d25480a06cb3902286dc5942c6fd259";

    fn with(header: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(HEADER, HeaderValue::from_str(header).unwrap());
        }
        headers
    }

    fn at(ahead: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + ahead, 0).unwrap()
    }

    fn checked(header: Option<&str>, body: &[u8], secret: &str, ahead: i64) -> Result<(), SignatureError> {
        check(&with(header), body, secret, at(ahead))
    }

    fn claimed(header: Option<&str>, ahead: i64) -> Result<(), SignatureError> {
        claim(&with(header), at(ahead)).map(|_| ())
    }

    #[test]
    fn a_signature_holds_for_its_body_its_secret_and_its_time() {
        let good = format!("t=1790000000,v1={SIGNATURE},v0=ab");
        let rolled = format!("t=1790000000,v1={},v1={SIGNATURE}", "00".repeat(32));
        let short = format!("t=1790000000,v1={}", &SIGNATURE[..32]);
        let other_time = format!("t=1790000001,v1={SIGNATURE}");
        for (header, body, secret, ahead, expected) in [
            (Some(good.as_str()), BODY, "whsec_test", 0, Ok(())),
            (Some(&rolled), BODY, "whsec_test", 0, Ok(())),
            (Some(&good), BODY, "whsec_test", 300, Ok(())),
            (Some(&good), BODY, "whsec_test", 301, Err(SignatureError::OutOfTime)),
            (Some(&good), BODY, "whsec_test", -301, Err(SignatureError::OutOfTime)),
            (Some(&good), BODY, "whsec_other", 0, Err(SignatureError::Wrong)),
            (Some(&good), b"{\"id\":\"evt_2\"}", "whsec_test", 0, Err(SignatureError::Wrong)),
            (Some(&short), BODY, "whsec_test", 0, Err(SignatureError::Wrong)),
            (Some(&other_time), BODY, "whsec_test", 0, Err(SignatureError::Wrong)),
            (None, BODY, "whsec_test", 0, Err(SignatureError::Missing)),
            (Some(""), BODY, "whsec_test", 0, Err(SignatureError::Unreadable)),
            (Some("t=1790000000"), BODY, "whsec_test", 0, Err(SignatureError::Unreadable)),
            (Some("t=soon,v1=ab"), BODY, "whsec_test", 0, Err(SignatureError::Unreadable)),
            (Some("t=1790000000,v1=xy"), BODY, "whsec_test", 0, Err(SignatureError::Unreadable)),
            (Some("t=9223372036854775807,v1=ab"), BODY, "whsec_test", 0, Err(SignatureError::OutOfTime)),
        ] {
            assert_eq!(checked(header, body, secret, ahead), expected, "{header:?} {secret} {ahead}");
            let is_refused_unread = claimed(header, ahead).is_err();
            assert_eq!(
                is_refused_unread,
                !matches!(expected, Ok(()) | Err(SignatureError::Wrong)),
                "{header:?} {ahead}"
            );
        }
    }
}
