//! Which keys there are, and what is rather kept in them.

use roomkey_core::Kind;

use super::choices::Choices;

/// How many keys a partition has.
pub(super) const KEYS: u8 = 9;
/// A value to count with. It never holds a moment: sums of moments could not be told from other numbers.
pub(super) const COUNTER: u8 = 0;
/// A ranking with an order of its own instead of deadlines. Only here scores are given by `Last`, which next
/// to deadlines would tell apart times that differ by a millisecond.
pub(super) const QUEUE: u8 = 8;

/// The kind that a key mostly has.
pub(super) fn usual_kind(number: u8) -> Kind {
    match number {
        0 | 1 => Kind::Value,
        2 | 3 => Kind::Map,
        4 => Kind::List,
        5 => Kind::Log,
        _ => Kind::Ranking,
    }
}

/// A key with its usual kind, or once in a while with another one.
pub(super) fn key_and_kind(choices: &mut Choices<'_>) -> (u8, Kind) {
    let number = u8::try_from(choices.below(usize::from(KEYS))).unwrap_or_default();
    let kind = if choices.chance(10) { choices.one(&KINDS) } else { usual_kind(number) };
    (number, kind)
}

const KINDS: [Kind; 5] = [Kind::Value, Kind::Map, Kind::List, Kind::Log, Kind::Ranking];
