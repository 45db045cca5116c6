//! Owns one-time codes (TOTP, RFC 6238: SHA-1, 6 digits, 30 seconds, which is what every authenticator app knows) and the recovery codes
//! beside them. Must not know whose they are, or which were used.

use super::secret;
use chrono::{DateTime, Utc};
use fast_qr::QRBuilder;
use totp_rs::{Builder, Secret, Totp};

/// Bytes of the secret: as many as the hash has (RFC 4226, 4).
const SECRET: usize = 20;
/// Recovery codes that are made at once.
const RECOVERY: usize = 10;
/// Characters of a recovery code: 125 bits, so that its hash needs no slowness.
const RECOVERY_LENGTH: usize = 25;
/// Without those that look like others.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz123456789";

/// Who gives the codes, as an authenticator app shows it.
const ISSUER: &str = "Scaling Mode";

/// A picture of an address that a telephone reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The dark squares, as the path of an SVG in which each is 1 by 1.
    pub path: String,
    /// Squares to a side, without a margin.
    pub side: usize,
}

fn totp(secret: &[u8], account: &str) -> Option<Totp> {
    // A colon parts issuer and account in the address; no other character does harm there.
    let account = account.replace(':', " ");
    let builder = Builder::new().with_secret(Secret::from(secret.to_vec())).with_issuer(Some(ISSUER));
    builder.with_account_name(account).build().ok()
}

/// A new secret.
///
/// # Errors
/// Where the system gives no random numbers.
pub fn fresh_secret() -> Result<[u8; SECRET], getrandom::Error> {
    let mut secret = [0; SECRET];
    getrandom::fill(&mut secret)?;
    Ok(secret)
}

/// The secret as somebody types it who cannot read the picture: base32 in groups of four.
pub fn typed(secret: &[u8]) -> String {
    let text: Vec<char> = Secret::from(secret.to_vec()).to_base32().to_string().chars().collect();
    text.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// The address that gives the secret to an authenticator app.
pub fn address(secret: &[u8], account: &str) -> Option<String> {
    totp(secret, account)?.to_url().ok()
}

/// The picture of an address.
pub fn picture(address: &str) -> Option<Picture> {
    let code = QRBuilder::new(address).build().ok()?;
    let mut path = String::new();
    for row in 0..code.size {
        for (column, square) in code[row].iter().enumerate().take(code.size) {
            if square.value() {
                path.push_str(&format!("M{column} {row}h1v1h-1z"));
            }
        }
    }
    Some(Picture { path, side: code.size })
}

/// The time step of a code, where it is one of now or of the step before or after: clocks differ. That a step is used once is for who
/// keeps them.
pub fn step(secret: &[u8], code: &str, now: DateTime<Utc>) -> Option<u64> {
    let code: String = code.chars().filter(|character| !character.is_whitespace()).collect();
    let is_code = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = u64::try_from(now.timestamp()).ok()?;
    totp(secret, "").filter(|_| is_code)?.check(&code, seconds)
}

/// New recovery codes, as they are shown once.
///
/// # Errors
/// Where the system gives no random numbers.
pub fn fresh_recovery_codes() -> Result<Vec<String>, getrandom::Error> {
    let mut bytes = [0; RECOVERY * RECOVERY_LENGTH];
    getrandom::fill(&mut bytes)?;
    let code = |bytes: &[u8]| {
        let letters: Vec<char> = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        letters.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
    };
    Ok(bytes.chunks(RECOVERY_LENGTH).map(code).collect())
}

/// What is stored of a recovery code, however it is typed; `None` of what cannot be one.
pub fn recovery_hash(code: &str) -> Option<String> {
    let code: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect();
    (code.len() == RECOVERY_LENGTH).then(|| secret::hash(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    /// ASVS 6.5.5.
    #[test]
    fn codes_are_those_of_the_standard_and_of_their_time_only() {
        // RFC 6238, appendix B, SHA-1, its last six digits.
        let secret = b"12345678901234567890";
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(step(secret, code, at(seconds)), Some(seconds.unsigned_abs() / 30));
            assert_eq!(step(secret, code, at(seconds + 30)), Some(seconds.unsigned_abs() / 30));
            assert_eq!(step(secret, code, at(seconds + 90)), None);
        }
        for wrong in ["", "287083", "28708", "2870820", "28708a", "٢٨٧٠٨٢"] {
            assert_eq!(step(secret, wrong, at(59)), None, "{wrong}");
        }
        assert_eq!(step(secret, " 287 082 ", at(59)), Some(1));
    }

    #[test]
    fn an_app_is_told_the_secret_and_whose_it_is() {
        let address = address(b"12345678901234567890", "anna@example.com").unwrap();
        assert!(address.starts_with("otpauth://totp/Scaling%20Mode:anna%40example.com?"), "{address}");
        assert!(address.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), "{address}");
        assert_eq!(typed(b"12345678901234567890"), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let picture = picture(&address).unwrap();
        assert!(picture.side > 20 && picture.path.starts_with("M0 0h1v1h-1z"));
    }

    /// ASVS 6.5.3.
    #[test]
    fn recovery_codes_are_new_and_read_however_they_are_typed() {
        let codes = fresh_recovery_codes().unwrap();
        assert_eq!(codes.len(), RECOVERY);
        assert_ne!(codes[0], codes[1]);
        let hash = recovery_hash(&codes[0]).unwrap();
        assert_eq!(recovery_hash(&codes[0].to_uppercase().replace('-', " ")), Some(hash));
        assert_eq!(recovery_hash("287082"), None);
    }
}
