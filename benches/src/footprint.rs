//! What tokens cost in the server's memory, and what ending very many at once costs.

pub(crate) mod rooms;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use roomkey_store::RedisStore;
use roomkey_tokens::{Issue, Policy, Tokens, TokensOptions};
use roomkey_vault::Vault;
use serde::Serialize;

use crate::Result;
use crate::loads::tokens::{Claims, issue_all, subject, tokens};
use crate::loads::{Setting, peers};
use crate::stats::Spread;
use crate::wire::Wire;

/// How many tokens are issued to be counted. The number matters: the server's tables of keys and of expiries double when
/// they are full, so that a key with an expiry takes 16 to 32 bytes of them. This is the number that the targets were
/// taken at.
const TOKENS: usize = 200_000;
/// How many are issued before, so that the type has its generation in each of the 4 096 partitions, and how long they live.
const WARMING: usize = 40_000;
const BRIEFLY: Duration = Duration::from_secs(1);
/// How many tokens of one subject end at once.
const MANY: usize = 100_000;
/// How many are issued at the same time.
const AT_ONCE: usize = 64;
const HOUR: Duration = Duration::from_secs(3_600);

/// Bytes of the server's memory per token, all keys counted.
#[derive(Debug, Serialize)]
pub(crate) struct Footprint {
    names: String,
    per_subject: usize,
    bytes_per_token: f64,
    target: Option<f64>,
}

/// Tokens of 32 bytes of claims, under the names that a vault has by default and under short ones.
pub(crate) fn measure(setting: &Setting) -> Result<Vec<Footprint>> {
    let mut found = Vec::new();
    for (app, namespace) in [("roomkey", "default"), ("shop", "auth")] {
        for (per_subject, target) in [(1, Some(450.0)), (3, None), (10, Some(300.0))] {
            eprintln!("memory of tokens, {per_subject} per subject");
            let store = peers::store(setting)?;
            setting.runtime.block_on(peers::clear(&peers::multiplexed(setting)?))?;
            let vault = Vault::builder().app(app).namespace(namespace);
            let vault = setting.runtime.block_on(vault.open(store.clone(), setting.keyring.clone()))?;
            let options = TokensOptions::new().policy("access", Policy::fixed(HOUR));
            let tokens = Tokens::with_options(vault, options)?;
            let mut wire = Wire::connect(setting.redis)?;
            // The generations of the type are there once, however many tokens there are.
            issue(setting, &tokens, "warm", BRIEFLY, 0..WARMING)?;
            std::thread::sleep(BRIEFLY);
            let before = settled(&mut wire)?;
            issue(setting, &tokens, "user", HOUR, (0..TOKENS).map(|n| n / per_subject))?;
            let bytes_per_token = (settled(&mut wire)? - before) / TOKENS as f64;
            peers::close(setting, &store)?;
            found.push(Footprint {
                names: format!("{app}:…:{namespace}"),
                per_subject,
                bytes_per_token,
                target,
            });
        }
    }
    Ok(found)
}

/// The memory that the server uses, once it has removed what expired. A table that has doubled is moved over bit by bit,
/// and only then is the old one freed, which takes an idle server some seconds.
fn settled(wire: &mut Wire) -> Result<f64> {
    let used = |wire: &mut Wire| -> Result<u64> { Ok(wire.info("INFO memory", "used_memory")?.parse()?) };
    let (mut last, mut same) = (0, 0);
    while same < 12 {
        std::thread::sleep(WATCHED);
        let now = used(wire)?;
        same = if now.abs_diff(last) < 64 * 1_024 { same + 1 } else { 0 };
        last = now;
    }
    Ok(last as f64)
}

/// Issues one token for each number of a subject.
fn issue(
    setting: &Setting,
    tokens: &Tokens<RedisStore>,
    whose: &'static str,
    lifetime: Duration,
    subjects: impl Iterator<Item = usize>,
) -> Result {
    let subjects: Vec<usize> = subjects.collect();
    let share = subjects.len().div_ceil(AT_ONCE);
    let tasks: Vec<_> = subjects
        .chunks(share)
        .map(|subjects| {
            let (tokens, subjects) = (tokens.clone(), subjects.to_vec());
            setting.runtime.spawn(async move {
                for number in subjects {
                    let issue = Issue::new(format!("{whose}{number:05x}"), [7_u8; 32]).lifetime(lifetime);
                    tokens.issue("access", issue).await?;
                }
                Ok::<_, roomkey_tokens::Error>(())
            })
        })
        .collect();
    for task in tasks {
        setting.runtime.block_on(task)??;
    }
    Ok(())
}

/// A line of the table.
impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { names, per_subject, bytes_per_token, target } = self;
        let met = |target: f64| if *bytes_per_token <= target { "met" } else { "not met" };
        let target = target.map_or_else(String::new, |target| format!("≤ {target} B: {}", met(target)));
        write!(f, "| `{names}` | {per_subject} | {bytes_per_token:.0} | {target} |")
    }
}

