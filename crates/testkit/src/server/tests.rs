//! The harness against the real thing.

use std::net::TcpStream;
use std::panic;
use std::path::PathBuf;
use std::process::Command;

use super::{Binary, Connection, RedisServer, Restart};

mod tls;

/// Whether a process of this id exists and is more than a zombie's entry.
fn alive(pid: &str) -> bool {
    Command::new("sh").args(["-c", "kill -0 \"$1\" 2>/dev/null", "alive", pid]).status().unwrap().success()
}

#[test]
fn a_server_ends_with_its_handle() {
    let server = RedisServer::start();
    let (pid, dir) = (server.info("process_id"), server.dir().to_path_buf());
    assert!(alive(&pid) && dir.join("redis.conf").exists());
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_ok());

    drop(server);
    assert!(!alive(&pid) && !dir.exists());
}

#[test]
fn a_server_ends_with_a_panicking_test() {
    let seen = std::sync::Mutex::new(None);
    let panicked = panic::catch_unwind(|| {
        let server = RedisServer::start();
        *seen.lock().unwrap() = Some((server.info("process_id"), server.dir().to_path_buf()));
        panic!("the test failed");
    });
    assert!(panicked.is_err());
    let (pid, dir): (String, PathBuf) = seen.into_inner().unwrap().unwrap();
    assert!(!alive(&pid) && !dir.exists());
}

#[test]
fn many_servers_start_at_once() {
    let servers: Vec<RedisServer> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..8).map(|_| scope.spawn(RedisServer::start)).collect();
        starting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (i, server) in servers.iter().enumerate() {
        server.command(&["SET", "who", &i.to_string()]);
    }
    for (i, server) in servers.iter().enumerate() {
        assert_eq!(server.command(&["GET", "who"]).text(), i.to_string());
    }
}

#[test]
fn a_taken_port_is_noticed() {
    let mut server = RedisServer::start();
    let other = RedisServer::start();
    server.kill();
    server.port = other.port();
    server.inner_port = other.port();
    server.configure();
    assert!(!server.launch());
    server.open();
    assert_eq!(server.command(&["PING"]).text(), "PONG");
}

#[test]
fn a_wrong_configuration_is_told() {
    let started = panic::catch_unwind(|| RedisServer::options().config("no-such-directive", "yes").start());
    let message = *started.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("no-such-directive"), "{message}");
}

#[test]
fn every_kind_of_reply_is_read() {
    let server = RedisServer::start();
    assert_eq!(server.command(&["SET", "k", "v"]).text(), "OK");
    assert!(server.command(&["GET", "missing"]).is_nil());
    assert_eq!(server.command(&[b"RPUSH".as_slice(), b"list", b"\r\n\0", b""]).int(), 2);
    assert_eq!(server.command(&["LRANGE", "list", "0", "-1"]).items()[0].bytes(), b"\r\n\0");
    let error = server.try_command(&["GET", "list"]).unwrap_err();
    assert!(error.starts_with("WRONGTYPE"), "{error}");
    let nested = server.command(&["EVAL", "return {1, {'two', false}, redis.error_reply('ERR three')}", "0"]);
    assert_eq!(
        format!("{nested:?}"),
        r#"Array([Int(1), Array([Bytes([116, 119, 111]), Nil]), Error("ERR three")])"#
    );
}

#[test]
fn a_unix_socket_replaces_the_port() {
    let server = RedisServer::options().unix_socket().password("open-sesame").start();
    assert_eq!(server.port(), 0);
    assert_eq!(server.url(), format!("unix://{}?pass=open-sesame", server.socket().display()));
    assert_eq!(server.command(&["PING"]).text(), "PONG");
    assert_eq!(server.command(&["CONFIG", "GET", "port"]).items()[1].text(), "0");
}

#[test]
fn a_password_is_asked_for() {
    let server = RedisServer::options().password("open-sesame").start();
    assert_eq!(server.url(), format!("redis://:open-sesame@127.0.0.1:{}", server.port()));
    let error = Connection::open(&server.socket(), None).unwrap().call(&["PING"]).unwrap_err();
    assert!(error.starts_with("NOAUTH"), "{error}");
    assert!(Connection::open(&server.socket(), Some("wrong")).is_err());
}

#[test]
fn the_certificates_are_there() {
    let server = RedisServer::options().tls().start();
    assert_eq!(server.url(), format!("rediss://127.0.0.1:{}", server.port()));
    let tls = server.tls();
    for certificate in [&tls.ca, &tls.stranger_ca, &tls.server_certificate, &tls.client_certificate] {
        assert!(std::fs::read_to_string(certificate).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    }
    for key in [&tls.server_key, &tls.client_key] {
        assert!(std::fs::read_to_string(key).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
    }
}

#[test]
fn a_restart_keeps_or_loses_the_data() {
    let server = RedisServer::start();
    let port = server.port();
    server.command(&["SET", "k", "v"]);
    server.restart(Restart::KeepData);
    assert_eq!((server.port(), server.command(&["GET", "k"]).text()), (port, "v".to_owned()));
    server.kill();
    assert!(server.try_command(&["PING"]).is_err());
    server.restart(Restart::LoseData);
    assert!(server.command(&["GET", "k"]).is_nil());
    assert!(server.log().matches("Ready to accept connections").count() >= 3);
}

#[test]
fn a_paused_server_keeps_its_clients_waiting() {
    let server = RedisServer::start();
    server.pause();
    let mut connection = server.connect().unwrap();
    let waiting = std::thread::spawn(move || connection.call(&["PING"]).unwrap().text());
    assert!(!waiting.is_finished());
    server.resume();
    assert_eq!(waiting.join().unwrap(), "PONG");
}

#[test]
fn a_replica_copies_its_master() {
    let binary = Binary::find();
    let secret = RedisServer::options().password("open-sesame");
    let secure = secret.clone().tls();
    for (options, front) in [(secret, false), (secure.clone(), true), (secure, !binary.has_tls())] {
        let master = RedisServer::start_binary(binary.clone(), options.clone(), front);
        master.command(&["SET", "k", "v"]);
        let replica = RedisServer::start_binary(binary.clone(), options.replica_of(&master), front);
        replica.wait_for_master();
        assert_eq!(replica.command(&["GET", "k"]).text(), "v");
        let known = format!("ip=127.0.0.1,port={},state=online", replica.port());
        // The master learns of it a moment after the replica does.
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !master.info("slave0").starts_with(&known) {
            assert!(std::time::Instant::now() < end, "{}", master.info("slave0"));
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

#[test]
fn the_monitor_sees_what_runs_inside_scripts() {
    let server = RedisServer::start();
    let monitor = server.monitor();
    server.command(&["EVAL", "return redis.call('SET', KEYS[1], ARGV[1])", "1", "k", "sentinel"]);
    let lines = monitor.finish();
    assert!(
        lines.iter().any(|line| line.contains("lua") && line.contains("\"SET\" \"k\" \"sentinel\"")),
        "{lines:?}"
    );
}

#[test]
fn debug_is_permitted_when_asked_for() {
    let server = RedisServer::options().enable_debug().start();
    assert_eq!(server.command(&["DEBUG", "SET-ACTIVE-EXPIRE", "1"]).text(), "OK");
}
