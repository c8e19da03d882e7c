//! Deciding: all checks see the state at the start, and choose the path.

use bytes::Bytes;
use roomkey_core::{Check, Error, FieldTest, Kind, Limit, Op, Outcome, Result, Standing, Step, ValueTest};

use super::{Machine, Planned};
use crate::cursor::Place;
use crate::entry::Structure;
use crate::integer;
use crate::structures::{Map, Ranking, ranking_score};

impl Machine<'_> {
    /// Puts the ops of the branches taken on the path, in the order in which they will run.
    pub(super) fn decide<'t>(
        &self,
        steps: &'t [Step],
        outcome: &mut Outcome,
        path: &mut Vec<Planned<'t>>,
    ) -> Result<()> {
        for step in steps {
            match step {
                Step::Op(id, op) => path.push(Planned { id: *id, op, limit: None, done: None }),
                Step::Fork(fork) => {
                    let (branch, steps) = if self.all_hold(&fork.when)? {
                        (fork.then_id, &fork.then)
                    } else {
                        (fork.otherwise_id, &fork.otherwise)
                    };
                    outcome.take_branch(branch);
                    self.decide(steps, outcome, path)?;
                }
            }
        }
        Ok(())
    }

    /// A limit, read now.
    pub(super) fn limit_of(&self, limit: &Limit) -> Result<i64> {
        match limit {
            Limit::Given(number) => Ok(*number),
            Limit::Stored { key, field, or } => {
                let stored = self.read::<Map>(key.bytes())?.and_then(|map| map.get(field));
                stored.map_or(Ok(*or), |text| integer::parse(text))
            }
        }
    }

    /// Rejects the cursors of other stores, on every branch: they are wrong whatever the state.
    pub(super) fn look_for_lost_cursors(&self, steps: &[Step]) -> Result<()> {
        for step in steps {
            match step {
                Step::Op(_, op) => self.look_for_lost_cursor(op)?,
                Step::Fork(fork) => {
                    self.look_for_lost_cursors(&fork.then)?;
                    self.look_for_lost_cursors(&fork.otherwise)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn look_for_lost_cursor(&self, op: &Op) -> Result<()> {
        match op {
            Op::Walk { cursor: Some(cursor), .. } => match Place::decode(cursor, self.instance)? {
                Place::Element(_) => Ok(()),
                Place::Key { .. } => Err(Error::CursorLost),
            },
            _ => Ok(()),
        }
    }

    pub(super) fn read<T: Structure>(&self, key: &Bytes) -> Result<Option<&T>> {
        self.keyspace.read(key, self.now)
    }

    fn all_hold(&self, checks: &[Check]) -> Result<bool> {
        for check in checks {
            if !self.holds(check)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn holds(&self, check: &Check) -> Result<bool> {
        Ok(match check {
            Check::Exists(key) => self.keyspace.live(key.bytes(), self.now).is_some(),
            Check::Missing(key) => self.keyspace.live(key.bytes(), self.now).is_none(),
            Check::Value { key, is } => {
                let value = self.read::<Bytes>(key.bytes())?;
                value.is_some_and(|value| match is {
                    ValueTest::Equals(bytes) => value == bytes,
                    ValueTest::StartsWith(bytes) => value.starts_with(bytes),
                })
            }
            Check::Field { key, field, is } => {
                let value = self.read::<Map>(key.bytes())?.and_then(|map| map.get(field));
                match is {
                    FieldTest::Present => value.is_some(),
                    FieldTest::Absent => value.is_none(),
                    FieldTest::Equals(bytes) => value == Some(bytes),
                    FieldTest::StartsWith(bytes) => value.is_some_and(|value| value.starts_with(bytes)),
                }
            }
            Check::Number { key, plus, min, max } => {
                let number = self.read::<Bytes>(key.bytes())?.map_or(Ok(0), |text| integer::parse(text))?;
                number.checked_add(*plus).is_some_and(|sum| (*min..=*max).contains(&sum))
            }
            Check::Ranked { key, member, is } => {
                let score = self.read::<Ranking>(key.bytes())?.and_then(|ranking| ranking.score(member));
                match is {
                    Standing::Live => score.is_some_and(|score| score > ranking_score(self.now)),
                    Standing::Dead => score.is_some_and(|score| score <= ranking_score(self.now)),
                    Standing::Present => score.is_some(),
                    Standing::Absent => score.is_none(),
                }
            }
            Check::Below { key, limit } => {
                let live = self.read::<Ranking>(key.bytes())?.map_or(0, |ranking| ranking.live(self.now));
                let limit = self.limit_of(limit)?;
                i64::try_from(live).is_ok_and(|live| live < limit)
            }
            Check::Size { key, min, max } => {
                let size = self.size(key.bytes(), key.kind())?;
                (*min..=*max).contains(&size)
            }
            Check::Before(moment) => self.now < *moment,
        })
    }

    fn size(&self, key: &Bytes, kind: Kind) -> Result<u64> {
        match self.keyspace.live(key, self.now) {
            None => Ok(0),
            Some(entry) if entry.data.kind() == kind => Ok(entry.data.len() as u64),
            Some(_) => Err(Error::WrongType),
        }
    }
}
