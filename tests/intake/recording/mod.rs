//! Owns the laying together of recordings into one business, through the command line as a founder would do it.

mod place;

pub use place::recordings;

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// US dollars per million tokens in and out: a stated price, of the order of a small hosted model's.
const PRICE_IN: u64 = 150_000;
const PRICE_OUT: u64 = 600_000;
/// Requests per five minutes (96 an hour, as a dozen clients may bring), and every how many of them one fails (0.04 %).
/// Two thousand of them, the evidence that health asks for, take 21 hours.
const REQUESTS: u64 = 8;
const FAILS_ONE_IN: u64 = 2_500;
/// When the constructed series begin: a day before the replay, so that a trailing day is there from the start.
const BEGIN: &str = "2018-06-22T00:00:00Z";
const DAYS: i64 = 17;

/// A time in a test.
pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an RFC 3339 time")
}

/// An hour whose latency breaks the infra guardrail, by the recording.
#[derive(Clone, Debug)]
pub struct Failure {
    pub at: DateTime<Utc>,
    pub ms: f64,
    /// Marked as failing by an engineer.
    pub marked: bool,
}

/// One environment laid together from recordings.
pub struct Build {
    pub environment: String,
    folder: PathBuf,
    latency: PathBuf,
    /// A sentence about which parts are recorded and which are constructed.
    pub stated: String,
}

impl Build {
    /// Makes the environment in pilot and fills it, in a folder of its own under the target folder.
    pub fn new(environment: &str, latency: &str) -> Build {
        let data = recordings().expect("the recordings are there");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(environment);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder for the replay");
        let latency = data.join(format!("microsoft-cloud-monitoring/{latency}.csv"));
        let mut build = Build { environment: environment.to_owned(), folder, latency, stated: String::new() };
        build.create();
        build.import_recordings(&data);
        build.import_constructed(&data);
        build
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Limits fitted to the series: pilot carries about twice what the recordings bring in a day.
    fn create(&mut self) {
        let limits = |clients: u64, posts: u64, spend: &str| json!({"max_clients": clients, "max_posts_per_day": posts, "max_ai_spend_per_day": spend});
        let policy = json!({"limits": {
            "lab": limits(5, 500, "100.00"),
            "pilot": limits(15, 2_400, "400.00"),
            "growth": limits(50, 8_000, "1000.00"),
            "scale": limits(500, 80_000, "10000.00"),
        }});
        let _ = write!(self.stated, "limits of pilot fitted to the series: {}; ", policy["limits"]["pilot"]);
        let file = self.file("policy.json", &policy.to_string());
        self.command(&[
            "environment",
            "create",
            &self.environment,
            "--kind",
            "recorded",
            "--mode",
            "pilot",
            "--config",
            &file,
        ]);
    }

    fn import_recordings(&mut self, data: &Path) {
        let cpu = data.join("nab/ec2_cpu_utilization_5f5533.csv");
        let posts = data.join("nab/Twitter_volume_CRM.csv");
        let cpu_shift = shift(at("2014-02-14T14:27:00Z"), at("2018-06-23T00:00:00Z"));
        let posts_shift = shift(at("2015-02-26T21:42:53Z"), at(BEGIN));
        let latency = self.latency.clone();
        self.import(&cpu, "recorded", &["--signal", "infra.cpu", "--unit", "percent", "--shift", &cpu_shift]);
        self.import(&posts, "recorded", &["--signal", "posts.published", "--unit", "posts", "--shift", &posts_shift]);
        self.import(&latency, "recorded", &["--signal", "infra.latency", "--unit", "ms", "--aggregation", "mean"]);
    }

    fn import_constructed(&mut self, data: &Path) {
        let spend = self.file("ai-spend-of-azure-tokens.csv", &spend_csv(data));
        let requests = self.file("requests.csv", &every_five_minutes(|_| REQUESTS));
        let errors = self
            .file("errors.csv", &every_five_minutes(|place| u64::from((place * REQUESTS) % FAILS_ONE_IN < REQUESTS)));
        let (clients, at_risk, charges) = clients_csv(data);
        let clients = self.file("clients-of-telco.csv", &clients);
        let at_risk = self.file("at-risk-of-telco.csv", &at_risk);
        let calm = self.file("warnings.csv", &daily(|_| 0));
        let _ = write!(
            self.stated,
            "AI spend constructed from recorded tokens at ${} in and ${} out per million; requests constructed at {REQUESTS} per 5 min, \
             one in {FAILS_ONE_IN} fails; clients sampled from recorded customers ({charges}); warnings constructed: none open; ",
            PRICE_IN as f64 / 1e6,
            PRICE_OUT as f64 / 1e6
        );
        for (file, arguments) in [
            (&spend, &["--signal", "ai.spend", "--unit", "USD"][..]),
            (&requests, &["--signal", "infra.requests", "--unit", "requests"]),
            (&errors, &["--signal", "infra.errors", "--unit", "requests"]),
            (&clients, &["--signal", "clients.active", "--unit", "clients"]),
            (&at_risk, &["--signal", "clients.at_risk", "--unit", "clients"]),
            (&calm, &["--signal", "warnings.open", "--unit", "events", "--severity", "warning"]),
            (&calm, &["--signal", "warnings.open", "--unit", "events", "--severity", "critical"]),
        ] {
            self.import(Path::new(file), "constructed", arguments);
        }
    }

    fn import(&mut self, file: &Path, label: &str, arguments: &[&str]) {
        let name = file.file_name().expect("a file").to_string_lossy().into_owned();
        let source = format!("{label}: {name}");
        let path = file.to_string_lossy();
        let mut all = vec!["import", &path, "--environment", &self.environment, "--source", &source, "--json"];
        all.extend_from_slice(arguments);
        let report = self.json(&all);
        assert!(report["accepted"].as_u64().is_some_and(|accepted| accepted > 0), "{source}: {report}");
        let _ = write!(
            self.stated,
            "{source} ({} samples, {} gaps); ",
            report["accepted"],
            report["gaps"].as_array().map_or(0, Vec::len)
        );
    }

    pub fn replay(&self, from: &str, to: &str) -> Value {
        self.json(&[
            "replay",
            "--environment",
            &self.environment,
            "--from",
            from,
            "--to",
            to,
            "--every",
            "15m",
            "--json",
        ])
    }

    pub fn verify(&self) {
        self.command(&["verify"]);
    }

    /// The hours whose latency breaks the infra guardrail: a score below 50 is a mean above 1,150 ms.
    pub fn failures(&self) -> Vec<Failure> {
        rows(&self.latency)
            .into_iter()
            .filter_map(|row| {
                let ms: f64 = row[1].parse().ok()?;
                (ms > 1_150.0).then(|| Failure { at: at(&row[0]), ms, marked: row[2] == "1" })
            })
            .collect()
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, text).expect("a file of the replay");
        path.to_string_lossy().into_owned()
    }

