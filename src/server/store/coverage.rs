//! Owns how a source's word changes the spans that it vouches for. Must not know where spans are kept.

use crate::domain::stream::Span;

/// A source's word about one stream, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub covers_from: Option<i64>,
    pub data_through: i64,
    /// The stream's first sample, this batch's or one stored before.
    pub first_at: Option<i64>,
}

impl Word {
    /// The stretch that the word speaks of, where `last` is the newest span so far.
    ///
    /// Without a beginning of its own the word prolongs the newest span; the very first one begins with the data.
    pub(super) fn stretch(self, last: Option<Span>) -> Span {
        let from = match (self.covers_from, last) {
            (Some(from), _) => from,
            (None, Some(last)) => last.from,
            (None, None) => self.first_at.unwrap_or(self.data_through),
        };
        let through = match (self.covers_from, last) {
            // Data-through never moves backwards.
            (None, Some(last)) => self.data_through.max(last.to),
            _ => self.data_through,
        };
        Span { from: from.min(through), to: through }
    }
}

/// One span in place of `stretch` and those of `spans` that it overlaps or touches.
pub(super) fn merged(stretch: Span, spans: &[Span]) -> Span {
    spans
        .iter()
        .filter(|span| span.from <= stretch.to && span.to >= stretch.from)
        .fold(stretch, |all, span| Span { from: all.from.min(span.from), to: all.to.max(span.to) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn span(from: i64, to: i64) -> Span {
        Span { from, to }
    }

    /// What `merged` leaves of the old spans, with the new one.
    fn after(word: Word, spans: &[Span]) -> Vec<Span> {
        let new = merged(word.stretch(spans.last().copied()), spans);
        let mut all: Vec<Span> =
            spans.iter().copied().filter(|span| span.to < new.from || span.from > new.to).chain([new]).collect();
        all.sort_by_key(|span| span.to);
        all
    }

    #[test]
    fn a_word_extends_adds_or_joins_spans_and_never_takes_back() {
        let old = [span(100, 200), span(300, 400)];
        type Case<'a> = (&'a str, Option<i64>, i64, &'a [Span], &'a [Span]);
        let cases: [Case<'_>; 9] = [
            ("extends the newest", None, 500, &old, &[span(100, 200), span(300, 500)]),
            ("never backwards", None, 350, &old, &old),
            ("never backwards, even before it", None, 50, &old, &old),
            ("a new span", Some(450), 500, &old, &[span(100, 200), span(300, 400), span(450, 500)]),
            ("touching joins", Some(400), 500, &old, &[span(100, 200), span(300, 500)]),
            ("fills the gap", Some(150), 300, &old, &[span(100, 400)]),
            ("extends back", Some(250), 350, &old, &[span(100, 200), span(250, 400)]),
            ("a backfill before all", Some(10), 50, &old, &[span(10, 50), span(100, 200), span(300, 400)]),
            ("swallows all", Some(10), 900, &old, &[span(10, 900)]),
        ];
        for (name, covers_from, data_through, spans, expected) in cases {
            let word = Word { covers_from, data_through, first_at: Some(0) };
            assert_eq!(after(word, spans), expected, "{name}");
        }
    }

    #[test]
    fn the_first_span_begins_with_the_data() {
        let word = |first_at, data_through| Word { covers_from: None, data_through, first_at };
        assert_eq!(word(Some(10), 50).stretch(None), span(10, 50));
        assert_eq!(word(None, 50).stretch(None), span(50, 50));
        // Samples may run ahead of the watermark.
        assert_eq!(word(Some(60), 50).stretch(None), span(50, 50));
    }
}
