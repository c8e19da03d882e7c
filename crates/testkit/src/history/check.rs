//! Whether the state at the end can be explained by what callers were told.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use roomkey_core::{Key, Kind};

use super::report::{Report, Wrong};
use super::{Call, Counter, Fate, History, Inner, Member, Register};
use crate::server::Resp;

impl History {
    /// Reads the state by way of `ask`, which runs one command at the server that has the key, and compares. All calls
    /// have to have ended, and nothing may be under way any more.
    ///
    /// # Panics
    /// When a reply has another form than its command.
    pub fn check(&self, mut ask: impl FnMut(&Key, &[&[u8]]) -> Resp) -> Report {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let mut wrongs = std::mem::take(&mut inner.wrongs);
        for (key, counter) in &inner.counters {
            let value = ask(key, &[b"GET", key.bytes()]);
            let value = if value.is_nil() { 0 } else { value.text().parse().unwrap_or(i64::MIN) };
            counter.check(value, &mut wrongs);
        }
        for (key, members) in &inner.members {
            let there = content(key, &mut ask);
            for (id, times) in &there {
                if !members.contains_key(id) {
                    wrongs.extend((0..*times).map(|_| Wrong::NeverWritten));
                }
            }
            for (id, member) in members {
                member.check(there.get(id).copied().unwrap_or(0), &mut wrongs);
            }
        }
        for (key, register) in &inner.registers {
            let value = ask(key, &[b"GET", key.bytes()]);
            let value = (!value.is_nil()).then(|| value.bytes().to_vec());
            register.check(key, value.as_deref(), &mut wrongs);
        }
        report(inner, wrongs)
    }
}

impl Counter {
    fn check(&self, value: i64, wrongs: &mut Vec<Wrong>) {
        wrongs.extend((value..self.acknowledged).map(|_| Wrong::Lost));
        wrongs.extend((self.acknowledged + self.ambiguous..value).map(|_| Wrong::Doubled));
        // Each addition of 1 leads to another number, unless some were lost in between.
        wrongs.extend(self.numbers.values().filter(|times| **times > 1).map(|_| Wrong::SameNumber));
    }
}

impl Member {
    fn check(&self, times: u32, wrongs: &mut Vec<Wrong>) {
        let Some((put, had_room)) = self.put else { return };
        let (least, most) = match (put, had_room, self.removed) {
            (Fate::NotDone, ..) | (_, false, _) => (0, 0),
            // Who has left stays away, also if it never knew whether it had come: nothing is overtaken by its own past.
            // Should it be there all the same, it is the leaving that nothing is left of.
            (_, _, Some(Fate::Acknowledged)) => {
                wrongs.extend((0..times).map(|_| Wrong::Lost));
                return;
            }
            (Fate::Acknowledged, _, Some(Fate::Ambiguous)) | (Fate::Ambiguous, ..) => (0, 1),
            (Fate::Acknowledged, _, None | Some(Fate::NotDone)) => (1, 1),
        };
        wrongs.extend((times..least).map(|_| Wrong::Lost));
        wrongs.extend((most..times).map(|_| Wrong::Doubled));
    }
}

impl Register {
    fn check(&self, key: &Key, value: Option<&[u8]>, wrongs: &mut Vec<Wrong>) {
        match value.map(|value| super::load::version(key, value)) {
            Some(None) => wrongs.push(Wrong::Foreign),
            Some(Some(version)) if version > self.asked => wrongs.push(Wrong::NeverWritten),
            Some(Some(version)) if version < self.known => wrongs.push(Wrong::Lost),
            None if self.known > 0 => wrongs.push(Wrong::Lost),
            _ => {}
        }
    }
}

/// The elements of a structure, and how often each is there.
fn content(key: &Key, ask: &mut impl FnMut(&Key, &[&[u8]]) -> Resp) -> BTreeMap<Bytes, u32> {
    let reply = match key.kind() {
        Kind::List => ask(key, &[b"LRANGE", key.bytes(), b"0", b"-1"]),
        Kind::Map => ask(key, &[b"HKEYS", key.bytes()]),
        Kind::Ranking => ask(key, &[b"ZRANGE", key.bytes(), b"0", b"-1"]),
        other => panic!("a {other} has no members"),
    };
    let mut there = BTreeMap::new();
    for element in reply.items() {
        *there.entry(Bytes::copy_from_slice(element.bytes())).or_default() += 1;
    }
    there
}

fn report(inner: &Inner, wrongs: Vec<Wrong>) -> Report {
    let count = |fate| inner.calls.iter().filter(|call| call.fate == fate).count();
    let mut failed: BTreeMap<&'static str, usize> = BTreeMap::new();
    for call in inner.calls.iter().filter(|call| call.fate != Fate::Acknowledged) {
        *failed.entry(call.name).or_default() += 1;
    }
    Report {
        operations: inner.calls.len(),
        plain_writes: inner.calls.iter().filter(|call| !matches!(call.name, "read" | "join")).count(),
        acknowledged: count(Fate::Acknowledged),
        ambiguous: count(Fate::Ambiguous),
        not_done: count(Fate::NotDone),
        failed,
        slowest: inner.calls.iter().map(Call::took).max().unwrap_or_default(),
        recovery: recovery(inner),
        most_members: inner.most,
        wrongs,
    }
}

/// The longest time from the end of a fault until every caller had an acknowledgement again.
fn recovery(inner: &Inner) -> Option<std::time::Duration> {
    let callers: BTreeSet<usize> = inner.calls.iter().map(|call| call.caller).collect();
    let after = |heal: &std::time::Instant| {
        let first = |caller: &usize| {
            let mut acknowledged = inner.calls.iter().filter(|call| {
                call.caller == *caller && call.fate == Fate::Acknowledged && call.ended >= *heal
            });
            acknowledged.next().map(|call| call.ended.duration_since(*heal))
        };
        callers.iter().filter_map(first).max()
    };
    inner.heals.iter().filter_map(after).max()
}
