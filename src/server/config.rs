//! Owns the program's settings: one file, environment variables and flags, in rising order of precedence. The only place
//! that reads the environment (through clap). Must not know what the settings are used for.

mod bindings;
mod connections;
mod heads;
mod openid;
mod secrets;
mod sources;
mod stripe;
mod telemetry;

pub use bindings::{Bindings, Unbound};
pub use heads::HeadsUrl;
pub use openid::OpenId;
pub use secrets::{Secret, Token};
pub use sources::{Added, Ask, DatabaseUrl, PulledSource};

use crate::domain::mapping::Rules;
use crate::domain::price::PriceTable;
use crate::domain::source::VARIABLE_PREFIX;
use crate::server::store::Place;
use crate::server::tls::TlsFiles;
use chrono::{Duration, NaiveTime};
use clap::Args;
use clap::builder::BoolishValueParser;
use ipnet::IpNet;
use secrets::DatabaseUrls;
use serde::Deserialize;
use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use tracing_subscriber::EnvFilter;

/// The settings file that is read where none is named and it is there.
pub const FILE_NAME: &str = "scaling-mode.toml";

/// Settings as they may be given on the command line or in the environment.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// Settings file; ./scaling-mode.toml is read when it is there and none is named.
    #[arg(long, global = true, env = "SCALING_MODE_SETTINGS", value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Folder that holds everything: the database and nothing elsewhere. [default: ./data]
    #[arg(long, global = true, env = "SCALING_MODE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where everything is kept: a file, as sqlite://path, or PostgreSQL 15 or later, as postgres://user:password@host/name;
    /// several hosts by commas. [default: scaling-mode.db in the data folder]
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<Secret>,
    /// The same, in a file of its own, as a secret that a container is given.
    #[arg(long, global = true, env = "DATABASE_URL_FILE", value_name = "FILE")]
    pub database_url_file: Option<PathBuf>,
    /// The same under the program's own name, used where the common one is not set.
    #[arg(
        long,
        global = true,
        hide = true,
        env = "SCALING_MODE_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub own_database_url: Option<Secret>,
    /// The file under the program's own name.
    #[arg(long, global = true, hide = true, env = "SCALING_MODE_DATABASE_URL_FILE", value_name = "FILE")]
    pub own_database_url_file: Option<PathBuf>,
    /// Which log lines are written, such as info or scaling_mode=debug. [default: info]
    #[arg(long, global = true, env = "SCALING_MODE_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Form of the log lines. [default: text]
    #[arg(long, global = true, env = "SCALING_MODE_LOG_FORMAT", value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// File with the key that heads of the history are signed with, where several servers share one or it is handed over as a
    /// credential: 64 hexadecimal digits. [default: keys/history.key in the data folder, made at the first start]
    #[arg(long, global = true, env = "SCALING_MODE_SIGNING_KEY_FILE", value_name = "FILE")]
    pub signing_key_file: Option<PathBuf>,
    /// File with the key that stored secrets are sealed with, where several servers share one store or it is handed over as a
    /// credential: 64 hexadecimal digits. [default: keys/secrets.key in the data folder, made at the first start]
    #[arg(long, global = true, env = "SCALING_MODE_SECRETS_KEY_FILE", value_name = "FILE")]
    pub secrets_key_file: Option<PathBuf>,
    /// Minutes from one scheduled evaluation to the next; a divisor of a day. [default: 15]
    #[arg(long, global = true, env = "SCALING_MODE_TICK_MINUTES", value_name = "MINUTES")]
    pub tick_minutes: Option<u32>,
}

