//! Owns the two statistical intervals that the engine uses. Must not know what is counted.
//! Only `+ - * /` and square roots take part: the same bits on every machine and in the browser.

use super::interval::{Count, Interval};

/// Two-sided 95 % quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The share of failures among trials, as the 95 % Wilson score interval over every pair of counts that the two
/// intervals allow (E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927).
/// Without a trial, or where the trials are unbounded, nothing is known beyond what the bounds say.
pub fn wilson(failures: Count, trials: Count) -> Interval {
    let lo = if !trials.is_bounded() { 0.0 } else { wilson_bounds(failures.lo.min(trials.hi), trials.hi).lo() };
    let hi = if !failures.is_bounded() { 1.0 } else { wilson_bounds(failures.hi.min(trials.lo), trials.lo).hi() };
    Interval::new(lo.min(hi), hi)
}

fn wilson_bounds(failures: u64, trials: u64) -> Interval {
    if trials == 0 {
        return Interval::UNIT;
    }
    let n = trials as f64;
    let share = failures as f64 / n;
    let denominator = 1.0 + Z * Z / n;
    let centre = (share + Z * Z / (2.0 * n)) / denominator;
    let half = Z / denominator * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    // At the ends the formula is exact and only the arithmetic is not.
    let lo = if failures == 0 { 0.0 } else { (centre - half).max(0.0) };
    let hi = if failures == trials { 1.0 } else { (centre + half).min(1.0) };
    Interval::new(lo, hi)
}

/// The ranks (1-based) of the order statistics that enclose the 95th percentile of `n` values with 95 % confidence
/// (W. J. Conover, "Practical Nonparametric Statistics", section 3.2). `None` stands for no bound on that side:
/// too few values prove nothing.
pub fn p95_ranks(n: u64) -> (Option<u64>, Option<u64>) {
    let mean = n as f64 * 0.95;
    let spread = Z * (n as f64 * 0.95 * 0.05).sqrt();
    let lower = (mean - spread).floor();
    let upper = (mean + spread).ceil() + 1.0;
    let lower = (lower >= 1.0).then_some(lower as u64);
    let upper = (upper <= n as f64).then_some(upper as u64);
    (lower, upper)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wilson_matches_published_values() {
        // 10 of 100: [0.0552, 0.1744]; 0 of 20: [0, 0.1611]
        let ten = wilson(Count::exactly(10), Count::exactly(100));
        assert!((ten.lo() - 0.05523).abs() < 1e-4 && (ten.hi() - 0.17437).abs() < 1e-4, "{ten:?}");
        let none = wilson(Count::exactly(0), Count::exactly(20));
        assert!(none.lo() == 0.0 && (none.hi() - 0.16113).abs() < 1e-4, "{none:?}");
        assert_eq!(wilson(Count::exactly(0), Count::exactly(0)), Interval::UNIT);
    }

    #[test]
    fn twenty_requests_put_no_upper_bound_on_the_percentile() {
        assert_eq!(p95_ranks(20).1, None);
        assert_eq!(p95_ranks(0), (None, None));
        let (lower, upper) = p95_ranks(2_000);
        assert_eq!((lower, upper), (Some(1880), Some(1921)));
    }

    proptest! {
        #[test]
        fn knowing_more_never_widens_the_error_rate(
            (failures, trials, slack_f, slack_t) in (0u64..5_000, 0u64..100_000, 0u64..500, 0u64..5_000)
        ) {
            let failures = failures.min(trials);
            let exact = wilson(Count::exactly(failures), Count::exactly(trials));
            let wide = wilson(
                Count { lo: failures.saturating_sub(slack_f), hi: failures + slack_f },
                Count { lo: trials.saturating_sub(slack_t), hi: trials + slack_t },
            );
            prop_assert!(wide.contains(exact), "{wide:?} {exact:?}");
            prop_assert!(wilson(Count::UNKNOWN, Count::UNKNOWN).contains(exact));
            prop_assert!(wilson(Count::at_least(failures), Count::at_least(trials)).contains(exact));
        }
    }
}
