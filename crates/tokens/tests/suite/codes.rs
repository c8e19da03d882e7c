//! One-time codes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use roomkey_core::{Key, Kind, Life, Op, Reply, Store, Ttl};
use roomkey_testkit::{RecordingStore, read_state};
use roomkey_tokens::{Code, CodePolicy, CodeVerdict, Error, Issue, Policy, Tokens, TokensOptions, What};
use roomkey_vault::Vault;

use crate::assert_fails;
use crate::common::{HOUR, keys_of, open, raw, sole_key};

type Told = Arc<Mutex<Vec<What>>>;

fn told<S: Store>(vault: Vault<S>) -> (Tokens<S>, Told) {
    let told = Told::default();
    let sink = Arc::clone(&told);
    let options = TokensOptions::new()
        .codes("sign-in", CodePolicy::one_time())
        .codes("long", CodePolicy::one_time().digits(12).attempts(3, HOUR))
        .policy("session", Policy::fixed(HOUR))
        .audit(move |event: &roomkey_tokens::Event<'_>| sink.lock().unwrap().push(event.what));
    (Tokens::with_options(vault, options).unwrap(), told)
}

async fn tokens<S: Store>(store: S) -> Tokens<S> {
    told(open(store).await).0
}

/// Another code of the same form.
fn wrong(code: &Code) -> String {
    let number: u64 = code.text.reveal().parse().unwrap();
    let digits = code.text.reveal().len();
    format!("{:0digits$}", (number + 1) % 10_u64.pow(digits.try_into().unwrap()))
}

fn is_accepted<C>(verdict: &CodeVerdict<C>) -> bool {
    matches!(verdict, CodeVerdict::Accepted(_))
}

pub(crate) async fn the_right_code_is_accepted_once<S: Store>(store: S) {
    let (tokens, told) = told(open(store).await);
    let issue = Issue::new("alice", 42_u64).scopes(["sign-in"]).device("Firefox");
    let code = tokens.issue_code("sign-in", issue).await.unwrap();
    assert_eq!((code.text.reveal().len(), code.expires_in), (6, Duration::from_secs(600)));
    let text = code.text.reveal();
    // A code is of one subject and one type.
    let of_bob = tokens.verify_code::<u64>("sign-in", "bob", text).await.unwrap();
    assert_eq!(of_bob, CodeVerdict::Refused);
    assert_eq!(tokens.verify_code::<u64>("other", "alice", text).await.unwrap(), CodeVerdict::Refused);
    let typed = format!(" {} - {} ", &text[..3], &text[3..]);
    let CodeVerdict::Accepted(session) = tokens.verify_code::<u64>("sign-in", "alice", &typed).await.unwrap()
    else {
        panic!("the right code is accepted")
    };
    assert_eq!((session.subject.as_str(), session.claims), ("alice", 42));
    assert!(session.has_scope("sign-in") && session.device.as_deref() == Some("Firefox"));
    assert_eq!(tokens.verify_code::<u64>("sign-in", "alice", text).await.unwrap(), CodeVerdict::Refused);
    let told = told.lock().unwrap().clone();
    let refused = What::CodeRefused;
    assert_eq!(told, [What::CodeIssued, refused, refused, What::CodeAccepted, refused]);
}

pub(crate) async fn wrong_codes_are_counted_down_and_end_the_code<S: Store>(store: S) {
    let (tokens, told) = told(open(store).await);
    let code = tokens.issue_code("sign-in", Issue::new("alice", ())).await.unwrap();
    for left in [4, 3, 2, 1, 0] {
        let verdict = tokens.verify_code::<()>("sign-in", "alice", &wrong(&code)).await.unwrap();
        assert_eq!(verdict, CodeVerdict::Wrong { left });
    }
    let right = tokens.verify_code::<()>("sign-in", "alice", code.text.reveal()).await.unwrap();
    assert_eq!(right, CodeVerdict::Refused, "it came too late");
    assert_eq!(told.lock().unwrap().last(), Some(&What::GuessLimited));
    // A fresh code does not give fresh tries.
    let again = tokens.issue_code("sign-in", Issue::new("alice", ())).await.unwrap();
    let verdict = tokens.verify_code::<()>("sign-in", "alice", again.text.reveal()).await.unwrap();
    assert_eq!(verdict, CodeVerdict::Refused);
    assert_eq!(told.lock().unwrap().last(), Some(&What::GuessLimited));
    // Others are not concerned, nor are other types.
    let of_bob = tokens.issue_code("sign-in", Issue::new("bob", ())).await.unwrap();
    assert!(is_accepted(&tokens.verify_code::<()>("sign-in", "bob", of_bob.text.reveal()).await.unwrap()));
    let long = tokens.issue_code("long", Issue::new("alice", ())).await.unwrap();
    assert!(is_accepted(&tokens.verify_code::<()>("long", "alice", long.text.reveal()).await.unwrap()));
}

pub(crate) async fn tries_are_counted_over_codes_until_one_is_right<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for round in 0..3 {
        let first = tokens.issue_code("sign-in", Issue::new("alice", ())).await.unwrap();
        let second = tokens.issue_code("sign-in", Issue::new("alice", ())).await.unwrap();
        let replaced = tokens.verify_code::<()>("sign-in", "alice", first.text.reveal()).await.unwrap();
        if first.text != second.text {
            assert_eq!(replaced, CodeVerdict::Wrong { left: 4 }, "round {round}: it was replaced");
            let verdict = tokens.verify_code::<()>("sign-in", "alice", &wrong(&second)).await.unwrap();
            assert_eq!(verdict, CodeVerdict::Wrong { left: 3 });
            let verdict = tokens.verify_code::<()>("sign-in", "alice", second.text.reveal()).await.unwrap();
            assert!(is_accepted(&verdict));
        }
    }
}

