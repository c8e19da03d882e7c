//! Puts the steps of the guide to tokens together, so that they are compiled and run as the one program that they are.

use std::path::Path;
use std::{env, fs};

fn main() {
    const GUIDE: &str = "../../docs/tokens.md";
    println!("cargo::rerun-if-changed={GUIDE}");
    let guide = fs::read_to_string(GUIDE).expect("the guide is part of the repository");
    let mut program = String::new();
    let mut inside = false;
    for line in guide.lines() {
        match line {
            "```rust" => inside = true,
            "```" => inside = false,
            // What rustdoc would hide.
            hidden if inside => {
                program.push_str(hidden.strip_prefix("# ").unwrap_or(hidden));
                program.push('\n');
            }
            _ => {}
        }
    }
    let folder = env::var("OUT_DIR").expect("Cargo gives build scripts a folder");
    let program = program.replace("async fn main", "pub(super) async fn main");
    fs::write(Path::new(&folder).join("guide.rs"), program).expect("the folder can be written to");
}
