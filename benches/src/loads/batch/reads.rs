//! Three reads of one partition in one call, against one `GET` and against a pipeline of the same commands.
//!
//! It is what the check of a token asks its store, with nothing sealed and nothing decided: what the store itself adds.

use std::sync::Arc;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use roomkey_core::{Batch, Bound, Key, Kind, Namespace, Op, Order, Reply, Spread, Store};
use roomkey_store::RedisStore;

use crate::Result;
use crate::comparison::{Comparison, Contender, Target};
use crate::drive::{Work, on_tasks};
use crate::loads::{Setting, peers, tag};

const TASKS: [usize; 3] = [1, 64, 256];
const PLACES: usize = 4_096;
/// Of the value; the members of the ranking and the field of the map are a keyed hash cut short.
const SIZE: usize = 256;
const SHORT: usize = 8;
/// What the check of a token is to reach, with all that it does besides.
const TARGET: Target = Target::Ratio(0.4);

pub(super) fn comparisons(
    setting: &Setting,
    ours: &RedisStore,
    raw: &MultiplexedConnection,
) -> Result<Vec<Comparison>> {
    let places: Arc<[Place]> = (0..PLACES).map(Place::new).collect::<Result<_>>()?;
    setting.runtime.block_on(fill(raw.clone(), &places))?;
    let compare = |tasks| {
        let turns = Turns { setting, tasks, places: &places };
        Comparison::new(
            format!("batch/3 reads of one partition, {SIZE} B"),
            tasks,
            turns.of(peers::OURS, Together(ours.clone())),
        )
        .peer(turns.of("redis, one GET", One(raw.clone())), Some(TARGET))
        .peer(turns.of("redis, pipeline of the same", Pipelined(raw.clone())), None)
        .control(tasks == 64)
    };
    Ok(TASKS.into_iter().map(compare).collect())
}

/// Three structures of one partition.
struct Place {
    value: Key,
    ranking: Key,
    map: Key,
    member: [u8; SHORT],
}

impl Place {
    fn new(number: usize) -> Result<Self> {
        let tag = tag(number as u64);
        let partition = Spread::over(4_096).partition(tag);
        let key = |kind, namespace| {
            Ok::<_, roomkey_core::Invalid>(Key::new(
                kind,
                &Namespace::new("plain", "v1", namespace)?,
                partition,
                tag,
            ))
        };
        let mut member = [0; SHORT];
        member.copy_from_slice(&tag[..SHORT]);
        Ok(Self {
            value: key(Kind::Value, "t")?,
            ranking: key(Kind::Ranking, "s")?,
            map: key(Kind::Map, "g")?,
            member,
        })
    }

    fn check(&self, value: Option<&[u8]>, member: Option<&[u8]>, field: Option<&[u8]>) -> Result {
        let expected = Some(&self.member[..]);
        if value.map(<[u8]>::len) == Some(SIZE) && member == expected && field == expected {
            Ok(())
        } else {
            Err("the three reads found something else than what was written".into())
        }
    }
}

/// The field of every map.
const FIELD: &[u8] = b"ab";

async fn fill(mut raw: MultiplexedConnection, places: &[Place]) -> Result {
    for Place { value, ranking, map, member } in places {
        redis::pipe()
            .set(&value.bytes()[..], vec![b'v'; SIZE])
            .zadd(&ranking.bytes()[..], member, 0)
            .hset(&map.bytes()[..], FIELD, member)
            .exec_async(&mut raw)
            .await?;
    }
    Ok(())
}

struct Turns<'a> {
    setting: &'a Setting,
    tasks: usize,
    places: &'a Arc<[Place]>,
}

impl Turns<'_> {
    fn of(&self, name: &'static str, reads: impl Reads) -> Contender {
        let (setting, tasks, places) = (self.setting.clone(), self.tasks, self.places.clone());
        Contender::new(name, move |time| {
            let task = |task| Task { reads: reads.clone(), places: places.clone(), at: task * 61 };
            on_tasks(&setting, time, (0..tasks).map(task).collect())
        })
    }
}

/// Somebody who reads a place, and checks what it gets.
trait Reads: Clone + Send + 'static {
    fn read(&mut self, place: &Place) -> impl Future<Output = Result> + Send;
}

struct Task<R> {
    reads: R,
    places: Arc<[Place]>,
    at: usize,
}

impl<R: Reads> Work for Task<R> {
    async fn step(&mut self, n: u64) -> Result {
        self.reads.read(&self.places[(self.at + n as usize) % self.places.len()]).await
    }
}

#[derive(Clone)]
struct Together(RedisStore);

impl Reads for Together {
    async fn read(&mut self, place: &Place) -> Result {
        let lowest = Op::rank_range(&place.ranking, Bound::Is(0), Bound::Is(0), Order::Lowest, 16);
        let field = Op::map_get(&place.map, [Bytes::from_static(FIELD)]);
        let replies = self.0.run(Batch::new([Op::get(&place.value), lowest, field])?).await?;
        match &replies[..] {
            [Ok(Reply::Bytes(value)), Ok(Reply::Scored(members)), Ok(Reply::Optionals(fields))] => place
                .check(
                    value.as_deref(),
                    members.first().map(|(member, _)| &member[..]),
                    fields.first().and_then(Option::as_deref),
                ),
            _ => Err("the three reads were not answered".into()),
        }
    }
}

#[derive(Clone)]
struct One(MultiplexedConnection);

impl Reads for One {
    async fn read(&mut self, place: &Place) -> Result {
        let value: Option<Vec<u8>> =
            redis::cmd("GET").arg(&place.value.bytes()[..]).query_async(&mut self.0).await?;
        place.check(value.as_deref(), Some(&place.member), Some(&place.member))
    }
}

/// A value, members with scores, and fields.
type Found = (Option<Vec<u8>>, Vec<(Vec<u8>, i64)>, Vec<Option<Vec<u8>>>);

#[derive(Clone)]
struct Pipelined(MultiplexedConnection);

impl Reads for Pipelined {
    async fn read(&mut self, place: &Place) -> Result {
        let found: Found = redis::pipe()
            .get(&place.value.bytes()[..])
            .zrangebyscore_limit_withscores(&place.ranking.bytes()[..], 0, 0, 0, 16)
            .hmget(&place.map.bytes()[..], &[FIELD])
            .query_async(&mut self.0)
            .await?;
        let (value, members, fields) = found;
        place.check(
            value.as_deref(),
            members.first().map(|(member, _)| &member[..]),
            fields.first().and_then(Option::as_deref),
        )
    }
}
