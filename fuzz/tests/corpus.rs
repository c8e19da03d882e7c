//! Every input of the corpus, as a test on any compiler: what a fuzzer once found interesting must hold for ever.
#![expect(clippy::print_stdout, reason = "Where a target fails, the last line names the input.")]

use std::fs;
use std::path::{Path, PathBuf};

use roomkey_fuzz::{TARGETS, check};

// One test and not one per target: what an input allocates is counted for the whole process.
#[test]
fn every_input_of_the_corpus_holds() {
    for (name, target) in TARGETS {
        let inputs = files(&corpus().join(name));
        assert!(!inputs.is_empty(), "the corpus of {name} is gone");
        check(*target, b"");
        for input in inputs {
            println!("{}", input.display());
            check(*target, &fs::read(&input).expect("an input can be read"));
        }
    }
}

#[test]
fn targets_fuzzers_and_corpora_have_the_same_names() {
    let names: Vec<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stems = |folder: PathBuf| -> Vec<String> {
        let stem =
            |path: PathBuf| path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        files(&folder).into_iter().map(stem).collect()
    };
    assert_eq!(stems(corpus().with_file_name("fuzz_targets")), names);
    assert_eq!(stems(corpus()), names);
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// What is in a folder, in the order of the names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    paths.sort();
    paths
}
