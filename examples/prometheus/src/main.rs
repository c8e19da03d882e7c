//! A service with something to watch: it reads and writes sessions, and answers `/metrics` on port 9000.
//!
//! ```text
//! REDIS_URL=redis://localhost cargo run --package prometheus &
//! curl http://localhost:9000/metrics
//! ```

use std::time::Duration;

use prometheus::{Failed, recorder, serve};
use roomkey_crypto::Keyring;
use roomkey_store::RedisStore;
use roomkey_vault::Vault;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let metrics = recorder()?;
    let listener = TcpListener::bind(("127.0.0.1", 9000)).await?;
    // In production the key comes from `Keyring::from_env`. This one dies with the program, hence a namespace of its own.
    let namespace = format!("prometheus-example-{}", std::process::id());
    let vault = Vault::builder()
        .namespace(namespace)
        .open(RedisStore::from_env().await?, Keyring::generate()?)
        .await?;
    tokio::spawn(work(vault));
    serve(listener, metrics).await
}

/// What goes wrong here is seen in the metrics, which is what this program is about.
async fn work(vault: Vault<RedisStore>) {
    for number in 0_u64.. {
        let name = format!("session:{}", number % 100);
        let _ = vault.set(name.as_str(), &number, Duration::from_secs(60)).await;
        let _ = vault.get::<u64>(name.as_str()).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
