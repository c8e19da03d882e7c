//! Runs a sequence on tokens and on the model, and compares everything that they say.

mod beside;
mod codes;
mod ends;
mod logins;
mod look;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use roomkey_core::Store;
use roomkey_crypto::SecretKey;
use roomkey_tokens::{Error, Event, Handle, Reason, TokenText, Tokens, What};
use roomkey_vault::{Keyring, Vault};

use crate::clock::Clock;
use crate::kinds::{Kind, options};
use crate::model::{LoginId, Model, TokenId};
use crate::ops::{Nth, Op, Sequence, Step};
use codes::Sent;

/// Nothing, or how tokens and the model differ.
type Said = Result<(), String>;

/// Why a sequence did not run to its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Tokens and the model differ.
    Differs(String),
    /// The clock overtook it: the machine is busy.
    Late,
}

/// How often each verdict was come upon.
pub(crate) type Verdicts = BTreeMap<&'static str, u32>;

/// All verdicts that are counted.
pub(crate) const VERDICTS: [&str; 23] = [
    "begun",
    "limit reached",
    "evicted",
    "verified",
    "not verified",
    "valid",
    "updated",
    "rotated",
    "replayed",
    "reuse",
    "consumed",
    "revoked",
    "family revoked",
    "session revoked",
    "others revoked",
    "code accepted",
    "wrong code",
    "last try",
    "code refused",
    "stored",
    "brought is valid",
    "brought revoked",
    "cleaned up",
];

type Events = Arc<Mutex<Vec<(What, Option<Handle>)>>>;

/// A sequence that is under way.
struct Run<S> {
    processes: [Tokens<S>; 2],
    /// What the audit sinks heard since the last step.
    events: Events,
    track: bool,
    model: Model,
    clock: Clock,
    /// By login.
    handles: Vec<Handle>,
    /// By token.
    texts: Vec<TokenText>,
    sent: Vec<Sent>,
    /// What may be left of tokens of a type, for a cleanup to count.
    traces: HashMap<&'static str, u64>,
    claims: u64,
    verdicts: Verdicts,
}

/// Runs a sequence on a store that is empty, and a clock that `start` starts.
pub(crate) async fn run<S: Store + Clone>(
    store: &S,
    tick: Duration,
    start: fn(Duration) -> Clock,
    sequence: &Sequence,
) -> (Result<(), Stop>, Verdicts) {
    let events = Events::default();
    let mut processes = Vec::with_capacity(2);
    for ring in &*RINGS {
        let vault = Vault::builder().open(store.clone(), ring.clone()).await.unwrap();
        let heard = Arc::clone(&events);
        let options = options(tick).track(sequence.track);
        let options = options.audit(move |event: &Event<'_>| {
            heard.lock().unwrap().push((event.what, event.handle));
        });
        processes.push(Tokens::with_options(vault, options).unwrap());
    }
    let mut run = Run {
        processes: processes.try_into().unwrap_or_else(|_| unreachable!("there are two")),
        events,
        track: sequence.track,
        model: Model::default(),
        clock: start(tick),
        handles: Vec::new(),
        texts: Vec::new(),
        sent: Vec::new(),
        traces: HashMap::new(),
        claims: 0,
        verdicts: Verdicts::new(),
    };
    let result = run.all(&sequence.steps).await;
    (result, run.verdicts)
}

/// The key rings of two processes while the key is exchanged.
static RINGS: LazyLock<[Keyring; 2]> = LazyLock::new(|| {
    let key = |byte| SecretKey::from_bytes([byte; 32]);
    let names = || Keyring::from(key(1)).name_key().clone();
    [(1, 2), (2, 1)].map(|(active, retired)| {
        Keyring::builder(key(active)).retired(key(retired)).names(names()).build().unwrap()
    })
});

impl<S: Store> Run<S> {
    async fn all(&mut self, steps: &[Step]) -> Result<(), Stop> {
        let last = Step { process: 0, op: Op::LookAround };
        for (at, &step) in steps.iter().chain([&last]).enumerate() {
            self.clock.blink().await;
            let said = self.step(step).await.and_then(|()| self.hear());
            if self.clock.is_late(self.model.now) {
                return Err(Stop::Late);
            }
            said.map_err(|said| Stop::Differs(format!("step {at}, {:?}: {said}", step.op)))?;
        }
        Ok(())
    }

