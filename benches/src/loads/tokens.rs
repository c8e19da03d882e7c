//! Tokens, against what one would send by hand: no names hidden, nothing sealed, nothing compared.
//!
//! The peers of a verification read values as long as ours: one of them what a check of a bare session costs, a single
//! `GET`; the other the same commands as ours. The peers of what writes send the same writes in one pipeline, without the checks
//! that make ours safe against what happens at the same time.

mod peer;

use std::sync::Arc;
use std::time::Duration;

use roomkey_store::RedisStore;
use roomkey_tokens::{Issue, Policy, Refresh, Tokens, TokensOptions};

use self::peer::{Get, Pipeline, Steps};
use super::{Setting, peers};
use crate::Result;
use crate::comparison::{Comparison, Contender, Sample, Target};
use crate::drive::{Work, on_tasks};

const TASKS: [usize; 3] = [1, 64, 256];
/// So many subjects that no concurrency has a cache of its own.
pub(crate) const SUBJECTS: usize = 4_096;
const HOUR: Duration = Duration::from_secs(3_600);
const BY_HAND: &str = "redis, the same writes unchecked in one pipeline";

/// What a session of a real service carries: 32 bytes.
pub(crate) type Claims = [u8; 32];

pub(crate) fn comparisons(setting: &Setting) -> Result<Vec<Comparison>> {
    let store = peers::store(setting)?;
    let tokens = tokens(setting, store)?;
    let mut comparisons = Vec::new();
    for (name, token_type, sliding) in
        [("tokens/verify", "access", false), ("tokens/verify, sliding", "session", true)]
    {
        let texts = issue_all(setting, &tokens, token_type)?;
        for tasks in TASKS {
            comparisons.push(verify(setting, &tokens, name, token_type, sliding, &texts, tasks)?);
        }
    }
    for (name, steps) in [
        ("tokens/refresh", Steps::Refresh),
        ("tokens/issue", Steps::Issue),
        ("tokens/revoke_subject", Steps::Revoke),
    ] {
        for tasks in TASKS {
            comparisons.push(change(setting, &tokens, name, steps, tasks)?);
        }
    }
    Ok(comparisons)
}

/// Tokens with the policies that the loads use.
pub(crate) fn tokens(setting: &Setting, store: RedisStore) -> Result<Tokens<RedisStore>> {
    let options = TokensOptions::new()
        .policy("access", Policy::fixed(HOUR))
        .policy("session", Policy::fixed(24 * HOUR).idle(HOUR))
        .policy("refresh", Policy::refresh().access_type("access"));
    Ok(Tokens::with_options(peers::vault(setting, store)?, options)?)
}

pub(crate) fn subject(number: usize) -> String {
    format!("user{number:04}")
}

/// The texts of one token of each subject.
pub(crate) fn issue_all(
    setting: &Setting,
    tokens: &Tokens<RedisStore>,
    token_type: &'static str,
) -> Result<Arc<[String]>> {
    let issue = |number: usize| {
        let tokens = tokens.clone();
        setting.runtime.spawn(async move {
            let issued = tokens.issue(token_type, Issue::new(subject(number), [7_u8; 32])).await?;
            Ok::<_, roomkey_tokens::Error>(issued.token.reveal().to_owned())
        })
    };
    let issued: Vec<_> = (0..SUBJECTS).map(issue).collect();
    issued.into_iter().map(|issued| Ok(setting.runtime.block_on(issued)??)).collect()
}

fn verify(
    setting: &Setting,
    tokens: &Tokens<RedisStore>,
    name: &str,
    token_type: &'static str,
    sliding: bool,
    texts: &Arc<[String]>,
    tasks: usize,
) -> Result<Comparison> {
    let raw = peers::multiplexed(setting)?;
    let same = Pipeline::reads(raw.clone(), sliding);
    setting.runtime.block_on(same.fill())?;
    let get = Get(same.clone());
    let ours = {
        let (tokens, texts) = (tokens.clone(), texts.clone());
        move |task| Verify::new(&tokens, token_type, &texts, task, tasks)
    };
    Ok(Comparison::new(name, tasks, contender(peers::OURS, setting, tasks, ours))
        .peer(
            contender("redis, one GET", setting, tasks, move |task| get.from(start(task, tasks))),
            Some(Target::Ratio(0.4)),
        )
        .peer(
            contender("redis, the same reads in one pipeline", setting, tasks, move |task| {
                same.clone().from(start(task, tasks))
            }),
            None,
        )
        .control(tasks == 64))
}

