//! Owns reading until when a certificate is valid (RFC 5280, 4.1): the few fields before that are stepped over. Must not judge
//! anything else of a certificate; that is rustls's and the client's.

use chrono::{DateTime, NaiveDateTime, Utc};

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// When the certificate ends; `None` where that cannot be read.
pub(super) fn ends(certificate: &[u8]) -> Option<DateTime<Utc>> {
    let mut certificate = DerElements(certificate).of(SEQUENCE)?;
    let mut fields = certificate.of(SEQUENCE)?;
    let (tag, _) = fields.next()?;
    if tag == VERSION {
        fields.next()?; // the serial number, which otherwise was first
    }
    fields.of(SEQUENCE)?; // the algorithm
    fields.of(SEQUENCE)?; // the issuer
    let mut validity = fields.of(SEQUENCE)?;
    validity.next()?;
    let (tag, text) = validity.next()?;
    let text = std::str::from_utf8(text).ok()?;
    let text = match tag {
        // Two digits of a year: 50 to 99 are of the last century.
        UTC_TIME => format!("{}{text}", if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    Some(NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok()?.and_utc())
}

/// The elements of a piece of DER, one after the other: tag and content.
struct DerElements<'a>(&'a [u8]);

impl<'a> DerElements<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let length = if first < 0x80 {
            usize::from(first)
        } else {
            let bytes = rest.get(..usize::from(first & 0x7f)).filter(|bytes| bytes.len() <= 4)?;
            rest = &rest[bytes.len()..];
            bytes.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte))
        };
        let content = rest.get(..length)?;
        self.0 = &rest[length..];
        Some((tag, content))
    }

    /// What is in the next element, where it is of that kind.
    fn of(&mut self, kind: u8) -> Option<DerElements<'a>> {
        self.next().filter(|(tag, _)| *tag == kind).map(|(_, content)| DerElements(content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(year: i32) -> Vec<u8> {
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(year, 3, 4);
        parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_ends_when_it_says_in_both_forms_of_a_time() {
        for (year, text) in [(1999, "1999-03-04"), (2026, "2026-03-04"), (2049, "2049-03-04"), (2050, "2050-03-04")] {
            assert_eq!(ends(&certificate(year)).unwrap().date_naive().to_string(), text);
        }
    }

    #[test]
    fn whatever_is_cut_off_or_damaged_says_nothing_and_harms_nothing() {
        let whole = certificate(2026);
        for length in 0..80 {
            assert_eq!(ends(&whole[..length]), None, "{length}");
        }
        for place in 0..whole.len() {
            for damage in [0x00, 0x7f, 0x84, 0xff] {
                let mut damaged = whole.clone();
                damaged[place] = damage;
                let _ = ends(&damaged);
            }
        }
    }
}