/// Settings that only serving has.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeFlags {
    /// Address to listen on. One that other machines reach is refused until a person exists. [default: 127.0.0.1:3008]
    #[arg(long, env = "SCALING_MODE_ADDR", value_name = "ADDRESS")]
    pub addr: Option<SocketAddr>,
    /// A further host name that requests may be addressed to, as a proxy passes it on; may be repeated.
    #[arg(long = "allowed-host", env = "SCALING_MODE_ALLOWED_HOSTS", value_delimiter = ',', value_name = "NAME")]
    pub allowed_hosts: Vec<String>,
    /// Speak HTTPS with the certificate in this file (PEM; the server's own first, then those above it). It is read again
    /// when it changes.
    #[arg(long, env = "SCALING_MODE_TLS_CERTIFICATE", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// The file with the certificate's key (PEM).
    #[arg(long, env = "SCALING_MODE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// A proxy whose word counts for who asks and whether over HTTPS (X-Forwarded-For, X-Forwarded-Proto, Forwarded): an
    /// address, or a network such as 10.0.0.0/8; may be repeated. [default: none]
    #[arg(long = "trusted-proxy", env = "SCALING_MODE_TRUSTED_PROXIES", value_delimiter = ',', value_name = "NETWORK")]
    pub trusted_proxies: Vec<String>,
    /// Calls a second that one session or one token may make, telemetry apart, ten times as many at once; 0 for as many as they like. [default: 100]
    #[arg(long, env = "SCALING_MODE_CALLS_PER_SECOND", value_name = "N")]
    pub calls_per_second: Option<u32>,
    /// Tell browsers that came over HTTPS to ask names below this one over HTTPS only, too.
    #[arg(long, env = "SCALING_MODE_HSTS_SUBDOMAINS", value_parser = BoolishValueParser::new())]
    pub hsts_subdomains: bool,
    /// Local time of the daily decision in each environment's own time zone. [default: 06:00]
    #[arg(long, env = "SCALING_MODE_DAILY_AT", value_name = "HH:MM")]
    pub daily_at: Option<String>,
    /// Where each signed head of the history is sent by POST, as JSON: somewhere that whoever has this database has not.
    #[arg(long, env = "SCALING_MODE_HEADS_URL", hide_env_values = true, value_name = "URL")]
    pub heads_url: Option<String>,
    /// Days for which raw samples are kept; roll-ups and snapshots stay. [default: 30]
    #[arg(long, env = "SCALING_MODE_RAW_SAMPLE_DAYS", value_name = "DAYS")]
    pub raw_sample_days: Option<u32>,
    /// A label or attribute that only names which of several replicas has measured something: counters that differ in it are one; may be repeated. [default: prometheus_replica, __replica__]
    #[arg(long = "replica-label", env = "SCALING_MODE_REPLICA_LABELS", value_delimiter = ',', value_name = "NAME")]
    pub replica_labels: Vec<String>,
    /// Whoever signs in turns one-time codes on first; nothing else is open to them before.
    #[arg(long, env = "SCALING_MODE_REQUIRE_CODES", value_parser = BoolishValueParser::new())]
    pub require_codes: bool,
    /// Folder of the page's files, of the same build; by default those in the binary.
    #[arg(long, env = "SCALING_MODE_SITE", value_name = "DIR")]
    pub site: Option<PathBuf>,
    /// Where cargo-leptos has put the page's files; used where no folder is named.
    #[arg(long, hide = true, env = "LEPTOS_SITE_ROOT")]
    pub leptos_site_root: Option<PathBuf>,
    /// Do not make the demo environment on first run.
    #[arg(long, env = "SCALING_MODE_NO_DEMO", value_parser = BoolishValueParser::new())]
    pub no_demo: bool,
    /// Serve /styleguide, a page of every component with example values; for those who work on the page.
    #[arg(long, env = "SCALING_MODE_STYLEGUIDE", value_parser = BoolishValueParser::new())]
    pub styleguide: bool,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// The file's shape; a key that is not here is named and refused.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    addr: Option<SocketAddr>,
    alert_repeat_hours: Option<u32>,
    allowed_hosts: Vec<String>,
    calls_per_second: Option<u32>,
    daily_at: Option<String>,
    data_dir: Option<PathBuf>,
    database_url: Option<Secret>,
    database_url_file: Option<PathBuf>,
    demo: Option<bool>,
    heads_url: Option<String>,
    hsts_subdomains: Option<bool>,
    log: Option<String>,
    log_format: Option<LogFormat>,
    mapping: Vec<telemetry::Mapping>,
    most_sources: Option<u32>,
    openid: Option<openid::File>,
    price: Vec<telemetry::Price>,
    prices_version: Option<String>,
    raw_sample_days: Option<u32>,
    replica_labels: Option<Vec<String>>,
    require_codes: Option<bool>,
    secret: Vec<bindings::Binding>,
    secrets_key_file: Option<PathBuf>,
    signing_key_file: Option<PathBuf>,
    site: Option<PathBuf>,
    source: Vec<sources::Source>,
    stripe: Option<stripe::Stripe>,
    styleguide: Option<bool>,
    tick_minutes: Option<u32>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    trusted_proxies: Vec<String>,
}

