//! Acting: one op, run.

use bytes::Bytes;
use roomkey_core::{
    Bound, Cursor, Key, Kind, Life, Match, Op, Reply, Result, StoreTime, Ttl, WalkItems, WalkPage,
};

use super::{Machine, Planned, args};
use crate::cursor::Place;
use crate::entry::{Data, Structure as _};
use crate::integer;
use crate::structures::{List, Log, Map, Ranking, Walked, ranking_score};

/// What an op did.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) reply: Reply,
    /// Of a `Put` or `Expire`: the deadline that the key now has, which is the number that later ops can refer to.
    pub(super) deadline: Option<StoreTime>,
}

impl From<Reply> for Done {
    fn from(reply: Reply) -> Self {
        Self { reply, deadline: None }
    }
}

impl Machine<'_> {
    /// Runs an op. It fails, if at all, before it changes anything, and not at all once it was validated.
    pub(super) fn act(&mut self, op: &Op, limit: Option<i64>, earlier: &[Planned<'_>]) -> Result<Done> {
        let now = self.now;
        let reply = match op {
            Op::Ttl { key } => Reply::Ttl(self.ttl(key)),
            Op::Expire { key, life } => {
                return Ok(match self.keyspace.expire(key.bytes(), now, *life) {
                    Some(deadline) => Done { reply: Reply::Written, deadline },
                    None => Reply::Skipped.into(),
                });
            }
            Op::Delete { key } => Reply::Flag(self.keyspace.delete(key.bytes(), now)),

            Op::Get { key } => Reply::Bytes(self.read::<Bytes>(key.bytes())?.cloned()),
            Op::Put { key, value, life } => match args::list(value, earlier).items.first() {
                Some(value) => return self.put(key, value, *life),
                None => Reply::Skipped,
            },
            Op::Take { key } => {
                let value = self.read::<Bytes>(key.bytes())?.cloned();
                self.keyspace.delete(key.bytes(), now);
                Reply::Bytes(value)
            }
            Op::Add { key, by, life } => Reply::Number(self.add(key, *by, *life)?),

            Op::MapGet { key, fields } => {
                let fields = args::list(fields, earlier).items;
                if fields.is_empty() {
                    return Ok(Reply::Skipped.into());
                }
                let map = self.read::<Map>(key.bytes())?;
                Reply::Optionals(
                    fields.iter().map(|field| map.and_then(|map| map.get(field)).cloned()).collect(),
                )
            }
            Op::MapAll { key } => {
                let map = self.read::<Map>(key.bytes())?;
                let entries = map.into_iter().flat_map(Map::iter);
                Reply::Fields(entries.map(|(field, value)| (field.clone(), value.clone())).collect())
            }
            Op::MapPut { key, fields, values, life } => {
                let (fields, values) = (args::list(fields, earlier), args::list(values, earlier));
                self.map_put(key, &fields.items, &values, *life)?
            }
            Op::MapRemove { key, fields } => {
                let fields = args::list(fields, earlier).items;
                if fields.is_empty() {
                    return Ok(Reply::Skipped.into());
                }
                let removed = self.keyspace.shrink(key.bytes(), now, |map: &mut Map| {
                    fields.iter().filter(|field| map.remove(field)).count()
                })?;
                count(removed.unwrap_or(0))
            }
            Op::MapMatch { fields, .. } if fields.is_empty() => Reply::Skipped,
            Op::MapMatch { key, fields, prefixes } => {
                let map = self.read::<Map>(key.bytes())?;
                let pairs = fields.iter().zip(prefixes);
                Reply::Matches(
                    pairs
                        .map(|(field, prefix)| match map.and_then(|map| map.get(field)) {
                            Some(value) if value.starts_with(prefix) => Match::Match,
                            Some(_) => Match::Differs,
                            None => Match::Absent,
                        })
                        .collect(),
                )
            }

            Op::Push { key, end, values, life } => {
                let values = args::list(values, earlier).items;
                if values.is_empty() {
                    return Ok(Reply::Skipped.into());
                }
                let (len, _) =
                    self.keyspace.write(key.bytes(), now, *life, Data::empty(Kind::List), |data| {
                        let list = List::of_mut(data)?;
                        values.iter().for_each(|value| list.push(*end, value.clone()));
                        Ok((list.len(), true))
                    })?;
                count(len)
            }
            Op::Pop { key, end, count } => {
                let taken = self
                    .keyspace
                    .shrink(key.bytes(), now, |list: &mut List| list.pop(*end, *count as usize))?;
                Reply::Items(taken.unwrap_or_default())
            }
            Op::Range { key, from, to } => {
                let list = self.read::<List>(key.bytes())?;
                Reply::Items(list.map(|list| list.range(*from, *to)).unwrap_or_default())
            }

            Op::RankPut(put) => return self.rank_put(put, limit, earlier),
            Op::RankRemove { key, members } => {
                let members = args::list(members, earlier).items;
                if members.is_empty() {
                    return Ok(Reply::Skipped.into());
                }
                let removed = self.keyspace.shrink(key.bytes(), now, |ranking: &mut Ranking| {
                    members.iter().filter(|member| ranking.remove(member)).count()
                })?;
                count(removed.unwrap_or(0))
            }
            Op::RankTake { key, limit } => {
                let taken = self.keyspace.shrink(key.bytes(), now, |ranking: &mut Ranking| {
                    ranking.take_dead(now, *limit as usize)
                })?;
                Reply::Items(taken.unwrap_or_default())
            }
            Op::RankRange { key, min, max, order, limit } => {
                let score = |bound: &Bound, open| match bound {
                    Bound::Open => open,
                    Bound::Is(score) => *score,
                    Bound::Now => ranking_score(now),
                };
                let (min, max) = (score(min, i64::MIN), score(max, i64::MAX));
                let ranking = self.read::<Ranking>(key.bytes())?;
                let members = ranking.map(|ranking| ranking.range(min, max, *order, *limit as usize));
                Reply::Scored(members.unwrap_or_default())
            }
            Op::RankCount { key } => {
                let ranking = self.read::<Ranking>(key.bytes())?;
                count(ranking.map_or(0, |ranking| ranking.live(now)))
            }
            Op::RankScores { key, members } => {
                let members = args::list(members, earlier).items;
                if members.is_empty() {
                    return Ok(Reply::Skipped.into());
                }
                let ranking = self.read::<Ranking>(key.bytes())?;
                let score = |member: &Bytes| ranking.and_then(|ranking| ranking.score(member));
                Reply::Scores(members.iter().map(score).collect())
            }
            Op::RankPlace { key, member } => {
                let ranking = self.read::<Ranking>(key.bytes())?;
                Reply::Place(ranking.and_then(|ranking| ranking.place(member)).map(|place| place as u64))
            }

            Op::Append(append) => return self.append(append, earlier),
            Op::LogRange { key, from, to, order, limit } => {
                let log = self.read::<Log>(key.bytes())?;
                let entries = log.map(|log| log.range(*from, *to, *order, *limit as usize));
                Reply::Entries(entries.unwrap_or_default())
            }

            Op::Walk { key, cursor, count } => {
                Reply::Page(self.walk(key, cursor.as_ref(), *count as usize)?)
            }
        };
        Ok(reply.into())
    }

    fn ttl(&self, key: &Key) -> Ttl {
        match self.keyspace.live(key.bytes(), self.now) {
            None => Ttl::Missing,
            Some(entry) => entry.deadline.map_or(Ttl::Never, |deadline| Ttl::After(deadline.since(self.now))),
        }
    }

    fn put(&mut self, key: &Key, value: &Bytes, life: Life) -> Result<Done> {
        let new = Data::Value(value.clone());
        let (old, deadline) =
            self.keyspace.write(key.bytes(), self.now, life, Data::empty(Kind::Value), |data| {
                Ok((std::mem::replace(data, new), true))
            })?;
        self.keyspace.bury(old);
        Ok(Done { reply: Reply::Written, deadline })
    }

    fn add(&mut self, key: &Key, by: i64, life: Life) -> Result<i64> {
        let zero = Data::Value(Bytes::from_static(b"0"));
        let (sum, _) = self.keyspace.write(key.bytes(), self.now, life, zero, |data| {
            let value = Bytes::of_mut(data)?;
            let sum = integer::sum(value, by)?;
            *value = integer::text(sum);
            Ok((sum, true))
        })?;
        Ok(sum)
    }

    fn map_put(&mut self, key: &Key, fields: &[Bytes], values: &args::List<'_>, life: Life) -> Result<Reply> {
        if fields.is_empty() || values.items.is_empty() {
            return Ok(Reply::Skipped);
        }
        let (created, _) =
            self.keyspace.write(key.bytes(), self.now, life, Data::empty(Kind::Map), |data| {
                let map = Map::of_mut(data)?;
                let repeated = if values.single { usize::MAX } else { 1 };
                let values = std::iter::repeat_n(&values.items, repeated).flat_map(|items| items.iter());
                let pairs = fields.iter().zip(values);
                let created = pairs.filter(|(field, value)| map.put((*field).clone(), (*value).clone()));
                Ok((created.count(), true))
            })?;
        Ok(count(created))
    }

    fn walk(&self, key: &Key, cursor: Option<&Cursor>, count: usize) -> Result<WalkPage> {
        let after = match cursor.map(|cursor| Place::decode(cursor, self.instance)).transpose()? {
            Some(Place::Element(last)) => Some(last),
            _ => None,
        };
        let page = |items, last: Option<Bytes>| WalkPage {
            items,
            next: last.map(|last| Place::Element(last).encode(self.instance)),
        };
        Ok(if key.kind() == Kind::Ranking {
            let ranking = self.read::<Ranking>(key.bytes())?;
            let walked = ranking.map(|ranking| ranking.walk(after.as_ref(), count)).unwrap_or_default();
            let last = last(&walked);
            page(WalkItems::Members(walked.items), last)
        } else {
            let map = self.read::<Map>(key.bytes())?;
            let walked = map.map(|map| map.walk(after.as_ref(), count)).unwrap_or_default();
            let last = last(&walked);
            page(WalkItems::Fields(walked.items), last)
        })
    }
}

/// Where the next page goes on, if there is one.
fn last<T>(walked: &Walked<(Bytes, T)>) -> Option<Bytes> {
    walked.items.last().filter(|_| walked.more).map(|(last, _)| last.clone())
}

/// Numbers of elements are far below 2^63.
const fn count(elements: usize) -> Reply {
    Reply::Number(elements.cast_signed() as i64)
}
