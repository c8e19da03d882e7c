//! A server, a proxy before it, a store, and callers at work: what most faults begin with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use roomkey_core::{Batch, Key, Kind, Life, Namespace, Op, Partition, Reply, Result, Store};
use roomkey_store::{RedisConfig, RedisConfigBuilder, RedisStore};
use roomkey_testkit::history::{History, Load, Report, Running};
use roomkey_testkit::server::ServerOptions;
use roomkey_testkit::{FaultProxy, RedisServer};

use crate::ear::{self, MARK, PASSWORD};
use crate::table::Row;

/// Long enough for whatever a test does to the server, on a loaded machine: what may be repeated has to succeed.
pub(crate) const PATIENT: Duration = Duration::from_secs(20);

/// The deadline of calls that are to run into it.
pub(crate) const HASTY: Duration = Duration::from_millis(300);

/// What the issue grants a call over its deadline. On top comes how late the timers of the test itself were.
pub(crate) const GRACE: Duration = Duration::from_millis(100);

/// Options for a server that asks for the planted password.
pub(crate) fn server() -> ServerOptions {
    ear::listen();
    RedisServer::options().password(PASSWORD)
}

/// A server that survives its process: what it has acknowledged is in the append-only file, if not on the disk.
pub(crate) fn durable() -> ServerOptions {
    server().config("appendonly", "yes").config("appendfsync", "no")
}

/// A configuration for the server behind this port.
pub(crate) fn config(port: u16) -> RedisConfigBuilder {
    RedisConfig::builder().host("127.0.0.1").port(port).password(PASSWORD)
}

/// A store, with all that it shows listened to.
pub(crate) async fn connect(config: RedisConfigBuilder) -> RedisStore {
    open(config.build().unwrap()).await
}

/// The same by address.
pub(crate) async fn connect_to(url: &str) -> RedisStore {
    open(RedisConfig::from_url(url).unwrap()).await
}

async fn open(config: RedisConfig) -> RedisStore {
    ear::overhear(&format!("{config:?}"));
    let store = RedisStore::connect(config).await.unwrap();
    ear::overhear(&format!("{store:?}"));
    store
}

/// Callers over a store on a server of its own, with a proxy in between.
pub(crate) struct Scene {
    pub(crate) server: Arc<RedisServer>,
    pub(crate) proxy: FaultProxy,
    pub(crate) store: RedisStore,
    pub(crate) running: Running,
    /// The writes that were sent before the callers began.
    greeting: u64,
    watch: Watch,
}

impl Scene {
    /// Sends the callers off, each with this deadline for a call.
    pub(crate) async fn start(options: ServerOptions, deadline: Duration) -> Self {
        Self::with(options, |config| config.password(PASSWORD).timeout(deadline)).await
    }

    /// The same with a configuration of one's own, the login included.
    pub(crate) async fn with(
        options: ServerOptions,
        configure: impl FnOnce(RedisConfigBuilder) -> RedisConfigBuilder,
    ) -> Self {
        let server = Arc::new(options.start());
        let proxy = FaultProxy::before(server.port());
        let store = connect(configure(RedisConfig::builder().host("127.0.0.1").port(proxy.port()))).await;
        let greeting = sent_writes(&proxy);
        let running = load().start(&store, |error| ear::heard(error));
        let watch = Watch::start(&running, {
            let server = Arc::clone(&server);
            move |key| members(&server, key)
        });
        running.until_acknowledged(100).await;
        Self { server, proxy, store, running, greeting, watch }
    }

    pub(crate) fn history(&self) -> &History {
        self.running.history()
    }

