//! `docs/tokens.md`: its steps, one after the other, as a program.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "the guide shows what a reader would write")]

mod guide {
    include!(concat!(env!("OUT_DIR"), "/guide.rs"));
}

#[test]
fn the_life_of_a_login_is_as_the_guide_tells() {
    guide::main().unwrap();
}