    async fn step(&mut self, Step { process, op }: Step) -> Said {
        let tokens = &self.processes[process].clone();
        match op {
            Op::Begin { kind, subject, life } => self.begin(tokens, kind, subject, life).await,
            Op::BeginWrongly { kind, subject } => self.begin_wrongly(tokens, kind, subject).await,
            Op::Refresh(nth) => match self.refresh_token(nth) {
                Some(token) => self.refresh(tokens, token).await,
                None => Ok(()),
            },
            Op::RevokeSession(nth) => self.revoke_session(tokens, nth).await,
            Op::RevokeSessionOfOther(nth, kind, subject) => {
                self.revoke_session_of_other(tokens, nth, kind, subject).await
            }
            Op::RevokeSubject(subject) => self.revoke_subject(tokens, subject).await,
            Op::RevokeType(kind) => self.revoke_type(tokens, kind).await,
            Op::RevokeCodes(kind) => self.revoke_codes(tokens, kind).await,
            Op::IssueCode { kind, subject, life } => self.issue_code(tokens, kind, subject, life).await,
            Op::TryCode(nth, guess) => self.try_code(tokens, nth, guess).await,
            Op::Store { kind, text, life } => self.store(tokens, kind, text, life).await,
            Op::IsBroughtValid { kind, text } => self.is_brought_valid(tokens, kind, text).await,
            Op::RevokeBrought { kind, text } => self.revoke_brought(tokens, kind, text).await,
            Op::Sessions { kind, subject } => self.sessions(tokens, kind, subject).await,
            Op::CleanUp(kind) => self.clean_up(tokens, process, kind).await,
            Op::VerifyAll => self.verify_all(tokens).await,
            Op::LookAround => self.look_around(tokens).await,
            Op::Advance(ticks) => {
                self.clock.advance(self.model.now, ticks).await;
                self.model.now += ticks;
                Ok(())
            }
            Op::Verify(nth)
            | Op::Introspect(nth)
            | Op::IsValid(nth)
            | Op::Consume(nth)
            | Op::Update(nth)
            | Op::Revoke(nth)
            | Op::RevokeFamily(nth)
            | Op::RevokeOthers(nth)
            | Op::AsOther(nth, _)
            | Op::Mistyped(nth, _)
            | Op::StoreIssued(nth) => match self.token(nth) {
                Some(token) => self.on_token(tokens, op, token).await,
                None => Ok(()),
            },
        }
    }

    async fn on_token(&mut self, tokens: &Tokens<S>, op: Op, token: TokenId) -> Said {
        match op {
            Op::Verify(_) => self.verify(tokens, token).await,
            Op::Introspect(_) => self.introspect(tokens, token).await,
            Op::IsValid(_) => self.is_valid(tokens, token).await,
            Op::Consume(_) => self.consume(tokens, token).await,
            Op::Update(_) => self.update(tokens, token).await,
            Op::Revoke(_) => self.revoke(tokens, token).await,
            Op::RevokeFamily(_) => self.revoke_family(tokens, token).await,
            Op::RevokeOthers(_) => self.revoke_others(tokens, token).await,
            Op::AsOther(_, kind) if *kind == *self.model.tokens[token].kind => Ok(()),
            Op::AsOther(_, kind) => self.foreign(tokens, kind, self.texts[token].reveal()).await,
            Op::Mistyped(_, at) => self.mistyped(tokens, token, at).await,
            Op::StoreIssued(_) => self.store_issued(tokens, token).await,
            _ => unreachable!("{op:?} is about no token"),
        }
    }

    /// Nothing that happens here is anybody's fault.
    fn hear(&self) -> Said {
        let events = std::mem::take(&mut *self.events.lock().unwrap());
        let faults = [What::Fault, What::Refused(Reason::UnknownKey)];
        match events.into_iter().find(|(what, _)| faults.contains(what)) {
            Some((fault, _)) => Err(format!("the sink was told of {fault:?}")),
            None => Ok(()),
        }
    }

    fn token(&self, Nth(nth): Nth) -> Option<TokenId> {
        let count = self.model.tokens.len();
        (count > 0).then(|| count - 1 - usize::from(nth) % count)
    }

    /// Of the refresh tokens, if there are any.
    fn refresh_token(&self, nth: Nth) -> Option<TokenId> {
        let is_refresh = |token: &TokenId| self.model.tokens[*token].kind.family.is_some();
        let all: Vec<TokenId> = (0..self.model.tokens.len()).filter(is_refresh).collect();
        match all.len() {
            0 => self.token(nth),
            count => Some(all[count - 1 - usize::from(nth.0) % count]),
        }
    }

    fn login_of(&self, handle: &Handle) -> Option<LoginId> {
        self.handles.iter().position(|known| known == handle)
    }

    fn name(&self, token: TokenId) -> &'static str {
        self.model.tokens[token].kind.name
    }

    fn new_claims(&mut self) -> u64 {
        self.claims += 1;
        self.claims
    }

    fn note(&mut self, verdict: &'static str) {
        debug_assert!(VERDICTS.contains(&verdict), "{verdict:?} is none that is counted");
        *self.verdicts.entry(verdict).or_default() += 1;
    }

    /// Notes that a flag was `true`, and compares it.
    fn flag(&mut self, got: bool, expected: bool, verdict: &'static str) -> Said {
        if got {
            self.note(verdict);
        }
        same(&got, &expected)
    }

    fn trace(&mut self, kind: &'static Kind) {
        *self.traces.entry(kind.name).or_default() += 1;
    }
}

fn same<T: PartialEq + Debug>(got: &T, expected: &T) -> Said {
    if got == expected { Ok(()) } else { Err(format!("{got:?}, and not {expected:?}")) }
}

fn failed(error: Error) -> String {
    format!("it failed: {error:?}")
}
