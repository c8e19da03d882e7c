//! Puts the steps of each guide together, so that they are compiled and run as the one program that they are.

use std::path::Path;
use std::{env, fs};

fn main() {
    for guide in ["tokens", "rooms"] {
        let path = format!("../../docs/{guide}.md");
        println!("cargo::rerun-if-changed={path}");
        let text = fs::read_to_string(path).expect("the guides are part of the repository");
        let folder = env::var("OUT_DIR").expect("Cargo gives build scripts a folder");
        fs::write(Path::new(&folder).join(format!("{guide}.rs")), program(&text))
            .expect("the folder can be written to");
    }
}

/// The blocks of a guide, one after the other.
fn program(guide: &str) -> String {
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
    program.replace("async fn main", "pub(super) async fn main")
}
