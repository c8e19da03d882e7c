//! The checker finds an order where there is one, and none where there is none.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;

use roomkey_core::Error;

use super::{Call, Checker, Model, Moment, Trace, Verdict};
use models::{Counter, Rooms, Seats, Told};

mod brute;
mod models;
mod simulation;
mod time;

/// A call that lasted from one tick to another; to 0, if it got no answer.
fn call<Op, Answer>(op: Op, answer: Answer, began: u64, ended: u64) -> Call<Op, Answer> {
    let moment = |tick| Moment { tick, at: std::time::Duration::from_millis(tick) };
    let call = Call::new(7, op, moment(began));
    if ended == 0 { call } else { call.answered(answer, moment(ended)) }
}

fn linearizable<M: Model>(model: &M, calls: &[Call<M::Op, M::Answer>]) -> bool {
    match Checker::new(model).check(calls) {
        Verdict::Linearizable { .. } => true,
        Verdict::Broken(_) => false,
        Verdict::Undecided(dead_end) => panic!("undecided{dead_end}"),
    }
}

mod of_a_register {
    use super::models::Register;
    use super::models::Word::{Done, Read, Swap, Value, Write};
    use super::{call, linearizable};

    #[test]
    fn what_was_written_is_read_and_nothing_older() {
        let written = |read, began| {
            let calls = [
                call(Write(1), Done(true), 1, 2),
                call(Write(2), Done(true), 3, 6),
                call(Read, Value(read), began, 8),
            ];
            linearizable(&Register, &calls)
        };
        // After the second write has ended it is read; while it goes on, either may be.
        assert!(written(2, 7) && written(2, 5) && written(1, 5));
        assert!(!written(1, 7), "a stale read");
        assert!(!written(0, 5) && !written(3, 5), "a value that was never there");
        // Two who read one after the other do not go back.
        let two = |first, second| {
            let calls = [
                call(Write(1), Done(true), 1, 10),
                call(Read, Value(first), 2, 3),
                call(Read, Value(second), 4, 5),
            ];
            linearizable(&Register, &calls)
        };
        assert!(two(0, 0) && two(0, 1) && two(1, 1));
        assert!(!two(1, 0), "a read that went back");
    }

    #[test]
    fn of_the_same_tick_either_may_be_first() {
        let calls = [call(Write(1), Done(true), 1, 2), call(Read, Value(0), 2, 3)];
        assert!(linearizable(&Register, &calls));
    }

    #[test]
    fn a_swap_happens_once() {
        let swaps = |first, second, read| {
            let calls = [
                call(Swap(0, 1), Done(first), 1, 4),
                call(Swap(0, 2), Done(second), 2, 3),
                call(Read, Value(read), 5, 6),
            ];
            linearizable(&Register, &calls)
        };
        assert!(swaps(true, false, 1) && swaps(false, true, 2));
        assert!(!swaps(true, true, 1) && !swaps(true, true, 2), "a lost update");
        assert!(!swaps(false, false, 0) && !swaps(true, false, 2));
    }

    #[test]
    fn what_got_no_answer_happened_once_or_never() {
        let reads = |reads: &[u8]| {
            let mut calls = vec![call(Write(1), Done(true), 1, 2), call(Write(2), Done(true), 3, 0)];
            let tick = |number: usize| 10 + 2 * number as u64;
            calls.extend(
                reads.iter().enumerate().map(|(n, read)| call(Read, Value(*read), tick(n), tick(n) + 1)),
            );
            linearizable(&Register, &calls)
        };
        assert!(reads(&[]) && reads(&[1, 1]) && reads(&[2, 2]) && reads(&[1, 2]));
        assert!(!reads(&[2, 1]) && !reads(&[0]));
        // The second write may be used up in vain, first of all; then there is a way to the same that keeps it.
        let calls = [
            call(Write(1), Done(true), 1, 0),
            call(Write(2), Done(true), 5, 0),
            call(Read, Value(1), 1, 5),
            call(Read, Value(2), 6, 7),
        ];
        assert!(linearizable(&Register, &calls));
        // It did not happen before it began.
        let early = [call(Read, Value(2), 1, 2), call(Write(2), Done(true), 3, 0)];
        assert!(!linearizable(&Register, &early));
    }
}

