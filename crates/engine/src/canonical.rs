//! Owns canonical JSON (RFC 8785): one byte sequence for one value, and its SHA-256 digest.
//! Must not know what is serialised. Structs that go through here declare their fields in alphabetical order, which
//! makes the canonical form one pass; a debug assertion and a test hold them to it.

use serde::ser::{self, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;

/// The canonical JSON of `value`, appended to `into`.
///
/// # Panics
/// Never for the domain's types: they hold no maps with keys other than strings and no failing serialisers.
pub fn write(value: &impl Serialize, into: &mut Vec<u8>) {
    let mut output = Output { bytes: std::mem::take(into), reals: Default::default() };
    value.serialize(Writer { into: &mut output }).expect("domain types serialise into memory without errors");
    *into = output.bytes;
}

/// What has been written so far.
struct Output {
    bytes: Vec<u8>,
    /// Under a few bits of their own, the numbers that were not integers and their positions: a score is written at its
    /// rules as well, and what is known exactly has two equal ends.
    reals: [Written; 1 << REMEMBERED],
}

/// As a power of two, how many numbers are remembered.
const REMEMBERED: u32 = 4;

/// A number that was written: its bits, and the place of its text.
#[derive(Clone, Copy, Default)]
struct Written {
    bits: u64,
    end: usize,
    start: usize,
}

/// Writes canonical JSON. serde_json would give the same bytes, but looks at every byte of every key for something to
/// escape, and formats whole numbers as if they were not: a tick evaluates by the thousand, so this is worth its lines.
struct Writer<'a> {
    into: &'a mut Output,
}

/// What a serialiser refused to serialise.
#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl ser::Error for Refused {
    fn custom<T: fmt::Display>(message: T) -> Refused {
        Refused(message.to_string())
    }
}

/// Whether any byte of a text has to be escaped: eight bytes are looked at together, most texts being a few of those.
fn needs_escape(text: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The high bit of each byte that is below `bound` (1-128), for bytes below 128. A borrow may carry into the byte above
    // one that is found: what is found at all stays right.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGH;
    let found = |word: u64| {
        below(word, 0x20) | below(word ^ (ONES * u64::from(b'"')), 1) | below(word ^ (ONES * u64::from(b'\\')), 1)
    };
    let word = |bytes: [u8; 8]| found(u64::from_le_bytes(bytes));
    let (words, rest) = text.as_chunks::<8>();
    match text.last_chunk::<8>() {
        // The last eight bytes lie over the ones before: cheaper than filling up what is left.
        Some(last) => words.iter().fold(word(*last), |all, bytes| all | word(*bytes)) != 0,
        None => rest.iter().any(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\'),
    }
}

fn write_text(text: &str, into: &mut Vec<u8>) {
    into.push(b'"');
    if needs_escape(text.as_bytes()) {
        for byte in text.bytes() {
            match byte {
                b'"' => into.extend_from_slice(b"\\\""),
                b'\\' => into.extend_from_slice(b"\\\\"),
                0x08 => into.extend_from_slice(b"\\b"),
                0x09 => into.extend_from_slice(b"\\t"),
                0x0a => into.extend_from_slice(b"\\n"),
                0x0c => into.extend_from_slice(b"\\f"),
                0x0d => into.extend_from_slice(b"\\r"),
                0..0x20 => into.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => into.push(byte),
            }
        }
    } else {
        into.extend_from_slice(text.as_bytes());
    }
    into.push(b'"');
}

/// A variant's name in the source: there is nothing in it to escape.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn write_name(name: &'static str, into: &mut Vec<u8>) {
    into.push(b'"');
    into.extend_from_slice(name.as_bytes());
    into.push(b'"');
}

