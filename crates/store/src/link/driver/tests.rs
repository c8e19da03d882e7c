//! A driver against a server that is played by the test.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use metrics::Histogram;
use redis::{Cmd, Pipeline, Value};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex,
};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::Instant;

use crate::link::{Lost, Wire};
use crate::packed::Packed;

/// A wire, what the server sees of it, and the task of its driver.
fn wire(gathers: bool, buffer: usize) -> (Wire, DuplexStream, JoinHandle<()>) {
    let (ours, theirs) = duplex(buffer);
    let (wire, driver) = Wire::new(ours, gathers, Histogram::noop());
    (wire, theirs, tokio::spawn(driver))
}

fn get(key: &str) -> Cmd {
    redis::cmd("GET").arg(key).clone()
}

/// Starts a call, so that its command is in the outbox, and gives its answer later.
fn call(wire: &Wire, command: Cmd) -> JoinHandle<Result<Value, Lost>> {
    let wire = wire.clone();
    tokio::spawn(async move { wire.send(&Packed::from(&command), None).await })
}

async fn expect(server: &mut DuplexStream, bytes: &str) {
    let mut seen = vec![0; bytes.len()];
    server.read_exact(&mut seen).await.unwrap();
    assert_eq!(String::from_utf8(seen).unwrap(), bytes);
}