#[test]
fn a_doubled_effect_is_seen() {
    let next = |answer, began, ended| call(Told::Next, answer, began, ended);
    assert!(linearizable(&Counter, &[next(1, 1, 4), next(2, 2, 3)]));
    assert!(linearizable(&Counter, &[next(2, 1, 4), next(1, 2, 3)]));
    assert!(!linearizable(&Counter, &[next(1, 1, 4), next(1, 2, 3)]), "a lost update");
    assert!(!linearizable(&Counter, &[next(2, 1, 2), next(1, 3, 4)]), "out of order");
    assert!(!linearizable(&Counter, &[next(1, 1, 2), next(3, 3, 4)]), "a doubled effect");
    // The one without an answer explains the gap, once.
    assert!(linearizable(&Counter, &[next(1, 1, 2), next(0, 1, 0), next(3, 3, 4)]));
    assert!(linearizable(&Counter, &[next(1, 1, 2), next(0, 1, 0), next(2, 3, 4)]));
    assert!(!linearizable(&Counter, &[next(1, 1, 2), next(0, 1, 0), next(4, 3, 4)]));
    assert!(!linearizable(&Counter, &[next(1, 1, 2), next(3, 3, 4), next(0, 5, 0)]), "it had not begun");
}

#[test]
fn a_limit_that_is_overrun_is_seen() {
    use models::Deed::{Join, Leave, Size};
    let seats = Seats { limit: 1 };
    let both = |first, second| {
        let calls = [call(Join(1), first, 1, 4), call(Join(2), second, 2, 3), call(Size, 1, 5, 6)];
        linearizable(&seats, &calls)
    };
    assert!(both(1, 0) && both(0, 1));
    assert!(!both(1, 1), "over the limit");
    assert!(!both(0, 0), "refused while there was room");
    // A seat is free again when its member leaves, even if nobody knows whether it has.
    for ended in [0, 4] {
        let calls = [call(Join(1), 1, 1, 2), call(Leave(1), 1, 3, ended), call(Join(2), 1, 5, 6)];
        assert!(linearizable(&seats, &calls));
    }
    let calls = [call(Join(1), 1, 1, 2), call(Leave(1), 1, 7, 0), call(Join(2), 1, 5, 6)];
    assert!(!linearizable(&seats, &calls));
}

#[test]
fn what_real_threads_do_under_a_lock_is_explained() {
    use models::Deed::{Join, Leave, Size};
    let (trace, state) = (Trace::new(), Mutex::new(BTreeSet::new()));
    let seats = Seats { limit: 3 };
    thread::scope(|scope| {
        for caller in 0..8_u8 {
            let (trace, state, limit) = (trace.clone(), &state, seats.limit);
            scope.spawn(move || {
                for round in 0..200 {
                    let op = [Join(caller), Size, Leave(caller), Join(caller)][round % 4];
                    let pending = trace.ask(caller.into(), op);
                    thread::yield_now();
                    let answer = models::act(&mut state.lock().unwrap(), limit, op);
                    thread::yield_now();
                    pending.answered(answer);
                }
            });
        }
    });
    let calls = trace.calls();
    assert_eq!(calls.len(), 1600);
    Checker::new(&seats).check(&calls).assert_linearizable("of threads there is no seed");
    // With one answer changed it is another story.
    let mut wrong = calls;
    let last = wrong.iter_mut().rev().find(|call| matches!(call.op, Join(_)));
    let (_, answer) = last.unwrap().end.as_mut().unwrap();
    *answer = 9;
    assert!(matches!(Checker::new(&seats).check(&wrong), Verdict::Broken(_)));
}

