//! `cargo xtask bench`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    roomkey_benches::measure()
}
