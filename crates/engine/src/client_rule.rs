//! Owns how clients are counted from a table with one row each: conditions on columns, and what an explicit rule of them makes
//! of a row. Must not know files. A cell that a rule needs and cannot read is an error, never a guess.

use super::mapping::Pattern;
use std::collections::BTreeMap;
use std::fmt;

/// What a condition asks of a cell.
#[derive(Clone, Debug, PartialEq)]
enum Ask {
    Above(f64),
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
    Fits(Pattern),
}

/// One column with what it must be.
#[derive(Clone, Debug, PartialEq)]
struct Test {
    ask: Ask,
    column: String,
}

/// Alternatives of which one must hold: `Column=Pattern`, `Column>30`, `>=`, `<`, `<=`, parted by bars.
#[derive(Clone, Debug, PartialEq)]
pub struct RowCondition {
    alternatives: Vec<Test>,
    text: String,
}

const OPERATORS: [char; 3] = ['<', '=', '>'];

impl RowCondition {
    /// Reads a condition. A bar parts alternatives: what follows it is a condition of its own where it names a column, else
    /// a further text of the pattern before it.
    ///
    /// # Errors
    /// How a condition is written.
    pub fn parse(text: &str) -> Result<RowCondition, String> {
        let mut parts: Vec<String> = Vec::new();
        for part in text.split('|') {
            match parts.last_mut() {
                Some(before) if !part.contains(OPERATORS) => {
                    before.push('|');
                    before.push_str(part.trim());
                }
                _ => parts.push(part.trim().to_owned()),
            }
        }
        let alternatives = parts.iter().map(|part| test(part)).collect::<Result<Vec<_>, _>>()?;
        Ok(RowCondition { alternatives, text: text.trim().to_owned() })
    }

    /// The columns that it asks for.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.alternatives.iter().map(|test| test.column.as_str())
    }
}

impl fmt::Display for RowCondition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn test(text: &str) -> Result<Test, String> {
    let usage = || format!("\"{text}\" is no condition: say Column=Pattern, or Column>30 (also >=, <, <=)");
    let place = text.find(OPERATORS).ok_or_else(usage)?;
    let (column, rest) = text.split_at(place);
    let column = column.trim();
    if column.is_empty() {
        return Err(usage());
    }
    if let Some(column) = column.strip_suffix('!') {
        return Err(format!("say {column}=!Pattern: the ! stands before what must not be"));
    }
    let number =
        |text: &str| number(text).ok_or_else(|| format!("\"{}\" is no number to compare {column} with", text.trim()));
    let ask = if let Some(least) = rest.strip_prefix(">=") {
        Ask::AtLeast(number(least)?)
    } else if let Some(most) = rest.strip_prefix("<=") {
        Ask::AtMost(number(most)?)
    } else if let Some(below) = rest.strip_prefix('<') {
        Ask::Below(number(below)?)
    } else if let Some(above) = rest.strip_prefix('>') {
        Ask::Above(number(above)?)
    } else {
        Ask::Fits(Pattern::new(rest.trim_start_matches('=').trim()))
    };
    Ok(Test { ask, column: column.to_owned() })
}

/// A number in plain notation: no thousands separators, no infinities.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|value: &f64| is_plain && value.is_finite())
}

/// Why it is unknown whether a condition is met, as a sentence.
type Unknown = String;

impl Test {
    fn holds(&self, cell: &str, blank_is_no: bool) -> Result<bool, Unknown> {
        let cell = cell.trim();
        let is_blank = cell.is_empty() || cell.eq_ignore_ascii_case("null");
        // A pattern that asks for blanks (`Column=`, `Column=*`) finds one.
        let finds_blank = |pattern: &Pattern| !pattern.is_negated() && pattern.matches("");
        if is_blank && !matches!(&self.ask, Ask::Fits(pattern) if finds_blank(pattern)) {
            if blank_is_no {
                return Ok(false);
            }
            return Err(format!(
                "{} is blank, and it decides: whether it holds is unknown; --blank-is-no takes what is blank as not holding",
                self.column
            ));
        }
        let (bound, compare): (f64, fn(f64, f64) -> bool) = match &self.ask {
            Ask::Fits(pattern) => return Ok(is_blank || pattern.matches(cell)),
            Ask::Above(bound) => (*bound, |value, bound| value > bound),
            Ask::AtLeast(bound) => (*bound, |value, bound| value >= bound),
            Ask::AtMost(bound) => (*bound, |value, bound| value <= bound),
            Ask::Below(bound) => (*bound, |value, bound| value < bound),
        };
        let value = number(cell).ok_or_else(|| format!("{} \"{cell}\" is no number, and it decides", self.column))?;
        Ok(compare(value, bound))
    }
}

