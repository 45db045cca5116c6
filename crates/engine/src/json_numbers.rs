//! Owns numbers that JSON does not have and other programs write: `NaN` and `Infinity` of Python and others, and numbers beyond
//! what a double holds. As texts, they are refused where they are, and the rest of the body is read.

/// The body with such numbers as texts; `None` if it has none.
pub fn quoted(body: &[u8]) -> Option<Vec<u8>> {
    // The copy, and how far the body has been copied: most bodies have no such number, and none of them is.
    let (mut out, mut copied) = (Vec::new(), 0);
    let (mut is_text, mut is_escaped) = (false, false);
    let mut place = 0;
    while let Some(byte) = body.get(place).copied() {
        let length = if is_text { 0 } else { odd_number(&body[place..]) };
        if length > 0 {
            out.extend_from_slice(&body[copied..place]);
            out.push(b'"');
            out.extend_from_slice(&body[place..place + length]);
            out.push(b'"');
            place += length;
            copied = place;
            continue;
        }
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            _ => {}
        }
        // The digits of a number are passed over together, so that none of them begins another.
        place += if is_text { 1 } else { number(&body[place..]).max(1) };
    }
    (copied > 0).then(|| {
        out.extend_from_slice(&body[copied..]);
        out
    })
}

/// How long the number is that a text begins with.
fn number(text: &[u8]) -> usize {
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    match text.first() {
        Some(first) if first.is_ascii_digit() || *first == b'-' => {
            text.iter().position(|byte| !is_part(byte)).unwrap_or(text.len())
        }
        _ => 0,
    }
}

/// How long the number is that a text begins with, if JSON has no such number.
fn odd_number(text: &[u8]) -> usize {
    for name in ["NaN", "Infinity", "-Infinity"] {
        let ends_there = |rest: &[u8]| rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric());
        if text.strip_prefix(name.as_bytes()).is_some_and(ends_there) {
            return name.len();
        }
    }
    let length = number(text);
    let read = std::str::from_utf8(&text[..length]).ok().and_then(|number| number.parse::<f64>().ok());
    if read.is_some_and(f64::is_infinite) { length } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_does_not_have_become_texts() {
        for (body, expected) in [
            (r#"{"a": NaN, "b": [Infinity,-Infinity]}"#, r#"{"a": "NaN", "b": ["Infinity","-Infinity"]}"#),
            (r#"{"a": 1e400, "b": -1E999, "c": 1e4}"#, r#"{"a": "1e400", "b": "-1E999", "c": 1e4}"#),
        ] {
            let quoted = quoted(body.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(quoted).unwrap(), expected);
        }
        for same in [r#"{"a": "NaN 1e400 \" NaN", "b": [1, -2.5e3, 0]}"#, "{}", "", "NaNcy", "\"NaN"] {
            assert_eq!(quoted(same.as_bytes()), None, "{same}");
        }
    }
}
