//! `docs/tokens.md` and `docs/rooms.md`: their steps, one after the other, as programs.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a guide shows what a reader would write")]

mod tokens {
    include!(concat!(env!("OUT_DIR"), "/tokens.rs"));
}

mod rooms {
    include!(concat!(env!("OUT_DIR"), "/rooms.rs"));
}

#[test]
fn the_life_of_a_login_is_as_the_guide_tells() {
    tokens::main().unwrap();
}

#[test]
fn rooms_stay_right_as_the_guide_tells() {
    rooms::main().unwrap();
}