fn write_whole(mut value: u64, into: &mut Vec<u8>) {
    if value < 10 {
        return into.push(b'0' + value as u8);
    }
    let mut digits = [0u8; 20];
    let mut place = digits.len();
    loop {
        place -= 1;
        digits[place] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    into.extend_from_slice(&digits[place..]);
}

/// Number formatting of ECMAScript, as RFC 8785 asks for: `1`, not `1.0`; what is no number is null.
fn write_real(value: f64, into: &mut Output) {
    let whole = value as u64;
    if whole as f64 == value && whole < 1 << 53 {
        return write_whole(whole, &mut into.bytes);
    }
    let bits = value.to_bits();
    // Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): the top bits of a product with 2^64 over phi.
    let slot = (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - REMEMBERED)) as usize;
    let known = into.reals[slot];
    if known.bits == bits && known.end > 0 {
        return into.bytes.extend_from_within(known.start..known.end);
    }
    let start = into.bytes.len();
    if value.is_finite() {
        into.bytes.extend_from_slice(ryu_js::Buffer::new().format_finite(value).as_bytes());
    } else {
        into.bytes.extend_from_slice(b"null");
    }
    into.reals[slot] = Written { bits, end: into.bytes.len(), start };
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Refused;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Refused> {
        self.into.bytes.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Refused> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Refused> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Refused> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Refused> {
        if value < 0 {
            self.into.bytes.push(b'-');
        }
        write_whole(value.unsigned_abs(), &mut self.into.bytes);
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Refused> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Refused> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Refused> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Refused> {
        write_whole(value, &mut self.into.bytes);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Refused> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Refused> {
        write_real(value, self.into);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Refused> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Refused> {
        write_text(value, &mut self.into.bytes);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Refused> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), Refused> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Refused> {
        self.into.bytes.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refused> {
        self.serialize_unit()
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Refused> {
        write_name(variant, &mut self.into.bytes);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        self.into.bytes.push(b'{');
        write_text(variant, &mut self.into.bytes);
        self.into.bytes.push(b':');
        value.serialize(Writer { into: self.into })?;
        self.into.bytes.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a>, Refused> {
        Ok(Parts::new(self.into, b"[", b"]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, Refused> {
        Ok(Parts::new(self.into, b"[", b"]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Refused> {
        Ok(Parts::new(self.into, b"[", b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Refused> {
        self.into.bytes.push(b'{');
        write_text(variant, &mut self.into.bytes);
        Ok(Parts::new(self.into, b":[", b"]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'a>, Refused> {
        Ok(Parts::new(self.into, b"{", b"}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Refused> {
        Ok(Parts::new(self.into, b"{", b"}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Refused> {
        self.into.bytes.push(b'{');
        write_text(variant, &mut self.into.bytes);
        Ok(Parts::new(self.into, b":{", b"}}"))
    }
}

/// An array or object that is being written.
struct Parts<'a> {
    close: &'static [u8],
    into: &'a mut Output,
    is_first: bool,
    last_key: &'static str,
}

impl<'a> Parts<'a> {
    fn new(into: &'a mut Output, open: &[u8], close: &'static [u8]) -> Parts<'a> {
        into.bytes.extend_from_slice(open);
        Parts { close, into, is_first: true, last_key: "" }
    }

    #[inline]
    fn separate(&mut self) {
        if !self.is_first {
            self.into.bytes.push(b',');
        }
        self.is_first = false;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.separate();
        value.serialize(Writer { into: self.into })
    }

    /// A field's key is a name in the source: there is nothing in it to escape. It is written where it is known, as
    /// machine words instead of a copy of some length: a snapshot holds hundreds of keys. The browser takes the small way.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Refused> {
        debug_assert!(self.last_key < key, "{key} is declared after {}", self.last_key);
        self.last_key = key;
        // Single bytes are pushed: copying a slice of a length unknown here is a call.
        self.separate();
        let bytes = &mut self.into.bytes;
        bytes.push(b'"');
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(b"\":");
        value.serialize(Writer { into: self.into })
    }

    fn close(self) -> Result<(), Refused> {
        self.into.bytes.extend_from_slice(self.close);
        Ok(())
    }
}

impl ser::SerializeSeq for Parts<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.element(value)
    }

    fn end(self) -> Result<(), Refused> {
        self.close()
    }
}

impl ser::SerializeTuple for Parts<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.element(value)
    }

    fn end(self) -> Result<(), Refused> {
        self.close()
    }
}

impl ser::SerializeTupleStruct for Parts<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.element(value)
    }

    fn end(self) -> Result<(), Refused> {
        self.close()
    }
}

impl ser::SerializeTupleVariant for Parts<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.element(value)
    }

    fn end(self) -> Result<(), Refused> {
        self.close()
    }
}

impl ser::SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refused> {
        self.separate();
        let start = self.into.bytes.len();
        key.serialize(Writer { into: self.into })?;
        if self.into.bytes.get(start) == Some(&b'"') { Ok(()) } else { Err(Refused("a key is no text".to_owned())) }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.into.bytes.push(b':');
        value.serialize(Writer { into: self.into })
    }

    fn end(self) -> Result<(), Refused> {
        self.close()
    }
}

impl ser::SerializeStruct for Parts<'_> {
    type Ok = ();
    type Error = Refused;

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Refused> {
        self.field(key, value)
    }

    fn end(self) -> Result<(), Refused> {
        self.close()
    }
}

impl ser::SerializeStructVariant for Parts<'_> {
    type Ok = ();
    type Error = Refused;

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Refused> {
        self.field(key, value)
    }

    fn end(self) -> Result<(), Refused> {
        self.close()
    }
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
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn numbers_are_written_as_rfc_8785_asks() {
        let value = json!({"b": 1.0, "a": [0.1, 1e21, 1e-7, -0.0, 100]});
        assert_eq!(String::from_utf8(to_vec(&value)).unwrap(), r#"{"a":[0.1,1e+21,1e-7,0,100],"b":1}"#);
    }

    #[test]
    fn text_is_escaped_as_json_asks_and_no_further() {
        let every: String = (0u8..0x80).map(char::from).chain("äß€😀\u{2028}".chars()).collect();
        let value = json!({ every.as_str(): every, "nothing": null, "yes": true, "list": [[], {}, -7, u64::MAX] });
        assert_eq!(String::from_utf8(to_vec(&value)).unwrap(), serde_json::to_string(&value).unwrap());
    }

    proptest! {
        #[test]
        fn what_needs_an_escape_is_found_at_every_position(text in "[ -~\\u{80}-\\u{2ff}]{0,40}", place in 0usize..40, byte in 0u8..0x80) {
            let mut text: Vec<char> = text.chars().collect();
            text.insert(place.min(text.len()), char::from(byte));
            let text: String = text.into_iter().collect();
            let naive = text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\');
            prop_assert_eq!(needs_escape(text.as_bytes()), naive);
        }

        #[test]
        fn real_numbers_are_those_of_ecmascript(bits in any::<u64>(), whole in any::<u64>(), shift in 0u32..64) {
            for value in [f64::from_bits(bits), (whole >> shift) as f64, -((whole >> shift) as f64), (whole >> shift) as f64 / 1e6] {
                let expected = if value.is_finite() { ryu_js::Buffer::new().format_finite(value).to_owned() } else { "null".to_owned() };
                prop_assert_eq!(String::from_utf8(to_vec(&value)).unwrap(), expected);
            }
        }
    }

    /// ASVS 11.4.3.
    #[test]
    fn the_digest_is_sha_256() {
        assert_eq!(digest(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
