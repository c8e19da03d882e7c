//! What the sequences are made of: every operation of `Tokens`, on what earlier steps have left, and time that passes.

use std::fmt;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};

use crate::kinds::{CODES, CodeKind, KINDS, Kind, SUBJECTS, Tick};

/// One run: what happens one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    /// Whether deadlines are tracked for cleanups.
    pub(crate) track: bool,
    pub(crate) steps: Vec<Step>,
}

/// What one of two processes does. They share the store, and stand on either side of a rotation of the key ring.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) process: usize,
    pub(crate) op: Op,
}

/// Which of those that there are: the newest, the one before it, and so on, and round again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nth(pub(crate) u8);

/// Something that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// `issue` or `grant`, as goes with the type.
    Begin {
        kind: &'static Kind,
        subject: usize,
        life: Option<Tick>,
    },
    /// The one that does not go with it.
    BeginWrongly {
        kind: &'static Kind,
        subject: usize,
    },
    Verify(Nth),
    /// Every token that there is.
    VerifyAll,
    Introspect(Nth),
    IsValid(Nth),
    /// Of the refresh tokens.
    Refresh(Nth),
    Consume(Nth),
    Update(Nth),
    Revoke(Nth),
    RevokeFamily(Nth),
    /// By the handle of a login.
    RevokeSession(Nth),
    /// As a session of another subject, or of another type.
    RevokeSessionOfOther(Nth, &'static Kind, usize),
    RevokeOthers(Nth),
    RevokeSubject(usize),
    RevokeType(&'static Kind),
    RevokeCodes(&'static CodeKind),
    /// Everything with a token as one of another type.
    AsOther(Nth, &'static Kind),
    /// Everything with the text of a token in which one character is another.
    Mistyped(Nth, u8),
    IssueCode {
        kind: &'static CodeKind,
        subject: usize,
        life: Option<Tick>,
    },
    /// Of those to whom one was sent, or of somebody.
    TryCode(Nth, Guess),
    Store {
        kind: &'static Kind,
        text: usize,
        life: Tick,
    },
    /// The text of a token that was issued, as one that a caller brings.
    StoreIssued(Nth),
    IsBroughtValid {
        kind: &'static Kind,
        text: usize,
    },
    RevokeBrought {
        kind: &'static Kind,
        text: usize,
    },
    Sessions {
        kind: &'static Kind,
        subject: usize,
    },
    CleanUp(&'static Kind),
    /// Everything is looked at: every token, and all lists of sessions.
    LookAround,
    Advance(Tick),
}

/// What is given as a code.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Guess {
    /// The last one that was sent.
    Last,
    /// The one before it.
    Former,
    /// Another of the same form.
    Wrong,
    /// No code at all.
    Malformed,
}

/// Texts that a caller brings.
pub(crate) static BROUGHT: [&str; 2] = ["a caller's own", "rk_another"];

/// Sequences of up to so many steps. Each is about a few types only, so that what it does comes together.
pub(crate) fn sequences(longest: usize) -> impl Strategy<Value = Sequence> {
    let step = (0..2_usize, op()).prop_map(|(process, op)| Step { process, op });
    let of_families = |wanted: bool| -> Vec<&'static Kind> {
        KINDS.into_iter().filter(|kind| kind.family.is_some() == wanted).collect()
    };
    let about = (subsequence(of_families(false), 1..=2), subsequence(of_families(true), 0..=2))
        .prop_map(|(plain, families)| [families, plain].concat());
    (any::<bool>(), about, vec(step, 1..=longest)).prop_map(|(track, about, mut steps)| {
        for kind in steps.iter_mut().filter_map(|step| step.op.kind_mut()) {
            let at = KINDS.iter().position(|known| *known == *kind).unwrap_or_default();
            *kind = about[at % about.len()];
        }
        Sequence { track, steps }
    })
}

/// On one line, in a list of many.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { process, op } = self;
        write!(f, "by process {process}: {op:?}")
    }
}

