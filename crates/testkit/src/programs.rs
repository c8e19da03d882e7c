//! Random programs: every op, every check, nested, with references, on few keys that they share.
//!
//! A program is drawn from a sequence of numbers, each deciding one thing, so that proptest shrinks programs
//! by shrinking numbers: without numbers left, the simplest choice is made everywhere. Whatever is drawn
//! keeps the rules of the contract, and stays clear of what two stores may do differently: times that nearly
//! coincide, the order of pages, trimmed logs.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::strategy::Union;
use roomkey_core::{Batch, Key, Kind, Namespace, Partition, Txn};

mod arguments;
mod choices;
mod draw;
mod names;
mod ops;
#[cfg(test)]
mod tests;

use choices::Choices;

/// One call on a store, or a change of its circumstances.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// A batch, over all partitions.
    Run(Batch),
    /// A transaction, in the first partition.
    Transact(Txn),
    /// The memory limit comes or goes.
    LimitMemory(bool),
}

/// Sequences of up to `length` steps, which build on each other's state.
pub fn sequences(length: usize) -> impl Strategy<Value = Vec<Step>> {
    let numbers = |most| vec(any::<u16>(), 0..most);
    let step = Union::new_weighted(vec![
        (3, numbers(120).prop_map(|n| Some(Step::Run(draw::batch(&mut Choices::new(&n))))).boxed()),
        // A program that breaks a rule by chance is left out; few do.
        (6, numbers(200).prop_map(|n| draw::program(&mut Choices::new(&n)).ok().map(Step::Transact)).boxed()),
        (1, Just(Some(Step::LimitMemory(true))).boxed()),
        (1, Just(Some(Step::LimitMemory(false))).boxed()),
    ]);
    vec(step, 1..=length).prop_map(|steps| steps.into_iter().flatten().collect())
}

/// The physical keys that random programs use.
pub fn keys() -> Vec<bytes::Bytes> {
    let all =
        SLOTS.iter().flat_map(|&slot| (0..names::KEYS).map(move |number| key_in(slot, Kind::Value, number)));
    all.map(|key| key.bytes().clone()).collect()
}

/// The partitions of batches; transactions run in the first.
const SLOTS: [u16; 3] = [7, 8_000, 16_383];

/// The key of a number. It has the same bytes whatever its kind, which is how programs meet structures of
/// other kinds.
fn key_in(slot: u16, kind: Kind, number: u8) -> Key {
    let namespace = Namespace::new("testkit", "v1", "random").unwrap_or_else(|e| panic!("a constant: {e}"));
    let partition = Partition::from_slot(slot).unwrap_or_else(|| panic!("{slot} is no slot"));
    Key::new(kind, &namespace, partition, [number; 16])
}
