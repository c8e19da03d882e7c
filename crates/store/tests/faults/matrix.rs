//! The faults, by where they come from.

mod cluster;
mod control;
mod crash;
mod freeze;
mod lies;
mod network;
mod refusals;
mod sentinel;
mod server_says_no;
mod tls;
