//! What must hold of one-time codes: which is right, and how many tries are left.

use std::collections::HashMap;

use crate::kinds::{CodeKind, Tick};

/// The codes of all subjects, and the tries at them, by type and subject.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    codes: HashMap<(&'static str, usize), Code>,
    tries: HashMap<(&'static str, usize), Tries>,
}

#[derive(Debug)]
struct Code {
    claims: u64,
    until: Tick,
    /// It has ended with its subject or type. It can be tried still, and lets nobody in.
    ended: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    wrong: u32,
    until: Tick,
}

/// What comes of a try.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    Accepted(u64),
    Wrong { left: u32 },
    Refused,
}

impl Codes {
    /// Makes a code, instead of the one before it. Returns how long it lives.
    pub(crate) fn issue(
        &mut self,
        now: Tick,
        kind: &'static CodeKind,
        subject: usize,
        life: Option<Tick>,
        claims: u64,
    ) -> Tick {
        let life = life.map_or(kind.life, |life| life.min(kind.life));
        self.codes.insert((kind.name, subject), Code { claims, until: now + life, ended: false });
        life
    }

    /// Tries a code that is the right one or a wrong one.
    pub(crate) fn attempt(
        &mut self,
        now: Tick,
        kind: &'static CodeKind,
        subject: usize,
        right: bool,
    ) -> Tried {
        let at = (kind.name, subject);
        let wrong = self.tries.get(&at).filter(|tries| now < tries.until).map_or(0, |tries| tries.wrong);
        let there = self.codes.get(&at).is_some_and(|code| now < code.until);
        if !there || wrong >= kind.attempts {
            return Tried::Refused;
        }
        if right {
            self.tries.remove(&at);
            return match self.codes.remove(&at) {
                Some(Code { claims, ended: false, .. }) => Tried::Accepted(claims),
                _ => Tried::Refused,
            };
        }
        self.tries.insert(at, Tries { wrong: wrong + 1, until: now + kind.window });
        let left = kind.attempts - wrong - 1;
        if left == 0 {
            self.codes.remove(&at);
        }
        Tried::Wrong { left }
    }

    pub(crate) fn end_of_subject(&mut self, subject: usize) {
        self.end(|(_, of)| of == subject);
    }

    pub(crate) fn end_of_kind(&mut self, kind: &'static CodeKind) {
        self.end(|(of, _)| of == kind.name);
    }

    fn end(&mut self, which: impl Fn((&'static str, usize)) -> bool) {
        for (_, code) in self.codes.iter_mut().filter(|(at, _)| which(**at)) {
            code.ended = true;
        }
    }
}
