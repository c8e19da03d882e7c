//! Batches: independent ops in one call.

use crate::validate::check_op;
use crate::{Invalid, MAX_BATCH, MAX_PROGRAM_BYTES, Op, Result};

/// Independent ops on any keys: one reply each in the order given, each op atomic, the batch not.
///
/// Ops of one partition run in the order given; ops of different partitions in any order. One failure stops no other
/// op. Ops have no references to each other.
///
/// ```
/// use roomkey_core::{Batch, Op};
/// # use roomkey_core::{Key, Kind, Namespace, Partition};
/// # fn main() -> Result<(), roomkey_core::Error> {
/// # let here = Partition::from_slot(0).unwrap();
/// # let session = Key::new(Kind::Value, &Namespace::new("shop", "v1", "sessions")?, here, [0; 16]);
/// let batch = Batch::new([Op::get(&session), Op::ttl(&session)])?;
/// assert_eq!(batch.ops().len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Batch {
    ops: Vec<Op>,
}

impl Batch {
    /// A batch of these ops.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) with the first rule that one of them breaks.
    pub fn new(ops: impl IntoIterator<Item = impl Into<Op>>) -> Result<Self> {
        Self::checked(ops.into_iter().map(Into::into).collect())
    }

    /// A batch of one op.
    ///
    /// # Errors
    /// As [`Batch::new`].
    pub fn one(op: impl Into<Op>) -> Result<Self> {
        Self::checked(vec![op.into()])
    }

    /// The ops.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// The ops, taken out.
    #[must_use]
    pub fn into_ops(self) -> Vec<Op> {
        self.ops
    }

    fn checked(ops: Vec<Op>) -> Result<Self> {
        if ops.len() > MAX_BATCH {
            return Err(Invalid::TooManyOps.into());
        }
        let mut bytes = 0;
        for op in &ops {
            if op.list_references().next().is_some() || op.number_reference().is_some() {
                return Err(Invalid::ReferenceInBatch.into());
            }
            bytes += check_op(op)?;
        }
        if bytes > MAX_PROGRAM_BYTES { Err(Invalid::ProgramTooLarge.into()) } else { Ok(Self { ops }) }
    }
}
