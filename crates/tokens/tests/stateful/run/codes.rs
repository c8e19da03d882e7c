//! One-time codes: sent, and tried.

use roomkey_core::Store;
use roomkey_tokens::{CodeText, CodeVerdict, Issue, Tokens};

use super::{Run, Said, failed, same};
use crate::kinds::{CODES, CodeKind, SUBJECTS, Tick};
use crate::model::Tried;
use crate::ops::{Guess, Nth};

/// A code that was sent.
pub(super) struct Sent {
    kind: &'static CodeKind,
    subject: usize,
    text: CodeText,
}

impl<S: Store> Run<S> {
    pub(super) async fn issue_code(
        &mut self,
        tokens: &Tokens<S>,
        kind: &'static CodeKind,
        subject: usize,
        life: Option<Tick>,
    ) -> Said {
        let claims = self.new_claims();
        let mut issue = Issue::new(SUBJECTS[subject], claims);
        issue.lifetime = life.map(|ticks| self.clock.span(ticks));
        let code = tokens.issue_code(kind.name, issue).await.map_err(failed)?;
        self.sent.push(Sent { kind, subject, text: code.text });
        let lives = self.model.codes.issue(self.model.now, kind, subject, life, claims);
        self.clock.lasts(code.expires_in, lives)
    }

    pub(super) async fn try_code(&mut self, tokens: &Tokens<S>, Nth(nth): Nth, guess: Guess) -> Said {
        let (kind, subject) = match self.sent.iter().rev().cycle().nth(nth.into()) {
            Some(sent) => (sent.kind, sent.subject),
            None => (CODES[0], 0),
        };
        let of_them = |sent: &&Sent| (sent.kind.name, sent.subject) == (kind.name, subject);
        let mut newest_first = self.sent.iter().rev().filter(of_them).map(|sent| sent.text.reveal());
        let (last, former) = (newest_first.next(), newest_first.next());
        let zeros = "0".repeat(kind.digits.into());
        let guess = match guess {
            Guess::Last => last.unwrap_or(&zeros).to_owned(),
            Guess::Former => former.unwrap_or(&zeros).to_owned(),
            Guess::Wrong => another(last.unwrap_or(&zeros)),
            Guess::Malformed => "12345".into(),
        };
        // Two that follow each other may be the same by chance.
        let right = last == Some(&guess);
        let verdict = tokens.verify_code::<u64>(kind.name, SUBJECTS[subject], &guess).await;
        let verdict = verdict.map_err(failed)?;
        if guess.len() != usize::from(kind.digits) {
            return same(&verdict, &CodeVerdict::Malformed);
        }
        let tried = match verdict {
            CodeVerdict::Accepted(session) => {
                self.note("code accepted");
                same(&session.subject.as_str(), &SUBJECTS[subject])?;
                Tried::Accepted(session.claims)
            }
            CodeVerdict::Wrong { left } => {
                self.note(if left == 0 { "last try" } else { "wrong code" });
                Tried::Wrong { left }
            }
            CodeVerdict::Refused => {
                self.note("code refused");
                Tried::Refused
            }
            verdict => return Err(format!("{verdict:?}, though it has the form of one")),
        };
        same(&tried, &self.model.codes.attempt(self.model.now, kind, subject, right))
    }

    pub(super) async fn revoke_codes(&mut self, tokens: &Tokens<S>, kind: &'static CodeKind) -> Said {
        tokens.revoke_type(kind.name).await.map_err(failed)?;
        self.model.codes.end_of_kind(kind);
        Ok(())
    }
}

/// The code that follows it.
fn another(code: &str) -> String {
    let (number, width) = (code.parse::<u64>().unwrap(), code.len());
    format!("{:0width$}", (number + 1) % 10_u64.pow(width.try_into().unwrap()))
}