/// Which rows are clients, and which of those are at risk.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientRule {
    /// All must hold.
    pub active: Vec<RowCondition>,
    /// All must hold; none means that it is not asked who is at risk.
    pub at_risk: Vec<RowCondition>,
    /// A condition on a blank cell does not hold.
    pub blank_is_no: bool,
}

/// What a row is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub is_active: bool,
    pub is_at_risk: bool,
}

impl ClientRule {
    /// What a row is. `cell` gives the text of a column.
    ///
    /// # Errors
    /// The cell that it cannot be decided without.
    pub fn standing<'r>(&self, cell: impl Fn(&str) -> &'r str) -> Result<Standing, Unknown> {
        let is_active = self.all(&self.active, &cell)?;
        // Only a client can be one at risk: what its row says of that matters to clients only.
        let is_at_risk = is_active && !self.at_risk.is_empty() && self.all(&self.at_risk, &cell)?;
        Ok(Standing { is_active, is_at_risk })
    }

    /// Whether all conditions are met. One that is not met decides, even if others are unknown.
    fn all<'r>(&self, conditions: &[RowCondition], cell: impl Fn(&str) -> &'r str) -> Result<bool, Unknown> {
        let mut unknown = None;
        for condition in conditions {
            match self.any(&condition.alternatives, &cell) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(why) => unknown = unknown.or(Some(why)),
            }
        }
        unknown.map_or(Ok(true), Err)
    }

    /// Whether one of the alternatives is met. One that is met decides, even if others are unknown.
    fn any<'r>(&self, alternatives: &[Test], cell: impl Fn(&str) -> &'r str) -> Result<bool, Unknown> {
        let mut unknown = None;
        for test in alternatives {
            match test.holds(cell(&test.column), self.blank_is_no) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(why) => unknown = unknown.or(Some(why)),
            }
        }
        unknown.map_or(Ok(false), Err)
    }

    /// The rule in words.
    pub fn words(&self) -> String {
        let all = |conditions: &[RowCondition]| {
            let texts: Vec<String> = conditions.iter().map(RowCondition::to_string).collect();
            texts.join(" and ")
        };
        let at_risk = if self.at_risk.is_empty() {
            "who is at risk was not asked and stays unknown".to_owned()
        } else {
            format!("a client is at risk where {}", all(&self.at_risk))
        };
        let blanks = if self.blank_is_no { "; a condition on a blank cell does not hold" } else { "" };
        format!("a row is a client where {}; {at_risk}{blanks}", all(&self.active))
    }
}

/// Rows, counted.
#[derive(Clone, Debug, Default)]
pub struct ClientCount {
    active: u64,
    at_risk: u64,
    /// The result for each client by all of its rows, if rows name their client.
    by_id: BTreeMap<String, Standing>,
}

impl ClientCount {
    /// Adds a row; whether its client was there before. Of several rows of one client, one that is active makes it active,
    /// and one that is at risk puts it at risk.
    pub fn add(&mut self, id: Option<&str>, row: Standing) -> bool {
        let Some(id) = id else {
            self.move_on(Standing::default(), row);
            return false;
        };
        let known = self.by_id.get(id).copied();
        let before = known.unwrap_or_default();
        let after =
            Standing { is_active: before.is_active || row.is_active, is_at_risk: before.is_at_risk || row.is_at_risk };
        self.move_on(before, after);
        self.by_id.insert(id.to_owned(), after);
        known.is_some()
    }

    fn move_on(&mut self, before: Standing, after: Standing) {
        self.active += u64::from(after.is_active && !before.is_active);
        self.at_risk += u64::from(after.is_at_risk && !before.is_at_risk);
    }

    pub const fn active(&self) -> u64 {
        self.active
    }

