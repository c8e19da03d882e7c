//! The shortest sequences that showed what was wrong once.

use crate::on_memory;
use crate::ops::{Config, Nth, Op, Step, Where};

const LOBBY: Where = Where::Named(0);

fn join(member: usize) -> Op {
    Op::Join { room: LOBBY, member, limit: None, waits: true }
}

fn configure(limit: u32, queue: u32, lease: u32) -> Op {
    Op::Configure { room: LOBBY, config: Config { limit, queue, lease } }
}

fn agrees(ops: impl IntoIterator<Item = Op>) {
    let steps: Vec<Step> = ops.into_iter().map(|op| Step { process: 0, op }).collect();
    on_memory(&steps).0.unwrap();
}

/// The ticket that joining gave was dropped, and so given up behind the back of its holder.
#[test]
fn who_waits_keeps_its_place_when_it_asks_for_a_seat_anew() {
    agrees([configure(1, 3, 4), join(0), join(1), Op::RenewOrRejoin(vec![Nth(0)]), Op::Check(Nth(0))]);
}

/// It was told twice that the member had come back.
#[test]
fn who_renews_a_lease_twice_in_one_call_comes_back_once() {
    agrees([join(0), Op::Disconnected(Nth(0)), Op::Renew(vec![Nth(0), Nth(0)]), join(0)]);
}

/// All leases of one call were renewed for as long as the last of them.
#[test]
fn leases_that_are_renewed_together_live_as_long_as_each_was_told() {
    agrees([
        configure(3, 0, 5),
        join(0),
        configure(3, 0, 2),
        join(1),
        Op::Renew(vec![Nth(1), Nth(0)]),
        Op::Advance(3),
        Op::LookAround,
    ]);
}

/// Rooms of a pool that were closed hid that another one had to be made.
#[test]
fn closed_rooms_of_a_pool_keep_no_other_from_being_made() {
    let found = (0..5).map(|member| Op::Find { member });
    let closed = Config { limit: 0, queue: 0, lease: 4 };
    let close = |nth| Op::Configure { room: Where::Pooled(Nth(nth)), config: closed };
    let emptied = [Op::Advance(5), Op::Sweep].into_iter().chain((0..3).map(close));
    agrees(found.chain(emptied).chain([Op::Find { member: 0 }, Op::LookAround]));
}
