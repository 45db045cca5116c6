//! Owns canonical JSON (RFC 8785): one byte sequence for one value, and its SHA-256 digest.
//! Must not know what is serialised. Structs that go through here declare their fields in alphabetical order, which
//! makes the canonical form one pass; a debug assertion and a test hold them to it.

use serde::Serialize;
use serde_json::ser::Formatter;
use sha2::{Digest, Sha256};
use std::io;

/// Number formatting of ECMAScript, as RFC 8785 asks for: `1`, not `1.0`.
struct Canonical;

impl Formatter for Canonical {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let mut buffer = ryu_js::Buffer::new();
        writer.write_all(buffer.format_finite(value).as_bytes())
    }
}

/// The canonical JSON of `value`, appended to `into`.
///
/// # Panics
/// Never for the domain's types: they hold no maps with keys other than strings and no failing serialisers.
pub fn write(value: &impl Serialize, into: &mut Vec<u8>) {
    let mut serializer = serde_json::Serializer::with_formatter(into, Canonical);
    value
        .serialize(&mut serializer)
        .expect("domain types serialise into memory without errors");
}

/// The canonical JSON of `value`.
pub fn to_vec(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024);
    write(value, &mut bytes);
    bytes
}

/// SHA-256 of `bytes`, as 64 lower-case hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Whether every object in a JSON text has its keys in ascending order: what makes it canonical beyond numbers.
pub fn keys_ascend(value: &serde_json::Value, text: &str) -> bool {
    // serde_json's map is sorted, so writing it again gives the sorted order; equal bytes mean it was sorted before.
    String::from_utf8(to_vec(value)).is_ok_and(|sorted| sorted == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_written_as_rfc_8785_asks() {
        let value = json!({"b": 1.0, "a": [0.1, 1e21, 1e-7, -0.0, 100]});
        assert_eq!(
            String::from_utf8(to_vec(&value)).unwrap(),
            r#"{"a":[0.1,1e+21,1e-7,0,100],"b":1}"#
        );
    }

    #[test]
    fn the_digest_is_sha_256() {
        assert_eq!(
            digest(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
