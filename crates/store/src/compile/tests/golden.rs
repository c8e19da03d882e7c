//! The scripts of the library's programs, as files that a change of the compiler shows in a diff.
//!
//! `ROOMKEY_BLESS=1 cargo test -p roomkey-store golden` writes them anew.

use std::path::PathBuf;
use std::{env, fs};

use roomkey_core::Op;

use super::programs;
use crate::compile::Compiler;

#[test]
fn scripts_are_as_reviewed() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let compiler = Compiler::default();
    let mut differ = Vec::new();
    for (file, source) in scripts(&compiler) {
        let path = folder.join(&file);
        if env::var_os("ROOMKEY_BLESS").is_some() {
            fs::write(&path, &source).unwrap();
        }
        if fs::read_to_string(&path).unwrap_or_default() != source {
            differ.push(file);
        }
    }
    assert!(
        differ.is_empty(),
        "{differ:?} differ from tests/golden; look at them with ROOMKEY_BLESS=1 and git diff"
    );
}

fn scripts(compiler: &Compiler) -> Vec<(String, String)> {
    let mut scripts = Vec::new();
    let mut add = |name: &str, source: &str| {
        let times = scripts.iter().filter(|(file, _): &&(String, String)| file.starts_with(name)).count();
        let number = if times == 0 { String::new() } else { format!("_{}", times + 1) };
        scripts.push((format!("{name}{number}.lua"), source.to_owned()));
    };
    for txn in programs::all() {
        let call = compiler.exact_txn(&txn).unwrap();
        add(txn.name(), &call.script.unwrap().source);
    }
    for (name, op) in ops() {
        add(&format!("op.{name}"), &compiler.exact_op(&op).unwrap().script.unwrap().source);
    }
    scripts
}

/// Ops that are scripts also in a batch.
fn ops() -> Vec<(&'static str, Op)> {
    use programs::{bytes, key, seconds};
    use roomkey_core::{Append, End, Kind, Life, Only, RankPut, Score};
    let (value, map, list) = (key(Kind::Value, "v"), key(Kind::Map, "h"), key(Kind::List, "l"));
    let (ranking, log) = (key(Kind::Ranking, "z"), key(Kind::Log, "x"));
    let life = Life::AtLeast(seconds(60));
    let two = [bytes("a"), bytes("b")];
    vec![
        ("put_at_least", Op::put(&value, bytes("v"), life)),
        ("add_at_least", Op::add(&value, 1, life)),
        ("map_put", Op::map_put(&map, two.clone(), two.clone(), life)),
        ("push", Op::push(&list, End::Back, two.clone(), Life::Set(seconds(60)))),
        ("expire_at_least", Op::expire(&value, life)),
        ("expire_never", Op::expire(&value, Life::Never)),
        (
            "rank_put_within",
            RankPut::new(&ranking, two.clone(), Score::Last).only(Only::New).within(10).life(life).into(),
        ),
        ("rank_take", Op::rank_take(&ranking, 100)),
        ("append", Append::new(&log, 100).field("kind", "joined").field("who", two).life(life).into()),
    ]
}