fn text(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

const GET_A: &str = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
const GET_B: &str = "*2\r\n$3\r\nGET\r\n$1\r\nb\r\n";
const MGET_AB: &str = "*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n";

#[tokio::test]
async fn reads_that_wait_together_leave_as_one_and_behind_the_commands() {
    let (wire, mut server, _driver) = wire(true, 1024);
    let calls = [call(&wire, get("a")), call(&wire, redis::cmd("PING")), call(&wire, get("b"))];
    expect(&mut server, &format!("*1\r\n$4\r\nPING\r\n{MGET_AB}")).await;
    // Each is answered as soon as its part is there.
    server.write_all(b"+PONG\r\n*2\r\n$1\r\nx\r\n$1\r").await.unwrap();
    let [a, ping, b] = calls;
    assert_eq!(ping.await.unwrap().unwrap(), Value::SimpleString("PONG".into()));
    assert_eq!(a.await.unwrap().unwrap(), text("x"));
    server.write_all(b"\ny\r\n").await.unwrap();
    assert_eq!(b.await.unwrap().unwrap(), text("y"));
}

#[tokio::test]
async fn what_an_mget_does_not_give_is_asked_for_alone() {
    let (wire, mut server, _driver) = wire(true, 1024);
    let [a, b] = [call(&wire, get("a")), call(&wire, get("b"))];
    expect(&mut server, MGET_AB).await;
    server.write_all(b"*2\r\n$1\r\nx\r\n$-1\r\n").await.unwrap();
    expect(&mut server, GET_B).await;
    server.write_all(b"-WRONGTYPE it is a list\r\n").await.unwrap();
    assert_eq!(a.await.unwrap().unwrap(), text("x"));
    assert!(matches!(b.await.unwrap().unwrap(), Value::ServerError(error) if error.code() == "WRONGTYPE"));
}

#[tokio::test]
async fn where_one_may_not_read_the_others_do() {
    let (wire, mut server, _driver) = wire(true, 1024);
    let [a, b] = [call(&wire, get("a")), call(&wire, get("b"))];
    expect(&mut server, MGET_AB).await;
    server.write_all(b"-NOPERM no permissions to access a key\r\n").await.unwrap();
    expect(&mut server, &format!("{GET_A}{GET_B}")).await;
    server.write_all(b"-NOPERM no permissions to access a key\r\n$1\r\ny\r\n").await.unwrap();
    assert!(matches!(a.await.unwrap().unwrap(), Value::ServerError(error) if error.code() == "NOPERM"));
    assert_eq!(b.await.unwrap().unwrap(), text("y"));
    // For a while they go one by one.
    let _calls = [call(&wire, get("a")), call(&wire, get("b"))];
    expect(&mut server, &format!("{GET_A}{GET_B}")).await;
}

#[tokio::test]
async fn in_a_cluster_nothing_is_gathered() {
    let (wire, mut server, _driver) = wire(false, 1024);
    let calls = [call(&wire, get("a")), call(&wire, get("b"))];
    expect(&mut server, &format!("{GET_A}{GET_B}")).await;
    server.write_all(b"$1\r\nx\r\n$-1\r\n").await.unwrap();
    let [a, b] = calls;
    assert_eq!(a.await.unwrap().unwrap(), text("x"));
    assert_eq!(b.await.unwrap().unwrap(), Value::Nil);
}

#[tokio::test]
async fn a_unit_stays_together() {
    let (wire, mut server, _driver) = wire(true, 1024);
    let unit = {
        let wire = wire.clone();
        tokio::spawn(async move {
            let mut unit = Pipeline::new();
            unit.add_command(redis::cmd("ASKING")).add_command(get("a"));
            wire.send_all(&unit).await
        })
    };
    let b = call(&wire, get("b"));
    expect(&mut server, &format!("*1\r\n$6\r\nASKING\r\n{GET_A}{GET_B}")).await;
    server.write_all(b"+OK\r\n$1\r\nx\r\n$1\r\ny\r\n").await.unwrap();
    assert_eq!(unit.await.unwrap().unwrap(), [Value::Okay, text("x")]);
    assert_eq!(b.await.unwrap().unwrap(), text("y"));
    assert_eq!(wire.send_all(&Pipeline::new()).await.unwrap(), []);
}

#[tokio::test]
async fn a_unit_of_nothing_but_reads_leaves_as_one() {
    let (wire, mut server, _driver) = wire(true, 1024);
    let mut unit = Pipeline::new();
    unit.add_command(get("a")).add_command(get("b"));
    let unit = tokio::spawn(async move { wire.send_all(&unit).await });
    expect(&mut server, MGET_AB).await;
    server.write_all(b"*2\r\n$-1\r\n$1\r\ny\r\n").await.unwrap();
    expect(&mut server, GET_A).await;
    server.write_all(b"$-1\r\n").await.unwrap();
    assert_eq!(unit.await.unwrap().unwrap(), [Value::Nil, text("y")]);
}

#[tokio::test]
async fn what_is_given_up_before_it_leaves_is_taken_out() {
    // So narrow that the first command blocks the way.
    let (wire, mut server, _driver) = wire(true, 8);
    let first = call(&wire, get("a"));
    for _ in 0..10 {
        yield_now().await;
    }
    let given_up = [call(&wire, redis::cmd("FLUSHALL")), call(&wire, get("c"))];
    let kept = [call(&wire, redis::cmd("PING")), call(&wire, get("b"))];
    for _ in 0..10 {
        yield_now().await;
    }
    given_up.iter().for_each(JoinHandle::abort);
    expect(&mut server, &format!("{GET_A}*1\r\n$4\r\nPING\r\n{GET_B}")).await;
    server.write_all(b"$1\r\nx\r\n+").await.unwrap();
    assert_eq!(first.await.unwrap().unwrap(), text("x"));
    server.write_all(b"OK\r\n$1\r").await.unwrap();
    server.write_all(b"\ny\r\n").await.unwrap();
    let [ping, b] = kept;
    assert_eq!(ping.await.unwrap().unwrap(), Value::Okay);
    assert_eq!(b.await.unwrap().unwrap(), text("y"));
}

#[tokio::test]
async fn at_the_end_everybody_is_told_what_is_known() {
    let (wire, mut server, driver) = wire(true, 24);
    let sent = call(&wire, get("a"));
    for _ in 0..10 {
        yield_now().await;
    }
    // It leaves only in part, so the server can not run it; the next has no place at all.
    let cut = call(&wire, redis::cmd("INCR").arg("counter").clone());
    for _ in 0..10 {
        yield_now().await;
    }
    let waiting = [call(&wire, get("b")), call(&wire, redis::cmd("PING"))];
    for _ in 0..10 {
        yield_now().await;
    }
    let mut seen = [0; 8];
    server.read_exact(&mut seen).await.unwrap();
    drop(server);
    assert!(matches!(sent.await.unwrap(), Err(Lost::Broken(_))));
    assert!(matches!(cut.await.unwrap(), Err(Lost::Unsent)));
    for waiting in waiting {
        assert!(matches!(waiting.await.unwrap(), Err(Lost::Unsent)));
    }
    driver.await.unwrap();
    assert!(matches!(wire.send(&Packed::from(&get("a")), None).await, Err(Lost::Unsent)));
}

#[tokio::test]
async fn answers_that_came_before_the_end_count() {
    let (wire, mut server, _driver) = wire(true, 1024);
    let [a, b] = [call(&wire, get("a")), call(&wire, get("b"))];
    expect(&mut server, MGET_AB).await;
    server.write_all(b"*2\r\n$1\r\nx\r\n$1\r\n").await.unwrap();
    drop(server);
    assert_eq!(a.await.unwrap().unwrap(), text("x"));
    assert!(matches!(b.await.unwrap(), Err(Lost::Broken(_))));
}

#[tokio::test]
async fn a_driver_that_is_dropped_tells_everybody() {
    let (ours, _theirs) = duplex(1024);
    let (wire, driver) = Wire::new(ours, true, Histogram::noop());
    let ping = Packed::new("PING", 0, 0);
    let (mut waiting, mut never) = (pin!(wire.send(&ping, None)), pin!(wire.send(&ping, None)));
    {
        let mut driver = pin!(driver);
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("nobody answers"),
            () = &mut driver => panic!("nothing has ended"),
            () = yield_now() => {}
        }
        tokio::select! {
            biased;
            _ = &mut never => panic!("nobody answers"),
            () = yield_now() => {}
        }
    }
    assert!(matches!(waiting.await, Err(Lost::Broken(_))));
    assert!(matches!(never.await, Err(Lost::Unsent)));
}

