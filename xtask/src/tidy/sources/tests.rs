//! Files that break each rule, and one that breaks none.

use super::*;

fn found(text: &str) -> Vec<String> {
    check(&File { path: "a/b.rs".to_owned(), text: format!("//! B.\n{text}") })
}

#[test]
fn a_file_in_order_is_accepted() {
    let text = "
        #![expect(clippy::print_stdout, reason = \"It talks.\")]
        #[ignore = \"needs Redis: cargo xtask test\"]
        #[cfg_attr(test, allow(dead_code, reason = \"Only tests use it.\"))]
        #[derive(Debug)]
        fn allow() { map.get(1).expect(\"todo!() and dbg!() in words\"); my_todo!(); /* todo!() */ }";
    assert_eq!(found(text), [""; 0]);
}

#[test]
fn a_file_opens_with_what_it_is_for() {
    let file = File { path: "b.rs".to_owned(), text: "// B.\n//! C.\n".to_owned() };
    assert_eq!(check(&file), ["b.rs:1: does not open with `//!` and what it is for"]);
    let text = "#![doc = include_str!(\"../README.md\")]\n".to_owned();
    assert_eq!(check(&File { path: "lib.rs".to_owned(), text }), [""; 0]);
}

#[test]
fn a_file_is_at_most_400_lines_long() {
    assert_eq!(found(&"\n".repeat(399)), [""; 0]);
    assert_eq!(
        found(&"\n".repeat(400)),
        ["a/b.rs: has 401 lines, more than 400: give each role its own file"]
    );
}

#[test]
fn there_is_no_mod_rs() {
    let file = File { path: "a/mod.rs".to_owned(), text: "//! A.\n".to_owned() };
    assert_eq!(check(&file), ["a/mod.rs: `foo.rs` beside `foo/`, not `foo/mod.rs`"]);
}

#[test]
fn white_space_at_the_end_of_a_line_is_found_in_comments_too() {
    assert_eq!(
        found("fn a() {} \n/// B.\t\n"),
        ["a/b.rs:2: ends with white space", "a/b.rs:3: ends with white space"]
    );
}

#[test]
fn leftovers_are_found() {
    assert_eq!(found("fn a() { todo!() }"), ["a/b.rs:2: `todo!` is not finished code"]);
    assert_eq!(found("\nlet x = dbg!(y);"), ["a/b.rs:3: `dbg!` is not finished code"]);
    assert_eq!(found("std::unimplemented!()"), ["a/b.rs:2: `unimplemented!` is not finished code"]);
}

#[test]
fn the_crates_below_testkit_use_it_in_integration_tests_only() {
    let at = |path: &str| {
        let text = "//! Tests.\nuse roomkey_testkit::conformance;\n".to_owned();
        check(&File { path: path.to_owned(), text })
    };
    assert_eq!(
        at("crates/core/src/key.rs"),
        ["crates/core/src/key.rs:2: `roomkey_testkit` belongs into `tests/`"]
    );
    assert_eq!(at("crates/core/tests/key.rs"), [""; 0]);
    assert_eq!(at("crates/rooms/src/tests.rs"), [""; 0]);
}

#[test]
fn what_is_ignored_or_silenced_gives_a_reason() {
    for text in [
        "#[ignore]",
        "#[cfg_attr(windows, ignore)]",
        "#[allow(dead_code)]",
        "#![allow(\n    dead_code,\n    clippy::unwrap_used,\n)]",
        "#[expect(unused)]",
        "#[cfg_attr(test, allow(dead_code))]",
        "#[allow(dead_code)] // reason = \"in a comment\"",
    ] {
        let found = found(text);
        assert!(found.len() == 1 && found[0].ends_with("gives no reason"), "{text}: {found:?}");
    }
}
