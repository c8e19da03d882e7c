//! What answers at connect is not to be trusted: it says who serves what, who the master is, and who it is itself.

use std::time::Duration;

use roomkey_core::Kind;
use roomkey_store::{ConnectError, RedisConfigBuilder, RedisStore};
use roomkey_testkit::FaultProxy;
use roomkey_testkit::proxy::Spoil;
use tokio::time::Instant;

use super::lies::{lateness, resident};
use crate::ear::{self, MARK, PASSWORD};
use crate::scene::{HASTY, PATIENT, assert_in_time, config, connect, key, put, server};
use crate::table;

/// Whatever is answered to a question of connecting, it ends in time with a typed error, and memory stays bounded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f31_hostile_answers_at_connect() {
    // Every answer that it could not give itself comes from the proxy before it.
    let server = server().start();
    let proxy = FaultProxy::before(server.port());
    let port = proxy.port();
    let here = format!("127.0.0.1:{port}");
    let alone = || config(port);
    let cluster = || RedisConfigBuilder::default().password(PASSWORD).cluster([here.as_str()]);
    let watched = || {
        let watched = RedisConfigBuilder::default().password(PASSWORD).sentinel_password(PASSWORD);
        watched.sentinels([here.as_str()]).sentinel_master("main")
    };
    // While its rights are checked, the questions about a cluster are queued.
    let queued = (3, "+QUEUED\r\n".to_owned());
    let slots = format!("*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:{port}\r\n$4\r\nnode\r\n");
    let master = (u32::MAX, format!("*2\r\n$9\r\n127.0.0.1\r\n{}", bulk(&port.to_string())));
    let questions = [
        Question {
            asks: "INFO",
            make: &alone,
            before: None,
            truth: None,
            wrong: bulk("redis_version:7.0.15"),
        },
        Question {
            asks: "CLUSTER",
            make: &cluster,
            before: Some(("CLUSTER", queued)),
            truth: Some(slots),
            wrong: "*1\r\n*3\r\n:-1\r\n:9223372036854775807\r\n*1\r\n:0\r\n".to_owned(),
        },
        Question {
            asks: "SENTINEL",
            make: &watched,
            before: None,
            truth: Some(master.1.clone()),
            wrong: "*2\r\n$0\r\n\r\n$5\r\n99999\r\n".to_owned(),
        },
        Question {
            asks: "INFO",
            make: &watched,
            before: Some(("SENTINEL", master)),
            truth: None,
            wrong: bulk("redis_version:7.0.15\r\nrun_id:a\r\nrole:slave"),
        },
    ];
    let before = resident();
    let mut count = 0;
    for Question { asks, make, before, truth, wrong } in questions {
        let prepare = |answer: Option<Spoil>| {
            proxy.heal();
            if let Some((command, (times, answer))) = &before {
                proxy.spoil(command, *times, Spoil::Replace(answer.clone().into_bytes()));
            }
            if let Some(answer) = answer {
                proxy.spoil(asks, u32::MAX, answer);
            }
        };
        let truth = || truth.clone().map(|truth| Spoil::Replace(truth.into_bytes()));
        prepare(truth());
        put(&connect(make().timeout(PATIENT)).await, &key(Kind::Value, 1, 1)).await.unwrap();
        for (what, spoil) in hostile(&wrong) {
            prepare(Some(spoil));
            let config = make().connect_timeout(HASTY).build().unwrap();
            let (began, nap) = (Instant::now(), tokio::spawn(lateness()));
            let error = RedisStore::connect(config).await.expect_err(what);
            let took = began.elapsed();
            let late = if took > HASTY { nap.await.unwrap() } else { Duration::ZERO };
            eprintln!("{asks}, {what}: {took:?}, timers {late:?} late: {error:?}");
            ear::heard(&error);
            assert!(
                matches!(
                    error,
                    ConnectError::Unreachable { .. }
                        | ConnectError::TimedOut { .. }
                        | ConnectError::Refused { .. }
                        | ConnectError::NoMaster { .. }
                        | ConnectError::NotMaster { .. }
                ),
                "{what}: {error:?}"
            );
            assert_in_time(took, HASTY, late);
            count += 1;
        }
        prepare(truth());
        connect(make()).await;
    }
    let grown = resident().saturating_sub(before);
    // As for any reply: at most 512 MiB, and a buffer that grows holds twice that for a moment.
    assert!(grown < 1536 * 1024, "{grown} KiB more than before");
    let what = format!("{count} hostile answers at connect, {} MiB of memory more", grown / 1024);
    table::checked("F31", &what, count);
    ear::assert_discreet();
}

/// One thing that is asked at connect.
struct Question<'a> {
    asks: &'static str,
    make: &'a dyn Fn() -> RedisConfigBuilder,
    /// What is answered first, how often, and to what.
    before: Option<(&'static str, (u32, String))>,
    /// The answer with which it ends well, so that what makes it fail is the answer alone; none if the server gives it.
    truth: Option<String>,
    /// What looks like an answer and is none.
    wrong: String,
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// What no question is answered with, and what is only almost an answer to this one.
fn hostile(wrong: &str) -> [(&'static str, Spoil); 12] {
    [
        ("deep nesting", Spoil::Replace(b"*1\r\n".repeat(200_000))),
        ("a bulk of 10 GB", Spoil::Endless(b"$9999999999\r\n".to_vec(), vec![b'x'; 64 * 1024])),
        ("an array of 2^63", Spoil::Replace(b"*9223372036854775807\r\n".to_vec())),
        ("a map of 2^63", Spoil::Replace(b"%9223372036854775807\r\n".to_vec())),
        ("an endless array", Spoil::Endless(b"*1000000000\r\n".to_vec(), b":1\r\n".repeat(16 * 1024))),
        ("an endless line", Spoil::Endless(b"+".to_vec(), vec![b'x'; 64 * 1024])),
        ("a number", Spoil::Replace(b":1\r\n".to_vec())),
        ("arrays in arrays", Spoil::Replace(b"*2\r\n*1\r\n*1\r\n:1\r\n*2\r\n*0\r\n*-1\r\n".to_vec())),
        ("no RESP at all", Spoil::Replace(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())),
        ("nothing but zeros", Spoil::Replace(vec![0; 1_000])),
        ("an error with a payload in it", Spoil::Replace(format!("-ERR bad {MARK}\r\n").into_bytes())),
        ("what is only almost right", Spoil::Replace(wrong.as_bytes().to_vec())),
    ]
}