/// The settings in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub addr: SocketAddr,
    /// An open alert that wasn't repeated within this time counts as unknown.
    pub alert_repeats: Duration,
    pub allowed_hosts: Vec<String>,
    /// Which environment variables added sources may use.
    pub bindings: Bindings,
    /// Calls a second that one credential may make; 0 for as many as it likes.
    pub calls_per_second: u32,
    pub daily_at: NaiveTime,
    pub data_dir: PathBuf,
    pub demo: bool,
    /// Where signed heads are sent.
    pub heads_url: Option<HeadsUrl>,
    /// Whether HTTPS is for names below this one, too.
    pub hsts_subdomains: bool,
    pub log: String,
    pub log_format: LogFormat,
    /// What metrics mean.
    pub mapping: Rules,
    /// How many sources senders may name in an environment.
    pub most_sources: u32,
    /// The provider by which people may sign in; `None` where they may not.
    pub openid: Option<OpenId>,
    /// What AI models cost.
    pub prices: PriceTable,
    pub raw_sample_days: u32,
    /// Whether everybody who signs in has to turn one-time codes on.
    pub require_codes: bool,
    /// The key that stored secrets are sealed with, where it is not the data folder's.
    pub secrets_key_file: Option<PathBuf>,
    /// The key that heads are signed with, where it is not the data folder's.
    pub signing_key_file: Option<PathBuf>,
    pub site: Option<PathBuf>,
    /// Systems that are asked for their numbers.
    pub sources: Vec<PulledSource>,
    /// Where everything is kept.
    pub store: Place,
    /// What Stripe signs with; `None` where no signature is asked for.
    pub stripe: Option<Token>,
    /// Whether the page of examples is served.
    pub styleguide: bool,
    pub tick_minutes: u32,
    /// What HTTPS is spoken with; `None` where it is not.
    pub tls: Option<TlsFiles>,
    /// Whose word counts for who asks.
    pub trusted_proxies: Vec<IpNet>,
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("the settings file {} cannot be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the settings file {} has a mistake: {}", path.display(), mistake.message())]
    Mistake { path: PathBuf, mistake: Box<toml::de::Error> },
    #[error("{name} {problem}")]
    Value { name: &'static str, problem: String },
}

fn value_error(name: &'static str, problem: impl Into<String>) -> SettingsError {
    SettingsError::Value { name, problem: problem.into() }
}

impl Settings {
    /// Reads the settings file and lays environment variables and flags over it.
    ///
    /// # Errors
    /// [`SettingsError`] names the file and the key.
    pub fn read(flags: &Flags, serve: &ServeFlags) -> Result<Settings, SettingsError> {
        let file = read_file(flags.settings.as_deref())?;
        let data_dir = flags.data_dir.clone().or(file.data_dir).unwrap_or_else(|| PathBuf::from("./data"));
        let database_url = DatabaseUrls {
            given: [
                (flags.database_url.clone(), flags.database_url_file.clone()),
                (flags.own_database_url.clone(), flags.own_database_url_file.clone()),
            ],
            in_file: (file.database_url, file.database_url_file),
        };
        let database_url = database_url.url()?;
        let tick_minutes = flags.tick_minutes.or(file.tick_minutes).unwrap_or(15);
        if tick_minutes == 0 || 1440 % tick_minutes != 0 {
            return Err(value_error("tick_minutes", "must divide a day evenly: 5, 10, 15, 30, 60 and so on"));
        }
        let addr = serve.addr.or(file.addr).unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3008));
        let daily_at = serve.daily_at.clone().or(file.daily_at).unwrap_or_else(|| "06:00".to_owned());
        let daily_at = NaiveTime::parse_from_str(&daily_at, "%H:%M")
            .map_err(|_| value_error("daily_at", format!("must be a time of day such as 06:00, not \"{daily_at}\"")))?;
        let raw_sample_days = serve.raw_sample_days.or(file.raw_sample_days).unwrap_or(30);
        if !(1..=3650).contains(&raw_sample_days) {
            return Err(value_error("raw_sample_days", "must lie from 1 to 3650"));
        }
        let (hosts, proxies) = (filled(&serve.allowed_hosts), filled(&serve.trusted_proxies));
        let allowed_hosts = if hosts.is_empty() { file.allowed_hosts } else { hosts };
        let trusted_proxies = if proxies.is_empty() { file.trusted_proxies } else { proxies };
        let log = flags.log.clone().or(file.log).unwrap_or_else(|| "info".to_owned());
        EnvFilter::try_new(&log).map_err(|error| value_error("log", format!("is no filter of log lines: {error}")))?;
        Ok(Settings {
            addr,
            alert_repeats: telemetry::alert_repeats(file.alert_repeat_hours)?,
            allowed_hosts,
            bindings: Bindings::read(file.secret)?,
            calls_per_second: serve.calls_per_second.or(file.calls_per_second).unwrap_or(100),
            daily_at,
            store: place(database_url.as_ref().map(Secret::reveal), &data_dir)?,
            data_dir,
            demo: !serve.no_demo && file.demo.unwrap_or(true),
            heads_url: serve.heads_url.as_deref().or(file.heads_url.as_deref()).map(HeadsUrl::read).transpose()?,
            hsts_subdomains: serve.hsts_subdomains || file.hsts_subdomains.unwrap_or(false),
            log,
            log_format: flags.log_format.or(file.log_format).unwrap_or_default(),
            mapping: telemetry::rules(file.mapping)?
                .with_replica_labels(telemetry::replica_labels(&serve.replica_labels, file.replica_labels)?),
            most_sources: telemetry::most_sources(file.most_sources)?,
            openid: file.openid.map(openid::File::read).transpose()?,
            prices: telemetry::prices(file.prices_version, file.price)?,
            raw_sample_days,
            require_codes: serve.require_codes || file.require_codes.unwrap_or(false),
            secrets_key_file: flags.secrets_key_file.clone().or(file.secrets_key_file),
            signing_key_file: flags.signing_key_file.clone().or(file.signing_key_file),
            sources: sources::pulled(file.source)?,
            stripe: file.stripe.map(stripe::Stripe::secret).transpose()?,
            site: serve.site.clone().or(file.site).or_else(|| serve.leptos_site_root.clone()),
            styleguide: serve.styleguide || file.styleguide.unwrap_or(false),
            tick_minutes,
            tls: connections::tls(
                serve.tls_certificate.clone().or(file.tls_certificate),
                serve.tls_key.clone().or(file.tls_key),
            )?,
            trusted_proxies: connections::trusted_proxies(&trusted_proxies)?,
        })
    }
}

