//! A subject with a token, and where the store keeps what belongs to it.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Key, Kind, Spread};
use roomkey_memory::MemoryStore;
use roomkey_tokens::{
    CodePolicy, Handle, Issue, Issued, Policy, Session, SubjectTag, Tokens, TokensOptions, WhenFull,
};
use roomkey_vault::Space;

use crate::world::{World, ready};

pub(super) const SUBJECT: &str = "alice";
pub(super) const CLAIMS: &str = "claims";

/// Types of tokens: one that lives as long as it does, one that slides, and one of which a subject has few.
pub(super) const TYPES: &[&str] = &["fixed", "sliding", "limited"];

/// A type of one-time codes, and how many wrong ones its policy allows.
pub(super) const CODES: &str = "code";
pub(super) const ATTEMPTS: i64 = 5;

const SPREAD: Spread = Spread::over(4_096);

pub(super) struct Login {
    pub(super) world: World,
    pub(super) tokens: Tokens<MemoryStore>,
    pub(super) token_type: &'static str,
    pub(super) issued: Issued,
    subject: SubjectTag,
}

impl Login {
    pub(super) fn new(token_type: &'static str) -> Self {
        let world = World::new();
        let hour = Policy::fixed(Duration::from_secs(3_600));
        let options = TokensOptions::new()
            .policy("fixed", hour.clone().prefix("a_b"))
            .policy("sliding", hour.clone().idle(Duration::from_secs(1_800)))
            .policy("limited", hour.limit(2, WhenFull::EndOldest))
            .policy("refresh", Policy::refresh().access_type("access"))
            .policy("access", Policy::access())
            .codes(CODES, CodePolicy::one_time());
        let tokens = Tokens::with_options(world.vault.clone(), options).expect("the policies can be");
        let issued = issued(&tokens, token_type);
        let subject = tokens.subject_tag(SUBJECT).expect("the subject has a name");
        Self { world, tokens, token_type, issued, subject }
    }

    /// What the token stands for, as far as its text goes.
    pub(super) fn verify(&self, text: &str) -> roomkey_tokens::Result<Option<Session<String>>> {
        ready(self.tokens.verify(self.token_type, text))
    }

    /// Whether the token itself is active.
    pub(super) fn is_active(&self) -> bool {
        let session = self.verify(self.issued.token.reveal()).expect("the record is as it was issued");
        if let Some(session) = &session {
            assert_eq!((&*session.subject, &*session.claims), (SUBJECT, CLAIMS));
            assert_eq!(session.handle, self.issued.handle);
        }
        session.is_some()
    }

    /// Asserts that the subject can still be issued tokens, and that they count.
    pub(super) fn goes_on(&self) {
        let next = issued(&self.tokens, self.token_type);
        assert!(self.verify(next.token.reveal()).expect("the record is as it was issued").is_some());
    }

    /// Where records of tokens are, and the one of this.
    pub(super) fn record(&self) -> (Space, Key) {
        self.kept("t2", Kind::Value, self.issued.handle)
    }

    /// Where what a layout keeps for sessions is, and what it keeps for this session of the subject.
    pub(super) fn kept(&self, layout: &'static str, kind: Kind, session: Handle) -> (Space, Key) {
        let space = self.space(layout);
        let key = space.short_key(kind, self.tag(session).into());
        (space, key)
    }

    /// Where the generation of the subject is, and its sessions.
    pub(super) fn sessions(&self) -> Key {
        self.space("s1").short_key(Kind::Ranking, self.subject().into())
    }

    /// Where the generations of types are, and the field of this.
    pub(super) fn types(&self) -> (Key, Bytes) {
        let space = self.space("g1");
        let partition = space.partition(self.subject().into());
        let key = space.key_in(partition, Kind::Map, space.hide("generations", &[]));
        (key, Bytes::copy_from_slice(&self.issued.handle.as_bytes()[..2]))
    }

    /// The hash that hides this in names of tokens.
    pub(super) fn hide(&self, domain: &str, parts: &[&[u8]]) -> [u8; 16] {
        self.space("t2").hide(domain, parts).into()
    }

    /// What stands for the subject in them.
    pub(super) fn subject(&self) -> [u8; 16] {
        *self.subject.as_bytes()
    }

    fn space(&self, layout: &'static str) -> Space {
        self.world.vault.space(layout, SPREAD)
    }

    fn tag(&self, handle: Handle) -> [u8; 16] {
        let mut tag = self.hide("session", &[self.subject.as_bytes(), handle.as_bytes()]);
        tag[..5].copy_from_slice(&self.subject.as_bytes()[..5]);
        tag
    }
}

fn issued(tokens: &Tokens<MemoryStore>, token_type: &str) -> Issued {
    ready(tokens.issue(token_type, issue()))
        .expect("nothing that the store holds keeps a token from being issued")
}

/// What the tokens of the subject are issued with.
pub(super) fn issue() -> Issue<String> {
    Issue::new(SUBJECT, CLAIMS.to_owned()).device("device").scopes(["read", "write"])
}
