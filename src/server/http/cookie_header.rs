//! Owns that a request's cookies stand in one header, whichever version of HTTP it came by. Must not know any cookie.

use axum::http::{HeaderMap, HeaderValue, header};

/// Puts cookies together that came apart: over HTTP/2 browsers send each in a header of its own (RFC 9113, 8.2.3), and who
/// reads the first only would find a session on one page and none on the next.
pub fn join(headers: &mut HeaderMap) {
    let mut values = headers.get_all(header::COOKIE).iter();
    if values.next().is_none() || values.next().is_none() {
        return;
    }
    let all: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(one) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        headers.insert(header::COOKIE, one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_that_came_apart_are_one_header() {
        for (came, is) in
            [(&[][..], None), (&["a=1; b=2"], Some("a=1; b=2")), (&["a=1", "b=2", "c=3"], Some("a=1; b=2; c=3"))]
        {
            let mut headers = HeaderMap::new();
            for cookie in came {
                headers.append(header::COOKIE, HeaderValue::from_static(cookie));
            }
            join(&mut headers);
            assert_eq!(headers.get(header::COOKIE).map(|value| value.to_str().unwrap()), is);
            assert_eq!(headers.get_all(header::COOKIE).iter().count(), usize::from(is.is_some()));
        }
    }
}
