//! The walk through every family of operations.

mod data;
mod limits;
mod usage;

use std::error::Error;

use roomkey_core::{Namespace, Store};
use roomkey_crypto::Keyring;
use roomkey_vault::Vault;

use crate::holdings::{Holding, Holdings};
use crate::print::Printer;

/// Why the demo stopped.
pub type Failed = Box<dyn Error + Send + Sync>;

/// Walks through every family of operations on a store, and checks each step.
///
/// # Errors
/// The first step that does not hold, or the store's own trouble.
pub async fn walk<S: Store>(store: S, engine: &str) -> Result<(), Failed> {
    // A namespace of its own, so that the demo can run beside real data and clean up behind itself.
    let namespace = format!("demo-{}", std::process::id());
    let keyring = Keyring::generate()?;
    let vault = Vault::builder().app(APP).namespace(&namespace).open(store.clone(), keyring).await?;
    let layouts = LAYOUTS.into_iter().map(|layout| Namespace::new(APP, layout, &namespace));
    let holdings = Holdings::new(store, layouts.collect::<Result<_, _>>()?);
    let mut tour = Tour { vault, holdings, print: Printer::new() };

    println!("Roomkey on {engine}");
    println!("Each chapter shows what the application sees, and what the store holds of it.");
    let walked = tour.chapters().await;
    let removed = tour.holdings.remove_all().await;
    walked.and(removed)?;
    tour.print.finish();
    Ok(())
}

const APP: &str = "quickstart";

/// The layouts of the crates' keys, as their documentation names them.
const LAYOUTS: [&str; 5] = ["canary", "v1", "t1", "x1", "c1"];

/// What the chapters share.
struct Tour<S> {
    vault: Vault<S>,
    holdings: Holdings<S>,
    print: Printer,
}

impl<S: Store> Tour<S> {
    async fn chapters(&mut self) -> Result<(), Failed> {
        self.usage_of_the_old_class().await?;
        self.values().await?;
        self.counters().await?;
        self.hashes().await?;
        self.lists().await?;
        self.tokens().await?;
        self.rooms().await?;
        self.what_is_refused().await?;
        self.what_an_intruder_gets().await
    }

    /// Shows the keys that came since the last look, and checks that none of the words is in them.
    async fn show_new(&mut self, secrets: &[&str]) -> Result<Vec<Holding>, Failed> {
        let new = self.holdings.new_ones().await?;
        for holding in &new {
            self.print.holds(&holding.key.to_string(), &holding.shown);
            let everything = [holding.key.bytes(), &holding.raw[..]].concat();
            for secret in secrets {
                if everything.windows(secret.len()).any(|part| part == secret.as_bytes()) {
                    return Err(format!("the store can read {secret:?}").into());
                }
            }
        }
        self.print.check(!new.is_empty(), &format!("the store can read none of {}", secrets.join(", ")))?;
        Ok(new)
    }
}
