//! The fault matrix: what a store survives, fault by fault, with an exact account of what was asked and what happened.
//!
//! | faults | where | what |
//! |---|---|---|
//! | F0 | `control` | a client that repeats what was lost, to see that it is found out |
//! | F1 F2 F29 F30 | `crash` | kill -9, `CLIENT KILL`, many clients at once, a server that comes back empty |
//! | F3 F4 F25 | `freeze` | `CLIENT PAUSE`, SIGSTOP, `DEBUG SLEEP`; F4 of a node also in `cluster`, of a master in `sentinel` |
//! | F5 F9 F10 F11 F12 | `refusals` | LOADING, NOSCRIPT, BUSY, logins, maxclients |
//! | F6 F16 F22 F23 F24 F28 | `server_says_no` | OOM, two slots, big values, wrong kinds, MISCONF, expiry |
//! | F7 F8 | `sentinel` | a master that is demoted, frozen or lost |
//! | F13 F14 F15 F17 | `cluster` | moving slots, a lost master, replicas that take over, lost replies |
//! | F17 F18 F19 F20 F27 | `network` | lost replies, half-open connections, slow networks, calls given up, another address |
//! | F21 F31 | `lies` | replies that are corrupted, swapped, invented or hostile; F31 at connect in `hostile` |
//! | F26 | `tls` | wrong authorities, names, certificates and servers; replaced and expired ones in `certificates` |
//!
//! Each test adds a row to one table, which `cargo xtask faults` prints. "Lost" is what was acknowledged and is gone, which
//! only a server that loses its memory or a failover without `WAIT` may cause; "doubled" is never allowed. "Retried" counts
//! the plain writes that were sent more than once, where a proxy stood by to count them.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod ear;
mod matrix;
mod scene;
mod table;
