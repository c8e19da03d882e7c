//! The compiler: programs of `roomkey_core` to Redis commands and Lua.
//!
//! Pure: nothing here knows a connection. An op or transaction becomes a [`Call`]: what to send, and how to read the
//! answer. One plain command is sent where one says it all. Everything else is one Lua script per *shape* of program.
//!
//! # Shapes
//!
//! A shape is the tree of a program with its modes, its references, and the names of log fields. Keys, arguments, numbers
//! and the lengths of lists are `KEYS` and `ARGV`, so no value is ever code. Four things of the data do show in a shape,
//! because they decide which code is needed: which keys are the same, which arguments are clones of one buffer, which
//! durations are equal and which counts are (all of these are sent once), and whether a list holds none, one or more. A
//! program written once has a handful of shapes; each is compiled once per process and cached by the server under its
//! hash.
//!
//! Durations and counts are constants of whoever wrote a program, or of a configuration. Other numbers are data: scores,
//! sums, bounds, defaults of limits, moments. Any two of them may be equal by chance, so each is sent by itself, as equal
//! bytes are.
//!
//! # From program to answer
//!
//! 1. `lower` walks a program once and splits it into its [`Plan`], which is the shape, and its arguments.
//! 2. `emit` writes the script of a plan: decide, validate, act. Only for a shape that was not met before.
//!
//!    A prepared transaction is lowered once, to a `template` in which its keys and arguments are left open.
//! 3. `decode` reads what comes back. A script replies to an op what the plain command would have replied, but for what
//!    `plain` leaves out because it goes without saying.
//!
//! # Errors
//!
//! What a program must fail with is known before its first write. A script returns `WrongType`, `NotANumber` or `Overflow`
//! by name, or lets Redis raise its own error where nothing has been written yet. A *plain* command is refused by a full
//! server before its arguments are looked at, so its [`Error::Full`](roomkey_core::Error::Full) may hide an earlier error:
//! [`Call::full_hides_errors`] tells, and [`Compiler::exact_op`] and [`Compiler::exact_txn`] ask again as a script.

mod cursor;
mod decode;
mod emit;
mod lower;
mod lua;
mod plain;
mod plan;
mod shape_hash;
mod template;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use redis::Value;
use roomkey_core::{Op, Outcome, Prepared, Reply, Result, Step, Txn};

use lower::Arguments;
use plan::Plan;
use shape_hash::ShapeHash;
use template::Template;

use crate::packed::Packed;

/// Compiles programs and remembers their scripts.
#[derive(Debug, Default)]
pub(crate) struct Compiler {
    scripts: RwLock<HashMap<Plan, Arc<Script>, ShapeHash>>,
    /// By the ids of prepared transactions: none for one that is not sent as a script, or belongs to a run of a server.
    templates: RwLock<HashMap<u64, Option<Arc<Template>>, ShapeHash>>,
}

impl Compiler {
    /// Compiles one op of a batch.
    ///
    /// # Errors
    ///
    /// [`Error::CursorLost`](roomkey_core::Error::CursorLost) for a cursor that this store never wrote.
    pub(crate) fn op(&self, op: &Op) -> Result<Call> {
        if op.is_empty() {
            return Ok(Call { cmd: None, script: None, form: Form::Op, full_hides_errors: false, run: None });
        }
        let Some(cmd) = plain::op(op)? else {
            return self.exact_op(op);
        };
        Ok(Call {
            cmd: Some(cmd),
            script: None,
            form: Form::Op,
            full_hides_errors: matches!(op, Op::Add { .. } | Op::MapPut { .. } | Op::Push { .. }),
            run: cursor::run_of(op)?,
        })
    }

    /// Compiles one op as a script, even where a plain command would do.
    ///
    /// # Errors
    ///
    /// As [`Compiler::op`].
    pub(crate) fn exact_op(&self, op: &Op) -> Result<Call> {
        let run = cursor::run_of(op)?;
        let (plan, arguments) = lower::op(op);
        Ok(self.call(plan, &arguments, run))
    }

