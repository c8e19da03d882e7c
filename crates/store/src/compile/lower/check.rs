//! Checks to their shape.

use roomkey_core::{Check, FieldTest, Limit, ValueTest};

use super::Lowering;
use crate::compile::plan::{self, Edge, Test};

impl<'a> Lowering<'a> {
    pub(super) fn check(&mut self, check: &'a Check) -> plan::Check {
        let arguments = &mut self.arguments;
        match check {
            Check::Exists(key) => plan::Check::Exists(arguments.key(key)),
            Check::Missing(key) => plan::Check::Missing(arguments.key(key)),
            Check::Value { key, is } => {
                let key = arguments.key(key);
                let test = match is {
                    ValueTest::Equals(bytes) => Test::Equals(arguments.bytes(bytes)),
                    ValueTest::StartsWith(bytes) => Test::StartsWith(arguments.bytes(bytes)),
                };
                plan::Check::Value(key, test)
            }
            Check::Field { key, field, is } => {
                let (key, field) = (arguments.key(key), arguments.bytes(field));
                let test = match is {
                    FieldTest::Present => Test::Present,
                    FieldTest::Absent => Test::Absent,
                    FieldTest::Equals(bytes) => Test::Equals(arguments.bytes(bytes)),
                    FieldTest::StartsWith(bytes) => Test::StartsWith(arguments.bytes(bytes)),
                };
                plan::Check::Field(key, field, test)
            }
            Check::Number { key, plus, min, max } => {
                let key = arguments.key(key);
                self.sums.push((key, *plus));
                let (low, high) = self.range(*plus, *min, *max);
                plan::Check::Number(key, low, high)
            }
            Check::Ranked { key, member, is } => {
                plan::Check::Ranked(arguments.key(key), arguments.bytes(member), *is)
            }
            Check::Below { key, limit } => plan::Check::Below(arguments.key(key), self.limit(limit)),
            Check::Size { key, min, max } => plan::Check::Size(
                arguments.key(key),
                key.kind(),
                arguments.unsigned(*min),
                arguments.unsigned(*max),
            ),
            Check::Before(time) => plan::Check::Before(arguments.unsigned(time.as_millis())),
        }
    }

    /// The numbers whose sum with `plus` lies within `min..=max`. The sum is taken here, where it is exact; a bound that
    /// every `i64` keeps is left out.
    fn range(&mut self, plus: i64, min: i64, max: i64) -> (Option<Edge>, Option<Edge>) {
        let low = i128::from(min) - i128::from(plus);
        let high = i128::from(max) - i128::from(plus);
        let bounds = (i64::try_from(low), i64::try_from(high));
        match bounds {
            // No number does: bounds that exclude each other.
            _ if low > high || low > i128::from(i64::MAX) || high < i128::from(i64::MIN) => {
                (Some(self.edge(1)), Some(self.edge(0)))
            }
            (low, high) => (
                low.ok().filter(|low| *low > i64::MIN).map(|low| self.edge(low)),
                high.ok().filter(|high| *high < i64::MAX).map(|high| self.edge(high)),
            ),
        }
    }

    fn edge(&mut self, bound: i64) -> Edge {
        let arg = self.arguments.signed(bound);
        if bound.abs_diff(0) < 1 << 53 { Edge::Small(arg) } else { Edge::Large(arg) }
    }

    pub(super) fn limit(&mut self, limit: &'a Limit) -> plan::Limit {
        match limit {
            Limit::Given(number) => plan::Limit::Given(self.arguments.signed(*number)),
            Limit::Stored { key, field, or } => plan::Limit::Stored {
                key: self.arguments.key(key),
                field: self.arguments.bytes(field),
                or: self.arguments.signed(*or),
            },
        }
    }
}
