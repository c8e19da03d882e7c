#![doc = include_str!("../README.md")]

mod args;
mod batch;
mod builder;
mod check;
mod error;
mod health;
mod key;
mod life;
mod limits;
mod log;
mod op;
mod partition;
mod reply;
mod scan;
mod store;
mod txn;
mod validate;
mod wait;

pub use args::{Args, Limit, Score};
pub use batch::Batch;
pub use builder::TxnBuilder;
pub use check::{Check, FieldTest, Standing, ValueTest};
pub use error::{Class, Error, ErrorKind, Failure, Invalid, Result};
pub use health::Health;
pub use key::{Key, Kind, Namespace};
pub use life::{Life, StoreTime, Ttl, Until};
pub use limits::*;
pub use log::{Entry, LogId};
pub use op::{Append, Bound, End, Memory, Only, Op, Order, RankPut, ReplyShape, Retry};
pub use partition::{Partition, SLOTS, Spread};
pub use reply::{Match, Outcome, Reply, WalkItems, WalkPage};
pub use scan::{Cursor, Page, Scan};
pub use store::Store;
pub use txn::{BranchId, Fork, OpId, Step, Txn};
pub use wait::{Wait, Woken};
