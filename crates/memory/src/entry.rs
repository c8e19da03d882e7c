//! What one key holds.

use bytes::Bytes;
use roomkey_core::{Error, Kind, Life, Result, StoreTime};

use crate::names::NameId;
use crate::structures::{List, Log, Map, Ranking};

/// A structure and its expiry.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) data: Data,
    /// `None` is never.
    pub(crate) deadline: Option<StoreTime>,
    /// Where the key stands in the index of deadlines: at its deadline or before it. May stand there without a deadline.
    pub(crate) turn: Option<StoreTime>,
    /// The key's number.
    pub(crate) id: NameId,
}

impl Entry {
    /// Whether it is still there: it is readable while now <= its deadline.
    pub(crate) fn is_alive(&self, now: StoreTime) -> bool {
        self.deadline.is_none_or(|deadline| now <= deadline)
    }

    /// What it is taken to cost under this key, in bytes.
    pub(crate) const fn size(&self, key: &Bytes) -> usize {
        ENTRY_OVERHEAD + key.len() + self.data.bytes()
    }
}

/// What one key is taken to cost beyond the bytes of its name and contents: its place in the table, which is never quite
/// full, its number, its turn in the index of deadlines, and the headers of its allocations.
const ENTRY_OVERHEAD: usize = 256;

/// One of the five structures.
#[derive(Debug)]
pub(crate) enum Data {
    Value(Bytes),
    Map(Map),
    List(List),
    Ranking(Ranking),
    Log(Log),
}

impl Data {
    pub(crate) fn empty(kind: Kind) -> Self {
        match kind {
            Kind::Value => Self::Value(Bytes::new()),
            Kind::Map => Self::Map(Map::default()),
            Kind::List => Self::List(List::default()),
            Kind::Ranking => Self::Ranking(Ranking::default()),
            Kind::Log => Self::Log(Log::default()),
        }
    }

    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Value(_) => Kind::Value,
            Self::Map(_) => Kind::Map,
            Self::List(_) => Kind::List,
            Self::Ranking(_) => Kind::Ranking,
            Self::Log(_) => Kind::Log,
        }
    }

    /// Whether the structure has lost its last element and so ceases to exist. A value of no bytes is a value.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Value(_) | Self::Log(_) => false,
            Self::Map(_) | Self::List(_) | Self::Ranking(_) => self.len() == 0,
        }
    }

    /// The number of elements; a value counts as one.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Value(_) => 1,
            Self::Map(map) => map.len(),
            Self::List(list) => list.len(),
            Self::Ranking(ranking) => ranking.len(),
            Self::Log(log) => log.len(),
        }
    }

    const fn bytes(&self) -> usize {
        match self {
            Self::Value(value) => value.len(),
            Self::Map(map) => map.bytes(),
            Self::List(list) => list.bytes(),
            Self::Ranking(ranking) => ranking.bytes(),
            Self::Log(log) => log.bytes(),
        }
    }
}

/// A structure that [`Data`] may hold, so that access by kind is written once.
pub(crate) trait Structure: Sized {
    /// [`Error::WrongType`] where the data is of another kind.
    fn of(data: &Data) -> Result<&Self>;
    /// [`Error::WrongType`] where the data is of another kind.
    fn of_mut(data: &mut Data) -> Result<&mut Self>;
}

macro_rules! structure {
    ($type:ty, $variant:ident) => {
        impl Structure for $type {
            fn of(data: &Data) -> Result<&Self> {
                match data {
                    Data::$variant(it) => Ok(it),
                    _ => Err(Error::WrongType),
                }
            }

            fn of_mut(data: &mut Data) -> Result<&mut Self> {
                match data {
                    Data::$variant(it) => Ok(it),
                    _ => Err(Error::WrongType),
                }
            }
        }
    };
}

structure!(Bytes, Value);
structure!(Map, Map);
structure!(List, List);
structure!(Ranking, Ranking);
structure!(Log, Log);

/// The deadline that a write leaves, `old` being the one before, or `None` at all for a key that the write creates.
pub(crate) fn deadline(life: Life, old: Option<Option<StoreTime>>, now: StoreTime) -> Option<StoreTime> {
    match (life, old) {
        (Life::Keep, old) => old.flatten(),
        (Life::Never, _) | (Life::AtLeast(_), Some(None)) => None,
        (Life::Set(until), _) | (Life::AtLeast(until), None) => Some(until.resolve(now)),
        (Life::AtLeast(until), Some(Some(old))) => Some(until.resolve(now).max(old)),
    }
}
