//! Owns how much a body may hold before it is read: an empty message takes two bytes as it is sent and a hundred times that once
//! it is read, so that a body within its limits could still take gigabytes. Must not know what messages mean.

/// The most messages, texts among them, that a body may hold.
pub const MOST: usize = 1_000_000;

/// The most commas between the parts of a JSON body. A whole number of a list takes four bytes with its quotes and its comma, as the
/// protocol writes it, so that no body of 32 MiB with the buckets of ordinary histograms meets this.
const MOST_PARTS: usize = 8 * MOST + MOST / 2;

/// How deep messages may lie within each other, as protobuf readers have it.
const DEEPEST: u32 = 100;

/// Which fields of a message are messages themselves.
#[derive(Debug)]
pub(super) struct Shape(pub &'static [(u64, &'static Shape)]);

/// A message whose fields hold no messages.
pub(super) static PLAIN: Shape = Shape(&[]);

/// Whether a protobuf body holds no more than [`MOST`]. What is no protobuf ends the count: its reader refuses it there.
pub(super) fn is_read_in_bounds(body: &[u8], shape: &Shape) -> bool {
    let mut left = MOST;
    count(body, shape, &mut left, DEEPEST)
}

/// Whether a JSON body holds no more than [`MOST`] messages and [`MOST_PARTS`] commas; commas in texts do not count.
pub(super) fn is_json_in_bounds(body: &[u8]) -> bool {
    let (mut messages, mut parts) = (0usize, 0usize);
    let (mut is_text, mut is_escaped) = (false, false);
    for byte in body {
        match *byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b'{' if !is_text => messages += 1,
            b',' if !is_text => parts += 1,
            _ => {}
        }
    }
    messages <= MOST && parts <= MOST_PARTS
}

/// Takes what a message holds from what is left; whether there was enough.
fn count(mut body: &[u8], shape: &Shape, left: &mut usize, depth: u32) -> bool {
    while let Some(key) = varint(&mut body) {
        let skipped = match key & 7 {
            0 => varint(&mut body).map(|_| &body[..0]),
            1 => split(&mut body, 8).map(|_| &body[..0]),
            5 => split(&mut body, 4).map(|_| &body[..0]),
            2 => varint(&mut body).and_then(|length| split(&mut body, length)),
            // Groups are in none of these protocols.
            _ => None,
        };
        let Some(field) = skipped else {
            return true;
        };
        if key & 7 != 2 {
            continue;
        }
        let Some(rest) = left.checked_sub(1) else {
            return false;
        };
        *left = rest;
        let inner = shape.0.iter().find(|(tag, _)| *tag == key >> 3).map(|(_, inner)| *inner);
        if let Some(inner) = inner.filter(|_| depth > 0)
            && !count(field, inner, left, depth - 1)
        {
            return false;
        }
    }
    true
}

fn varint(body: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for place in 0..10 {
        let (byte, rest) = body.split_first()?;
        *body = rest;
        value |= u64::from(byte & 0x7f).wrapping_shl(7 * place);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn split<'b>(body: &mut &'b [u8], length: u64) -> Option<&'b [u8]> {
    let (field, rest) = body.split_at_checked(usize::try_from(length).ok()?)?;
    *body = rest;
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    static OUTER: Shape = Shape(&[(1, &PLAIN)]);

    #[test]
    fn empty_messages_are_counted_where_they_lie() {
        assert!(is_read_in_bounds(&[0x0a, 0].repeat(MOST), &PLAIN));
        assert!(!is_read_in_bounds(&[0x0a, 0].repeat(MOST + 1), &PLAIN));
        let mut nested = vec![0x0a, 0xfe, 0xff, 0xff, 0x7f];
        nested.extend([0x12, 0].repeat(MOST + 1));
        // A length that is not there ends the count, as it ends the reading.
        assert!(is_read_in_bounds(&nested, &OUTER));
        let inner = [0x12, 0].repeat(MOST);
        let mut whole = vec![0x0a];
        let mut length = inner.len();
        while length >= 0x80 {
            whole.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        whole.push(length as u8);
        whole.extend(inner);
        assert!(!is_read_in_bounds(&whole, &OUTER));
        assert!(is_read_in_bounds(&whole, &PLAIN));
        assert!(!is_json_in_bounds(&b"{},".repeat(MOST + 1)));
        assert!(is_json_in_bounds(&b"0,".repeat(MOST_PARTS)));
        assert!(!is_json_in_bounds(&b"0,".repeat(MOST_PARTS + 1)));
        let text = [&b"\"\\\""[..], &b"{".repeat(MOST + 1)[..], &b"\""[..]].concat();
        assert!(is_json_in_bounds(&text));
    }

    #[test]
    fn what_is_no_message_ends_the_count() {
        for body in [&[0x0a][..], &[0xff; 12], &[0x0b, 1], &[0x09, 1], &[]] {
            assert!(is_read_in_bounds(body, &OUTER));
        }
    }
}
