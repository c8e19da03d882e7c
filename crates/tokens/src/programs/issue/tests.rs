//! The promises of beginning a session: safe to repeat, fit for a full store, and never twice on what has changed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use roomkey_core::{Batch, ErrorKind, Store};
use roomkey_memory::MemoryStore;
use roomkey_testkit::assert_retry_safe;
use roomkey_vault::{Keyring, Vault};

use super::*;
use crate::handle::{Handle, SubjectTag};
use crate::keys::Keys;

const HOUR: Duration = Duration::from_secs(3_600);
const TYPE: TypeTag = TypeTag([1, 1]);

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

struct Place {
    keys: Keys,
    tag: SubjectTag,
    subject: Key,
    types: Key,
}

impl Place {
    async fn new() -> Self {
        let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
        let keys = Keys::new(&vault, std::iter::empty());
        let tag = keys.subject_tag("alice");
        Self { subject: keys.subject(tag), types: keys.types(tag), tag, keys }
    }

    fn handle(id: u8) -> Handle {
        Handle::new(TYPE, [id; 9])
    }

    fn record(&self, id: u8) -> Key {
        self.keys.record(self.tag, Self::handle(id))
    }

    fn entry(&self, id: u8) -> Entry {
        self.keys.issued_entry("session", self.tag, Self::handle(id)).unwrap()
    }

    /// Begins session number `id` of a subject that nothing is known of.
    fn begin(&self, id: u8) -> Begin<'_> {
        let record = Bytes::from(format!("record {id}"));
        let until = Until::In(HOUR);
        Begin {
            subject: &self.subject,
            types: &self.types,
            writes: vec![Write { key: self.record(id), what: Written::Record(record), until }],
            handle: Some(Self::handle(id).bytes()),
            generation: Generation::New(text("generatn")),
            type_generations: vec![(TYPE.bytes(), Generation::New(text("the type")))],
            ticket: None,
            evicted: Vec::new(),
            entry: Some(self.entry(id)),
        }
    }

    /// Begins session number `id` beside others.
    fn another(&self, id: u8) -> Begin<'_> {
        Begin {
            generation: Generation::Seen(text("generatn")),
            type_generations: vec![(TYPE.bytes(), Generation::Seen(text("the type")))],
            ..self.begin(id)
        }
    }

    /// A code, which is no session.
    fn code(&self, kept: &'static str) -> Begin<'_> {
        let key = self.keys.code(self.tag, "sign-in").unwrap();
        let until = Until::In(HOUR);
        Begin {
            writes: vec![Write { key, what: Written::Record(text(kept)), until }],
            handle: None,
            entry: None,
            ..self.begin(0)
        }
    }

    async fn held(&self, memory: &MemoryStore) -> Held {
        let program = HeldProgram::new(&self.subject, &self.types, &[TYPE], Some(Bound::Now)).unwrap();
        program.held(memory.transact(&program.txn).await.unwrap()).unwrap()
    }

    /// The handles of the sessions that the index knows of.
    async fn sessions(&self, memory: &MemoryStore) -> Vec<Bytes> {
        let mut sessions: Vec<_> =
            self.held(memory).await.counted.sessions.into_iter().map(|(member, _)| member).collect();
        sessions.sort();
        sessions
    }
}

async fn begun(memory: &MemoryStore, begin: Begin<'_>) -> bool {
    let program = BeginProgram::new(begin).unwrap();
    program.begun(&memory.transact(&program.txn).await.unwrap())
}

async fn twice(memory: &MemoryStore, begin: Begin<'_>) -> bool {
    let program = BeginProgram::new(begin).unwrap();
    assert_retry_safe(memory, &program.txn, |outcome| program.begun(outcome)).await
}

async fn run(memory: &MemoryStore, op: impl Into<Op>) -> Reply {
    memory.run(Batch::one(op).unwrap()).await.unwrap().remove(0).unwrap()
}

fn handles(ids: &[u8]) -> Vec<Bytes> {
    ids.iter().map(|id| Place::handle(*id).bytes()).collect()
}