    /// Compiles a transaction.
    ///
    /// # Errors
    ///
    /// [`Error::CursorLost`](roomkey_core::Error::CursorLost) for a cursor that this store never wrote.
    pub(crate) fn txn(&self, txn: &Txn) -> Result<Call> {
        if let Some(binding) = txn.binding()
            && let Some(template) = self.template(binding.prepared())?
        {
            return Ok(Call {
                cmd: Some(template.evalsha(binding)),
                script: Some(Arc::clone(&template.script)),
                form: Form::Script,
                full_hides_errors: false,
                run: None,
            });
        }
        if txn.reports_now() {
            return self.exact_txn(txn);
        }
        match txn.steps() {
            [Step::Op(_, op)] if !op.is_empty() => match plain::op(op)? {
                Some(_) => self.op(op),
                None => self.exact_txn(txn),
            },
            [Step::Fork(fork)] => match plain::put_if_missing(fork) {
                Some(cmd) => Ok(Call {
                    cmd: Some(cmd),
                    script: None,
                    form: Form::PutIfMissing,
                    full_hides_errors: true,
                    run: None,
                }),
                None => self.exact_txn(txn),
            },
            _ => self.exact_txn(txn),
        }
    }

    /// Compiles a transaction as a script, even where a plain command would do.
    ///
    /// # Errors
    ///
    /// As [`Compiler::txn`].
    pub(crate) fn exact_txn(&self, txn: &Txn) -> Result<Call> {
        let run = cursor::run_of_txn(txn)?;
        let (plan, arguments) = lower::txn(txn);
        Ok(self.call(plan, &arguments, run))
    }

    /// What is sent for a prepared transaction, if it is a script.
    fn template(&self, prepared: &Prepared) -> Result<Option<Arc<Template>>> {
        // As for scripts, no panic leaves the map half-written.
        if let Some(template) =
            self.templates.read().unwrap_or_else(PoisonError::into_inner).get(&prepared.id())
        {
            return Ok(template.clone());
        }
        let sample = self.txn(prepared.sample())?;
        let template = sample.script.filter(|_| sample.run.is_none()).map(|script| {
            let (_, arguments) = lower::txn(prepared.sample());
            Arc::new(arguments.template(script, prepared))
        });
        let mut templates = self.templates.write().unwrap_or_else(PoisonError::into_inner);
        if templates.len() >= MOST_SHAPES {
            templates.clear();
        }
        templates.insert(prepared.id(), template.clone());
        Ok(template)
    }

