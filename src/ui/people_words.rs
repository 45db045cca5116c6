//! Owns the words for roles and where they hold. Must not decide anything.

use crate::api::RoleLine;

/// A role with the environments where it applies.
pub fn role_words(line: &RoleLine) -> String {
    match &line.environment {
        None => format!("{} everywhere", line.role.name()),
        Some(environment) => format!("{} of {environment}", line.role.name()),
    }
}

/// Where a role applies, in words.
pub fn place_words(environment: Option<&str>) -> String {
    environment.map_or_else(|| "everywhere".to_owned(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::Role;

    #[test]
    fn a_role_says_where_it_applies() {
        let line =
            |environment: Option<&str>| RoleLine { environment: environment.map(str::to_owned), role: Role::Viewer };
        assert_eq!(role_words(&line(None)), "viewer everywhere");
        assert_eq!(role_words(&line(Some("trial"))), "viewer of trial");
    }
}