#[tokio::test]
async fn what_is_no_reply_ends_the_connection_and_says_why() {
    for (reply, why) in [
        (&b"HTTP/1.1 400 Bad Request\r\n"[..], "no type"),
        (b"$9999999999\r\n", "larger"),
        // Two answers to one question: whose would the second be?
        (b"*3\r\n$1\r\nx\r\n$1\r\ny\r\n$1\r\nz\r\n", "not asked"),
    ] {
        let (wire, mut server, driver) = wire(true, 1024);
        let [a, _b] = [call(&wire, get("a")), call(&wire, get("b"))];
        expect(&mut server, MGET_AB).await;
        server.write_all(reply).await.unwrap();
        let Err(Lost::Broken(error)) = a.await.unwrap() else { panic!("{why}") };
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains(why), "{error}");
        driver.await.unwrap();
    }
    let (wire, mut server, driver) = wire(true, 1024);
    let a = call(&wire, get("a"));
    expect(&mut server, GET_A).await;
    server.write_all(b"$1\r\nx\r\n$1\r\ny\r\n").await.unwrap();
    assert_eq!(a.await.unwrap().unwrap(), text("x"));
    driver.await.unwrap();
}

/// What a server says before it is asked, as when it is full, is for the first who asks.
#[tokio::test]
async fn a_refusal_that_comes_unasked_is_told_to_the_first() {
    let (wire, mut server, _driver) = wire(true, 1024);
    server.write_all(b"-ERR max number of clients reached\r\n").await.unwrap();
    for _ in 0..10 {
        yield_now().await;
    }
    let answer = wire.send(&Packed::new("PING", 0, 0), None).await.unwrap();
    assert!(matches!(answer, Value::ServerError(error) if error.code() == "ERR"));
}

#[tokio::test]
async fn replies_larger_than_any_buffer_come_whole() {
    let (wire, mut server, _driver) = wire(true, 1000);
    let large = vec![0xa7; 3 * 1024 * 1024];
    let [a, b] = [call(&wire, get("a")), call(&wire, get("b"))];
    expect(&mut server, MGET_AB).await;
    server.write_all(format!("*2\r\n${}\r\n", large.len()).as_bytes()).await.unwrap();
    server.write_all(&large).await.unwrap();
    server.write_all(b"\r\n$1\r\ny\r\n").await.unwrap();
    assert_eq!(a.await.unwrap().unwrap(), Value::BulkString(large.clone()));
    assert_eq!(b.await.unwrap().unwrap(), text("y"));
    let put = call(&wire, redis::cmd("SET").arg("a").arg(&large).clone());
    let mut seen = vec![0; large.len() + 32];
    server.read_exact(&mut seen).await.unwrap();
    server.write_all(b"+OK\r\n").await.unwrap();
    assert_eq!(put.await.unwrap().unwrap(), Value::Okay);
}

