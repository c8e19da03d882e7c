//! Lists of sessions, and where they go on.

use roomkey_core::{Error as StoreError, Op, RankPut, Score};
use roomkey_tokens::{Error, SessionCursor};

use super::login::{Login, SUBJECT, TYPES};
use crate::input::Input;
use crate::world::{ready, run};

/// Any cursor: what is read has one text, and leads to a page or is lost.
pub(super) fn cursor(mut input: Input<'_>) {
    let login = Login::new(input.choose(TYPES));
    let as_text = input.flag();
    let read = if as_text {
        let Ok(text) = str::from_utf8(input.rest()) else { return };
        let read = text.parse::<SessionCursor>();
        if let Ok(cursor) = &read {
            assert_eq!(cursor.to_string(), text);
        }
        read
    } else {
        SessionCursor::try_from(input.rest())
    };
    let Ok(cursor) = read else { return };
    assert_eq!(cursor.to_string().parse(), Ok(cursor.clone()));
    match ready(login.tokens.sessions::<String>(login.token_type, SUBJECT, Some(cursor))) {
        Ok(_) | Err(Error::Store(StoreError::CursorLost)) => {}
        Err(other) => panic!("neither a page nor a lost cursor: {other:?}"),
    }
}

/// Any members in the index of a subject: only sessions that count are listed, and those are listed once.
pub(super) fn index(mut input: Input<'_>) {
    let login = Login::new(input.choose(TYPES));
    for _ in 0..input.byte() % 16 {
        let (ours, len) = (input.flag(), usize::from(input.byte() % 17));
        let mut member = if ours { login.issued.handle.as_bytes()[..2].to_vec() } else { Vec::new() };
        member.extend_from_slice(input.take(len));
        // A generation is no hint; see `truth`.
        let score = if member.len() == 8 { 1 } else { i64::from_be_bytes(input.array()) >> 10 };
        let score = if score == 0 { 1 } else { score };
        run(
            &login.world.store,
            RankPut::new(&login.sessions(), bytes::Bytes::from(member), Score::Is(score)).into(),
        );
    }
    let listed = || {
        let (mut handles, mut next) = (Vec::new(), None);
        loop {
            let page = ready(login.tokens.sessions::<String>(login.token_type, SUBJECT, next));
            let page = page.expect("one damaged entry does not hide the others");
            handles.extend(page.sessions.into_iter().map(|session| session.handle));
            next = page.next;
            if next.is_none() {
                return handles;
            }
        }
    };
    assert_eq!(listed(), [login.issued.handle]);
    let (_, record) = login.record();
    assert_eq!(run(&login.world.store, Op::delete(&record)).flag(), Some(true));
    assert_eq!(listed(), []);
}
