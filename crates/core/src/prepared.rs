//! Transactions that are checked once and run on many keys.

mod parts;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::txn::Body;
use crate::validate::Validator;
use crate::{Invalid, Key, MAX_FIELD_BYTES, MAX_PROGRAM_BYTES, Op, Result, Step, Txn};

/// A transaction that was built once, to run on other keys and arguments each time: what a prepared statement is to SQL.
///
/// Building a program costs as much as its number of steps, and so does compiling it for a server. A program that runs
/// often has the same steps each time. So it is built once, on keys and arguments that stand for others, and a store
/// keeps what it makes of it; [`bind`](Self::bind) then costs as much as the number of *distinct* keys and arguments.
///
/// A key stands for another by what it is, an argument by its buffer: all clones of the [`Bytes`] that were prepared are
/// exchanged, and nothing else is. So each needs a buffer of its own; two static texts that are equal may be one.
/// Numbers, durations and other bytes are constants, so who prepares a program for each of them keeps as many as there
/// are.
///
/// ```
/// use bytes::Bytes;
/// use roomkey_core::{BranchId, Check, Key, Kind, Life, Namespace, Op, Partition, Prepared, TxnBuilder};
///
/// # fn main() -> Result<(), roomkey_core::Error> {
/// # let names = Namespace::new("shop", "t1", "tokens")?;
/// # let key = |slot, tag| Key::new(Kind::Value, &names, Partition::from_slot(slot).unwrap(), [tag; 16]);
/// // Once: a program that stores a record if there is none.
/// let (record, sealed) = (key(0, 0), Bytes::from_static(b"any"));
/// let mut program = TxnBuilder::new("example.store");
/// let (free, _taken) = program.fork(BranchId::ROOT, [Check::missing(&record)]);
/// program.op(free, Op::put(&record, sealed.clone(), Life::Never));
/// let store = Prepared::new(program.retry_safe().build()?, [record], [sealed])?;
///
/// // For each record, in whatever partition.
/// let txn = store.bind(vec![key(7, 1)], vec![Bytes::from_static(b"a sealed record")])?;
/// // After `store.transact(&txn).await?`: `outcome.took(free)`.
/// # assert_eq!(txn.partition(), Partition::from_slot(7).unwrap());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Prepared(Arc<Form>);

struct Form {
    id: u64,
    sample: Txn,
    keys: Vec<Key>,
    args: Vec<Bytes>,
    /// Whether arguments that are as short as a field may be can never be too much together.
    fits: bool,
}

impl Prepared {
    /// Prepares a transaction. `keys` are all that it names, and maybe more; `args` are those of its arguments that will
    /// be others each time.
    ///
    /// # Errors
    /// [`Invalid::Unprepared`] if a key of the transaction is not among `keys`, a key or argument is given twice, an
    /// argument is empty, or the transaction holds the same bytes in another buffer, or a part of them, which would stay
    /// what they are.
    pub fn new(
        sample: Txn,
        keys: impl IntoIterator<Item = Key>,
        args: impl IntoIterator<Item = Bytes>,
    ) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (keys, args) = (Vec::from_iter(keys), Vec::from_iter(args));
        let twice = args.iter().enumerate().any(|(at, arg)| args[..at].contains(arg));
        if !are_distinct(&keys) || twice || args.iter().any(Bytes::is_empty) {
            return Err(Invalid::Unprepared.into());
        }
        // Of one that was bound itself nothing is kept but its steps, lest those prepared anew each time become a chain.
        let sample = match &sample.body {
            Body::Built(_) => sample,
            Body::Bound(binding) => Txn { body: Body::Built(binding.exchanged()), ..sample },
        };
        let form = Form { id: NEXT.fetch_add(1, Ordering::Relaxed), sample, keys, args, fits: false };
        let (mut foreign, mut copied, mut exchanged) = (false, false, 0);
        parts::of_steps(
            &mut form.sample.steps().to_vec(),
            &mut |key| foreign |= form.key_at(key).is_none(),
            &mut |bytes| match form.arg_at(bytes) {
                Some(_) => exchanged += 1,
                None => copied |= form.is_made_of(bytes),
            },
        );
        if foreign || copied {
            return Err(Invalid::Unprepared.into());
        }
        let constant = Validator::check(form.sample.ops(), form.sample.steps())?.bytes;
        let fits = constant + exchanged * MAX_FIELD_BYTES <= MAX_PROGRAM_BYTES;
        Ok(Self(Arc::new(Form { fits, ..form })))
    }

    /// The transaction on other keys and arguments, in the order in which they were prepared.
    ///
    /// # Errors
    /// [`Invalid::Unprepared`] if there are more or fewer; otherwise those of
    /// [`TxnBuilder::build`](crate::TxnBuilder::build).
    pub fn bind(&self, keys: Vec<Key>, args: Vec<Bytes>) -> Result<Txn> {
        let form = &*self.0;
        if keys.len() != form.keys.len() || args.len() != form.args.len() {
            return Err(Invalid::Unprepared.into());
        }
        let alike = keys.iter().zip(&form.keys).all(|(key, sample)| key.kind() == sample.kind());
        let partition = keys.first().ok_or(Invalid::NoKey)?.partition();
        let here = keys.iter().all(|key| key.partition() == partition);
        let short = form.fits && args.iter().all(|arg| arg.len() <= MAX_FIELD_BYTES);
        let same = alike && here && short && are_distinct(&keys);
        let head = Arc::clone(&form.sample.head);
        let binding = Binding { prepared: self.clone(), keys, args, steps: OnceLock::new() };
        if same {
            return Ok(Txn { head, partition, body: Body::Bound(Box::new(binding)) });
        }
        // It may break a rule, or be another program: one in which two keys are the same.
        let steps = binding.exchanged();
        let partition = Validator::check(head.ops.into(), &steps)?.partition;
        Ok(Txn { head, partition, body: Body::Built(steps) })
    }

    /// A number that no other one has in this process: what a store keeps of it, it keeps under this.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The transaction from which it was made.
    #[must_use]
    pub fn sample(&self) -> &Txn {
        &self.0.sample
    }

    /// Which of the keys that are exchanged a key of the [sample](Self::sample) is.
    #[must_use]
    pub fn key_at(&self, key: &Key) -> Option<usize> {
        self.0.key_at(key)
    }

    /// Which of the arguments that are exchanged an argument of the [sample](Self::sample) is.
    #[must_use]
    pub fn arg_at(&self, arg: &Bytes) -> Option<usize> {
        self.0.arg_at(arg)
    }
}

