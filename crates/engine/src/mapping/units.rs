//! Owns units of metrics as UCUM and the conventions of names write them.

/// How many nanoseconds a value of 1 is, by its unit, or without one by its metric's name.
pub(super) fn nanos(unit: &str, metric: &str) -> Option<f64> {
    let unit = match unit {
        "" if metric.contains("_seconds") => "s",
        "" if metric.contains("_milliseconds") => "ms",
        unit => unit,
    };
    match unit {
        "s" | "seconds" => Some(1e9),
        "ms" | "milliseconds" => Some(1e6),
        "us" | "µs" | "microseconds" => Some(1e3),
        "ns" | "nanoseconds" => Some(1.0),
        _ => None,
    }
}

/// A count that came as a real number; `None` if it isn't a valid count.
pub(super) fn whole(value: f64) -> Option<u64> {
    (value >= 0.0 && value <= super::MAX_ATOMS as f64).then(|| value.round() as u64)
}