    /// How many shapes are remembered.
    #[cfg(test)]
    fn shapes(&self) -> usize {
        self.scripts.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How many prepared transactions are remembered.
    #[cfg(test)]
    fn templates(&self) -> usize {
        self.templates.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn call(&self, plan: Plan, arguments: &Arguments<'_>, run: Option<Arc<str>>) -> Call {
        let script = self.script(plan);
        Call {
            cmd: Some(arguments.evalsha(&script)),
            script: Some(script),
            form: Form::Script,
            full_hides_errors: false,
            run,
        }
    }

    fn script(&self, plan: Plan) -> Arc<Script> {
        // A panic elsewhere has left no map half-written: it is changed by one insertion at a time.
        if let Some(script) = self.scripts.read().unwrap_or_else(PoisonError::into_inner).get(&plan) {
            return Arc::clone(script);
        }
        let script = Arc::new(Script::new(&plan));
        let mut scripts = self.scripts.write().unwrap_or_else(PoisonError::into_inner);
        if scripts.len() >= MOST_SHAPES {
            scripts.clear();
        }
        scripts.insert(plan, Arc::clone(&script));
        if scripts.len() == MANY_SHAPES {
            tracing::warn!(
                shapes = MANY_SHAPES,
                latest = script.name,
                "programs have unusually many shapes; before Redis 7.4 a server remembers the script of each for ever"
            );
        }
        script
    }
}

/// So many shapes are unusual: every program that is written by hand has a handful.
const MANY_SHAPES: usize = 256;

/// With so many shapes, or prepared transactions, they cannot be a finite list, so they are forgotten and compiled again.
const MOST_SHAPES: usize = 2_048;

/// A script of a shape.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// The name of the program that had this shape first.
    pub(crate) name: &'static str,
    /// The Lua source.
    pub(crate) source: Arc<str>,
    /// Its SHA-1 in hexadecimal, by which `EVALSHA` calls it.
    pub(crate) sha: String,
}

impl Script {
    fn new(plan: &Plan) -> Self {
        let source = emit::script(plan);
        let sha = redis::Script::new(&source).get_hash().to_owned();
        Self { name: plan.name, source: source.into(), sha }
    }
}

/// A compiled op or transaction: what to send, and how to read the answer.
#[derive(Clone)]
pub(crate) struct Call {
    /// What to send; with a script, its `EVALSHA`. `None` if there is nothing to ask: then the reply is read from
    /// [`Value::Nil`].
    pub(crate) cmd: Option<Packed>,
    /// The script that `EVALSHA` calls.
    pub(crate) script: Option<Arc<Script>>,
    form: Form,
    /// Whether a refusal with [`Error::Full`](roomkey_core::Error::Full) may hide that the program fails for another reason, or would have written
    /// nothing. Nothing ran then; [`Compiler::exact_op`] or [`Compiler::exact_txn`] asks again.
    pub(crate) full_hides_errors: bool,
    /// The run of the server that the cursors of the program belong to, if it has any. On another run it is
    /// [`Error::CursorLost`](roomkey_core::Error::CursorLost), and a program that writes must not be sent there.
    pub(crate) run: Option<Arc<str>>,
}

/// What a call stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// An op of a batch; also as a transaction of one op.
    Op,
    /// `when Missing: Put` as `SET NX`.
    PutIfMissing,
    /// A script.
    Script,
}

impl Call {
    /// Reads the answer to an op of a batch; `run` is that of the server which answered.
    ///
    /// # Errors
    ///
    /// The error that the server answered, or an ambiguous one for an answer of a form that the call does not have.
    pub(crate) fn reply(&self, op: &Op, answer: Value, run: &str) -> Result<Reply> {
        match self.form {
            Form::Script => decode::only_reply(op, answer, run),
            Form::Op | Form::PutIfMissing => plain::reply(op, answer, run),
        }
    }

    /// Reads the answer to a transaction; `run` is that of the server which answered.
    ///
    /// # Errors
    ///
    /// As [`Call::reply`].
    pub(crate) fn outcome(&self, txn: &Txn, answer: Value, run: &str) -> Result<Outcome> {
        // Before its steps are asked for: those of a prepared transaction are only made if somebody does.
        if self.form == Form::Script {
            return decode::outcome(txn, answer, run);
        }
        match (self.form, txn.steps()) {
            (Form::Op, [Step::Op(id, op)]) => {
                let mut outcome = Outcome::new(txn, None);
                let reply = plain::reply(op, answer, run)?;
                if txn.reports(*id) {
                    outcome.set_reply(*id, reply);
                }
                Ok(outcome)
            }
            (Form::PutIfMissing, [Step::Fork(fork)]) => decode::put_if_missing(txn, fork, answer),
            _ => Err(crate::error::unexpected_answer()),
        }
    }
}

impl fmt::Debug for Call {
    /// Shows no key and no argument.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cmd: _, script, form, full_hides_errors, run: _ } = self;
        f.debug_struct("Call")
            .field("form", form)
            .field("script", &script.as_ref().map(|script| script.name))
            .field("full_hides_errors", full_hides_errors)
            .finish_non_exhaustive()
    }
}
