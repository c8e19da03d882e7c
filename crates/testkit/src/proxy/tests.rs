//! The proxy before a server that echoes what it is asked.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::{Door, FaultProxy, Pace, Spoil, Way, frame};

/// Answers every `ECHO x` with `x`.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            thread::spawn(move || {
                let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
                while let Ok(read @ 1..) = client.read(&mut buffer) {
                    seen.extend_from_slice(&buffer[..read]);
                    while let Some(length) = frame::length(&seen).unwrap() {
                        let request: Vec<u8> = seen.drain(..length).collect();
                        let word = frame::payloads(&request)[1].clone();
                        let reply = bulk(&request[word]);
                        if client.write_all(&reply).is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    port
}

fn bulk(text: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat()
}

fn echo(text: &str) -> Vec<u8> {
    [b"*2\r\n$4\r\nECHO\r\n".to_vec(), bulk(text.as_bytes())].concat()
}

struct Client(TcpStream);

impl Client {
    fn of(proxy: &FaultProxy) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(stream)
    }

    fn send(&mut self, text: &str) {
        self.0.write_all(&echo(text)).unwrap();
    }

    /// So many bytes, fewer only at the end of the connection.
    fn read(&mut self, bytes: usize) -> Vec<u8> {
        let mut read = vec![0; bytes];
        let mut at = 0;
        while at < bytes {
            match self.0.read(&mut read[at..]) {
                Ok(more @ 1..) => at += more,
                Ok(_) => break,
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                    break;
                }
            }
        }
        read.truncate(at);
        read
    }

    fn is_answered(&mut self, text: &str) {
        self.send(text);
        assert_eq!(self.read(bulk(text.as_bytes()).len()), bulk(text.as_bytes()));
    }

    /// Nothing has come, and nothing comes within a moment.
    fn hears_nothing(&mut self) {
        self.0.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let error = self.0.read(&mut [0; 1]).unwrap_err();
        assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
        self.0.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    }
}

#[test]
fn bytes_pass_at_any_pace() {
    let proxy = FaultProxy::before(server());
    let mut client = Client::of(&proxy);
    client.is_answered("plain");
    for way in [Way::ToServer, Way::ToClient] {
        proxy.pace(way, Pace::chopped(1));
        client.is_answered("chopped");
        proxy.pace(way, Pace::delayed(Duration::from_millis(2), Duration::from_millis(5)));
        client.is_answered("delayed");
        proxy.pace(way, Pace::narrow(100_000));
        client.is_answered(&"narrow".repeat(500));
    }
    assert_eq!(proxy.commands()["ECHO"], 7);
    assert_eq!((proxy.connections(), proxy.open_connections()), (1, 1));
}

#[test]
fn a_lost_reply_was_asked_for_and_the_connection_ends() {
    let proxy = FaultProxy::before(server());
    let mut client = Client::of(&proxy);
    proxy.spoil("OTHER", 1, Spoil::Lose);
    client.is_answered("one");
    proxy.spoil("echo", 1, Spoil::Lose);
    client.send("two");
    assert_eq!(client.read(1), b"");
    assert_eq!((proxy.commands()["ECHO"], proxy.unspoiled()), (2, 1));
    Client::of(&proxy).is_answered("three");
}

#[test]
fn a_reply_is_cut_midway_or_where_one_says() {
    let proxy = FaultProxy::before(server());
    proxy.spoil("*", 1, Spoil::CutMidway);
    let mut client = Client::of(&proxy);
    client.send("0123456789");
    assert_eq!(client.read(100), &bulk(b"0123456789")[..8]);
    proxy.cut_after(Way::ToClient, 7);
    let mut client = Client::of(&proxy);
    client.send("0123456789");
    assert_eq!(client.read(100), &bulk(b"0123456789")[..7]);
    Client::of(&proxy).is_answered("whole");
}

#[test]
fn replies_are_swapped_corrupted_and_invented() {
    let proxy = FaultProxy::before(server());
    let mut client = Client::of(&proxy);
    proxy.spoil("*", 1, Spoil::Swap);
    client.send("first");
    client.send("second");
    let both = [bulk(b"second"), bulk(b"first")].concat();
    assert_eq!(client.read(both.len()), both);
    proxy.spoil("*", 1, Spoil::Corrupt);
    client.send("healthy");
    let corrupt = client.read(bulk(b"healthy").len());
    let differing = corrupt.iter().zip(bulk(b"healthy")).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
    assert_eq!(differing, 1);
    proxy.spoil("*", 1, Spoil::Stray(b"+STRAY\r\n".to_vec()));
    client.send("late");
    assert_eq!(client.read(18), b"+STRAY\r\n$4\r\nlate\r\n");
    proxy.spoil("*", 1, Spoil::Replace(b"$-1\r\n".to_vec()));
    client.send("gone");
    assert_eq!(client.read(5), b"$-1\r\n");
    proxy.spoil("*", 1, Spoil::Endless(b"*9\r\n".to_vec(), b":1\r\n".to_vec()));
    client.send("endless");
    assert_eq!(client.read(100_000).len(), 100_000);
}

#[test]
fn two_payloads_of_one_reply_change_places_with_their_lengths() {
    let mut state = super::state::Shared::new(0, 1);
    let proxy = &mut state;
    proxy.change(|state| {
        state.rules.push(super::Rule { command: None, left: 1, spoil: Spoil::Swap });
    });
    let reply = b"*3\r\n$1\r\na\r\n$-1\r\n$3\r\nbcd\r\n".to_vec();
    let out = super::spoil::Spoiler::default().reply("MGET", reply, &mut proxy.state());
    assert_eq!(out, [super::spoil::Out::Bytes(b"*3\r\n$3\r\nbcd\r\n$-1\r\n$1\r\na\r\n".to_vec())]);
}

#[test]
fn what_is_held_arrives_late_and_others_pass() {
    let proxy = FaultProxy::before(server());
    let mut held = Client::of(&proxy);
    held.is_answered("before");
    proxy.hold();
    held.send("held");
    held.hears_nothing();
    Client::of(&proxy).is_answered("new");
    assert_eq!(proxy.commands()["ECHO"], 3);
    proxy.release();
    assert_eq!(held.read(10), b"$4\r\nheld\r\n");
    proxy.hold_way(Way::ToServer);
    held.send("left behind");
    drop(held);
    proxy.release();
}

#[test]
fn doors_refuse_hang_up_and_say_nothing() {
    let proxy = FaultProxy::before(server());
    let mut open = Client::of(&proxy);
    open.is_answered("taken");
    proxy.door(Door::Refuse);
    while TcpStream::connect(("127.0.0.1", proxy.port())).is_ok() {}
    open.is_answered("still here");
    proxy.door(Door::HangUp);
    let mut hung_up = loop {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", proxy.port())) {
            break Client(stream);
        }
    };
    assert_eq!(hung_up.read(1), b"");
    proxy.door(Door::Silent);
    let mut silent = Client::of(&proxy);
    silent.send("hello?");
    silent.hears_nothing();
    proxy.heal();
    proxy.cut();
    assert_eq!((open.read(1), silent.read(1)), (vec![], vec![]));
    proxy.lead_to(server());
    Client::of(&proxy).is_answered("elsewhere");
}

#[test]
fn what_is_no_resp_is_passed_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = FaultProxy::before(listener.local_addr().unwrap().port());
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(&[0x16, 3, 1, 0, 5]).unwrap();
    let mut hello = [0; 5];
    server.read_exact(&mut hello).unwrap();
    assert_eq!(hello, [0x16, 3, 1, 0, 5]);
    drop(server);
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
}
