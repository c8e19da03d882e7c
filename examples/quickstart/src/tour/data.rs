//! Values, counters, hashes and lists.

use std::collections::HashMap;
use std::time::Duration;

use roomkey_core::{Store, Ttl};
use roomkey_vault::Name;

use super::{Failed, Tour};

const HOUR: Duration = Duration::from_secs(3_600);

impl<S: Store> Tour<S> {
    pub(super) async fn values(&mut self) -> Result<(), Failed> {
        self.print.chapter("Values: any serde type, with a lifetime");
        let vault = self.vault.clone();

        let name = Name::new("profile").arg(42).arg("avatar");
        vault.set(&name, "a-small-picture", HOUR).await?;
        self.print.does("vault.set(Name::new(\"profile\").arg(42).arg(\"avatar\"), …, 1 h)");
        self.show_new(&["profile", "avatar", "a-small-picture"]).await?;

        let ttl = vault.ttl(&name).await?;
        self.print.sees("vault.ttl(&name)", ttl);
        self.print.check(
            matches!(ttl, Ttl::After(left) if left <= HOUR && !left.is_zero()),
            "it lives for an hour",
        )?;
        let longer = vault.expire(&name, HOUR * 2).await?;
        self.print.sees("vault.expire(&name, 2 h)", longer);
        let ttl = vault.ttl(&name).await?;
        self.print
            .check(matches!(ttl, Ttl::After(left) if left > HOUR), "now it lives for longer than one")?;

        let deleted = (vault.delete(&name).await?, vault.delete(&name).await?, vault.exists(&name).await?);
        self.print.sees("vault.delete(&name), again, vault.exists(&name)", deleted);
        self.print.check(deleted == (true, false, false), "what is deleted is gone")?;

        let many = [("north", "ice"), ("south", "sand")];
        vault.set_many(many, HOUR).await?;
        self.print.does("vault.set_many([(\"north\", \"ice\"), (\"south\", \"sand\")], 1 h)");
        let got: Vec<Option<String>> = vault.get_many(["south", "nowhere", "north"]).await?;
        self.print.sees("vault.get_many([\"south\", \"nowhere\", \"north\"])", &got);
        let expected = [Some("sand".to_owned()), None, Some("ice".to_owned())];
        self.print.check(got == expected, "many values take one round trip, in the order asked for")?;
        self.show_new(&["north", "south", "sand"]).await?;
        Ok(())
    }

    pub(super) async fn counters(&mut self) -> Result<(), Failed> {
        self.print.chapter("Counters: plain integers under hidden names, because the store must add them");
        let vault = self.vault.clone();
        let counts =
            [vault.incr("visits").await?, vault.incr_by("visits", 41).await?, vault.decr("visits").await?];
        self.print.sees("vault.incr(\"visits\"), incr_by(.., 41), decr(..)", counts);
        self.print.check(counts == [1, 42, 41], "each call adds exactly once")?;
        self.show_new(&["visits"]).await?;

        let overflow = vault.incr_by("visits", i64::MAX).await;
        self.print.refused("vault.incr_by(\"visits\", i64::MAX)", &overflow);
        self.print
            .check(overflow.is_err() && vault.counter("visits").await? == 41, "an overflow changes nothing")
    }

    pub(super) async fn hashes(&mut self) -> Result<(), Failed> {
        self.print.chapter("Hashes: fields are hidden too, and come back with hgetall");
        let vault = self.vault.clone();
        vault.hset("basket:7", "apples", &3_u32).await?;
        vault.hset("basket:7", "pears", &5_u32).await?;
        self.print.does("vault.hset(\"basket:7\", \"apples\", &3), hset(.., \"pears\", &5)");
        self.show_new(&["basket", "apples", "pears"]).await?;

        let apples: Option<u32> = vault.hget("basket:7", "apples").await?;
        let removed = vault.hdel("basket:7", "apples").await?;
        self.print.sees("vault.hget(\"basket:7\", \"apples\"), then hdel", (apples, removed));
        let all: HashMap<String, u32> = vault.hgetall("basket:7").await?;
        self.print.sees("vault.hgetall(\"basket:7\")", &all);
        let left = HashMap::from([("pears".to_owned(), 5)]);
        self.print
            .check(apples == Some(3) && removed && all == left, "fields are read, removed and listed by name")
    }

    pub(super) async fn lists(&mut self) -> Result<(), Failed> {
        self.print.chapter("Lists: a queue with two ends");
        let vault = self.vault.clone();
        vault.rpush("jobs", "paint").await?;
        vault.rpush("jobs", "polish").await?;
        let length = vault.lpush("jobs", "sand").await?;
        self.print
            .sees("vault.rpush(\"jobs\", \"paint\"), rpush(.., \"polish\"), lpush(.., \"sand\")", length);
        self.show_new(&["jobs", "paint", "polish"]).await?;

        let all: Vec<String> = vault.lrange("jobs", 0, -1).await?;
        self.print.sees("vault.lrange(\"jobs\", 0, -1)", &all);
        let ends: [Option<String>; 2] = [vault.lpop("jobs").await?, vault.rpop("jobs").await?];
        self.print.sees("vault.lpop(\"jobs\"), vault.rpop(\"jobs\")", &ends);
        let taken = ends == [Some("sand".to_owned()), Some("polish".to_owned())];
        self.print.check(
            all == ["sand", "paint", "polish"] && taken,
            "elements keep their order, and are taken once",
        )
    }
}
