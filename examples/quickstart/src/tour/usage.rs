//! The usage example of the old class, line by line.

use std::time::Duration;

use roomkey_core::Store;
use roomkey_rooms::Rooms;
use roomkey_tokens::Tokens;
use serde::{Deserialize, Serialize};

use super::{Failed, Tour};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Session {
    user: String,
    cart: Vec<u32>,
}

impl<S: Store> Tour<S> {
    pub(super) async fn usage_of_the_old_class(&mut self) -> Result<(), Failed> {
        self.print.chapter("The usage example of RedisManager");
        let vault = self.vault.clone();
        let session = Session { user: "ada lovelace".into(), cart: vec![7, 9] };

        vault.set("user:session", &session, Duration::from_secs(3_600)).await?;
        self.print.does("vault.set(\"user:session\", &session, 1 h)");
        let back: Option<Session> = vault.get("user:session").await?;
        self.print.sees("vault.get(\"user:session\")", &back);
        self.print.check(back.as_ref() == Some(&session), "the session comes back as it was")?;

        let tokens = Tokens::new(vault.clone());
        tokens.store("access", "token123", Duration::from_secs(1_800)).await?;
        self.print.does("tokens.store(\"access\", \"token123\", 30 min)");
        let valid = tokens.is_valid("access", "token123").await?;
        self.print.sees("tokens.is_valid(\"access\", \"token123\")", valid);
        self.print.check(valid, "the token is valid")?;

        let rooms = Rooms::new(vault);
        rooms.set_size("room123", 5).await?;
        self.print.does("rooms.set_size(\"room123\", 5)");
        let size = rooms.size("room123").await?;
        self.print.sees("rooms.size(\"room123\")", size);
        self.print.check(size == 5, "the room has 5 members")?;

        self.show_new(&["user:session", "ada lovelace", "access", "token123", "room123"]).await?;
        Ok(())
    }
}