    fn command(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_scaling-mode"))
            .args(arguments)
            .arg("--data-dir")
            .arg(self.data_dir())
            .current_dir(&self.folder)
            .output()
            .expect("the program runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.command(arguments)).expect("JSON")
    }
}

fn shift(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    format!("{}s", (to - from).num_seconds())
}

fn rows(file: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(file).expect("a recording");
    reader.records().map(|record| record.expect("a row").iter().map(str::to_owned).collect()).collect()
}

fn csv_of(times: impl Iterator<Item = (DateTime<Utc>, String)>) -> String {
    let mut text = "time,value\n".to_owned();
    for (at, value) in times {
        let _ = writeln!(text, "{},{value}", at.to_rfc3339());
    }
    text
}

fn every_five_minutes(value: impl Fn(u64) -> u64) -> String {
    let begin = at(BEGIN);
    csv_of(
        (0..(DAYS * 288)).map(|place| (begin + Duration::minutes(5 * place), value(place.unsigned_abs()).to_string())),
    )
}

fn daily(value: impl Fn(i64) -> u64) -> String {
    let begin = at(BEGIN);
    csv_of((0..DAYS).map(|day| (begin + Duration::days(day), value(day).to_string())))
}

/// The recorded hour's tokens at the stated price, summed per five minutes and tiled over the days; exact to the
/// millionth of a micro-dollar before it is written.
fn spend_csv(data: &Path) -> String {
    let mut per_slot = [0u64; 12];
    let mut first: Option<NaiveDateTime> = None;
    for row in rows(&data.join("azure-llm-2023/AzureLLMInferenceTrace_code.csv")) {
        let when = NaiveDateTime::parse_from_str(&row[0], "%Y-%m-%d %H:%M:%S%.f").expect("a time");
        let since = when - *first.get_or_insert(when);
        let slot = usize::try_from(since.num_minutes() / 5).expect("time goes on").min(11);
        let tokens = |place: usize| row[place].parse::<u64>().expect("a count of tokens");
        per_slot[slot] += tokens(1) * PRICE_IN + tokens(2) * PRICE_OUT;
    }
    let begin = at(BEGIN);
    csv_of((0..(DAYS * 288)).map(|place| {
        let micro_micros = per_slot[usize::try_from(place % 12).expect("a slot")];
        let value = format!("{}.{:012}", micro_micros / 1_000_000_000_000, micro_micros % 1_000_000_000_000);
        (begin + Duration::minutes(5 * place), value)
    }))
}

/// Twelve to fourteen customers in the order of the recording, at most one of seven of them churning; with what they pay.
fn clients_csv(data: &Path) -> (String, String, String) {
    let all = rows(&data.join("telco-churn/Telco-Customer-Churn.csv"));
    let churning = |row: &&Vec<String>| row[20] == "Yes";
    let staying: Vec<&Vec<String>> = all.iter().filter(|row| !churning(row)).take(13).collect();
    let leaving: Vec<&Vec<String>> = all.iter().filter(churning).take(1).collect();
    let charges: f64 = staying.iter().chain(&leaving).map(|row| row[18].parse::<f64>().expect("a charge")).sum();
    let at_risk = leaving.len() as u64;
    let clients = daily(|day| at_risk + 11 + u64::try_from(day * 3 / DAYS).expect("a day"));
    let said = format!(
        "{} customers paying {charges:.2} a month in all, {at_risk} of them at risk",
        staying.len() + leaving.len()
    );
    (clients, daily(|_| at_risk), said)
}
