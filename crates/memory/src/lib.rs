//! The embedded store of Roomkey: sharded, expiring, in one process
