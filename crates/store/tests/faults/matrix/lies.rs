//! What answers is not to be trusted.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Kind, Life, Op, Store};
use roomkey_store::RedisStore;
use roomkey_testkit::FaultProxy;
use roomkey_testkit::proxy::Spoil;
use roomkey_vault::{Expiry, Keyring, Vault};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::crash::long;
use crate::ear::{self, KEY, MARK};
use crate::scene::{
    HASTY, PATIENT, add, assert_in_time, config, connect, get, key, reply, server, until_works,
};
use crate::table;

/// Replies are changed, swapped and invented while many read sealed values: each gets its own or an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f21_sealed_values_are_right_or_refused() {
    const READERS: usize = 32;
    let server = server().start();
    let proxy = FaultProxy::before(server.port());
    let store = connect(config(proxy.port()).timeout(Duration::from_secs(1))).await;
    let vault = Vault::open(store.clone(), Keyring::from_key_bytes(KEY)).await.unwrap();
    for reader in 0..READERS {
        vault.set(name(reader), &value(reader), Expiry::Never).await.unwrap();
    }
    let spoils = [
        Spoil::Corrupt,
        Spoil::Swap,
        Spoil::Stray(b"$5\r\nstray\r\n".to_vec()),
        Spoil::Stray(b">2\r\n+invalidate\r\n*0\r\n".to_vec()),
        Spoil::Replace(b"$5\r\nother\r\n".to_vec()),
        Spoil::Replace(b"+OK\r\n".to_vec()),
    ];
    let (mut right, mut refused) = (0, 0);
    for round in 0..long(6, 60) {
        let spoil = &spoils[round % spoils.len()];
        proxy.spoil("*", 10, spoil.clone());
        let mut readers = JoinSet::new();
        for reader in 0..READERS {
            let vault = vault.clone();
            readers.spawn(async move {
                let (mut right, mut refused) = (0, 0);
                for _ in 0..20 {
                    match vault.get::<String>(name(reader)).await {
                        Ok(Some(read)) if read == value(reader) => right += 1,
                        // A reply that says "nothing" cannot be told from the truth.
                        Ok(None) => refused += 1,
                        Ok(Some(other)) => panic!("a wrong plaintext: {other}"),
                        Err(error) => {
                            ear::heard(&error);
                            refused += 1;
                        }
                    }
                }
                (right, refused)
            });
        }
        while let Some(reader) = readers.join_next().await {
            let (more_right, more_refused) = reader.unwrap();
            right += more_right;
            refused += more_refused;
        }
        proxy.heal();
        // Nothing stays shifted: what comes without having been asked for ends the connection.
        let began = Instant::now();
        for reader in 0..READERS {
            while vault.get::<String>(name(reader)).await.ok().flatten() != Some(value(reader)) {
                assert!(began.elapsed() < Duration::from_secs(20), "still shifted after {spoil:?}");
                sleep(Duration::from_millis(5)).await;
            }
        }
    }
    assert!(right > 0 && refused > 0, "{right} right, {refused} refused");
    let what = format!("replies corrupted, swapped, invented: {right} right, {refused} refused, none wrong");
    table::checked("F21", &what, right + refused);
    ear::assert_discreet();
}

fn name(reader: usize) -> String {
    format!("register {reader}")
}

fn value(reader: usize) -> String {
    format!("{MARK} of {reader}")
}

