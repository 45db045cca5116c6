//! Owns the messages of both protocols, as far as they are read, and native histograms. Texts are slices of the body: most
//! series are not looked at any further.

use super::super::otlp::exponential_buckets;
use crate::domain::metric::Buckets;
use bytes::Bytes;

/// The schema of native histograms whose bounds are named one by one.
const CUSTOM_BOUNDS: i32 = -53;
/// The most buckets that spans may come to.
const MOST_BUCKETS: usize = 4096;

/// `prometheus.WriteRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    pub timeseries: Vec<SeriesV1>,
}

/// `prometheus.TimeSeries`
#[derive(Clone, PartialEq, prost::Message)]
pub struct SeriesV1 {
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    pub histograms: Vec<NativeHistogram>,
}

/// `prometheus.Label`
#[derive(Clone, PartialEq, prost::Message)]
pub struct Label {
    #[prost(bytes = "bytes", tag = "1")]
    pub name: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}

/// `prometheus.Sample`, `io.prometheus.write.v2.Sample`
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Sample {
    #[prost(double, tag = "1")]
    pub value: f64,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub timestamp: i64,
    /// When counting began, in milliseconds since 1970; 0 where that is not said.
    #[prost(int64, tag = "3")]
    pub start_timestamp: i64,
}

/// `io.prometheus.write.v2.Request`
#[derive(Clone, PartialEq, prost::Message)]
pub struct RequestV2 {
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub symbols: Vec<Bytes>,
    #[prost(message, repeated, tag = "5")]
    pub timeseries: Vec<SeriesV2>,
}

/// `io.prometheus.write.v2.TimeSeries`
#[derive(Clone, PartialEq, prost::Message)]
pub struct SeriesV2 {
    #[prost(uint32, repeated, tag = "1")]
    pub labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub histograms: Vec<NativeHistogram>,
    #[prost(int64, tag = "6")]
    pub created_timestamp: i64,
}

/// `prometheus.BucketSpan`: so many empty buckets, then so many with counts.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct BucketSpan {
    #[prost(sint32, tag = "1")]
    pub offset: i32,
    #[prost(uint32, tag = "2")]
    pub length: u32,
}

/// `prometheus.Histogram`, of whole counts. Those of real numbers have their counts in other fields.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NativeHistogram {
    #[prost(uint64, tag = "1")]
    pub count: u64,
    #[prost(double, tag = "3")]
    pub sum: f64,
    #[prost(sint32, tag = "4")]
    pub schema: i32,
    #[prost(double, tag = "5")]
    pub zero_threshold: f64,
    #[prost(uint64, tag = "6")]
    pub zero_count: u64,
    #[prost(sint64, repeated, tag = "9")]
    pub negative_deltas: Vec<i64>,
    #[prost(message, repeated, tag = "11")]
    pub positive_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "12")]
    pub positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "13")]
    pub positive_counts: Vec<f64>,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "15")]
    pub timestamp: i64,
    #[prost(double, repeated, tag = "16")]
    pub custom_values: Vec<f64>,
}

impl NativeHistogram {
    /// The buckets, bucket `i` of schema `s` ending at `2^(i × 2^-s)`; `None` for what is not read here.
    pub fn buckets(&self) -> Option<Buckets> {
        if !self.positive_counts.is_empty() || self.negative_deltas.iter().any(|delta| *delta != 0) {
            return None;
        }
        let (first, counts) = self.counts()?;
        if self.schema == CUSTOM_BOUNDS {
            let bounds = self.custom_values.clone();
            let empty = usize::try_from(first).ok().filter(|empty| *empty <= bounds.len())?;
            if bounds.len() > MOST_BUCKETS {
                return None;
            }
            let mut all = vec![0; empty];
            all.extend(counts);
            if all.len() > bounds.len() + 1 {
                return None;
            }
            all.resize(bounds.len() + 1, 0);
            return Some(Buckets { bounds, counts: all, max: None, min: None });
        }
        if !(-4..=8).contains(&self.schema) {
            return None;
        }
        // Here a bucket is known by its end; there by its beginning.
        Some(exponential_buckets(self.schema, first.checked_sub(1)?, &counts, (self.zero_count, self.zero_threshold)))
    }

    /// The first bucket's number, and all counts from it on: each is said as its difference to the one before.
    fn counts(&self) -> Option<(i32, Vec<u64>)> {
        let mut counts: Vec<u64> = Vec::new();
        let mut deltas = self.positive_deltas.iter();
        let mut count = 0i64;
        for (place, span) in self.positive_spans.iter().enumerate() {
            if place > 0 {
                let gap = usize::try_from(span.offset).ok()?;
                counts.resize(counts.len().checked_add(gap).filter(|length| *length <= MOST_BUCKETS)?, 0);
            }
            for _ in 0..span.length {
                count = count.checked_add(*deltas.next()?)?;
                counts.push(u64::try_from(count).ok()?);
                if counts.len() > MOST_BUCKETS {
                    return None;
                }
            }
        }
        let first = self.positive_spans.first().map_or(0, |span| span.offset);
        deltas.next().is_none().then_some((first, counts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_native_histogram_is_spans_of_differences() {
        // Buckets 0, 1 and 4 hold 2, 3 and 1 values; 5 are zero.
        let histogram = NativeHistogram {
            count: 11,
            zero_count: 5,
            zero_threshold: 0.001,
            positive_spans: vec![BucketSpan { offset: 0, length: 2 }, BucketSpan { offset: 2, length: 1 }],
            positive_deltas: vec![2, 1, -2],
            ..NativeHistogram::default()
        };
        let buckets = histogram.buckets().unwrap();
        assert_eq!(buckets.bounds, [0.001, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]);
        assert_eq!(buckets.counts, [5, 0, 2, 3, 0, 0, 1, 0]);
    }

    #[test]
    fn what_contradicts_itself_is_no_histogram() {
        let spans = |length| vec![BucketSpan { offset: 0, length }];
        for (positive_spans, positive_deltas) in
            [(spans(3), vec![1, 1]), (spans(1), vec![1, 1]), (spans(1), vec![-1]), (spans(u32::MAX), vec![1; 5000])]
        {
            let histogram = NativeHistogram { positive_spans, positive_deltas, ..NativeHistogram::default() };
            assert_eq!(histogram.buckets(), None);
        }
    }

    #[test]
    fn a_bucket_beyond_the_bounds_takes_no_room() {
        let custom = |offset, counts: &[i64]| NativeHistogram {
            schema: CUSTOM_BOUNDS,
            custom_values: vec![0.1, 0.5],
            positive_spans: vec![BucketSpan { offset, length: u32::try_from(counts.len()).unwrap() }],
            positive_deltas: counts.to_vec(),
            ..NativeHistogram::default()
        };
        assert_eq!(custom(1, &[2, 1]).buckets().unwrap().counts, [0, 2, 3]);
        assert_eq!(custom(i32::MAX, &[1]).buckets(), None);
        assert_eq!(custom(0, &[1, 0, 0, 0]).buckets(), None);
    }
}