/// The program's environment variables that no option reads: a typo must not pass in silence. Those of the project's
/// scripts and tests are none of the program's; what sources are reached with is named by them.
pub fn unknown_variables(known: &[String]) -> Vec<String> {
    std::env::vars_os()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("SCALING_MODE_") && !known.contains(name))
        .filter(|name| !name.starts_with(VARIABLE_PREFIX))
        .filter(|name| !["SCALING_MODE_RECORDINGS", "SCALING_MODE_TOOLS"].contains(&name.as_str()))
        .collect()
}

/// Whether an environment variable is set to nothing: it counts as not set.
#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
pub fn is_empty_variable(name: &OsStr) -> bool {
    std::env::var_os(name).is_some_and(|value| value.is_empty())
}

/// The parts of a list that are not empty, such as what a comma at its end leaves.
fn filled(list: &[String]) -> Vec<String> {
    list.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn read_file(named: Option<&Path>) -> Result<File, SettingsError> {
    let path = match named {
        Some(path) => path.to_owned(),
        None if Path::new(FILE_NAME).exists() => PathBuf::from(FILE_NAME),
        None => return Ok(File::default()),
    };
    let text =
        std::fs::read_to_string(&path).map_err(|source| SettingsError::Unreadable { path: path.clone(), source })?;
    toml::from_str(&text).map_err(|mistake| SettingsError::Mistake { path, mistake: Box::new(mistake) })
}

fn place(url: Option<&str>, data_dir: &Path) -> Result<Place, SettingsError> {
    match url {
        None => Ok(Place::Sqlite(data_dir.join("scaling-mode.db"))),
        Some(url) => Place::read(url).ok_or_else(|| {
            value_error(
                "database_url",
                "must name a file, as sqlite://path, or a PostgreSQL database, as postgres://user:password@host:5432/name",
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        std::fs::write(&path, text).unwrap();
        let flags = Flags { settings: Some(path), ..Flags::default() };
        Settings::read(&flags, &ServeFlags::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_wrong_key_is_named() {
        assert!(read("tick_minuets = 15").unwrap_err().contains("tick_minuets"));
    }

    #[test]
    fn flags_stand_above_the_file_and_the_file_above_defaults() {
        let settings = read("tick_minutes = 30\naddr = \"127.0.0.1:4000\"").unwrap();
        assert_eq!((settings.tick_minutes, settings.addr.port(), settings.raw_sample_days), (30, 4000, 30));
    }

    #[test]
    fn a_comma_too_many_in_a_list_is_no_entry() {
        let serve = ServeFlags {
            allowed_hosts: vec!["a.example".to_owned(), " ".to_owned()],
            trusted_proxies: vec!["10.0.0.0/8".to_owned(), String::new()],
            ..ServeFlags::default()
        };
        let settings = Settings::read(&Flags::default(), &serve).unwrap();
        assert_eq!((settings.allowed_hosts, settings.trusted_proxies.len()), (vec!["a.example".to_owned()], 1));
    }

    #[test]
    fn examples_are_served_only_where_that_is_asked_for() {
        assert!(!read("").unwrap().styleguide);
        assert!(read("styleguide = true").unwrap().styleguide);
    }

    #[test]
    fn no_debug_output_holds_a_secret() {
        const MARKER: &str = "s3cr3t-marker";
        let url = || Some(Secret::from(format!("postgres://app:{MARKER}@127.0.0.1:9/x")));
        let flags = Flags { database_url: url(), own_database_url: url(), ..Flags::default() };
        let file = File { database_url: url(), ..File::default() };
        let settings = Settings::read(&flags, &ServeFlags::default()).unwrap();
        let asked = Settings {
            openid: Some(OpenId {
                allow_addresses: Vec::new(),
                client_id: "scaling-mode".to_owned(),
                issuer: "https://id.example.com".to_owned(),
                name: "Example".to_owned(),
                secret: Some(Token { value: Some(Secret::from(MARKER.to_owned())), variable: "OPENID".to_owned() }),
            }),
            stripe: Some(Token { value: Some(Secret::from(MARKER.to_owned())), variable: "STRIPE".to_owned() }),
            ..settings.clone()
        };
        let database = DatabaseUrl::Variable(asked.stripe.clone().unwrap());
        for shown in [format!("{flags:?}"), format!("{file:?}"), format!("{asked:?}"), format!("{database:?}")] {
            assert!(shown.contains("hidden") && !shown.contains(MARKER), "{shown}");
        }
        assert!(matches!(&settings.store, Place::Postgres(url) if url.contains(MARKER)), "the secret was not read");
    }

    #[test]
    fn bad_values_are_named_with_their_key() {
        for (text, key) in [
            ("tick_minutes = 7", "tick_minutes"),
            ("daily_at = \"six\"", "daily_at"),
            ("raw_sample_days = 0", "raw_sample_days"),
            ("most_sources = 0", "most_sources"),
            ("replica_labels = [\"\"]", "replica_labels"),
            ("alert_repeat_hours = 0", "alert_repeat_hours"),
            ("alert_repeat_hours = 721", "alert_repeat_hours"),
            ("database_url = \"mysql://x\"", "database_url"),
            ("database_url_file = \"/nowhere/url\"", "database_url_file"),
            ("log = \"scaling_mode=loud\"", "log"),
            ("tls_certificate = \"cert.pem\"", "tls_key"),
            ("trusted_proxies = [\"proxy.internal\"]", "trusted_proxies"),
            ("heads_url = \"ftp://x/y\"", "heads_url"),
            ("[stripe]\nsecret_env = \"\"", "stripe.secret_env"),
            ("[stripe]\nsecret_env = \"whsec_abc def\"", "stripe.secret_env"),
            ("[[mapping]]\nmetric = \"m\"\nsignal = \"clients.happy\"", "mapping"),
            ("[[mapping]]\nmetric = \"m\"\nsignal = \"warnings.open\"", "mapping"),
            ("[[mapping]]\nmetric = \"m\"\nsignal = \"clients.active\"\ncombine = \"guess\"", "mapping"),
            (
                "[[price]]\nmodel = \"m\"\nfrom = \"2026-01-01\"\ninput_per_million = \"1\"\noutput_per_million = \"-1\"",
                "price",
            ),
            (
                "[[price]]\nmodel = \"m\"\nfrom = \"2026-01-01\"\ninput_per_million = \"1\"\noutput_per_million = \"1\"\ncurrency = \"EUR\"",
                "price",
            ),
            ("[[source]]\nname = \"s\"\nkind = \"oracle\"\nenvironment = \"production\"\nurl = \"http://x\"", "source"),
            (
                "[[source]]\nname = \"s\"\nkind = \"prometheus\"\nenvironment = \"production\"\nurl = \"http://a:b@x\"",
                "source",
            ),
        ] {
            assert!(read(text).unwrap_err().starts_with(key), "{text}");
        }
    }
}
