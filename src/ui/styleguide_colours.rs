//! Owns the tokens as the style sheet has them: read from its very text, so that what is shown is what is in force. Knows
//! which colours meet, and how much they must differ. Must not draw anything.

/// The style sheet's tokens.
const SHEET: &str = include_str!("../../style/tokens.css");

/// Red, green and blue, 0-255 each.
pub type Rgb = [u8; 3];

/// A colour in both themes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    pub dark: Rgb,
    pub light: Rgb,
    pub name: &'static str,
}

/// Two colours that meet: the one in front, the one behind, and the least ratio between them: 4.5 for text, 3 for the
/// edges and shapes that tell something.
pub const PAIRS: [(&str, &str, f64); 21] = [
    ("text", "ground", 4.5),
    ("text", "surface", 4.5),
    ("text", "surface-sunk", 4.5),
    ("text-quiet", "ground", 4.5),
    ("text-quiet", "surface", 4.5),
    ("text-quiet", "surface-sunk", 4.5),
    ("link", "ground", 4.5),
    ("link", "surface", 4.5),
    ("link", "surface-sunk", 4.5),
    ("accent-text", "accent", 4.5),
    ("text", "accent-soft", 4.5),
    ("good", "good-soft", 4.5),
    ("calm", "calm-soft", 4.5),
    ("warn", "warn-soft", 4.5),
    ("bad", "bad-soft", 4.5),
    ("bad", "surface", 4.5),
    ("odd", "odd-soft", 4.5),
    ("line-strong", "surface", 3.0),
    ("focus", "ground", 3.0),
    ("bar-known", "bar-ground", 3.0),
    ("text", "bar-ground", 3.0),
];

/// Every token of the sheet: its name and its value.
fn tokens() -> impl Iterator<Item = (&'static str, &'static str)> {
    SHEET.lines().filter_map(|line| line.trim().strip_prefix("--")?.strip_suffix(';')?.split_once(": "))
}

/// The colours, in the order of the sheet.
pub fn colours() -> Vec<Colour> {
    tokens()
        .filter_map(|(name, value)| {
            let (light, dark) = value.strip_prefix("light-dark(")?.strip_suffix(')')?.split_once(", ")?;
            Some(Colour { dark: rgb(dark)?, light: rgb(light)?, name })
        })
        .collect()
}

/// The tokens whose name begins so, with their values.
pub fn named(prefix: &str) -> Vec<(&'static str, &'static str)> {
    tokens().filter(|(name, _)| name.starts_with(prefix)).collect()
}

pub fn find(name: &str) -> Option<Colour> {
    colours().into_iter().find(|colour| colour.name == name)
}

fn rgb(text: &str) -> Option<Rgb> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let part = |from: usize| u8::from_str_radix(digits.get(from..from + 2)?, 16).ok();
    Some([part(0)?, part(2)?, part(4)?])
}

/// A colour as style sheets write it.
pub fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The contrast ratio of WCAG 2, 1-21.
pub fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: Rgb) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
        assert!((contrast([118; 3], [255; 3]) - 4.54).abs() < 0.01);
    }

    #[test]
    fn every_pair_of_colours_that_meets_differs_enough_in_light_and_in_dark() {
        for (before, behind, least) in PAIRS {
            let (before, behind) = (find(before).unwrap(), find(behind).unwrap());
            for (theme, ratio) in
                [("light", contrast(before.light, behind.light)), ("dark", contrast(before.dark, behind.dark))]
            {
                assert!(ratio >= least, "{} on {} in {theme}: {ratio:.2}", before.name, behind.name);
            }
        }
    }

    #[test]
    fn the_sheet_is_read_to_its_end() {
        let colours = colours().len();
        let written = SHEET.matches("light-dark(#").count();
        assert_eq!(colours, written);
        assert!(named("space-").len() >= 7 && named("type-").len() >= 6 && named("radius").len() == 2);
    }

    #[test]
    fn every_size_of_type_has_a_class_that_shows_it() {
        let sheet = include_str!("../../style/styleguide.css");
        for (name, _) in named("type-") {
            assert!(sheet.contains(&format!("var(--{name})")), "{name}");
        }
    }
}