#[tokio::test]
async fn more_than_may_stand_in_one_command_leave_as_several() {
    let (wire, mut server, _driver) = wire(true, 1 << 20);
    let calls: Vec<_> = (100..900).map(|key| call(&wire, get(&key.to_string()))).collect();
    let mut seen = String::new();
    let mut asked = 0;
    while asked < calls.len() {
        let mut buffer = vec![0; 1 << 16];
        let read = server.read(&mut buffer).await.unwrap();
        seen += str::from_utf8(&buffer[..read]).unwrap();
        asked = seen.matches("$3\r\n").count();
    }
    assert!(seen.matches("MGET").count() >= 4);
    let mut replies = String::new();
    for command in seen.split('*').skip(1) {
        let keys: Vec<_> = command.lines().skip(4).step_by(2).collect();
        replies += &format!("*{}\r\n", keys.len());
        keys.iter().for_each(|key| replies += &format!("$3\r\n{key}\r\n"));
    }
    server.write_all(replies.as_bytes()).await.unwrap();
    for (key, call) in (100..900).zip(calls) {
        assert_eq!(call.await.unwrap().unwrap(), text(&key.to_string()));
    }
}

/// What has left may have run, what has not never will.
#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_wait_for_an_answer() {
    let (wire, mut server, _driver) = wire(true, 24);
    let deadline = Instant::now() + Duration::from_millis(500);
    let until = |command: Cmd, deadline| {
        let wire = wire.clone();
        tokio::spawn(async move { wire.send(&Packed::from(&command), deadline).await })
    };
    let [patient, gone] = [until(get("a"), None), until(get("b"), Some(deadline))];
    for _ in 0..10 {
        yield_now().await;
    }
    let [blocked, read] = [until(redis::cmd("FLUSHALL"), Some(deadline)), until(get("c"), Some(deadline))];
    assert!(matches!(gone.await.unwrap(), Err(Lost::Overdue)));
    assert!(matches!(blocked.await.unwrap(), Err(Lost::NotInTime)));
    assert!(matches!(read.await.unwrap(), Err(Lost::NotInTime)));
    assert!(deadline.elapsed() <= super::TICK);
    // The answer that comes late after all is nobody's, and the others get theirs.
    expect(&mut server, MGET_AB).await;
    server.write_all(b"*2\r\n$1\r\nx\r\n$1\r\ny\r\n").await.unwrap();
    assert_eq!(patient.await.unwrap().unwrap(), text("x"));
    let ping = call(&wire, redis::cmd("PING"));
    expect(&mut server, "*1\r\n$4\r\nPING\r\n").await;
    server.write_all(b"+PONG\r\n").await.unwrap();
    ping.await.unwrap().unwrap();
}

/// A frozen server takes no more bytes at some point; who gives up then leaves nothing behind.
#[tokio::test]
async fn a_blocked_connection_still_ends_for_all() {
    let (wire, server, driver) = wire(true, 64);
    let calls: Vec<_> = (0..50).map(|_| call(&wire, redis::cmd("PING"))).collect();
    tokio::time::timeout(Duration::from_millis(20), async { std::future::pending::<()>().await })
        .await
        .unwrap_err();
    drop(server);
    for call in calls {
        assert!(call.await.unwrap().is_err());
    }
    driver.await.unwrap();
}

/// A server may refuse a command that it has not read to the end, and read no more.
#[tokio::test(start_paused = true)]
async fn a_deadline_holds_behind_what_was_refused_before_it_had_left() {
    let (wire, mut server, _driver) = wire(true, 64);
    let refused = call(&wire, redis::cmd("SET").arg("a").arg(&[0_u8; 1024][..]).clone());
    yield_now().await;
    server.write_all(b"-ERR Protocol error: invalid bulk length\r\n").await.unwrap();
    assert!(matches!(refused.await.unwrap().unwrap(), Value::ServerError(_)));
    let deadline = Instant::now() + Duration::from_millis(500);
    let behind = wire.send(&Packed::new("PING", 0, 0), Some(deadline)).await;
    assert!(matches!(behind, Err(Lost::NotInTime)));
}

/// Sends what it is given and fails then, as TLS does when the first of several records has left and the next does not.
struct Torn(DuplexStream);

impl AsyncWrite for Torn {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.0).poll_write(cx, bytes);
        sent.map_ok(|_| ()).map(|sent| sent.and_then(|()| Err(io::ErrorKind::ConnectionReset.into())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl AsyncRead for Torn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

#[tokio::test]
async fn what_a_failed_write_may_have_sent_may_have_run() {
    let (ours, mut server) = duplex(1024);
    let (wire, driver) = Wire::new(Torn(ours), true, Histogram::noop());
    let count = call(&wire, redis::cmd("INCR").arg("counter").clone());
    tokio::spawn(driver);
    expect(&mut server, "*2\r\n$4\r\nINCR\r\n$7\r\ncounter\r\n").await;
    assert!(matches!(count.await.unwrap(), Err(Lost::Broken(_))));
}
