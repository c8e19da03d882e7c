//! Tests of the compiler: the scripts themselves, their shapes, and what they do on a real server.

mod golden;
mod kinds;
mod lengths;
mod prepared;
mod programs;
mod server;
mod shapes;
