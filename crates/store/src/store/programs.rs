//! Batches and transactions: compiled, sent, read.

use redis::Value;
use roomkey_core::{Error, Op, Outcome, Reply, Result, Retry, Txn};
use tokio::time::Instant;

use super::RedisStore;
use crate::batch::Item;
use crate::call::Request;
use crate::command::Command;
use crate::compile::{Call, Compiler};

impl RedisStore {
    pub(super) async fn run_ops(&self, ops: &[Op]) -> Result<Vec<Result<Reply>>> {
        let deadline = self.deadline();
        match ops {
            [] => Ok(Vec::new()),
            [op] => match self.run_op(op, deadline).await {
                // Whether it ran, or that it did not, is then known of the whole batch.
                Err(error @ (Error::Closed | Error::NotExecuted(_) | Error::Ambiguous(_))) => Err(error),
                reply => Ok(vec![reply]),
            },
            // Boxed, so that a call of one op does not carry the size of a batch.
            ops => Box::pin(self.run_together(ops, deadline)).await,
        }
    }

    async fn run_op(&self, op: &Op, deadline: Instant) -> Result<Reply> {
        let compiler = &self.shared.compiler;
        let call = compiler.op(op)?;
        let full_hides_errors = call.full_hides_errors;
        match self.reply(op, call, deadline).await {
            Err(Error::Full) if full_hides_errors => self.reply(op, compiler.exact_op(op)?, deadline).await,
            reply => reply,
        }
    }

    async fn reply(&self, op: &Op, mut call: Call, deadline: Instant) -> Result<Reply> {
        let Some(command) = command(&mut call) else { return call.reply(op, Value::Nil, "") };
        let request = Request {
            command: &command,
            partition: op.key().partition(),
            repeatable: is_repeatable(op),
            writes: op.writes(),
        };
        let answered = self.shared.wires.call(request, deadline).await?;
        answered.read(|value, server| call.reply(op, value, &server.run))
    }

    async fn run_together(&self, ops: &[Op], deadline: Instant) -> Result<Vec<Result<Reply>>> {
        let mut replies: Vec<Result<Reply>> = ops.iter().map(|_| Ok(Reply::Skipped)).collect();
        let all = 0..ops.len();
        let refused = self.reply_together(ops, all, Compiler::op, &mut replies, deadline).await?;
        if refused.is_empty() {
            return Ok(replies);
        }

        // What a full server refused is asked again, unless something of its partition has overtaken it by now.
        let overtaken =
            |at: usize| ops[at + 1..].iter().any(|op| op.key().partition() == ops[at].key().partition());
        let again: Vec<_> = refused.into_iter().filter(|at| !overtaken(*at)).collect();
        let which = again.clone().into_iter();
        let asked = self.reply_together(ops, which, Compiler::exact_op, &mut replies, deadline).await;
        if let Err(error) = asked {
            for at in again {
                replies[at] = Err(error.clone());
            }
        }
        Ok(replies)
    }

    /// Compiles and runs some of the ops, puts each reply into its place, and tells which were refused by a full server
    /// that may have had another reason.
    async fn reply_together(
        &self,
        ops: &[Op],
        which: impl ExactSizeIterator<Item = usize>,
        compile: fn(&Compiler, &Op) -> Result<Call>,
        replies: &mut [Result<Reply>],
        deadline: Instant,
    ) -> Result<Vec<usize>> {
        let mut sent = Vec::with_capacity(which.len());
        let mut items = Vec::with_capacity(which.len());
        for at in which {
            let op = &ops[at];
            match compile(&self.shared.compiler, op) {
                Err(error) => replies[at] = Err(error),
                Ok(mut call) => match command(&mut call) {
                    None => replies[at] = call.reply(op, Value::Nil, ""),
                    Some(command) => {
                        items.push(Item::new(command, op.key().partition(), is_repeatable(op), op.writes()));
                        sent.push((at, call));
                    }
                },
            }
        }
        let mut refused = Vec::new();
        if items.is_empty() {
            return Ok(refused);
        }
        let answers = self.shared.wires.batch(items, deadline).await?;
        for ((at, call), answer) in sent.into_iter().zip(answers) {
            let op = &ops[at];
            replies[at] =
                answer.and_then(|answered| answered.read(|value, server| call.reply(op, value, &server.run)));
            if matches!(replies[at], Err(Error::Full)) && call.full_hides_errors {
                refused.push(at);
            }
        }
        Ok(refused)
    }

    pub(super) async fn run_txn(&self, txn: &Txn) -> Result<Outcome> {
        let deadline = self.deadline();
        let compiler = &self.shared.compiler;
        let call = compiler.txn(txn)?;
        let full_hides_errors = call.full_hides_errors;
        match self.outcome(txn, call, deadline).await {
            Err(Error::Full) if full_hides_errors => {
                self.outcome(txn, compiler.exact_txn(txn)?, deadline).await
            }
            outcome => outcome,
        }
    }

    async fn outcome(&self, txn: &Txn, mut call: Call, deadline: Instant) -> Result<Outcome> {
        let Some(command) = command(&mut call) else { return call.outcome(txn, Value::Nil, "") };
        let request = Request {
            command: &command,
            partition: txn.partition(),
            repeatable: txn.retry_safe(),
            writes: txn.writes(),
        };
        let answered = self.shared.wires.call(request, deadline).await?;
        answered.read(|value, server| call.outcome(txn, value, &server.run))
    }
}

/// What a call sends, taken out of it.
fn command(call: &mut Call) -> Option<Command> {
    let cmd = call.cmd.take()?;
    let command = match &call.script {
        None => Command::plain(cmd),
        Some(script) => Command::script(cmd, script.source.clone()),
    };
    Some(command.of_run(call.run.clone()))
}

/// Whether a second run leaves what the first left.
fn is_repeatable(op: &Op) -> bool {
    matches!(op.retry(), Retry::Read | Retry::Absolute)
}
