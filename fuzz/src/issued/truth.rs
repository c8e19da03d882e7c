//! Generations: the truth that a token rests on.

use std::collections::BTreeSet;

use bytes::Bytes;
use roomkey_core::{Bound, Life, Op, Order, RankPut, Reply, Score};

use super::login::{Login, TYPES};
use crate::input::Input;
use crate::world::{ready, run};

/// How long a generation is.
const GENERATION: usize = 8;

/// How long the mark is that a type of which a subject has few leaves there.
const MARK: usize = 2;

/// Any members in the ranking of a subject: of score 0, as generations, of -1, as tickets, or of some, as sessions.
pub(super) fn subject(mut input: Input<'_>) {
    let login = Login::new(input.choose(TYPES));
    let sessions = login.sessions();
    let own = generation(&login);
    let mut generations = BTreeSet::from([own.clone()]);
    if input.flag() {
        run(&login.world.store, Op::rank_remove(&sessions, own.clone()));
        generations.clear();
    }
    for _ in 0..input.byte() % 8 {
        let (shape, len) = (input.byte(), usize::from(input.byte() % 33));
        let mut member = if shape & 1 == 0 { Vec::new() } else { login.types().1.to_vec() };
        member.extend_from_slice(input.take(len));
        let deadline = 1_i64 << 52;
        let score = match shape >> 1 & 3 {
            0 => 0,
            1 => deadline,
            2 => input.byte().into(),
            _ => -1,
        };
        let member = Bytes::from(member);
        // With another score this would be a mark that nobody sees and nobody can set: only whoever can write to the store can make
        // one, and could as well remove what is there.
        let score = if member.len() == MARK { -1 } else { score };
        // The member that is there moves.
        generations.remove(&member);
        // Beside another member of this score, whatever that is, no generation counts.
        if score == 0 {
            generations.insert(member.clone());
        }
        run(&login.world.store, RankPut::new(&sessions, member, Score::Is(score)).into());
    }
    assert_eq!(login.is_active(), generations == BTreeSet::from([own]));
    login.goes_on();
    ready(login.tokens.revoke_subject(super::login::SUBJECT)).expect("the store answers");
    assert!(!login.is_active());
    login.goes_on();
}

/// Any bytes as the generation of a type, and any other fields beside it.
pub(super) fn types(mut input: Input<'_>) {
    let login = Login::new(input.choose(TYPES));
    let (types, field) = login.types();
    let Reply::Optionals(own) = run(&login.world.store, Op::map_get(&types, field.clone())) else {
        panic!("no reply to a field")
    };
    let own = own.into_iter().next().flatten().expect("a type has a generation");
    let (others, replaced, len) = (input.byte() % 4, input.flag(), input.byte());
    let mut now = own.clone();
    if replaced {
        now = Bytes::copy_from_slice(input.take(len.into()));
        run(&login.world.store, Op::map_put(&types, field.clone(), now.clone(), Life::Keep));
    }
    for _ in 0..others {
        let (name, value) = (Bytes::copy_from_slice(input.take(2)), Bytes::copy_from_slice(input.take(8)));
        if name != field {
            run(&login.world.store, Op::map_put(&types, name, value, Life::Keep));
        }
    }
    assert_eq!(login.is_active(), now == own);
    login.goes_on();
    run(&login.world.store, Op::map_remove(&types, field));
    assert!(!login.is_active());
    login.goes_on();
}

fn generation(login: &Login) -> Bytes {
    let (none, all) = (Bound::Is(0), 100);
    let range = Op::rank_range(&login.sessions(), none, none, Order::Lowest, all);
    let Reply::Scored(members) = run(&login.world.store, range) else { panic!("no reply to a range") };
    let mut generations =
        members.into_iter().map(|(member, _)| member).filter(|member| member.len() == GENERATION);
    generations.next().expect("a subject has a generation")
}
