//! Owns evaluation: from configuration, inputs, recent evaluations and a time to a sealed snapshot, and the proof that a
//! stored snapshot is what its inputs give. Must not know where any of them come from; it reads nothing else.

use super::decision::{Recommendation, assess};
use super::facts::Facts;
use super::headroom::headroom;
use super::input::Input;
use super::policy::Config;
use super::recent::{Recent, Tick};
use super::snapshot::{ENGINE_VERSION, Origin, Snapshot, SnapshotBody, rule_line};
use super::{canonical, truth, wording};
use chrono::{DateTime, Utc};
use std::borrow::Cow;

/// A configuration with its digest: made once, used for many evaluations.
#[derive(Clone, Debug)]
pub struct SealedConfig {
    pub config: Config,
    pub digest: String,
}

impl SealedConfig {
    pub fn new(config: Config) -> SealedConfig {
        let digest = canonical::digest(&canonical::to_vec(&config));
        SealedConfig { config, digest }
    }
}

/// An evaluation, ready to be stored.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The body's canonical JSON, as digested.
    pub bytes: Vec<u8>,
    pub snapshot: Snapshot,
    /// What it leaves for the evaluations after it, if it is a tick.
    pub tick: Option<Tick>,
}

/// Evaluates. The same arguments give the same bytes, on every machine and at any time.
pub fn evaluate(
    sealed: &SealedConfig,
    inputs: Vec<Input>,
    recent: Recent,
    as_of: DateTime<Utc>,
    origin: Origin,
) -> Evaluation {
    let config = &sealed.config;
    let facts = Facts::from_inputs(&inputs);
    let assessment = assess(&facts, config, &recent, as_of);
    let headroom = headroom(&facts, config, &assessment);
    let truth = truth::examine(config, &inputs, &assessment);
    let verdict = wording::verdict(config, &inputs, &assessment, &headroom);
    let narrative = wording::narrative(config, &inputs, &facts, &assessment, &truth, &recent);
    let rules =
        assessment.results.iter().map(|result| rule_line(result, wording::rule_detail(result.rule, &recent))).collect();
    let target_mode = match assessment.recommendation {
        Recommendation::Increase => config.mode.next(),
        Recommendation::Decrease => config.mode.previous(),
        Recommendation::Hold | Recommendation::Freeze => None,
    };
    let health = assessment.health;
    let mut body = SnapshotBody {
        as_of,
        confidence: health.confidence,
        config_digest: sealed.digest.clone(),
        config_version: config.version,
        demand: health.demand,
        engine_version: Cow::Borrowed(ENGINE_VERSION),
        environment: config.environment.clone(),
        frozen: config.frozen,
        headroom,
        held: assessment.held,
        infra: health.infra,
        inputs,
        kind: config.kind,
        mode: config.mode,
        narrative,
        origin,
        recent,
        recommendation: assessment.recommendation,
        rules,
        scores: health.scores,
        target_mode,
        truth,
        utilisation: health.utilisation,
        verdict,
    };
    truth::gate(&mut body);
    let (snapshot, bytes) = Snapshot::seal(body);
    let tick = origin.is_tick().then(|| assessment.tick(as_of));
    Evaluation { bytes, snapshot, tick }
}

/// How a stored snapshot compares with the result of evaluating its inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// Evaluating its inputs again gives the same bytes; with what a tick leaves for the evaluations after it.
    Proved(Option<Tick>),
    /// It was made by another engine version: only its digest was checked.
    OtherVersion,
    /// It does not hold; the sentence says why.
    Broken(String),
}

/// Proves a stored snapshot: the digest of its bytes, its configuration's digest, and the same bytes once more.
pub fn prove(bytes: &[u8], digest: &str, config: Option<&SealedConfig>) -> Proof {
    let broken = |why: &str| Proof::Broken(why.to_owned());
    if canonical::digest(bytes) != digest {
        return broken("its bytes do not give its digest");
    }
    let Ok(body) = serde_json::from_slice::<SnapshotBody>(bytes) else {
        return broken("its bytes cannot be read");
    };
    if body.engine_version != ENGINE_VERSION {
        return Proof::OtherVersion;
    }
    let Some(sealed) = config.filter(|sealed| sealed.config.version == body.config_version) else {
        return broken("its configuration is gone");
    };
    if sealed.digest != body.config_digest {
        return broken("its configuration is not the one it was made with");
    }
    let again = evaluate(sealed, body.inputs, body.recent, body.as_of, body.origin);
    if again.bytes == bytes {
        Proof::Proved(again.tick)
    } else {
        broken("evaluating its inputs again gives another snapshot")
    }
}
