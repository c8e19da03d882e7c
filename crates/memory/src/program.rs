//! Running programs over the keys of a shard: decide, validate, act.

mod act;
mod append;
mod args;
mod decide;
mod rank_put;
#[cfg(test)]
mod tests;
mod validate;

use roomkey_core::{Op, OpId, Outcome, Reply, Result, Step, StoreTime, Txn};

use crate::cursor::Instance;
use crate::keyspace::Keyspace;
use act::Done;

/// One program that runs: the keys that it sees, under their lock, and what it knows of the store around them.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    pub(crate) keyspace: &'a mut Keyspace,
    /// Read once per program.
    pub(crate) now: StoreTime,
    pub(crate) instance: Instance,
    /// Whether the store is at its capacity, so that a program whose first write grows is refused.
    pub(crate) full: bool,
}

/// An op of the path, what validation has found out for it, and once it has run what it did.
struct Planned<'t> {
    id: OpId,
    op: &'t Op,
    /// The limit of a `RankPut`: read before the first write, whatever the path does to the map that it is stored in.
    limit: Option<i64>,
    done: Option<Done>,
}

impl Machine<'_> {
    /// Runs one op by itself: a transaction of one op, without a tree to walk.
    pub(crate) fn run(&mut self, op: &Op) -> Result<Reply> {
        self.look_for_lost_cursor(op)?;
        if op.is_empty() {
            return Ok(Reply::Skipped);
        }
        // An op fails, if at all, before it changes anything, so alone on its path it need not be validated first, unless
        // something else could fail before it: reading its limit, or finding the memory full.
        let limit = if self.full || op.limit().is_some() { self.validate(op)? } else { None };
        if self.full {
            self.admit(op, &[])?;
        }
        self.act(op, limit, &[]).map(|done| done.reply)
    }

    /// Runs a transaction of these steps.
    pub(crate) fn transact(&mut self, txn: &Txn, steps: &[Step]) -> Result<Outcome> {
        self.look_for_lost_cursors(steps)?;
        let mut outcome = Outcome::new(txn, txn.reports_now().then_some(self.now));
        let mut path = Vec::new();
        self.decide(steps, &mut outcome, &mut path)?;
        if let [only] = path.as_slice() {
            let reply = self.run(only.op)?;
            if txn.reports(only.id) {
                outcome.set_reply(only.id, reply);
            }
            return Ok(outcome);
        }
        for planned in &mut path {
            planned.limit = self.validate(planned.op)?;
        }
        self.act_path(&mut path)?;
        for planned in path {
            if let Some(done) = planned.done
                && txn.reports(planned.id)
            {
                outcome.set_reply(planned.id, done.reply);
            }
        }
        Ok(outcome)
    }

    /// Runs the ops of a validated path. It fails, if at all, before the first write.
    fn act_path(&mut self, path: &mut [Planned<'_>]) -> Result<()> {
        let mut may_refuse = self.full;
        for at in 0..path.len() {
            let (earlier, rest) = path.split_at_mut(at);
            let planned = &mut rest[0];
            if may_refuse {
                may_refuse = !self.admit(planned.op, earlier)?;
            }
            planned.done = Some(self.act(planned.op, planned.limit, earlier)?);
        }
        Ok(())
    }
}