    /// Runs something that blocks, such as a restart, without holding up the callers.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&RedisServer) -> T) -> T {
        tokio::task::block_in_place(|| act(&self.server))
    }

    /// Notes the end of a fault, and lets the callers go on for a while.
    pub(crate) async fn heal(&self) {
        self.history().healed();
        self.running.until_acknowledged(200).await;
    }

    /// Stops the callers, checks, adds the row, and asserts that nothing happened twice or was shown.
    pub(crate) async fn finish(self, fault: &str, what: &str) -> (Report, Duration) {
        self.watch.stop();
        let Self { server, proxy, running, greeting, .. } = self;
        let (report, late) = running.finish(|_, command| server.command(command)).await;
        let retried =
            (sent_writes(&proxy) - greeting).saturating_sub(u64::try_from(report.plain_writes).unwrap());
        Row { fault, what, report: &report, retried: Some(retried) }.add();
        report.assert_nothing_impossible();
        assert!(report.acknowledged > 0);
        ear::assert_discreet();
        (report, late)
    }
}

/// What the callers of the matrix do.
pub(crate) fn load() -> Load {
    let mut load = Load::default();
    load.mark = MARK;
    load
}

/// The plain writes of the load that were sent, the same one perhaps more than once. Scripts do not count: they also go again
/// by their source, and at the memory limit in place of a plain write.
fn sent_writes(proxy: &FaultProxy) -> u64 {
    let commands = proxy.commands();
    ["SET", "INCRBY", "RPUSH", "HSET", "ZREM"].iter().filter_map(|name| commands.get(*name)).sum()
}

/// Asserts that no call took longer than it may, with what the machine itself was late.
pub(crate) fn assert_in_time(slowest: Duration, deadline: Duration, late: Duration) {
    let most = deadline + GRACE + late * 2;
    assert!(
        slowest <= most,
        "a call took {slowest:?}; {deadline:?} and {GRACE:?} were allowed, timers were {late:?} late"
    );
}

/// Looks at the rankings all the time, past the store: there are never too many members.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Watch {
    pub(crate) fn start(
        running: &Running,
        mut members: impl FnMut(&Key) -> Option<i64> + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (history, load) = (running.history().clone(), running.load().clone());
        let thread = thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                for key in load.rankings().collect::<Vec<_>>().iter().cycle() {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    if let Some(members) = members(key) {
                        history.saw_members(members, load.limit);
                    }
                    thread::sleep(Duration::from_millis(5));
                }
            }
        });
        Self { stop, thread }
    }

    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

/// How many members a ranking has, if the server says so.
pub(crate) fn members(server: &RedisServer, key: &Key) -> Option<i64> {
    server.try_command(&[b"ZCARD", &key.bytes()[..]]).ok().map(|count| count.int())
}

/// A key with the mark in it.
pub(crate) fn key(kind: Kind, partition: u16, tag: u8) -> Key {
    let namespace = Namespace::new("test", "v1", MARK).unwrap();
    Key::new(kind, &namespace, Partition::from_slot(partition).unwrap(), [tag; 16])
}

/// A value with the mark in it.
pub(crate) fn payload() -> Bytes {
    Bytes::from_static(MARK.as_bytes())
}

/// The reply of one op; what it fails with is listened to.
pub(crate) async fn reply(store: &impl Store, op: Op) -> Result<Reply> {
    let reply = match store.run(Batch::one(op)?).await {
        Ok(mut replies) => replies.remove(0),
        Err(error) => Err(error),
    };
    reply.inspect_err(|error| ear::heard(error))
}

pub(crate) async fn put(store: &impl Store, key: &Key) -> Result<Reply> {
    reply(store, Op::put(key, payload(), Life::Never)).await
}

pub(crate) async fn get(store: &impl Store, key: &Key) -> Result<Option<Bytes>> {
    reply(store, Op::get(key)).await.map(Reply::into_bytes)
}

pub(crate) async fn add(store: &impl Store, key: &Key) -> Result<i64> {
    reply(store, Op::add(key, 1, Life::Keep)).await.map(|reply| reply.number().unwrap())
}

/// Tries until it succeeds; a test that waits here in vain is a failed one.
pub(crate) async fn until_works(store: &impl Store, key: &Key) -> Duration {
    let began = Instant::now();
    while put(store, key).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(60), "the store does not come back");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    began.elapsed()
}
