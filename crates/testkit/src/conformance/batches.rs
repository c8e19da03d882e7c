//! Batches: independent ops, in one call.

use bytes::Bytes;
use roomkey_core::{End, ErrorKind, Life, Op, Reply, Store as _, Ttl, Until};

use super::values::one_of_each_kind;
use super::*;

pub async fn an_empty_batch_is_empty<F: Fixture>(t: &Harness<F>) {
    assert!(t.store().run(Batch::default()).await.unwrap().is_empty());
}

pub async fn replies_come_in_the_order_of_the_ops<F: Fixture>(t: &Harness<F>) {
    let ops = (0..200).map(|i| Op::put(&spread(i), Bytes::from(i.to_string()), Life::Never));
    assert!(t.batch(ops).await.into_iter().all(|reply| reply == Ok(Reply::Written)));
    // Backwards, over two hundred partitions, with other kinds of ops in between.
    let order: Vec<u16> = (0..200).rev().collect();
    let reads = order
        .iter()
        .flat_map(|&i| [Op::get(&spread(i)), Op::add(&spread(i), 1, Life::Keep), Op::ttl(&spread(i))]);
    let replies = t.batch(reads).await;
    for (replies, i) in replies.chunks(3).zip(order) {
        assert_eq!(replies[0], Ok(Reply::Bytes(Some(Bytes::from(i.to_string())))));
        assert_eq!(replies[1], Ok(Reply::Number(i64::from(i) + 1)));
        assert_eq!(replies[2], Ok(Reply::Ttl(Ttl::Never)));
    }
}

pub async fn ops_of_one_partition_run_in_order<F: Fixture>(t: &Harness<F>) {
    let mut ops = Vec::new();
    for i in 0..100 {
        let text = Bytes::from(i.to_string());
        ops.extend([Op::get(&value(1)), Op::put(&value(1), text.clone(), Life::Never)]);
        ops.extend([Op::push(&list(2), End::Back, text, Life::Never), Op::range(&list(2), -1, -1)]);
    }
    for (i, replies) in t.batch(ops).await.chunks(4).enumerate() {
        let text = |i: usize| Bytes::from(i.to_string());
        assert_eq!(replies[0], Ok(Reply::Bytes(i.checked_sub(1).map(text))));
        assert_eq!(replies[2], Ok(Reply::Number(i64::try_from(i).unwrap() + 1)));
        assert_eq!(replies[3], Ok(Reply::Items(vec![text(i)])));
    }
}

pub async fn one_failure_stops_no_other_op<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    let replies = t
        .batch([
            Op::put(&value(6), bytes("before"), Life::Never),
            Op::get(&value(2)),
            Op::add(&value(1), 1, Life::Never),
            Op::map_put(&map(3), "f", "v", Life::AtLeast(Until::In(LONG))),
            Op::get(&value(6)),
            Op::delete(&value(2)),
        ])
        .await;
    let expected = [
        Ok(Reply::Written),
        Err(ErrorKind::WrongType),
        Err(ErrorKind::NotANumber),
        Err(ErrorKind::WrongType),
        Ok(Reply::Bytes(Some(bytes("before")))),
        Ok(Reply::Flag(true)),
    ];
    assert_eq!(replies, expected);
    assert_eq!(t.ttl(&map(3)).await, Ttl::Never, "what fails leaves nothing behind");
}

pub async fn a_batch_may_be_large<F: Fixture>(t: &Harness<F>) {
    let value = Bytes::from(vec![b'x'; 100]);
    let puts = (0..10_000).map(|i| Op::put(&spread(i), value.clone(), Life::Never));
    assert!(t.batch(puts).await.into_iter().all(|reply| reply == Ok(Reply::Written)));
    let gets = t.batch((0..10_000).map(|i| Op::get(&spread(i)))).await;
    assert!(gets.into_iter().all(|reply| reply == Ok(Reply::Bytes(Some(value.clone())))));
}

pub async fn many_callers_get_their_own_replies<F: Fixture>(t: &Harness<F>) {
    let mut running = Vec::new();
    for caller in 0..64u16 {
        let store = t.store().clone();
        running.push(tokio::spawn(async move {
            let own = Bytes::from(caller.to_string());
            for _ in 0..20 {
                let ops = [
                    Op::put(&spread(caller), own.clone(), Life::Never),
                    Op::get(&spread(caller)),
                    Op::get(&spread(5_000)),
                ];
                let replies = store.run(Batch::new(ops).unwrap()).await.unwrap();
                assert_eq!(replies[1].as_ref().unwrap(), &Reply::Bytes(Some(own.clone())));
                assert_eq!(replies[2].as_ref().unwrap(), &Reply::Bytes(None));
            }
        }));
    }
    for caller in running {
        caller.await.unwrap();
    }
}

pub async fn a_dropped_call_disturbs_nobody<F: Fixture>(t: &Harness<F>) {
    for i in 0..200u16 {
        let abandoned = t.store().run(Batch::one(Op::get(&spread(i))).unwrap());
        // Polled once, then dropped: it may have been sent, and its reply may be on its way.
        let _ = tokio::time::timeout(Duration::ZERO, abandoned).await;
        let own = Bytes::from(i.to_string());
        let replies = t.batch([Op::put(&spread(i), own.clone(), Life::Never), Op::get(&spread(i))]).await;
        assert_eq!(replies, [Ok(Reply::Written), Ok(Reply::Bytes(Some(own)))]);
    }
}

/// A value in the partition of this number.
fn spread(number: u16) -> Key {
    key_in(number, Kind::Value, 1)
}