pub(crate) async fn what_cannot_be_a_code_does_not_count<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let code = tokens.issue_code("sign-in", Issue::new("alice", ())).await.unwrap();
    for typed in ["", "12345", "1234567", "12345x", "１２３４５６", "123456\0", &"1".repeat(100_000)] {
        let verdict = tokens.verify_code::<()>("sign-in", "alice", typed).await.unwrap();
        assert_eq!(verdict, CodeVerdict::Malformed);
    }
    let verdict = tokens.verify_code::<()>("sign-in", "alice", &wrong(&code)).await.unwrap();
    assert_eq!(verdict, CodeVerdict::Wrong { left: 4 });
    assert_fails!(tokens.verify_code::<()>("sign-in", "", code.text.reveal()).await, Error::Empty);
    assert_fails!(tokens.verify_code::<()>("", "alice", code.text.reveal()).await, Error::Empty);
    assert_fails!(tokens.issue_code("sign-in", Issue::new("", ())).await, Error::Empty);
    let endless = Issue::new("alice", ()).lifetime(Duration::ZERO);
    assert_fails!(tokens.issue_code("sign-in", endless).await, Error::Expiry(Duration::ZERO));
}

pub(crate) async fn many_guesses_at_once_are_no_more_than_the_attempts<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for round in 0..10 {
        let subject = format!("user {round}");
        let code = tokens.issue_code("sign-in", Issue::new(&subject, ())).await.unwrap();
        // Rounds of wrong ones only, and rounds with the right one among them; fresh codes come in between.
        let guesses: Vec<_> = (0..64)
            .map(|n| {
                let tokens = tokens.clone();
                let subject = subject.clone();
                let guess = if round % 2 == 1 && n == 40 { code.text.reveal().into() } else { wrong(&code) };
                tokio::spawn(async move {
                    if round % 2 == 0 && n % 16 == 8 {
                        tokens.issue_code("sign-in", Issue::new(&subject, ())).await.unwrap();
                    }
                    tokens.verify_code::<()>("sign-in", &subject, &guess).await.unwrap()
                })
            })
            .collect();
        let (mut evaluated, mut accepted) = (0, 0);
        for guess in guesses {
            match guess.await.unwrap() {
                CodeVerdict::Accepted(_) => accepted += 1,
                CodeVerdict::Wrong { .. } => evaluated += 1,
                CodeVerdict::Refused => {}
                other => panic!("{other:?}"),
            }
        }
        // The right one takes the count back to none, and with it the code: what comes after it is not compared.
        assert!(evaluated + accepted <= 5, "round {round}: {evaluated} wrong, {accepted} right");
        assert!(accepted <= 1);
        if accepted == 0 {
            let right = tokens.verify_code::<()>("sign-in", &subject, code.text.reveal()).await.unwrap();
            assert_eq!((right, evaluated), (CodeVerdict::Refused, 5), "round {round}");
        }
    }
}

