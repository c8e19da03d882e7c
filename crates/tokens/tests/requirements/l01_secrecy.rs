//! Line 1: nothing that is sent to the store or kept there shows a token, its plain hash, its subject or a claim; and no
//! `Debug` or error does.

use std::sync::{Arc, Mutex};

use roomkey_core::Store;
use roomkey_store::RedisStore;
use roomkey_testkit::{RecordingStore, RedisServer};
use roomkey_tokens::{CodeVerdict, Issue, Tokens};
use sha2::{Digest, Sha256};

use crate::common::{HOUR, connect, open, policies, state};

/// In every text that nobody may see.
const SENTINEL: &str = "sentinel";
const SUBJECT: &str = "sentinel-subject";

/// Everything that must not be seen, as bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(Vec<Vec<u8>>);

impl Secrets {
    fn new() -> Self {
        Self(vec![SENTINEL.into(), Sha256::digest(SUBJECT).to_vec()])
    }

    fn token(&mut self, text: &str) {
        let body = text.rsplit_once('_').unwrap().1;
        for text in [text, body, &body[..24], &body[body.len() - 24..]] {
            self.0.push(text.into());
        }
        // Whoever reads the store could compute them for a token that he found elsewhere.
        self.0.push(Sha256::digest(text)[..16].to_vec());
        self.0.push(Sha256::digest(body)[..16].to_vec());
    }

    fn assert_not_in(&self, bytes: &[u8], place: &str) {
        for secret in &self.0 {
            let seen = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!seen, "{place} shows {:?}", String::from_utf8_lossy(secret));
        }
    }

    /// In a text that writes bytes with escapes or in hexadecimal digits.
    fn assert_not_shown(&self, text: &str, place: &str) {
        for secret in &self.0 {
            let escaped = format!("{:?}", bytes::Bytes::copy_from_slice(secret));
            let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            for form in [&escaped[2..escaped.len() - 1], &hex] {
                assert!(!text.contains(form), "{place} shows {form:?}");
            }
        }
    }
}

/// Calls everything there is, and shows to `seen` what each call gave back.
async fn every_call<S: Store>(tokens: &Tokens<S>, secrets: &mut Secrets, mut seen: impl FnMut(&str, String)) {
    let claims = "sentinel-claims".to_owned();
    let asked = || {
        Issue::new(SUBJECT, claims.clone())
            .device("sentinel-device")
            .scopes(["sentinel-scope"])
            .lifetime(HOUR)
    };
    seen("Issue", format!("{:?}", asked()));
    for token_type in ["session", "access", "link", "oldest"] {
        let issued = tokens.issue(token_type, asked()).await.unwrap();
        let text = issued.token.reveal();
        secrets.token(text);
        seen("Issued", format!("{issued:?} {issued:#?} {:?}", issued.token));
        let session = tokens.verify::<String>(token_type, text).await.unwrap().unwrap();
        assert_eq!((session.subject.as_str(), &session.claims), (SUBJECT, &claims));
        seen("Session", format!("{session:?} {session:#?}"));
        assert!(tokens.is_valid(token_type, text).await.unwrap());
        // The claims are of another type than this.
        let error = tokens.verify::<bool>(token_type, text).await.unwrap_err();
        seen("Error", format!("{error:?} {error}"));
        assert!(tokens.verify::<String>("session", &format!("{text}x")).await.unwrap().is_none());
    }
    for round in 0..2 {
        let code = tokens.issue_code("code", asked()).await.unwrap();
        let digits = code.text.reveal();
        secrets.0.push(digits.into());
        seen("Code", format!("{code:?} {:?}", code.text));
        let wrong = if digits.starts_with('0') { "100000" } else { "000000" };
        for typed in [wrong, digits] {
            let verdict = tokens.verify_code::<String>("code", SUBJECT, typed).await.unwrap();
            seen("CodeVerdict", format!("{verdict:?}"));
            assert_eq!(matches!(verdict, CodeVerdict::Accepted(_)), typed == digits, "{round}");
        }
    }
    let mut granted = tokens.grant("refresh", asked()).await.unwrap();
    for round in 0..3 {
        secrets.token(granted.refresh.token.reveal());
        secrets.token(granted.access.as_ref().unwrap().token.reveal());
        seen("Grant", format!("{granted:?} {granted:#?}"));
        let refreshed = tokens.refresh::<String>("refresh", granted.refresh.token.reveal()).await.unwrap();
        seen("Refresh", format!("{refreshed:?}"));
        let replayed = tokens.refresh::<String>("refresh", granted.refresh.token.reveal()).await.unwrap();
        seen("Refresh", format!("{replayed:?}"));
        granted = refreshed.granted().unwrap().0;
        let page = tokens.sessions::<String>("refresh", SUBJECT, None).await.unwrap();
        assert_eq!(page.sessions.len(), 1, "{round}");
        seen("SessionPage", format!("{page:?}"));
    }
    assert!(tokens.revoke_others("refresh", granted.refresh.token.reveal()).await.unwrap());
    assert!(tokens.revoke_family("refresh", granted.refresh.token.reveal()).await.unwrap());
    let link = tokens.issue("link", asked()).await.unwrap();
    secrets.token(link.token.reveal());
    assert!(tokens.consume::<String>("link", link.token.reveal()).await.unwrap().is_some());
    let left = tokens.issue("session", asked()).await.unwrap();
    secrets.token(left.token.reveal());
    let family = tokens.grant("refresh", asked()).await.unwrap();
    secrets.token(family.refresh.token.reveal());
    tokens.refresh::<String>("refresh", family.refresh.token.reveal()).await.unwrap();
    let brought = "sentinel-brought";
    tokens.store("access", brought, HOUR).await.unwrap();
    let taken = tokens.store("access", brought, HOUR).await.unwrap_err();
    seen("Error", format!("{taken:?} {taken}"));
    assert!(tokens.is_valid("access", brought).await.unwrap());
    let ended = tokens.issue("session", asked()).await.unwrap();
    secrets.token(ended.token.reveal());
    assert!(tokens.revoke("session", ended.token.reveal()).await.unwrap());
    assert!(!tokens.revoke_session("session", SUBJECT, &ended.handle).await.unwrap());
    for too_long in [
        tokens.issue("session", Issue::new(SUBJECT.repeat(100), ())).await,
        tokens.issue("session", Issue::new(SUBJECT, ()).device(SUBJECT.repeat(100))).await,
        tokens.issue("session", Issue::new(SUBJECT, ()).scopes(["sentinel scope"])).await,
    ] {
        let error = too_long.unwrap_err();
        seen("Error", format!("{error:?} {error}"));
    }
    seen("Tokens", format!("{tokens:?} {tokens:#?}"));
}

