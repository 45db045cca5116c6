//! Owns what a person may be called: names and e-mail addresses as they are kept. Must not send anything anywhere.

/// The longest e-mail address, in bytes (RFC 5321: 254 without the angle brackets).
pub const MAX_EMAIL: usize = 254;
/// The longest name of a person, a token or a link, in characters.
pub const MAX_NAME: usize = 100;

/// An e-mail address as it is kept: without space around it, in lower case. It is a name to sign in with; whether mail arrives there
/// is not asked.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn email(text: &str) -> Result<String, &'static str> {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Err("is needed");
    }
    if text.len() > MAX_EMAIL {
        return Err("must be at most 254 characters long");
    }
    // An address with a character that cannot be seen would show somebody else's.
    let is_plain = |character: char| !character.is_whitespace() && !is_hidden(character);
    let well_formed = text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && !host.starts_with('.') && !host.ends_with('.')
    });
    if well_formed && text.chars().all(is_plain) && !text.contains(['<', '>', '"', ',', ';', '\\']) {
        Ok(text)
    } else {
        Err("must be an e-mail address, such as anna@example.com")
    }
}

/// A name as it is kept: without space around it, of what can be seen.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn person_name(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("is needed");
    }
    if text.chars().count() > MAX_NAME {
        return Err("must be at most 100 characters long");
    }
    if text.chars().any(is_hidden) {
        return Err("must not hold characters that cannot be seen");
    }
    Ok(text.to_owned())
}

/// Whether a character has no shape of its own, or turns the direction of the text around it. No text that is kept may hold one: it would
/// show something else than it says.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_in_one_form() {
        assert_eq!(email("  Anna@Example.COM "), Ok("anna@example.com".to_owned()));
        for wrong in [
            "",
            "anna",
            "@example.com",
            "anna@",
            "a b@example.com",
            "a@b@c",
            "a@.b",
            "<a@b.c>",
            "a@b,c@d",
            "ro\u{200b}ot@x.example",
            "root@x.\u{202e}example",
            "r\u{ad}oot@x.example",
        ] {
            assert!(email(wrong).is_err(), "{wrong}");
        }
        assert!(email(&format!("{}@example.com", "x".repeat(250))).is_err());
    }

    #[test]
    fn a_name_can_be_seen() {
        assert_eq!(person_name(" Anna Müller "), Ok("Anna Müller".to_owned()));
        for wrong in ["", "  ", "a\u{202e}b", "a\nb", "a\u{0}b", "a\u{200b}b"] {
            assert!(person_name(wrong).is_err(), "{wrong:?}");
        }
        assert!(person_name(&"x".repeat(101)).is_err());
    }
}