pub(crate) async fn of_many_that_give_the_right_code_at_once_one_is_accepted<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for round in 0..10 {
        let subject = format!("user {round}");
        let code = tokens.issue_code("sign-in", Issue::new(&subject, ())).await.unwrap();
        let tasks: Vec<_> = (0..32)
            .map(|_| {
                let (tokens, subject, code) = (tokens.clone(), subject.clone(), code.clone());
                tokio::spawn(async move {
                    tokens.verify_code::<()>("sign-in", &subject, code.text.reveal()).await.unwrap()
                })
            })
            .collect();
        let mut accepted = 0;
        for task in tasks {
            accepted += usize::from(is_accepted(&task.await.unwrap()));
        }
        assert_eq!(accepted, 1);
    }
}

pub(crate) async fn revoking_ends_codes_too<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for round in 0..2 {
        let code = tokens.issue_code("sign-in", Issue::new("alice", ())).await.unwrap();
        if round == 0 {
            tokens.revoke_subject("alice").await.unwrap();
        } else {
            tokens.revoke_type("sign-in").await.unwrap();
        }
        let verdict = tokens.verify_code::<()>("sign-in", "alice", code.text.reveal()).await.unwrap();
        assert_eq!(verdict, CodeVerdict::Refused);
    }
    let code = tokens.issue_code("sign-in", Issue::new("alice", ())).await.unwrap();
    let verdict = tokens.verify_code::<()>("sign-in", "alice", code.text.reveal()).await.unwrap();
    assert!(is_accepted(&verdict));
}

pub(crate) async fn a_code_is_no_session_and_ends_none<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let (tokens, _) = told(vault.clone());
    // A code alone: its subject lives as long as the code.
    tokens.issue_code("sign-in", Issue::new("alice", ())).await.unwrap();
    assert_eq!(tokens.sessions::<()>("sign-in", "alice", None).await.unwrap().sessions, []);
    let subject = sole_key(&vault, "s1", Kind::Ranking).await;
    let left = async |key: &Key| match raw(&store, Op::ttl(key)).await {
        Reply::Ttl(Ttl::After(left)) => left,
        other => panic!("it expires: {other:?}"),
    };
    assert!(left(&subject).await > Duration::from_secs(590));
    assert_eq!(raw(&store, Op::rank_count(&subject)).await, Reply::Number(0));
    // A session lengthens it, and a code after it does not shorten it.
    let session = tokens.issue("session", Issue::new("alice", ())).await.unwrap();
    assert!(left(&subject).await > HOUR - Duration::from_secs(10));
    let code = tokens.issue_code("sign-in", Issue::new("alice", ())).await.unwrap();
    assert!(left(&subject).await > HOUR - Duration::from_secs(10));
    tokens.verify_code::<()>("sign-in", "alice", &wrong(&code)).await.unwrap();
    assert!(left(&sole_key(&vault, "a1", Kind::Value).await).await > Duration::from_secs(890));
    assert!(left(&sole_key(&vault, "k1", Kind::Value).await).await > Duration::from_secs(590));
    let verdict = tokens.verify_code::<()>("sign-in", "alice", code.text.reveal()).await.unwrap();
    assert!(is_accepted(&verdict));
    assert_eq!(keys_of(&vault, "a1", Kind::Value).await, []);
    assert_eq!(keys_of(&vault, "k1", Kind::Value).await, []);
    assert!(tokens.verify::<()>("session", session.token.reveal()).await.unwrap().is_some());
    // A longer code behind a shorter subject keeps that alive.
    tokens.issue("session", Issue::new("bob", ()).lifetime(Duration::from_secs(60))).await.unwrap();
    tokens.issue_code("sign-in", Issue::new("bob", ())).await.unwrap();
    let mut longest = Duration::ZERO;
    for subject in keys_of(&vault, "s1", Kind::Ranking).await {
        let left = left(&subject).await;
        assert!(left > Duration::from_secs(590));
        longest = longest.max(left);
    }
    assert!(longest > HOUR / 2);
}