#[tokio::test]
async fn beginning_twice_is_beginning_once_and_tells_the_same() {
    let place = Place::new().await;
    let memory = MemoryStore::new();
    assert!(twice(&memory, place.begin(1)).await, "the first of a subject");
    assert!(twice(&memory, place.another(2)).await, "one beside it");
    assert!(!twice(&memory, place.begin(3)).await, "one that saw no subject");
    let other = Generation::Seen(text("othergen"));
    assert!(!twice(&memory, Begin { generation: other.clone(), ..place.another(3) }).await);
    let types = vec![(TYPE.bytes(), other)];
    assert!(!twice(&memory, Begin { type_generations: types, ..place.another(3) }).await);
    assert_eq!(place.sessions(&memory).await, handles(&[1, 2]));
    // A family, which is a map, with its access token.
    let fields = vec![(text("c"), text("id of 4")), (text("m"), text("record"))];
    let family = place.keys.family(place.tag, Place::handle(4));
    let until = Until::In(HOUR);
    let family = |fields| {
        vec![
            Write { key: family.clone(), what: Written::Family(fields), until },
            Write { key: place.record(5), what: Written::Record(text("access")), until },
        ]
    };
    assert!(twice(&memory, Begin { writes: family(fields), ..place.another(4) }).await);
    let fields = vec![(text("c"), text("id of 6"))];
    assert!(!twice(&memory, Begin { writes: family(fields), ..place.another(4) }).await, "it is another's");
    // A code replaces the one before, and the same one twice is the same.
    let code = |kept| Begin { generation: Generation::Seen(text("generatn")), ..place.code(kept) };
    let of_type = || vec![(TYPE.bytes(), Generation::Seen(text("the type")))];
    for kept in ["one", "two"] {
        assert!(twice(&memory, Begin { type_generations: of_type(), ..code(kept) }).await);
        let key = place.keys.code(place.tag, "sign-in").unwrap();
        assert_eq!(run(&memory, Op::get(&key)).await, Reply::Bytes(Some(text(kept))));
    }
    assert_eq!(place.sessions(&memory).await, handles(&[1, 2, 4]), "a code is no session");
    // A code of a subject that nothing is known of.
    assert!(twice(&MemoryStore::new(), place.code("first")).await);
    let read = HeldProgram::new(&place.subject, &place.types, &[TYPE], Some(Bound::Now)).unwrap();
    let sessions = |outcome: &Outcome| read.held(outcome.clone()).map(|held| held.counted.sessions);
    assert_eq!(assert_retry_safe(&memory, &read.txn, sessions).await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_was_revoked_meanwhile_is_not_begun() {
    let place = Place::new().await;
    let memory = MemoryStore::new();
    assert!(begun(&memory, place.begin(1)).await);
    let late = BeginProgram::new(place.another(2)).unwrap();
    run(&memory, Op::delete(&place.subject)).await;
    assert!(!late.begun(&memory.transact(&late.txn).await.unwrap()));
    assert_eq!(run(&memory, Op::get(&place.record(2))).await, Reply::Bytes(None));
    let again = Begin { generation: Generation::New(text("another1")), ..place.another(3) };
    assert!(begun(&memory, again).await);
    run(&memory, Op::map_remove(&place.types, TYPE.bytes())).await;
    let late = Begin { generation: Generation::Seen(text("another1")), ..place.another(4) };
    assert!(!begun(&memory, late).await);
    assert_eq!(place.sessions(&memory).await, handles(&[3]));
}

#[tokio::test]
async fn of_two_that_count_the_same_sessions_one_begins() {
    let place = Place::new().await;
    let memory = MemoryStore::new();
    let mut ids = 1..;
    // The first two of a type, which know no ticket, and others after them.
    for _ in 0..3 {
        let held = place.held(&memory).await;
        let ticket = || Some(held.counted.tickets.of_type(TYPE, b"the type").ticket);
        let begin = |id| match &held.subject.generation {
            None => Begin { ticket: ticket(), ..place.begin(id) },
            Some(_) => Begin { ticket: ticket(), ..place.another(id) },
        };
        let (one, other) = (ids.next().unwrap(), ids.next().unwrap());
        let late = BeginProgram::new(begin(other)).unwrap();
        assert!(twice(&memory, begin(one)).await);
        assert!(!late.begun(&memory.transact(&late.txn).await.unwrap()), "{other} counted without {one}");
        // One that comes much later counts no better.
        let held = place.held(&memory).await;
        let next = Begin {
            ticket: Some(held.counted.tickets.of_type(TYPE, b"the type").ticket),
            ..place.another(ids.next().unwrap())
        };
        assert!(twice(&memory, next).await);
        assert!(!late.begun(&memory.transact(&late.txn).await.unwrap()));
    }
    assert_eq!(place.sessions(&memory).await, handles(&[1, 3, 4, 6, 7, 9]));
}

/// However many types have a limit, what counts their sessions does not hide what all of them rest on.
#[tokio::test]
async fn many_tickets_do_not_hide_the_generation() {
    let place = Place::new().await;
    let memory = MemoryStore::new();
    assert!(begun(&memory, place.begin(1)).await);
    for tag in 0..500_u16 {
        let tag = TypeTag(tag.to_be_bytes());
        let Ticket { first, next, .. } = AllTickets::default().of_type(tag, b"the type").ticket;
        run(&memory, RankPut::new(&place.subject, vec![first, next], Score::Is(TICKET))).await;
    }
    let held = place.held(&memory).await;
    assert_eq!(held.subject.generation, Some(text("generatn")));
    for tag in [0, 499_u16] {
        let tickets = held.counted.tickets.of_type(TypeTag(tag.to_be_bytes()), b"the type");
        assert!(tickets.ticket.last.is_some_and(|last| last.len() > 2), "{tag}");
    }
}

#[tokio::test]
async fn who_is_evicted_leaves_nothing_behind() {
    let place = Place::new().await;
    let memory = MemoryStore::new();
    assert!(begun(&memory, place.begin(1)).await);
    assert!(begun(&memory, place.another(2)).await);
    let evicted = vec![(Place::handle(1).bytes(), vec![place.record(1)])];
    assert!(twice(&memory, Begin { evicted, ..place.another(3) }).await);
    assert_eq!(run(&memory, Op::get(&place.record(1))).await, Reply::Bytes(None));
    assert_eq!(place.sessions(&memory).await, handles(&[2, 3]));
    let members = [1, 2, 3].map(|id| place.entry(id).member);
    let scores = run(&memory, Op::rank_scores(&place.entry(1).index, members)).await;
    assert!(
        matches!(scores, Reply::Scores(scores) if scores[0].is_none() && scores[1..].iter().all(Option::is_some))
    );
}

#[tokio::test]
async fn a_subject_that_was_damaged_is_replaced_with_all_that_it_held() {
    let place = Place::new().await;
    let memory = MemoryStore::new();
    assert!(begun(&memory, place.begin(1)).await);
    // Two generations are none.
    run(&memory, RankPut::new(&place.subject, text("2nd genr"), Score::Is(GENERATION))).await;
    let held = place.held(&memory).await;
    assert!(held.exists && held.subject.generation.is_none());
    let instead = Begin { generation: Generation::Instead(text("instead1")), ..place.another(2) };
    assert!(twice(&memory, instead).await);
    let held = place.held(&memory).await;
    assert_eq!(held.subject.generation, Some(text("instead1")));
    assert_eq!(place.sessions(&memory).await, handles(&[2]), "what rested on the damaged one has ended");
    let instead = || Begin { generation: Generation::Instead(text("instead2")), ..place.code("code") };
    let of_type = || vec![(TYPE.bytes(), Generation::Seen(text("the type")))];
    assert!(twice(&memory, Begin { type_generations: of_type(), ..instead() }).await);
    // A late copy of the request does not end what has begun since.
    let beside = Begin { generation: Generation::Seen(text("instead2")), ..place.another(3) };
    assert!(begun(&memory, beside).await);
    assert!(begun(&memory, Begin { type_generations: of_type(), ..instead() }).await, "it finds its own");
    assert_eq!(place.sessions(&memory).await, handles(&[3]));
}

#[tokio::test]
async fn a_full_store_begins_nothing_and_loses_nothing() {
    let place = Place::new().await;
    let memory = MemoryStore::new();
    assert!(begun(&memory, place.begin(1)).await);
    memory.set_capacity(Some(0));
    let evicted = || vec![(Place::handle(1).bytes(), vec![place.record(1)])];
    for begin in [Begin { evicted: evicted(), ..place.another(2) }, place.another(3)] {
        let program = BeginProgram::new(begin).unwrap();
        assert_eq!(memory.transact(&program.txn).await.unwrap_err().kind(), ErrorKind::Full);
    }
    assert_eq!(place.sessions(&memory).await, handles(&[1]));
    assert_eq!(run(&memory, Op::get(&place.record(1))).await, Reply::Bytes(Some("record 1".into())));
}

#[tokio::test(start_paused = true)]
async fn an_index_stays_in_proportion_to_its_live_sessions_and_ends_with_them() {
    let place = Place::new().await;
    let memory = MemoryStore::new();
    let minute = Duration::from_secs(60);
    let mut most = 0;
    for id in 0..60 {
        let begin = if id == 0 { place.begin(id) } else { place.another(id) };
        let record = Written::Record(Bytes::from(vec![id]));
        let writes = vec![Write { key: place.record(id), what: record, until: Until::In(minute) }];
        assert!(begun(&memory, Begin { writes, ..begin }).await);
        let all = Op::rank_range(&place.subject, Bound::Is(1), Bound::Open, Order::Lowest, PAGE);
        let Reply::Scored(members) = run(&memory, all).await else { panic!("a range replies members") };
        most = most.max(members.len());
        tokio::time::advance(Duration::from_secs(10)).await;
    }
    // Six or seven are live at any time.
    assert!((6..=9).contains(&most), "{most} of 60");
    tokio::time::advance(minute).await;
    assert_eq!(run(&memory, Op::ttl(&place.subject)).await, Reply::Ttl(Ttl::Missing));
}
