//! Owns the table behind [`PolicyField::ALL`]: one line a field. The ranges are those of `Policy::validate`, which a test
//! holds them to.

use super::{Group, Kind, Place, PolicyField};
use crate::mode::Mode;

/// One field, its path made of the very members that contain it.
macro_rules! field {
    ($group:expr, $kind:ident, $place:ident, $min:literal, $max:expr, $part:ident $(. $member:ident)*) => {
        PolicyField {
            path: concat!(stringify!($part) $(, ".", stringify!($member))*),
            group: $group,
            kind: Kind::$kind,
            min: $min,
            max: $max,
            place: Place::$place(|policy| &policy.$part $(. $member)*, |policy| &mut policy.$part $(. $member)*),
        }
    };
}

pub(super) const FIELDS: [PolicyField; 47] = [
    field!(Group::Limits(Mode::Lab), Clients, Cap, 1.0, None, limits.lab.max_clients),
    field!(Group::Limits(Mode::Lab), Posts, Cap, 1.0, None, limits.lab.max_posts_per_day),
    field!(Group::Limits(Mode::Lab), Usd, Money, 0.000001, None, limits.lab.max_ai_spend_per_day),
    field!(Group::Limits(Mode::Pilot), Clients, Cap, 1.0, None, limits.pilot.max_clients),
    field!(Group::Limits(Mode::Pilot), Posts, Cap, 1.0, None, limits.pilot.max_posts_per_day),
    field!(Group::Limits(Mode::Pilot), Usd, Money, 0.000001, None, limits.pilot.max_ai_spend_per_day),
    field!(Group::Limits(Mode::Growth), Clients, Cap, 1.0, None, limits.growth.max_clients),
    field!(Group::Limits(Mode::Growth), Posts, Cap, 1.0, None, limits.growth.max_posts_per_day),
    field!(Group::Limits(Mode::Growth), Usd, Money, 0.000001, None, limits.growth.max_ai_spend_per_day),
    field!(Group::Limits(Mode::Scale), Clients, Cap, 1.0, None, limits.scale.max_clients),
    field!(Group::Limits(Mode::Scale), Posts, Cap, 1.0, None, limits.scale.max_posts_per_day),
    field!(Group::Limits(Mode::Scale), Usd, Money, 0.000001, None, limits.scale.max_ai_spend_per_day),
    field!(Group::Guardrails, Points, Decimal, 0.0, Some(100.0), guardrails.freeze_below_health),
    field!(Group::Guardrails, Points, Decimal, 0.0, Some(100.0), guardrails.min_health_for_increase),
    field!(Group::Guardrails, Points, Decimal, 0.0, Some(100.0), guardrails.min_infra_health),
    field!(Group::Guardrails, Ratio, Decimal, 0.0, Some(1.0), guardrails.max_ai_cost_pressure),
    field!(Group::Guardrails, Ratio, Decimal, 0.0, Some(1.0), guardrails.max_churn_risk),
    field!(Group::Guardrails, WarningsPerClient, Decimal, 0.0, Some(1_000.0), guardrails.max_warning_density),
    field!(Group::Guardrails, Warnings, Long, 0.0, None, guardrails.max_critical_warnings),
    field!(Group::Guardrails, Ratio, Decimal, 0.0, Some(1.0), guardrails.max_utilisation_for_increase),
    field!(Group::Guardrails, Ratio, Decimal, 0.0, Some(1.0), guardrails.min_demand_for_increase),
    field!(Group::Guardrails, Ratio, Decimal, 0.0, Some(1.0), guardrails.min_confidence_for_change),
    field!(Group::Guardrails, Hours, Short, 1.0, Some(720.0), guardrails.stabilization_hours),
    field!(Group::Guardrails, Hours, Short, 0.0, Some(720.0), guardrails.cooldown_hours),
    field!(Group::Guardrails, Hours, Short, 0.0, Some(720.0), guardrails.recovery_hours),
    field!(Group::Guardrails, Points, Decimal, 0.0, Some(25.0), guardrails.recovery_margin),
    field!(Group::Weights, Ratio, Decimal, 0.0, Some(1.0), weights.infra),
    field!(Group::Weights, Ratio, Decimal, 0.0, Some(1.0), weights.ai_cost),
    field!(Group::Weights, Ratio, Decimal, 0.0, Some(1.0), weights.warnings),
    field!(Group::Weights, Ratio, Decimal, 0.0, Some(1.0), weights.churn),
    field!(Group::Windows, Hours, Short, 1.0, Some(168.0), windows.sum_window_hours),
    field!(Group::Windows, Hours, Short, 1.0, Some(48.0), windows.sum_max_lag_hours),
    field!(Group::Windows, Hours, Short, 1.0, Some(168.0), windows.gauge_max_age_hours),
    field!(Group::Windows, Minutes, Short, 10.0, Some(1_440.0), windows.infra_window_minutes),
    field!(Group::Windows, Minutes, Short, 1.0, Some(1_440.0), windows.infra_max_lag_minutes),
    field!(Group::Windows, Requests, Long, 1.0, Some(1_000_000_000.0), windows.evidence_requests),
    field!(Group::Windows, Days, Short, 1.0, Some(7.0), windows.evidence_max_days),
    field!(Group::Windows, Ratio, Decimal, 0.0, Some(1.0), windows.agreement_tolerance),
    field!(Group::Windows, Hours, Short, 1.0, Some(168.0), windows.proposal_hours),
    field!(Group::Scoring, Ratio, Decimal, 0.0, Some(1.0), scoring.cpu.good),
    field!(Group::Scoring, Ratio, Decimal, 0.0, Some(1.0), scoring.cpu.bad),
    field!(Group::Scoring, ErrorsPerRequest, Decimal, 0.0, Some(1.0), scoring.error_rate.good),
    field!(Group::Scoring, ErrorsPerRequest, Decimal, 0.0, Some(1.0), scoring.error_rate.bad),
    field!(Group::Scoring, Milliseconds, Decimal, 0.0, Some(3_600_000.0), scoring.latency_ms.good),
    field!(Group::Scoring, Milliseconds, Decimal, 0.0, Some(3_600_000.0), scoring.latency_ms.bad),
    field!(Group::Business, TimeZone, Text, 0.0, None, time_zone),
    field!(Group::Business, Signals, Signals, 0.0, None, not_applicable),
];
