//! The embedded store, against a hash map behind one lock.
//!
//! The peer is what somebody would write who needs no store: no expiry, no transactions, no capacity. Its ratio shows
//! what those cost; the target is a rate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    Batch, BranchId, Check, Key, Kind, Life, Namespace, Op, Spread, Store as _, TxnBuilder, Until,
};
use roomkey_memory::MemoryStore;
use tokio::runtime::Handle;

use super::Setting;
use crate::Result;
use crate::comparison::{Comparison, Contender, Target};
use crate::drive::{Work, on_threads};

/// Keys per thread. Threads share a store but no keys, so that each knows what it wrote.
const KEYS: u64 = 1_024;
const VALUE: Bytes = Bytes::from_static(&[0x5a; 256]);
const HOUR: Life = Life::AtLeast(Until::In(Duration::from_secs(3_600)));
const TARGET: Target = Target::Rate(1e6);

pub(crate) fn comparisons(setting: &Setting) -> Result<Vec<Comparison>> {
    let store = setting.runtime.block_on(async { MemoryStore::new() });
    let map = Locked::default();
    let mut comparisons = Vec::new();
    for load in [Load::Get, Load::Put, Load::Checked] {
        for threads in [1, 2] {
            let ours = contender("roomkey", &setting.runtime, store.clone(), load, threads)?;
            let peer = contender("one locked HashMap", &setting.runtime, map.clone(), load, threads)?;
            comparisons.push(
                Comparison::new(load.name(), threads, ours)
                    .peer(peer, Some(TARGET))
                    .control(matches!(load, Load::Get)),
            );
        }
    }
    Ok(comparisons)
}

#[derive(Clone, Copy)]
enum Load {
    Get,
    Put,
    /// Adds one to a counter while it stays in a range.
    Checked,
}

impl Load {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "memory/get 256 B",
            Self::Put => "memory/put 256 B",
            Self::Checked => "memory/checked add",
        }
    }
}

/// What both sides can do.
trait Holds: Clone + Send + 'static {
    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<Bytes>>> + Send;
    fn put(&self, key: &Key, value: Bytes) -> impl Future<Output = Result> + Send;
    /// The number after adding one, or `None` if it would leave 1 to 10^12.
    fn checked_add(&self, key: &Key) -> impl Future<Output = Result<Option<i64>>> + Send;
}

const HIGHEST: i64 = 1_000_000_000_000;

fn contender<H: Holds>(
    name: &'static str,
    runtime: &Handle,
    holds: H,
    load: Load,
    threads: usize,
) -> Result<Contender> {
    let namespace = Namespace::new("bench", "v1", load.name().split(['/', ' ']).nth(1).unwrap_or("load"))?;
    let key = |number: u64| {
        let tag = super::tag(number);
        Key::new(Kind::Value, &namespace, Spread::over(16_384).partition(tag), tag)
    };
    let keys = |thread: u64| (0..KEYS).map(|n| key(thread * KEYS + n)).collect::<Arc<[Key]>>();
    let keys: Vec<_> = (0..threads as u64).map(keys).collect();
    let start = match load {
        Load::Checked => Bytes::from_static(b"0"),
        Load::Get | Load::Put => VALUE,
    };
    let runtime = runtime.clone();
    Ok(Contender::new(name, move |time| {
        runtime.block_on(async {
            for key in keys.iter().flat_map(|keys| keys.iter()) {
                holds.put(key, start.clone()).await?;
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        })?;
        let works = keys.iter().map(|keys| Thread { holds: holds.clone(), load, keys: keys.clone() });
        let rate = on_threads(&runtime, time, works.collect())?;
        let held = runtime.block_on(holds.get(&keys[0][0]))?;
        match load {
            Load::Get | Load::Put if held != Some(VALUE) => Err("what is held is not what was put".into()),
            _ => Ok(rate),
        }
    }))
}

struct Thread<H> {
    holds: H,
    load: Load,
    keys: Arc<[Key]>,
}

impl<H: Holds> Work for Thread<H> {
    async fn step(&mut self, n: u64) -> Result {
        let key = &self.keys[(n % KEYS) as usize];
        match self.load {
            Load::Get => match self.holds.get(key).await? {
                Some(value) if value == VALUE => Ok(()),
                _ => Err("what was got is not what was put".into()),
            },
            Load::Put => self.holds.put(key, VALUE).await,
            Load::Checked => {
                let wanted = (n / KEYS + 1).cast_signed();
                let number = self.holds.checked_add(key).await?;
                if number == Some(wanted) { Ok(()) } else { Err(format!("{number:?}, not {wanted}").into()) }
            }
        }
    }
}

/// Programs and batches are built for every call, as real callers do.
impl Holds for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        let mut replies = self.run(Batch::one(Op::get(key))?).await?;
        Ok(replies.pop().ok_or("a batch of one has one reply")??.into_bytes())
    }

    async fn put(&self, key: &Key, value: Bytes) -> Result {
        let mut replies = self.run(Batch::one(Op::put(key, value, HOUR))?).await?;
        replies.pop().ok_or("a batch of one has one reply")??;
        Ok(())
    }

    async fn checked_add(&self, key: &Key) -> Result<Option<i64>> {
        let mut program = TxnBuilder::new("bench.checked_add");
        let (fits, _) = program.fork(BranchId::ROOT, [Check::number(key, 1, 1..=HIGHEST)]);
        let sum = program.op(fits, Op::add(key, 1, HOUR));
        let outcome = self.transact(&program.build()?).await?;
        Ok(outcome.reply(sum).and_then(|reply| reply.number()))
    }
}

#[derive(Clone, Debug, Default)]
struct Locked(Arc<Mutex<HashMap<Bytes, Bytes>>>);

impl Locked {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<Bytes, Bytes>) -> T) -> T {
        // No write leaves the map half-changed, and a panic ends the run anyway.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Holds for Locked {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        Ok(self.with(|map| map.get(key.bytes()).cloned()))
    }

    async fn put(&self, key: &Key, value: Bytes) -> Result {
        self.with(|map| map.insert(key.bytes().clone(), value));
        Ok(())
    }

    async fn checked_add(&self, key: &Key) -> Result<Option<i64>> {
        self.with(|map| {
            let number = match map.get(key.bytes()) {
                Some(text) => str::from_utf8(text)?.parse::<i64>()?,
                None => 0,
            };
            let sum = number.checked_add(1).filter(|sum| (1..=HIGHEST).contains(sum));
            if let Some(sum) = sum {
                map.insert(key.bytes().clone(), Bytes::from(sum.to_string()));
            }
            Ok(sum)
        })
    }
}