impl Form {
    fn key_at(&self, key: &Key) -> Option<usize> {
        self.keys.iter().position(|known| known == key)
    }

    fn arg_at(&self, arg: &Bytes) -> Option<usize> {
        let is_it = |known: &Bytes| known.as_ptr() == arg.as_ptr() && known.len() == arg.len();
        self.args.iter().position(is_it)
    }

    /// Whether bytes that are no argument were copied or cut out of one, or it out of them.
    fn is_made_of(&self, bytes: &Bytes) -> bool {
        let there = bytes.as_ptr_range();
        let overlaps = |arg: &Bytes| {
            let here = arg.as_ptr_range();
            !bytes.is_empty() && here.start < there.end && there.start < here.end
        };
        self.args.iter().any(|arg| arg == bytes || overlaps(arg))
    }
}

fn are_distinct(keys: &[Key]) -> bool {
    keys.iter().enumerate().all(|(at, key)| keys[..at].iter().all(|other| other.bytes() != key.bytes()))
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Form { id, sample, keys: _, args: _, fits: _ } = &*self.0;
        f.debug_struct("Prepared").field("id", id).field("sample", sample).finish_non_exhaustive()
    }
}

/// What a [`Prepared`] transaction runs on.
#[derive(Clone)]
pub struct Binding {
    prepared: Prepared,
    keys: Vec<Key>,
    args: Vec<Bytes>,
    /// Made only if somebody walks them.
    steps: OnceLock<Vec<Step>>,
}

impl Binding {
    /// What was prepared.
    #[must_use]
    pub const fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// The keys, in the order in which they were prepared.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The arguments, in the order in which they were prepared.
    #[must_use]
    pub fn args(&self) -> &[Bytes] {
        &self.args
    }

    /// An op of the [sample](Prepared::sample), on these keys and arguments.
    #[must_use]
    pub fn op(&self, op: &Op) -> Op {
        let mut op = op.clone();
        parts::of_op(&mut op, &mut |key| self.exchange_key(key), &mut |arg| self.exchange_arg(arg));
        op
    }

    pub(crate) fn steps(&self) -> &[Step] {
        self.steps.get_or_init(|| self.exchanged())
    }

    fn exchanged(&self) -> Vec<Step> {
        let mut steps = self.prepared.sample().steps().to_vec();
        parts::of_steps(&mut steps, &mut |key| self.exchange_key(key), &mut |arg| self.exchange_arg(arg));
        steps
    }

    fn exchange_key(&self, key: &mut Key) {
        if let Some(other) = self.prepared.key_at(key).and_then(|at| self.keys.get(at)) {
            *key = other.clone();
        }
    }

    fn exchange_arg(&self, arg: &mut Bytes) {
        if let Some(other) = self.prepared.arg_at(arg).and_then(|at| self.args.get(at)) {
            *arg = other.clone();
        }
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prepared, keys, args: _, steps: _ } = self;
        f.debug_struct("Binding")
            .field("prepared", &prepared.id())
            .field("keys", keys)
            .finish_non_exhaustive()
    }
}
