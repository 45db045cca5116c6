//! Takes JSON apart without copying it: the items of a list and the fields of an object as pieces of the text, so that what
//! others send is looked at without being built a second time. Must not know what the pieces mean.

use serde::de::IgnoredAny;

/// JSON without the byte order mark that Windows programs write in front of it. RFC 8259, section 8.1, lets a reader ignore it.
pub fn without_mark(json: &[u8]) -> &[u8] {
    json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json)
}

/// The body as text, if it is JSON. A byte order mark in front is ignored.
///
/// # Errors
/// Why it isn't JSON.
pub fn json(body: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(without_mark(body)).map_err(|error| error.to_string())?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| error.to_string())?;
    Ok(text.trim_matches(is_space))
}

/// Pieces of a text that is JSON, between its outermost commas.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts<'t> {
    rest: &'t str,
}

/// The items of a list; `None` where the text, which is JSON, holds no list.
pub fn items(text: &str) -> Option<Parts<'_>> {
    Some(Parts { rest: text.strip_prefix('[')?.strip_suffix(']')?.trim_matches(is_space) })
}

/// The fields of an object, each with its name, in their order; `None` where the text, which is JSON, holds no object. A name
/// that cannot be read is empty.
pub fn fields(text: &str) -> Option<impl Iterator<Item = (String, &str)>> {
    let parts = Parts { rest: text.strip_prefix('{')?.strip_suffix('}')?.trim_matches(is_space) };
    Some(parts.filter_map(|part| {
        let (name, value) = part.split_at_checked(end(part, b':'))?;
        let name = serde_json::from_str(name).unwrap_or_default();
        Some((name, value.strip_prefix(':')?.trim_matches(is_space)))
    }))
}

/// What a text, which is JSON, says, where it is text.
pub fn text(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

impl<'t> Parts<'t> {
    /// A single piece, an object or a list.
    pub const fn one(text: &'t str) -> Parts<'t> {
        Parts { rest: text }
    }
}

impl<'t> Iterator for Parts<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        if self.rest.is_empty() {
            return None;
        }
        let (part, rest) = self.rest.split_at_checked(end(self.rest, b','))?;
        self.rest = rest.strip_prefix(',').unwrap_or(rest).trim_matches(is_space);
        Some(part.trim_matches(is_space))
    }
}

const fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// The position of a mark outside every list, object and text, or the end if the mark is missing.
fn end(text: &str, mark: u8) -> usize {
    let (mut depth, mut is_text, mut is_escaped) = (0usize, false, false);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            byte if byte == mark && depth == 0 => return place,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_objects_are_taken_apart_at_their_own_marks() {
        let list = json(br#" [ 1 ,"a,]\\\"", {"b": [2, 3]}, [] , null ] "#).unwrap();
        assert_eq!(items(list).unwrap().collect::<Vec<_>>(), ["1", r#""a,]\\\"""#, r#"{"b": [2, 3]}"#, "[]", "null"]);
        let object = json(br#"{"a:\u0062" : {"c": ","}, "d":[1,2] }"#).unwrap();
        let found: Vec<_> = fields(object).unwrap().collect();
        assert_eq!(found, [("a:b".to_owned(), r#"{"c": ","}"#), ("d".to_owned(), "[1,2]")]);
        assert_eq!(items("[ ]").unwrap().count() + fields("{\n}").unwrap().count(), 0);
        assert!(items("{}").is_none() && fields("[]").is_none() && items("3").is_none() && fields("\"{}\"").is_none());
    }

    #[test]
    fn one_byte_order_mark_in_front_is_ignored() {
        assert_eq!(json(b"\xef\xbb\xbf {\"a\": 1}"), Ok("{\"a\": 1}"));
        for body in [&b"\xef\xbb\xbf\xef\xbb\xbf{}"[..], b"{}\xef\xbb\xbf", b"{\xef\xbb\xbf}", b"\xff\xfe{\0}\0"] {
            assert!(json(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn what_is_not_json_is_reported() {
        for body in [&b""[..], b"{", b"[1,]", b"{} {}", b"\"\xff\"", b"nul"] {
            assert!(json(body).is_err(), "{body:?}");
        }
    }
}