/// The calls that end everything, after which there is little to see.
async fn every_end<S: Store>(tokens: &Tokens<S>) {
    tokens.revoke_type("access").await.unwrap();
    tokens.revoke_subject(SUBJECT).await.unwrap();
}

async fn nothing_secret_reaches<S: Store>(store: S) {
    let store = RecordingStore::new(store);
    let vault = open(store.clone()).await;
    let events: Arc<Mutex<Vec<String>>> = Arc::default();
    let sink = Arc::clone(&events);
    let options = policies().track(true).audit(move |event: &roomkey_tokens::Event<'_>| {
        sink.lock().unwrap().push(format!("{event:?}"));
    });
    let tokens = Tokens::with_options(vault.clone(), options).unwrap();
    let mut secrets = Secrets::new();
    let mut shown = Vec::new();
    every_call(&tokens, &mut secrets, |what, text| shown.push((what.to_owned(), text))).await;

    let kept = state(&vault).await;
    assert!(kept.len() > 6, "records, a subject and generations are there");
    for key in &kept {
        secrets.assert_not_in(&key.key, "the name of a key");
        secrets.assert_not_shown(&format!("{:?}", key.content), "a value");
    }
    every_end(&tokens).await;
    secrets.assert_not_shown(&format!("{:?}", store.history()), "a request or a reply");
    for (what, text) in &shown {
        secrets.assert_not_shown(text, what);
    }
    let events = events.lock().unwrap();
    assert!(events.len() > 10, "the sink hears of what happens");
    secrets.assert_not_shown(&events.join("\n"), "an event");
}

#[tokio::test]
async fn on_memory_nothing_secret_is_kept_sent_or_shown() {
    nothing_secret_reaches(roomkey_memory::MemoryStore::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_redis_nothing_secret_is_kept_sent_or_shown() {
    nothing_secret_reaches(crate::common::redis().await).await;
}

/// What the server itself sees and writes to its disk.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn neither_the_servers_monitor_nor_its_dump_shows_anything() {
    let server =
        RedisServer::options().config("rdbcompression", "no").config("dbfilename", "dump.rdb").start();
    let store: RedisStore = connect(&server).await;
    let tokens = Tokens::with_options(open(store).await, policies().track(true)).unwrap();
    let mut secrets = Secrets::new();
    let monitor = server.monitor();
    every_call(&tokens, &mut secrets, |_, _| ()).await;
    server.command(&["SAVE"]);
    let dump = std::fs::read(server.dir().join("dump.rdb")).unwrap();
    every_end(&tokens).await;
    let lines = monitor.finish();
    assert!(lines.len() > 50 && dump.len() > 1_000, "something was recorded and saved");
    secrets.assert_not_in(&dump, "the dump");
    secrets.assert_not_shown(&lines.join("\n"), "the monitor");
}
