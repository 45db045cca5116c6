//! Owns the breaches: what can be wrong for certain, and sets of it. Knows nothing of how one is found.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What can be wrong for certain, and so bring about Freeze or Decrease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Breach {
    /// Overall health below the freeze line (rule 1).
    Health = 0,
    /// Over the mode's limits while an Increase is certainly out of reach (rule 2).
    OverLimit = 1,
    WarningDensity = 2,
    ChurnRisk = 3,
    AiCostPressure = 4,
    InfraHealth = 5,
}

impl Breach {
    pub const ALL: [Breach; 6] = [
        Breach::Health,
        Breach::OverLimit,
        Breach::WarningDensity,
        Breach::ChurnRisk,
        Breach::AiCostPressure,
        Breach::InfraHealth,
    ];

    /// The breaches of rule 3.
    pub const GUARDRAILS: [Breach; 4] =
        [Breach::WarningDensity, Breach::ChurnRisk, Breach::AiCostPressure, Breach::InfraHealth];

    pub const fn name(self) -> &'static str {
        match self {
            Breach::Health => "health",
            Breach::OverLimit => "over_limit",
            Breach::WarningDensity => "warning_density",
            Breach::ChurnRisk => "churn_risk",
            Breach::AiCostPressure => "ai_cost_pressure",
            Breach::InfraHealth => "infra_health",
        }
    }
}

/// A set of breaches; a list of names on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct BreachSet(u8);

impl BreachSet {
    pub const EMPTY: BreachSet = BreachSet(0);

    pub const fn contains(self, breach: Breach) -> bool {
        self.0 & (1 << breach as u8) != 0
    }

    pub const fn insert(&mut self, breach: Breach) {
        self.0 |= 1 << breach as u8;
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set without `breach`.
    pub const fn without(self, breach: Breach) -> BreachSet {
        BreachSet(self.0 & !(1 << breach as u8))
    }

    pub const fn intersection(self, other: BreachSet) -> BreachSet {
        BreachSet(self.0 & other.0)
    }

    /// All six.
    pub const fn all() -> BreachSet {
        BreachSet(0b11_1111)
    }

    /// A number under which a store may keep the set.
    pub const fn bits(self) -> u8 {
        self.0
    }

    pub const fn from_bits(bits: u8) -> BreachSet {
        BreachSet(bits & BreachSet::all().0)
    }

    pub fn iter(self) -> impl Iterator<Item = Breach> {
        Breach::ALL.into_iter().filter(move |breach| self.contains(*breach))
    }
}

impl Serialize for BreachSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for BreachSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut set = BreachSet::EMPTY;
        for breach in Vec::<Breach>::deserialize(deserializer)? {
            set.insert(breach);
        }
        Ok(set)
    }
}

impl JsonSchema for BreachSet {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BreachSet".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Vec::<Breach>::json_schema(generator)
    }
}
