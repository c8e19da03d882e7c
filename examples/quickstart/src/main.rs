//! `cargo xtask demo`: every family of operations, beside what the store holds of it.
//!
//! Runs on the embedded store; with `REDIS_URL` set, on that Redis, in a namespace of its own that it removes at the end.
#![expect(clippy::print_stderr, reason = "a program for people to read")]

use std::process::ExitCode;

use quickstart::{Failed, walk};
use roomkey_core::Store as _;
use roomkey_memory::MemoryStore;
use roomkey_store::RedisStore;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("\nThe demo stopped: {failed}");
            let mut cause = failed.source();
            while let Some(because) = cause {
                eprintln!("  because: {because}");
                cause = because.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failed> {
    if std::env::var_os("REDIS_URL").is_some() {
        let store = RedisStore::from_env().await?;
        let engine = store.health().await?.engine;
        walk(store, &engine).await
    } else {
        walk(MemoryStore::new(), "the embedded store (set REDIS_URL, or add --redis, for a real Redis)").await
    }
}
