//! Owns which environment variables sources added on the page or by a script may use: `[[secret]]` of the settings file binds each to
//! environments and hosts. Must not read what a variable holds, beyond the host that a database's address names.

use super::sources::{Added, Ask};
use super::{SettingsError, value_error};
use crate::domain::policy::is_environment_name;
use crate::domain::source::{VARIABLE_PREFIX, is_variable};
use crate::server::sources::outgoing::Host;
use reqwest::Url;
use serde::Deserialize;

/// `[[secret]]`: a variable, and where it may be used.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Binding {
    environments: Vec<String>,
    #[serde(default)]
    hosts: Vec<String>,
    name: String,
}

/// A variable as it is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bound {
    environments: Vec<String>,
    hosts: Vec<Host>,
    name: String,
}

/// All bound variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bindings(Vec<Bound>);

/// Why an added source may not use its variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbound {
    /// What to write in the settings file.
    pub cure: String,
    /// The field that names the variable.
    pub field: &'static str,
    pub problem: String,
}

impl Bindings {
    /// # Errors
    /// Names the variable and what is wrong.
    pub(super) fn read(all: Vec<Binding>) -> Result<Bindings, SettingsError> {
        let mut bound: Vec<Bound> = Vec::new();
        for Binding { environments, hosts, name } in all {
            let wrong = |problem: String| value_error("secret", problem);
            if !is_variable(&name) {
                let rule = format!("{VARIABLE_PREFIX} and then capital letters, digits and _");
                return Err(wrong(format!(
                    "needs a name that begins with {rule}; settings of your own file need no [[secret]]"
                )));
            }
            if environments.is_empty() {
                return Err(wrong(format!("\"{name}\" names no environments: list those that may use it")));
            }
            if let Some(environment) = environments.iter().find(|environment| !is_environment_name(environment)) {
                return Err(wrong(format!("\"{name}\": \"{environment}\" isn't a valid environment name")));
            }
            let is_twice =
                |other: &Bound| other.name == name && other.environments.iter().any(|own| environments.contains(own));
            if bound.iter().any(is_twice) {
                return Err(wrong(format!("\"{name}\" is bound twice to the same environment")));
            }
            let hosts = hosts
                .iter()
                .map(|text| {
                    let problem = || wrong(format!("\"{name}\": \"{text}\" isn't a host such as 10.0.0.7, db.example.com or db.example.com:5432"));
                    Host::read(text).ok_or_else(problem)
                })
                .collect::<Result<_, _>>()?;
            bound.push(Bound { environments, hosts, name });
        }
        Ok(Bindings(bound))
    }

    /// An added source, held to the hosts that its variable is bound to.
    ///
    /// # Errors
    /// Why it may not use the variable, with what to write in the settings file.
    pub fn hold(&self, mut added: Added) -> Result<Added, Unbound> {
        let Some((field, name)) = added.variable() else {
            return Ok(added);
        };
        let environment = &added.pulled.environment;
        let asked = match &added.pulled.ask {
            Ask::Prometheus { url, .. } => host_of(url),
            // A variable without a value is named when it is asked for.
            Ask::Sql { url, .. } => {
                url.reveal().ok().and_then(|url| Url::parse(&url).ok()).and_then(|url| host_of(&url))
            }
        };
        let is_token = field == "token_env";
        // The variable of a database is a secret, its host included.
        let example = asked.as_ref().filter(|_| is_token).map_or("the database's host", |(host, _)| host.as_str());
        let unbound = |problem: String| Unbound {
            cure: format!(
                "Add to the settings file, each on a line: [[secret]], name = \"{name}\", environments = [\"{environment}\"], hosts = \
                 [\"{example}\"]. Then restart the server."
            ),
            field,
            problem,
        };
        let found = self.0.iter().find(|bound| bound.name == name && bound.environments.contains(environment));
        let Some(bound) = found else {
            return Err(unbound(format!("the settings file does not bind {name} to the environment {environment}")));
        };
        if bound.hosts.is_empty() {
            if is_token {
                return Err(unbound(format!("the settings file names no host that {name} may be sent to")));
            }
            return Ok(added);
        }
        if asked.as_ref().is_some_and(|(host, port)| !bound.hosts.iter().any(|allowed| allowed.is(host, *port))) {
            let place = if is_token { "its url names" } else { "the address in it names" };
            return Err(unbound(format!("{place} a host that the settings file does not bind {name} to")));
        }
        added.pulled.allowed.hosts = Some(bound.hosts.clone());
        Ok(added)
    }
}

fn host_of(url: &Url) -> Option<(String, u16)> {
    let usual = match url.scheme() {
        "mysql" | "mariadb" => 3306,
        "postgres" | "postgresql" => 5432,
        _ => 0,
    };
    Some((url.host_str()?.to_owned(), url.port_or_known_default().unwrap_or(usual)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Bindings, String> {
        #[derive(Deserialize)]
        struct File {
            secret: Vec<Binding>,
        }
        let file: File = toml::from_str(text).unwrap();
        Bindings::read(file.secret).map_err(|error| error.to_string())
    }

    #[test]
    fn a_binding_that_binds_nothing_or_anything_is_refused() {
        let good = "[[secret]]\nname = \"SCALING_MODE_SOURCE_A\"\nenvironments = [\"production\"]\n";
        assert!(read(good).is_ok());
        assert!(read(&format!("{good}hosts = [\"10.0.0.7\", \"db.example.com:5432\", \"[::1]:5432\"]")).is_ok());
        for (text, why) in [
            ("[[secret]]\nname = \"HOME\"\nenvironments = [\"production\"]", "begins with"),
            ("[[secret]]\nname = \"SCALING_MODE_SOURCE_A\"\nenvironments = []", "no environments"),
            ("[[secret]]\nname = \"SCALING_MODE_SOURCE_A\"\nenvironments = [\"*\"]", "valid environment name"),
            (&format!("{good}hosts = [\"*\"]"), "isn't a host"),
            (&format!("{good}hosts = [\"http://a\"]"), "isn't a host"),
            (&format!("{good}hosts = [\"a:0\"]"), "isn't a host"),
            (&format!("{good}{good}"), "twice"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.starts_with("secret") && said.contains(why), "{text}: {said}");
        }
    }
}