impl Op {
    /// The type that it is about, if it names one.
    const fn kind_mut(&mut self) -> Option<&mut &'static Kind> {
        match self {
            Self::Begin { kind, .. }
            | Self::BeginWrongly { kind, .. }
            | Self::RevokeSessionOfOther(_, kind, _)
            | Self::RevokeType(kind)
            | Self::AsOther(_, kind)
            | Self::Store { kind, .. }
            | Self::IsBroughtValid { kind, .. }
            | Self::RevokeBrought { kind, .. }
            | Self::Sessions { kind, .. }
            | Self::CleanUp(kind) => Some(kind),
            _ => None,
        }
    }
}

/// Mostly the newest: what follows on what was just done tells most.
fn nth() -> impl Strategy<Value = Nth> {
    prop_oneof![3 => 0..3_u8, 1 => 0..40_u8].prop_map(Nth)
}

fn kind() -> impl Strategy<Value = &'static Kind> {
    select(KINDS.as_slice())
}

fn subject() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..1_usize, 1 => 1..SUBJECTS.len()]
}

fn op() -> BoxedStrategy<Op> {
    let life = || option::weighted(0.25, 1..10 as Tick);
    let code = || prop_oneof![3 => select(&CODES[..1]), 1 => select(CODES.as_slice())];
    let text = || 0..BROUGHT.len();
    let guess = prop_oneof![
        3 => Just(Guess::Last),
        4 => Just(Guess::Wrong),
        1 => select([Guess::Former, Guess::Malformed].as_slice()),
    ];
    // What fails is cut down towards what stands first, which changes nothing.
    let ordinary = prop_oneof![
        2 => Just(Op::LookAround),
        20 => (kind(), subject(), life()).prop_map(|(kind, subject, life)| Op::Begin { kind, subject, life }),
        8 => nth().prop_map(Op::Verify),
        12 => nth().prop_map(Op::Refresh),
        8 => prop_oneof![3 => Just(1), 2 => 2..5 as Tick].prop_map(Op::Advance),
        3 => nth().prop_map(Op::Update),
        2 => nth().prop_map(Op::Introspect),
        1 => nth().prop_map(Op::IsValid),
        2 => (kind(), subject()).prop_map(|(kind, subject)| Op::Sessions { kind, subject }),
        4 => Just(Op::VerifyAll),
    ];
    let ending = prop_oneof![
        3 => nth().prop_map(Op::Consume),
        2 => nth().prop_map(Op::Revoke),
        1 => nth().prop_map(Op::RevokeFamily),
        2 => nth().prop_map(Op::RevokeSession),
        2 => nth().prop_map(Op::RevokeOthers),
        1 => subject().prop_map(Op::RevokeSubject),
        1 => kind().prop_map(Op::RevokeType),
    ];
    let codes = prop_oneof![
        5 => (code(), subject(), life())
            .prop_map(|(kind, subject, life)| Op::IssueCode { kind, subject, life }),
        10 => (nth(), guess).prop_map(|(nth, guess)| Op::TryCode(nth, guess)),
        1 => code().prop_map(Op::RevokeCodes),
    ];
    let beside = prop_oneof![
        2 => (kind(), subject()).prop_map(|(kind, subject)| Op::BeginWrongly { kind, subject }),
        2 => (nth(), kind()).prop_map(|(nth, kind)| Op::AsOther(nth, kind)),
        2 => (nth(), any::<u8>()).prop_map(|(nth, at)| Op::Mistyped(nth, at)),
        2 => (nth(), kind(), subject())
            .prop_map(|(nth, kind, subject)| Op::RevokeSessionOfOther(nth, kind, subject)),
        4 => (kind(), text(), 1..6 as Tick).prop_map(|(kind, text, life)| Op::Store { kind, text, life }),
        1 => nth().prop_map(Op::StoreIssued),
        3 => (kind(), text()).prop_map(|(kind, text)| Op::IsBroughtValid { kind, text }),
        3 => (kind(), text()).prop_map(|(kind, text)| Op::RevokeBrought { kind, text }),
        3 => kind().prop_map(Op::CleanUp),
    ];
    prop_oneof![9 => ordinary, 2 => ending, 2 => codes, 1 => beside].boxed()
}
