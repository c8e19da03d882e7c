//! Random programs: sums and indexes stay exact, a failed program changes nothing, a transaction of one op is that op.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use roomkey_core::{
    Append, Args, Bound, End, Key, Kind, Life, Limit, LogId, Only, Op, Order, RankPut, Score, StoreTime,
    Until,
};

use crate::MemoryStore;
use crate::clock::Clock;
use crate::reaper::Reaper;
use crate::store::Inner;
use crate::testing::{all, key, ms, one};

/// The same three names under every kind, so that programs often meet a wrong type.
fn named(kind: Kind) -> impl Strategy<Value = Key> {
    (0u8..3).prop_map(move |n| key(kind, n))
}

fn text() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        3 => "[a-d]{0,2}".prop_map(Bytes::from),
        1 => prop_oneof![Just("0"), Just("-7"), Just("01"), Just("9223372036854775807")].prop_map(Bytes::from),
    ]
}

fn args() -> impl Strategy<Value = Args> {
    vec(text(), 0..4).prop_map(Args::from)
}

fn life() -> impl Strategy<Value = Life> {
    let until = prop_oneof![
        4 => (1u64..3_000).prop_map(ms),
        1 => Just(Until::At(StoreTime::from_millis(1))),
    ];
    prop_oneof![
        2 => Just(Life::Keep),
        1 => Just(Life::Never),
        2 => until.clone().prop_map(Life::Set),
        2 => until.prop_map(Life::AtLeast),
    ]
}

fn rank_put() -> impl Strategy<Value = RankPut> {
    let score = prop_oneof![
        (1u64..3_000).prop_map(|millis| Score::After(ms(millis))),
        (-5i64..5).prop_map(Score::Is),
        Just(Score::Last),
    ];
    let only = prop_oneof![Just(Only::Any), Just(Only::New), Just(Only::NotLive), Just(Only::Live)];
    let within = prop_oneof![
        2 => Just(None),
        1 => (0i64..4).prop_map(|limit| Some(Limit::Given(limit))),
        1 => (named(Kind::Map), text()).prop_map(|(key, field)| Some(Limit::Stored { key, field, or: 2 })),
    ];
    (named(Kind::Ranking), args(), score, only, within, life()).prop_map(
        |(key, members, score, only, within, life)| {
            let put = RankPut::new(&key, members, score).only(only).life(life);
            match within {
                Some(limit) => put.within(limit),
                None => put,
            }
        },
    )
}

fn op() -> impl Strategy<Value = Op> {
    let of_any_kind =
        || prop_oneof![named(Kind::Value), named(Kind::Map), named(Kind::List), named(Kind::Ranking)];
    let end = || prop_oneof![Just(End::Front), Just(End::Back)];
    prop_oneof![
        of_any_kind().prop_map(|key| Op::ttl(&key)),
        (of_any_kind(), life()).prop_map(|(key, life)| Op::expire(&key, life)),
        of_any_kind().prop_map(|key| Op::delete(&key)),
        named(Kind::Value).prop_map(|key| Op::get(&key)),
        (named(Kind::Value), args(), life()).prop_map(|(key, value, life)| Op::put(&key, value, life)),
        named(Kind::Value).prop_map(|key| Op::take(&key)),
        (named(Kind::Value), any::<i64>(), life()).prop_map(|(key, by, life)| Op::add(&key, by, life)),
        (named(Kind::Map), args(), args(), life())
            .prop_map(|(key, fields, values, life)| Op::map_put(&key, fields, values, life)),
        (named(Kind::Map), args()).prop_map(|(key, fields)| Op::map_remove(&key, fields)),
        (named(Kind::List), end(), args(), life())
            .prop_map(|(key, end, values, life)| Op::push(&key, end, values, life)),
        (named(Kind::List), end(), 1u32..4).prop_map(|(key, end, count)| Op::pop(&key, end, count)),
        rank_put().prop_map(Op::from),
        (named(Kind::Ranking), args()).prop_map(|(key, members)| Op::rank_remove(&key, members)),
        (named(Kind::Ranking), 1u32..4).prop_map(|(key, limit)| Op::rank_take(&key, limit)),
        named(Kind::Ranking).prop_map(|key| Op::rank_range(&key, Bound::Open, Bound::Now, Order::Lowest, 10)),
        (named(Kind::Log), args(), 1u32..4, life()).prop_map(|(key, value, keep, life)| Append::new(
            &key, keep
        )
        .field("k", value)
        .life(life)
        .into()),
        named(Kind::Log).prop_map(|key| Op::log_range(&key, LogId::MIN, LogId::MAX, Order::Highest, 2)),
    ]
}

#[derive(Clone, Debug)]
enum Act {
    Run(Op),
    /// Run as a transaction, where the builder takes it.
    Transact(Vec<Op>),
    Advance(u64),
    Capacity(Option<u64>),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => op().prop_map(Act::Run),
        4 => vec(op(), 1..5).prop_map(Act::Transact),
        2 => (1u64..2_000).prop_map(Act::Advance),
        1 => prop_oneof![Just(None), (0u64..3_000).prop_map(Some)].prop_map(Act::Capacity),
    ]
}

/// Stores that are made at the same moment, so that they give the same ids to the entries of logs.
fn store() -> MemoryStore {
    MemoryStore { inner: Arc::new(Inner::new(Clock::starting_at(1_000_000), Reaper::new(true))) }
}

/// Runs a test on a clock that stands still.
fn paused<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(test)
}

proptest! {
    #[test]
    fn sums_and_indexes_stay_exact_and_a_failed_program_changes_nothing(acts in vec(act(), 1..80)) {
        paused(async {
            let store = MemoryStore::new();
            for act in acts {
                let before = store.inner.contents();
                let failed = match act {
                    Act::Run(op) => one(&store, op).await.is_err(),
                    Act::Transact(ops) => all(&store, ops).await.is_err(),
                    Act::Advance(millis) => {
                        tokio::time::sleep(Duration::from_millis(millis)).await;
                        false
                    }
                    Act::Capacity(capacity) => {
                        store.set_capacity(capacity);
                        false
                    }
                };
                store.inner.assert_consistent();
                if failed {
                    assert_eq!(store.inner.contents(), before);
                }
            }
        });
    }

    #[test]
    fn an_op_of_a_batch_is_a_transaction_of_one_op(acts in vec(op(), 1..60)) {
        paused(async {
            let (batched, alone, beside) = (store(), store(), store());
            let other = key(Kind::Value, 200);
            for op in acts {
                let expected = one(&batched, op.clone()).await;
                let got = all(&alone, [op.clone()]).await.map(|mut replies| replies.remove(0));
                // Two ops take the way through validation.
                let validated = all(&beside, [Op::get(&other), op]).await.map(|mut replies| replies.remove(1));
                for got in [got, validated] {
                    match (&expected, got) {
                        (Ok(expected), Ok(got)) => assert_eq!(expected, &got),
                        (Err(expected), Err(got)) => assert_eq!(expected.kind(), got.kind()),
                        (expected, got) => panic!("{expected:?} and {got:?}"),
                    }
                }
            }
            assert_eq!(batched.inner.contents(), alone.inner.contents());
            assert_eq!(batched.inner.contents(), beside.inner.contents());
        });
    }
}