pub(crate) async fn a_damaged_code_is_an_error_and_lets_nobody_in<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let (tokens, told) = told(vault.clone());
    let code = tokens.issue_code("sign-in", Issue::new("alice", ())).await.unwrap();
    let key = sole_key(&vault, "k1", Kind::Value).await;
    let kept = raw(&store, Op::get(&key)).await.into_bytes().unwrap();
    for damaged in [kept.slice(..16), kept.slice(..40), [&kept[..16], b"damaged"].concat().into()] {
        raw(&store, Op::put(&key, damaged, Life::Never)).await;
        let verdict = tokens.verify_code::<()>("sign-in", "alice", code.text.reveal()).await;
        assert_fails!(verdict, Error::Record(_));
        assert_eq!(told.lock().unwrap().last(), Some(&What::Fault));
    }
    // Without its proof nothing is right.
    raw(&store, Op::put(&key, kept.slice(..15), Life::Never)).await;
    let verdict = tokens.verify_code::<()>("sign-in", "alice", code.text.reveal()).await.unwrap();
    assert_eq!(verdict, CodeVerdict::Wrong { left: 4 });
    // The code of another subject, moved here together with its proof, proves nothing.
    let of_bob = tokens.issue_code("sign-in", Issue::new("bob", ())).await.unwrap();
    let mut others = keys_of(&vault, "k1", Kind::Value).await;
    others.retain(|other| *other != key);
    let moved = raw(&store, Op::get(&others[0])).await.into_bytes().unwrap();
    raw(&store, Op::put(&key, moved, Life::Never)).await;
    let verdict = tokens.verify_code::<()>("sign-in", "alice", of_bob.text.reveal()).await.unwrap();
    assert_eq!(verdict, CodeVerdict::Wrong { left: 3 });
    let attempts = sole_key(&vault, "a1", Kind::Value).await;
    raw(&store, Op::put(&attempts, "many", Life::Never)).await;
    let verdict = tokens.verify_code::<()>("sign-in", "alice", of_bob.text.reveal()).await;
    assert_fails!(verdict, Error::Record(roomkey_vault::Error::NotANumber));
}

pub(crate) async fn no_code_subject_or_claim_reaches_the_store<S: Store>(store: S) {
    let store = RecordingStore::new(store);
    let vault = open(store.clone()).await;
    let (tokens, _) = told(vault.clone());
    let issue = Issue::new("sentinel-alice", "sentinel-claim".to_owned()).device("sentinel-device");
    let code = tokens.issue_code("long", issue).await.unwrap();
    let verdict = tokens.verify_code::<String>("long", "sentinel-alice", &wrong(&code)).await.unwrap();
    assert_eq!(verdict, CodeVerdict::Wrong { left: 2 });
    let mut held = String::new();
    for (layout, kind) in [("k1", Kind::Value), ("a1", Kind::Value), ("s1", Kind::Ranking), ("g1", Kind::Map)]
    {
        let keys = keys_of(&vault, layout, kind).await;
        assert_eq!(keys.len(), 1, "{layout}");
        let keys: Vec<_> = keys.iter().map(|key| key.bytes().clone()).collect();
        held.push_str(&format!("{:?}", read_state(store.inner(), keys).await));
    }
    let accepted = tokens.verify_code::<String>("long", "sentinel-alice", code.text.reveal()).await.unwrap();
    assert!(is_accepted(&accepted));
    let asked = format!("{:?}", store.history());
    let shown = format!("{code:?} {accepted:?} {tokens:?}");
    for (what, text) in [("asked", asked), ("held", held), ("shown", shown)] {
        assert!(text.len() > 100, "there is something to look through: {what}");
        assert!(!text.contains("sentinel"), "{what}: {text}");
        assert!(!text.contains(code.text.reveal()), "{what}: {text}");
    }
}