/// Whatever the server sends, calls end in time, memory stays bounded, and the next connection is used.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f31_hostile_server() {
    let server = server().start();
    let proxy = FaultProxy::before(server.port());
    let store = connect(config(proxy.port()).timeout(HASTY)).await;
    let value = key(Kind::Value, 1, 1);
    until_works(&store, &value).await;
    let before = resident();
    let replies: [(&str, Spoil); 12] = [
        ("deep nesting", Spoil::Replace(b"*1\r\n".repeat(200_000))),
        ("a bulk of 10 GB", Spoil::Endless(b"$9999999999\r\n".to_vec(), vec![b'x'; 64 * 1024])),
        ("a bulk beyond all numbers", Spoil::Replace(b"$99999999999999999999999\r\n".to_vec())),
        ("a negative bulk", Spoil::Replace(b"$-5\r\n".to_vec())),
        ("an array of 10^9", Spoil::Endless(b"*1000000000\r\n".to_vec(), b":1\r\n".repeat(16 * 1024))),
        ("an array of 2^63", Spoil::Replace(b"*9223372036854775807\r\n".to_vec())),
        ("an endless line", Spoil::Endless(b"+".to_vec(), vec![b'x'; 64 * 1024])),
        ("an array for a value", Spoil::Replace(b"*2\r\n:1\r\n:2\r\n".to_vec())),
        ("a number for a value", Spoil::Replace(b":1\r\n".to_vec())),
        ("no RESP at all", Spoil::Replace(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())),
        ("nothing but bytes", Spoil::Replace(vec![0; 1_000])),
        ("an error with the payload in it", Spoil::Replace(format!("-ERR bad {MARK}\r\n").into_bytes())),
    ];
    let count = replies.len();
    for (what, spoil) in replies {
        // Every time, since a read is tried again.
        proxy.spoil("GET", u32::MAX, spoil);
        let (began, nap) = (Instant::now(), tokio::spawn(lateness()));
        let answer = get(&store, &value).await;
        let (took, late) = (began.elapsed(), nap.await.unwrap());
        eprintln!("{what}: {took:?}, timers {late:?} late");
        assert!(answer.is_err(), "{what}: {answer:?}");
        assert_in_time(took, HASTY, late);
        proxy.heal();
        let back = until_works(&store.with_timeout(PATIENT), &value).await;
        assert!(get(&store.with_timeout(PATIENT), &value).await.unwrap().is_some(), "{what}");
        assert!(back < Duration::from_secs(10), "{what}: back only after {back:?}");
    }
    let grown = resident().saturating_sub(before);
    // The store takes at most 512 MiB for one reply, and a buffer that grows holds twice that for a moment.
    assert!(grown < 1536 * 1024, "{grown} KiB more than before");
    table::checked("F31", &format!("{count} hostile replies, {} MiB of memory more", grown / 1024), count);
    ear::assert_discreet();
}

/// How late a timer of this runtime was over the time of one call.
pub(super) async fn lateness() -> Duration {
    let began = Instant::now();
    sleep(HASTY).await;
    began.elapsed().saturating_sub(HASTY)
}

/// The most memory that this process ever had, in KiB; 0 where the system does not tell.
pub(super) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

/// Payloads, members and counters are in no error and no log line, whatever the server says about them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f21_errors_repeat_nothing_that_the_server_says() {
    let server = server().start();
    let proxy = FaultProxy::before(server.port());
    let store = connect(config(proxy.port()).timeout(HASTY)).await;
    let value = key(Kind::Value, 1, 1);
    let mut calls = 0;
    for text in [
        format!("-ERR {MARK}\r\n"),
        format!("-{MARK} x\r\n"),
        format!("+{MARK}\r\n"),
        format!("-WRONGTYPE {MARK}\r\n"),
    ] {
        proxy.spoil("*", 3, Spoil::Replace(text.into_bytes()));
        calls += shows(&store, &value).await;
        proxy.heal();
        until_works(&store.with_timeout(PATIENT), &value).await;
    }
    table::checked("F21", "errors of the server that repeat a payload: shown nowhere", calls);
    ear::assert_discreet();
}

async fn shows(store: &RedisStore, value: &roomkey_core::Key) -> usize {
    let payload = Bytes::from_static(MARK.as_bytes());
    // Each is listened to by whoever made it.
    let _ = get(store, value).await;
    let _ = reply(store, Op::put(value, payload, Life::Never)).await;
    let _ = add(store, value).await;
    match store.health().await {
        Ok(health) => ear::overhear(&format!("{health:?}")),
        Err(error) => ear::heard(&error),
    }
    4
}
