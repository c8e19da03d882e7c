//! The faults, by where they come from.

mod certificates;
mod cluster;
mod control;
mod crash;
mod freeze;
mod hostile;
mod lies;
mod network;
mod refusals;
mod sentinel;
mod server_says_no;
mod tls;
