//! Tokens, rooms, and what is refused.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Batch, Life, Op, Store};
use roomkey_crypto::Keyring;
use roomkey_rooms::Rooms;
use roomkey_tokens::Tokens;
use roomkey_vault::{Json, Vault};
use serde::{Deserialize, Serialize};

use super::{APP, Failed, Tour};

const HOUR: Duration = Duration::from_secs(3_600);

/// A type that bincode would misread: a skipped field leaves no trace in it.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    text: String,
}

impl<S: Store> Tour<S> {
    pub(super) async fn tokens(&mut self) -> Result<(), Failed> {
        self.print.chapter("Tokens: stored once, valid until they are revoked or expire");
        let tokens = Tokens::new(self.vault.clone());
        tokens.store("reset", "s3cret-link", HOUR).await?;
        self.print.does("tokens.store(\"reset\", \"s3cret-link\", 1 h)");
        self.show_new(&["reset", "s3cret-link"]).await?;

        let twice = tokens.store("reset", "s3cret-link", HOUR).await;
        self.print.refused("the same again", &twice);
        self.print.check(twice.is_err(), "a token is never overwritten")?;
        let as_other = tokens.is_valid("access", "s3cret-link").await?;
        self.print.check(!as_other, "a token of one type is none of another")?;
        let revoked =
            (tokens.revoke("reset", "s3cret-link").await?, tokens.revoke("reset", "s3cret-link").await?);
        self.print.sees("tokens.revoke(..), and again", revoked);
        let valid = tokens.is_valid("reset", "s3cret-link").await?;
        self.print.check(revoked == (true, false) && !valid, "a revoked token is invalid at once")?;
        let cleaned = tokens.cleanup_expired("reset").await?;
        self.print.sees("tokens.cleanup_expired(\"reset\")", cleaned);
        Ok(())
    }

    pub(super) async fn rooms(&mut self) -> Result<(), Failed> {
        self.print.chapter("Rooms: 50 tasks ask for 5 seats at once");
        let rooms = Rooms::new(self.vault.clone());
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let rooms = rooms.clone();
            asking.spawn(async move { rooms.check_and_increment_within("stage", 5).await });
        }
        let mut admitted = 0;
        while let Some(answer) = asking.join_next().await {
            admitted += u32::from(answer??);
        }
        self.print.sees("50 x rooms.check_and_increment_within(\"stage\", 5)", admitted);
        let size = rooms.size("stage").await?;
        self.print.check(admitted == 5 && size == 5, "exactly 5 were let in")?;
        self.show_new(&["stage"]).await?;

        let left = (rooms.update_size("stage", -2).await?, rooms.update_size("stage", -10).await?);
        self.print.sees("rooms.update_size(\"stage\", -2), then -10", left);
        self.print.check(left == (3, 0), "a room never holds less than nobody")
    }

    pub(super) async fn what_is_refused(&mut self) -> Result<(), Failed> {
        self.print.chapter("What is refused, before it can do harm");
        let vault = self.vault.clone();

        let note = Note { title: None, text: "untitled".into() };
        let misread = vault.set("note", &note, HOUR).await;
        self.print.refused("vault.set(\"note\", &with_a_skipped_field, ..)", &misread);
        self.print.check(misread.is_err(), "what could not be read back is not written")?;
        let Json(back) = {
            vault.set("note", &Json(note), HOUR).await?;
            vault.get::<Json<Note>>("note").await?.ok_or("the note is missing")?
        };
        self.print.check(back.text == "untitled", "wrapped in Json it works")?;

        let wrong_type = vault.lpush("note", "x").await;
        self.print.refused("vault.lpush(\"note\", ..)", &wrong_type);
        self.print.check(wrong_type.is_err(), "one name holds one structure")?;
        let zero = vault.set("note", "x", Duration::ZERO).await;
        self.print.refused("vault.set(\"note\", .., Duration::ZERO)", &zero);
        self.print.check(zero.is_err(), "a lifetime of nothing is a mistake, not for ever")
    }

    pub(super) async fn what_an_intruder_gets(&mut self) -> Result<(), Failed> {
        self.print.chapter("What someone with the store, but without the key, can do");
        let vault = self.vault.clone();
        // Looks at what the chapters before left, so that the next look shows these two alone.
        self.holdings.new_ones().await?;
        vault.set("mine", "my-balance", HOUR).await?;
        let mine = self.show_new(&["mine", "my-balance"]).await?.pop().ok_or("one key is new")?;
        vault.set("yours", "your-balance", HOUR).await?;
        let yours = self.show_new(&["yours", "your-balance"]).await?.pop().ok_or("one key is new")?;

        self.overwrite(&yours.key, Bytes::from(mine.raw.clone())).await?;
        let moved = vault.get::<String>("yours").await;
        self.print.refused("your value replaced by mine: vault.get(\"yours\")", &moved);
        self.print.check(moved.is_err(), "a moved value does not open")?;

        let mut altered = yours.raw.clone();
        if let Some(last) = altered.last_mut() {
            *last ^= 1;
        }
        self.overwrite(&yours.key, altered.into()).await?;
        let altered = vault.get::<String>("yours").await;
        self.print.check(altered.is_err(), "an altered value does not open")?;

        self.overwrite(&yours.key, Bytes::from_static(b"plaintext of my own")).await?;
        let planted = vault.get::<String>("yours").await;
        self.print.refused("plaintext planted: vault.get(\"yours\")", &planted);
        self.print.check(planted.is_err(), "plaintext is never taken for a value")?;

        self.overwrite(&yours.key, Bytes::from(yours.raw.clone())).await?;
        let restored = self.holdings.again(&yours.key).await?.is_some();
        let value: Option<String> = vault.get("yours").await?;
        self.print.check(restored && value.as_deref() == Some("your-balance"), "put back, it opens again")?;

        let store = vault.store().clone();
        let namespace = format!("demo-{}", std::process::id());
        let foreign = Vault::builder().app(APP).namespace(namespace).open(store, Keyring::generate()?).await;
        self.print.refused("Vault::open with another key ring", &foreign);
        self.print.check(foreign.is_err(), "a wrong key ring is told at open, not at the first read")
    }

    /// Writes past the vault.
    async fn overwrite(&self, key: &roomkey_core::Key, bytes: Bytes) -> Result<(), Failed> {
        for reply in self.vault.store().run(Batch::one(Op::put(key, bytes, Life::Keep))?).await? {
            reply?;
        }
        Ok(())
    }
}
