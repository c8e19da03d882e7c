//! Workers come, talk, die and are succeeded; and a race that is lost without atomicity is seen to be lost.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::{Crew, Job, Worker};

mod races;

/// Connects to the test that listens, for it to see the end of this process, however it comes.
fn cling(job: &Job) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", job.setting("port").parse().unwrap())).unwrap();
    job.say("ready");
    stream
}

/// Waits for a worker's connection.
fn accept(listener: &TcpListener) -> TcpStream {
    let patience = Duration::from_secs(30);
    let end = Instant::now() + patience;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(patience)).unwrap();
                return stream;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
        assert!(Instant::now() < end, "no worker connects");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until the process behind a connection is gone.
fn assert_ends(mut stream: TcpStream) {
    match stream.read(&mut [0]) {
        Ok(length) => assert_eq!(length, 0, "nobody writes to it"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "the worker lives on"),
    }
}

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn message(panicked: thread::Result<()>) -> String {
    *panicked.unwrap_err().downcast::<String>().unwrap()
}

fn echo(mut job: Job) {
    job.say(format_args!("ready {}", job.setting("name")));
    loop {
        match job.hear().as_str() {
            "end" => return,
            "panic" => {
                // It would say so on the standard error of the tests, among those that failed.
                std::panic::set_hook(Box::new(|_| {}));
                panic!("as it was told")
            }
            line => job.say(format_args!("heard {line}")),
        }
    }
}

#[test]
fn a_worker_hears_and_answers_until_its_work_is_done() {
    let crew = Crew::of(a_worker_hears_and_answers_until_its_work_is_done, echo);
    let mut workers: Vec<Worker> = (0..4).map(|name| crew.start(&[("name", &name)])).collect();
    for (name, worker) in workers.iter_mut().enumerate() {
        assert_eq!(worker.expect("ready"), name.to_string());
    }
    for worker in &mut workers {
        worker.send("one  line = \"quoted\" ü");
        worker.send("");
        assert_eq!(worker.hear(), "heard one  line = \"quoted\" ü");
    }
    for mut worker in workers {
        worker.send("end");
        assert_eq!(worker.finish(), ["heard "]);
    }
}

#[test]
fn a_task_hears_too_and_loses_nothing_by_giving_up() {
    let crew = Crew::of(a_task_hears_too_and_loses_nothing_by_giving_up, |mut job| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            assert_eq!(job.try_hear(), None);
            assert!(tokio::time::timeout(Duration::from_millis(1), job.next()).await.is_err());
            job.say("ready");
            assert_eq!(job.next().await, "first");
            let second = loop {
                match job.try_hear() {
                    Some(line) => break line,
                    None => tokio::task::yield_now().await,
                }
            };
            job.say(second);
        });
    });
    let mut worker = crew.start(&[]);
    worker.expect("ready");
    worker.send("first");
    worker.send("second");
    assert_eq!(worker.finish(), ["second"]);
}

#[test]
fn all_that_was_said_before_a_kill_arrives_and_half_a_line_does_not() {
    let crew = Crew::of(all_that_was_said_before_a_kill_arrives_and_half_a_line_does_not, |mut job| {
        for number in 0..10_000 {
            job.say(number);
        }
        job.test.get_mut().unwrap().write_all(b"half a li").unwrap();
        TcpStream::connect(("127.0.0.1", job.setting("port").parse().unwrap())).unwrap();
        job.hear();
    });
    let (listener, port) = listen();
    let worker = crew.start(&[("port", &port)]);
    accept(&listener);
    let expected: Vec<String> = (0..10_000).map(|number: u32| number.to_string()).collect();
    assert_eq!(worker.kill(), expected);
}