/// Tasks stand apart, so that they do not follow each other.
fn start(task: usize, tasks: usize) -> usize {
    task * SUBJECTS / tasks
}

/// One that verifies a token after the other.
pub(crate) struct Verify {
    tokens: Tokens<RedisStore>,
    token_type: &'static str,
    texts: Arc<[String]>,
    at: usize,
}

impl Verify {
    pub(crate) fn new(
        tokens: &Tokens<RedisStore>,
        token_type: &'static str,
        texts: &Arc<[String]>,
        task: usize,
        tasks: usize,
    ) -> Self {
        Self { tokens: tokens.clone(), token_type, texts: texts.clone(), at: start(task, tasks) }
    }
}

impl Work for Verify {
    async fn step(&mut self, n: u64) -> Result {
        let text = &self.texts[(self.at + n as usize) % self.texts.len()];
        match self.tokens.verify::<Claims>(self.token_type, text).await? {
            Some(session) if session.claims == [7; 32] => Ok(()),
            _ => Err("a token that was issued is not active".into()),
        }
    }
}

fn change(
    setting: &Setting,
    tokens: &Tokens<RedisStore>,
    name: &str,
    steps: Steps,
    tasks: usize,
) -> Result<Comparison> {
    let raw = peers::multiplexed(setting)?;
    let by_hand = Pipeline::writes(raw.clone(), steps);
    let tokens = tokens.clone();
    let ours = move |task| Change { tokens: tokens.clone(), steps, task, refresh: None };
    let clear = {
        let setting = setting.clone();
        move || setting.runtime.block_on(peers::clear(&raw))
    };
    let cleared = |mut contender: Contender| {
        let clear = clear.clone();
        Contender::new(contender.name, move |time| -> Result<Sample> {
            clear()?;
            contender.turn(time)
        })
    };
    Ok(Comparison::new(name, tasks, cleared(contender(peers::OURS, setting, tasks, ours))).peer(
        cleared(contender(BY_HAND, setting, tasks, move |task| by_hand.clone().from(start(task, tasks)))),
        None,
    ))
}

/// One that changes what the store holds.
struct Change {
    tokens: Tokens<RedisStore>,
    steps: Steps,
    task: usize,
    /// The refresh token that this task holds.
    refresh: Option<String>,
}

impl Work for Change {
    async fn step(&mut self, n: u64) -> Result {
        let subject = subject((self.task * 61 + n as usize) % SUBJECTS);
        match self.steps {
            Steps::Issue => {
                self.tokens.issue("session", Issue::new(subject, [7_u8; 32])).await?;
            }
            Steps::Revoke => self.tokens.revoke_subject(&subject).await?,
            Steps::Refresh => {
                let held = match self.refresh.take() {
                    Some(held) => held,
                    None => {
                        let issue = Issue::new(format!("task{:04}", self.task), [7_u8; 32]);
                        self.tokens.grant("refresh", issue).await?.refresh.token.reveal().to_owned()
                    }
                };
                match self.tokens.refresh::<Claims>("refresh", &held).await? {
                    Refresh::Rotated { grant, .. } => {
                        self.refresh = Some(grant.refresh.token.reveal().to_owned());
                    }
                    _ => return Err("a current refresh token was not exchanged".into()),
                }
            }
        }
        Ok(())
    }
}

fn contender<W: Work>(
    name: &'static str,
    setting: &Setting,
    tasks: usize,
    work: impl Fn(usize) -> W + 'static,
) -> Contender {
    let setting = setting.clone();
    Contender::new(name, move |time| on_tasks(&setting, time, (0..tasks).map(&work).collect()))
}
