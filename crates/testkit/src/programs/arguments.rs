//! Arguments that are simple, and arguments at the edges.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Bound, Life, LogId, MAX_SCORE, Order, StoreTime, Until};

use super::choices::Choices;

/// Bytes of values and list elements: texts, numbers, and what is nearly a number.
pub(super) fn value(choices: &mut Choices<'_>) -> Bytes {
    const VALUES: [&str; 20] = [
        "",
        "a",
        "0",
        "1",
        "5",
        "-5",
        "abc",
        "9007199254740992",
        "9007199254740993",
        "-9007199254740993",
        "9223372036854775806",
        "9223372036854775807",
        "-9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "01",
        "-0",
        "+1",
        "1 ",
        "a longer text, so that small structures of a server turn into large ones: 64 bytes",
    ];
    Bytes::from_static(choices.one(&VALUES).as_bytes())
}

/// A field or member.
pub(super) fn name(choices: &mut Choices<'_>) -> Bytes {
    const NAMES: [&[u8]; 9] = [b"a", b"b", b"c", b"d", b"limit", b"", b"1", b"\xff\0", b"ab"];
    Bytes::from_static(choices.one(&NAMES))
}

/// Up to four, seldom none, very seldom hundreds.
pub(super) fn several(
    choices: &mut Choices<'_>,
    mut one: impl FnMut(&mut Choices<'_>) -> Bytes,
) -> Vec<Bytes> {
    match choices.below(100) {
        0..=3 => Vec::new(),
        4 => (0..choices.below(700)).map(|i| Bytes::from(format!("n{i}"))).collect(),
        _ => (0..=choices.below(4)).map(|_| one(choices)).collect(),
    }
}

/// A number to add, or a limit, or the end of a range.
pub(super) fn number(choices: &mut Choices<'_>) -> i64 {
    const DOUBLES_END: i64 = 1 << 53;
    choices.one(&[
        1,
        0,
        -1,
        2,
        3,
        5,
        -7,
        DOUBLES_END,
        DOUBLES_END + 1,
        -DOUBLES_END - 1,
        i64::MAX,
        i64::MAX - 1,
        i64::MIN,
        i64::MIN + 1,
    ])
}

/// A number that is rather near the ends of a counter's range.
pub(super) fn summand(choices: &mut Choices<'_>) -> i64 {
    if choices.chance(50) { choices.one(&[i64::MAX, i64::MIN, i64::MAX - 1]) } else { number(choices) }
}

/// A small number, as limits mostly are.
pub(super) fn limit(choices: &mut Choices<'_>) -> i64 {
    if choices.chance(10) { number(choices) } else { choices.one(&[2, 1, 3, 4, 0]) }
}

/// A score that is no deadline of our time: long dead, or live for ever.
pub(super) fn score(choices: &mut Choices<'_>) -> i64 {
    choices.one(&[1, 2, 3, 0, -4, MAX_SCORE, -MAX_SCORE, MAX_SCORE - 1, 1 - MAX_SCORE])
}

pub(super) fn bound(choices: &mut Choices<'_>) -> Bound {
    match choices.below(4) {
        0 => Bound::Open,
        1 => Bound::Now,
        _ => Bound::Is(score(choices)),
    }
}

/// How many at most.
pub(super) fn count(choices: &mut Choices<'_>) -> u32 {
    choices.one(&[1, 2, 3, 10, 1_000])
}

pub(super) fn order(choices: &mut Choices<'_>) -> Order {
    choices.one(&[Order::Lowest, Order::Highest])
}

pub(super) fn position(choices: &mut Choices<'_>) -> i64 {
    choices.one(&[0, -1, 1, -2, 2, 3, -4, 100, -100, i64::MAX, i64::MIN])
}

pub(super) fn log_id(choices: &mut Choices<'_>) -> LogId {
    choices.one(&[LogId::MIN, LogId::MAX, LogId::new(5, 1), LogId::new(u64::MAX, 0), LogId::new(1 << 50, 7)])
}

/// A moment that is minutes away from every other that can be drawn.
pub(super) fn until(choices: &mut Choices<'_>) -> Until {
    const HOUR: Duration = Duration::from_secs(3_600);
    const YEAR_2100: StoreTime = StoreTime::from_millis(4_102_444_800_000);
    const PAST: StoreTime = StoreTime::from_millis(5);
    choices.one(&[
        Until::In(HOUR),
        Until::In(HOUR * 24),
        // A whole number of milliseconds and a part of one.
        Until::In(Duration::from_micros(7_200_000_001)),
        Until::At(YEAR_2100),
        Until::InCapped(HOUR * 5, YEAR_2100),
        Until::InCapped(HOUR * 5, PAST),
        Until::At(PAST),
    ])
}

pub(super) fn life(choices: &mut Choices<'_>) -> Life {
    match choices.below(6) {
        0 | 1 => Life::Keep,
        2 => Life::Never,
        3 => Life::Set(until(choices)),
        _ => Life::AtLeast(until(choices)),
    }
}