    pub const fn at_risk(&self) -> u64 {
        self.at_risk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(active: &[&str], at_risk: &[&str], blank_is_no: bool) -> ClientRule {
        let read = |texts: &[&str]| texts.iter().map(|text| RowCondition::parse(text).unwrap()).collect();
        ClientRule { active: read(active), at_risk: read(at_risk), blank_is_no }
    }

    fn of(rule: &ClientRule, row: &[(&str, &'static str)]) -> Result<(bool, bool), String> {
        let cell = |column: &str| row.iter().find(|(name, _)| *name == column).map_or("", |(_, text)| *text);
        rule.standing(cell).map(|standing| (standing.is_active, standing.is_at_risk))
    }

    #[test]
    fn a_condition_is_met_by_pattern_or_by_number() {
        for (condition, cell, holds) in [
            ("A=yes", "yes", true),
            ("A=yes", "no", false),
            ("A=!yes|maybe", "maybe", false),
            ("A=y*|maybe", "maybe", true),
            ("A=a>b", "a>b", true),
            ("A>30", "30", false),
            ("A>30", "30.01", true),
            ("A>=30", "30", true),
            ("A<30", "30", false),
            ("A < 30", " -5 ", true),
            ("A<=30", "3e1", true),
            ("A>30|A=never", "never", true),
            ("A=", "", true),
            ("A=yes|", "null", true),
            ("A=*", "", true),
        ] {
            assert_eq!(of(&rule(&[condition], &[], false), &[("A", cell)]), Ok((holds, false)), "{condition} {cell}");
        }
    }

    #[test]
    fn all_conditions_must_hold_and_a_bar_parts_alternatives() {
        let rule = rule(&["S=active"], &["Plan=month|Age<3", "Region=EU"], false);
        for (row, expected) in [
            (&[("S", "active"), ("Plan", "month"), ("Age", "9"), ("Region", "EU")][..], (true, true)),
            (&[("S", "active"), ("Plan", "year"), ("Age", "2"), ("Region", "EU")], (true, true)),
            (&[("S", "active"), ("Plan", "year"), ("Age", "9"), ("Region", "EU")], (true, false)),
            (&[("S", "active"), ("Plan", "month"), ("Age", "1"), ("Region", "US")], (true, false)),
            // A row that isn't a client is not at risk, and its unknown cells don't matter.
            (&[("S", "left"), ("Plan", "year"), ("Age", ""), ("Region", "EU")], (false, false)),
        ] {
            assert_eq!(of(&rule, row), Ok(expected), "{row:?}");
        }
        assert!(
            rule.words()
                .contains("a row is a client where S=active; a client is at risk where Plan=month|Age<3 and Region=EU")
        );
    }

    #[test]
    fn what_is_unknown_is_an_error_only_where_it_decides() {
        let asked = |blank_is_no| rule(&["S=active", "Age>3|Plan=year"], &[], blank_is_no);
        let row = |status, age, plan| [("S", status), ("Age", age), ("Plan", plan)];
        assert!(of(&asked(false), &row("active", "", "month")).unwrap_err().contains("Age is blank"));
        assert!(of(&asked(false), &row("active", "NULL", "month")).unwrap_err().contains("Age is blank"));
        assert!(of(&asked(false), &row("active", "1,000", "month")).unwrap_err().contains("\"1,000\" is no number"));
        assert!(of(&asked(false), &row("active", "inf", "month")).is_err());
        assert_eq!(of(&asked(false), &row("active", "", "year")), Ok((true, false)));
        assert_eq!(of(&asked(false), &row("left", "", "month")), Ok((false, false)));
        assert_eq!(of(&asked(true), &row("active", "", "month")), Ok((false, false)));
        assert!(of(&asked(true), &row("active", "old", "month")).is_err(), "text is not blank");
        for condition in ["S=active", "S=!left"] {
            let of = |blank_is_no| of(&rule(&[condition], &[], blank_is_no), &[("S", " ")]);
            assert!(of(false).unwrap_err().contains("S is blank"), "{condition}");
            assert_eq!(of(true), Ok((false, false)), "{condition}");
        }
    }

    #[test]
    fn what_is_no_condition_is_said() {
        for (text, why) in [
            ("Status", "say Column=Pattern"),
            ("=active", "say Column=Pattern"),
            ("Age>old", "is no number"),
            ("Age>", "is no number"),
            ("Age>1|2", "is no number"),
            ("Age>inf", "is no number"),
            ("Status!=left", "say Status=!Pattern"),
        ] {
            assert!(RowCondition::parse(text).unwrap_err().contains(why), "{text}");
        }
    }

    #[test]
    fn a_client_of_several_rows_counts_once() {
        let mut count = ClientCount::default();
        let row = |is_active, is_at_risk| Standing { is_active, is_at_risk };
        assert!(!count.add(Some("a"), row(true, false)));
        assert!(count.add(Some("a"), row(true, true)));
        assert!(count.add(Some("a"), row(false, false)));
        assert!(!count.add(Some("b"), row(false, false)));
        assert_eq!((count.active(), count.at_risk()), (1, 1));
        count.add(None, row(true, false));
        count.add(None, row(true, false));
        assert_eq!((count.active(), count.at_risk()), (3, 1));
    }
}