#[test]
fn a_paused_worker_answers_once_it_goes_on() {
    let crew = Crew::of(a_paused_worker_answers_once_it_goes_on, echo);
    let mut worker = crew.start(&[("name", &"sleeper")]);
    worker.expect("ready");
    worker.pause();
    worker.send("are you there");
    assert!(worker.heard().is_empty());
    worker.resume();
    assert_eq!(worker.expect("heard"), "are you there");
    worker.pause();
    worker.send("never");
    assert!(worker.kill().is_empty());
}

#[test]
fn workers_end_with_a_panicking_test() {
    let crew = Crew::of(workers_end_with_a_panicking_test, |mut job| {
        let _held = cling(&job);
        job.hear();
    });
    let (listener, port) = listen();
    let mut streams = Vec::new();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut workers: Vec<Worker> = (0..3).map(|_| crew.start(&[("port", &port)])).collect();
        streams.extend(workers.iter().map(|_| accept(&listener)));
        workers[0].pause();
        workers[1].expect("other");
    }));
    let message = message(panicked);
    assert!(message.contains(r#"was expected to say "other", not "ready""#), "{message}");
    streams.into_iter().for_each(assert_ends);
}

/// A worker that has a worker itself, and is killed like a test that takes too long.
#[test]
fn workers_end_with_a_killed_test() {
    fn middle(mut job: Job) {
        match job.setting("rank").as_str() {
            // It neither hears nor says anything any more, so that only its socket can tell it.
            "last" => {
                let _held = cling(&job);
                loop {
                    thread::park();
                }
            }
            fate => {
                let crew = Crew::named("workers::tests::workers_end_with_a_killed_test");
                let mut worker = crew.start(&[("rank", &"last"), ("port", &job.setting("port"))]);
                worker.expect("ready");
                if fate == "pauses" {
                    worker.pause();
                }
                job.say("ready");
                job.hear();
            }
        }
    }
    let crew = Crew::of(workers_end_with_a_killed_test, middle);
    let (listener, port) = listen();
    for fate in ["runs", "pauses"] {
        let mut worker = crew.start(&[("rank", &fate), ("port", &port)]);
        let stream = accept(&listener);
        worker.expect("ready");
        worker.kill();
        assert_ends(stream);
    }
}

#[test]
fn a_worker_that_fails_is_told_of() {
    let crew = Crew::of(a_worker_that_fails_is_told_of, echo).patience(Duration::from_secs(20));
    let fails = |act: fn(Worker)| {
        let mut worker = crew.start(&[("name", &"failing")]);
        worker.expect("ready");
        message(catch_unwind(AssertUnwindSafe(|| act(worker))))
    };
    let told = fails(|mut worker| {
        worker.send("panic");
        worker.hear();
    });
    assert!(told.contains("has ended by itself, exit status: 101"), "{told}");
    let told = fails(|mut worker| {
        worker.send("panic");
        worker.finish();
    });
    assert!(told.contains("ended with exit status: 101"), "{told}");
    let told = fails(|mut worker| {
        worker.send("end");
        worker.hear();
    });
    assert!(told.contains("has ended by itself, exit status: 0"), "{told}");
    let told = fails(|mut worker| worker.send("two\nlines"));
    assert!(told.contains("more than one line"), "{told}");
}

#[test]
fn a_worker_without_its_test_is_told_of() {
    let mut worker = Crew::named("workers::tests::there_is_no_such_test").start(&[]);
    let told = message(catch_unwind(AssertUnwindSafe(|| drop(worker.hear()))));
    assert!(told.contains("exit status: 0"), "{told}");
    assert!(told.contains(r#"is there a test "workers::tests::there_is_no_such_test""#), "{told}");
}

#[test]
fn a_test_has_to_have_a_name() {
    let told = message(catch_unwind(|| drop(Crew::of(|| (), |_| ()))));
    assert!(told.contains("is not a test function"), "{told}");
    let pointer: fn() = a_test_has_to_have_a_name;
    assert!(catch_unwind(|| drop(Crew::of(pointer, |_| ()))).is_err());
}