#[test]
fn parts_are_checked_by_themselves() {
    use models::Deed::{Join, Size};
    let rooms = Rooms(Seats { limit: 1 });
    let of_room = |room: char, op, answer, began, ended| call((room, op), answer, began, ended);
    let mut calls = vec![
        of_room('a', Join(1), 1, 1, 6),
        of_room('b', Join(2), 1, 2, 5),
        of_room('b', Join(3), 0, 3, 4),
        of_room('a', Size, 1, 7, 8),
    ];
    let each = |calls: &[_]| Checker::new(&rooms).check_each(calls, |(room, _)| *room);
    assert!(each(&calls).is_linearizable());
    // As if they were one, they are not: the model has seats for one.
    assert!(!Checker::new(&rooms).check(&calls).is_linearizable());
    calls.push(of_room('b', Size, 2, 9, 10));
    let Verdict::Broken(dead_end) = each(&calls) else { panic!("two in a room for one") };
    assert_eq!((dead_end.part.as_deref(), dead_end.explained, dead_end.answers), (Some("'b'"), 2, 3));
}

#[test]
fn a_counterexample_can_be_read() {
    let next = |answer, began, ended| call(Told::Next, answer, began, ended);
    let mut calls: Vec<_> = (1..=20).map(|n| next(n, 2 * n, 2 * n + 1)).collect();
    calls.extend([next(0, 50, 0), next(23, 51, 60), next(19, 52, 61), next(24, 90, 91)]);
    let verdict = Checker::new(&Counter).check(&calls);
    let told = std::panic::catch_unwind(|| verdict.assert_linearizable("seed 5")).unwrap_err();
    let told = told.downcast::<String>().unwrap();
    let (head, stuck) = told.split_once("and leads to").unwrap();
    assert!(head.starts_with("not linearizable: 20 of 23 answers explained at best, in "), "{told}");
    assert!(head.contains("\n  … 8 calls\n      18-19     7: Next -> 9\n"), "{told}");
    let expected = "
  20
where one of these would have to come next:
      51-60     7: Next -> 23
      52-61     7: Next -> 19
      50-       7: Next -> no answer
seed 5";
    assert_eq!(stuck, expected, "{told}");
}

#[test]
fn what_is_not_finished_is_not_called_right() {
    let next = |answer, began, ended| call(Told::Next, answer, began, ended);
    let calls: Vec<_> = (1..=9).map(|n| next(n, n, 100 + n)).collect();
    let check = |steps| Checker::new(&Counter).steps(steps).check(&calls);
    assert!(matches!(check(9), Verdict::Undecided(_)) && !check(5).is_linearizable());
    let Verdict::Undecided(dead_end) = check(5) else { panic!("decided in 5 steps") };
    assert_eq!((dead_end.explained, dead_end.steps), (5, 5));
    assert!(check(100).is_linearizable());
}

#[test]
fn errors_are_noted_by_what_they_say_of_the_call() {
    let trace = Trace::new();
    trace.ask(0, Told::Next).answered(1);
    trace.ask(1, Told::Next).failed(&Error::not_executed("away"));
    trace.ask(2, Told::Next).failed(&Error::Full);
    trace.ask(3, Told::Next).failed(&Error::ambiguous("cut off"));
    drop(trace.ask(4, Told::Next));
    let under_way = trace.ask(5, Told::Next);
    let calls = trace.calls();
    let noted: Vec<_> = calls.iter().map(|call| (call.caller(), call.answer().copied())).collect();
    assert_eq!(noted, [(0, Some(1)), (3, None), (4, None), (5, None)]);
    under_way.answered(4);
    let calls = trace.clone().calls();
    assert_eq!(calls[3].answer(), Some(&4));
    Checker::new(&Counter).check(&calls).assert_linearizable("two of the lost have happened");
    // What began later has a later tick, what ended before has an earlier one.
    let ticks: Vec<_> =
        calls.iter().map(|call| (call.began().tick, call.ended().map(|end| end.tick))).collect();
    assert_eq!(ticks, [(1, Some(2)), (5, None), (6, None), (7, Some(8))]);
}

#[tokio::test(start_paused = true)]
async fn times_are_those_of_a_paused_clock() {
    let trace = Trace::new();
    tokio::time::advance(std::time::Duration::from_secs(5)).await;
    let pending = trace.ask(0, Told::Next);
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    pending.answered(1);
    let calls = trace.calls();
    let seconds = (calls[0].began().at.as_secs(), calls[0].ended().unwrap().at.as_secs());
    assert_eq!(seconds, (5, 7));
}