/// Ending all tokens of a subject that has very many, and those who verify others meanwhile.
#[derive(Debug, Serialize)]
pub(crate) struct Revocation {
    tokens: usize,
    /// From the call to its return.
    revoke_us: f64,
    /// What the server says that its slowest command took.
    server_us: f64,
    /// The 99th percentile of verifying tokens of others, while nothing is revoked and while it is.
    quiet_p99_us: Spread,
    revoking_p99_us: Spread,
}

/// How often it is repeated, and how long those who verify are watched each time.
const ROUNDS: usize = 3;
const WATCHED: Duration = Duration::from_millis(500);
const VERIFIERS: usize = 16;

/// Measures it on a subject of 100 000 tokens.
pub(crate) fn revoke_all(setting: &Setting) -> Result<Revocation> {
    eprintln!("revoking {MANY} tokens of one subject");
    let store = peers::store(setting)?;
    setting.runtime.block_on(peers::clear(&peers::multiplexed(setting)?))?;
    let tokens = tokens(setting, store.clone())?;
    let texts = issue_all(setting, &tokens, "access")?;
    let mut wire = Wire::connect(setting.redis)?;
    let (mut revoke, mut server, mut quiet, mut revoking) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        issue(setting, &tokens, "many", HOUR, std::iter::repeat_n(0, MANY))?;
        quiet.push(p99_of_verifying(setting, &tokens, &texts, || Ok(()))?);
        wire.ask("CONFIG RESETSTAT")?;
        revoking.push(p99_of_verifying(setting, &tokens, &texts, || {
            let started = Instant::now();
            setting.runtime.block_on(tokens.revoke_subject("many00000"))?;
            revoke.push(started.elapsed().as_secs_f64() * 1e6);
            Ok(())
        })?);
        server.push(usec_of_unlink(&wire.ask("INFO commandstats")?));
    }
    peers::close(setting, &store)?;
    Ok(Revocation {
        tokens: MANY,
        revoke_us: Spread::of(revoke).median,
        server_us: Spread::of(server).median,
        quiet_p99_us: Spread::of(quiet),
        revoking_p99_us: Spread::of(revoking),
    })
}

/// Verifies tokens of other subjects on several tasks, does something in the middle, and returns the 99th percentile
/// in microseconds.
fn p99_of_verifying(
    setting: &Setting,
    tokens: &Tokens<RedisStore>,
    texts: &Arc<[String]>,
    in_the_middle: impl FnOnce() -> Result,
) -> Result<f64> {
    let stop = Arc::new(AtomicBool::new(false));
    let verifiers: Vec<_> = (0..VERIFIERS)
        .map(|task| {
            let (tokens, texts, stop) = (tokens.clone(), texts.clone(), stop.clone());
            setting.runtime.spawn(async move {
                let mut found = Vec::new();
                let mut at = task * texts.len() / VERIFIERS;
                while !stop.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    if tokens.verify::<Claims>("access", &texts[at % texts.len()]).await?.is_none() {
                        return Err(format!("the token of {} is not active", subject(at)).into());
                    }
                    found.push(started.elapsed());
                    at += 1;
                }
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(found)
            })
        })
        .collect();
    std::thread::sleep(WATCHED / 2);
    in_the_middle()?;
    std::thread::sleep(WATCHED / 2);
    stop.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    for verifier in verifiers {
        all.extend(setting.runtime.block_on(verifier)??);
    }
    all.sort_unstable();
    let p99 = all.get(all.len() * 99 / 100).ok_or("nothing was verified")?;
    Ok(p99.as_secs_f64() * 1e6)
}

/// What the server spent on the one `UNLINK`.
fn usec_of_unlink(stats: &str) -> f64 {
    let unlink = stats.lines().find_map(|line| line.strip_prefix("cmdstat_unlink:"));
    let usec = unlink.and_then(|line| line.split(',').find_map(|part| part.strip_prefix("usec=")));
    usec.and_then(|usec| usec.parse().ok()).unwrap_or(f64::NAN)
}

/// A sentence.
impl fmt::Display for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tokens, revoke_us, server_us, quiet_p99_us, revoking_p99_us } = self;
        let spread = |s: &Spread| format!("{:.0} µs (quartiles {:.0}–{:.0})", s.median, s.q1, s.q3);
        write!(
            f,
            "Ending all of a subject with {tokens} tokens took {revoke_us:.0} µs from call to return, {server_us:.0} µs \
             of them in the server (target: under 1 ms). The 99th percentile of {VERIFIERS} tasks verifying other tokens was {} in \
             half a second without it and {} in half a second with it (target: at most twice).",
            spread(quiet_p99_us),
            spread(revoking_p99_us)
        )
    }
}
