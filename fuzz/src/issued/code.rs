//! One-time codes: what is kept of them, and the count of wrong ones.

use roomkey_core::{Kind, Op};
use roomkey_crypto::Context;
use roomkey_tokens::{CodeVerdict, Error, Handle};
use roomkey_vault::Error as VaultError;

use super::login::{ATTEMPTS, CODES, Login, SUBJECT, issue};
use super::record;
use crate::input::Input;
use crate::world::{ready, run};

/// The kind of records of codes.
const KIND: u8 = Context::FIRST_FREE + 5;

/// How long the proof of a code is, which stands before its record.
const PROOF: usize = 16;

/// Any bytes in place of a code, and in place of the count: a code is accepted only if it is the one that was sent, its
/// record counts, and there was a try left.
pub(super) fn any(mut input: Input<'_>) {
    let login = Login::new("fixed");
    let code = ready(login.tokens.issue_code(CODES, issue())).expect("the store answers");
    let handle = handle(&login);
    let (space, key) = login.kept("k1", Kind::Value, handle);
    let (_, attempts) = login.kept("a1", Kind::Value, handle);
    let context = Context::new(KIND, key.bytes(), b"");
    let kept = run(&login.world.store, Op::get(&key)).into_bytes().expect("there is a code");
    let (proof, own) = kept.split_at(PROOF);
    assert_eq!(proof, proof_of(&login, code.text.reveal()));
    let own = space.open(&context, own.to_vec()).expect("the record is sealed");

    let (right, proven, raw, counts) = (input.flag(), input.flag(), input.flag(), input.flag());
    let tried = match input.flag() {
        false => None,
        true => {
            let len = input.byte() % 24;
            let text = input.take(len.into());
            login.world.put(&attempts, text.to_vec());
            Some(text)
        }
    };
    let mut inside = Vec::new();
    if counts {
        inside.push(input.byte());
        inside.extend_from_slice(&own[1..9]);
    }
    inside.extend_from_slice(input.rest());
    let counts = !raw && inside.get(1..9) == Some(&own[1..9]);
    let mut bytes = if proven { proof.to_vec() } else { Vec::new() };
    if raw {
        bytes.extend_from_slice(&inside);
    } else {
        bytes.extend_from_slice(&space.seal(&context, &[&inside]).expect("the system has random bytes"));
    }
    login.world.put(&key, bytes);

    let tries = tried.map_or(Some(0), |text| str::from_utf8(text).ok()?.parse::<i64>().ok());
    let typed = if right { code.text.reveal().to_owned() } else { other(code.text.reveal()) };
    let expected = record::read(&inside);
    match ready(login.tokens.verify_code::<String>(CODES, SUBJECT, &typed)) {
        Ok(CodeVerdict::Accepted(session)) => {
            assert!(right && proven && counts && tries < Some(ATTEMPTS));
            assert_eq!(session.handle, handle);
            expected.expect("what is read is a record").is(&session);
            let again = ready(login.tokens.verify_code::<String>(CODES, SUBJECT, &typed));
            assert!(matches!(again, Ok(CodeVerdict::Refused)), "a code is good for once");
        }
        Ok(CodeVerdict::Wrong { left }) => {
            assert!(!(right && proven));
            let tries = tries.expect("only a number is added to");
            assert!(tries < ATTEMPTS);
            assert_eq!(left, u32::try_from((ATTEMPTS - 1).saturating_sub(tries)).unwrap_or(0));
        }
        // No try was left, or the code does not count.
        Ok(CodeVerdict::Refused) => {
            let ended = expected.is_some_and(|record| record.has_ended());
            assert!(tries >= Some(ATTEMPTS) || (right && proven && (!counts || ended)));
        }
        Err(Error::Record(VaultError::Decode { .. } | VaultError::WrongCodec { .. })) => assert!(counts),
        Err(Error::Record(VaultError::UnknownFormat)) => assert!(raw || expected.is_none()),
        Err(Error::Record(VaultError::NotSealed | VaultError::Rejected)) => assert!(right && proven && raw),
        Err(Error::Record(VaultError::NotANumber)) => {
            let text = tried.expect("there is a count");
            assert!(tries.is_none_or(|tries| tries.to_string().as_bytes() != text));
        }
        verdict => panic!("{expected:?} after {tried:?} is read as {verdict:?}"),
    }
}

/// What stands for the code of the subject.
fn handle(login: &Login) -> Handle {
    let mut bytes = [0; Handle::LEN];
    bytes[..2].copy_from_slice(&login.hide("token type", &[CODES.as_bytes()])[..2]);
    bytes[2..].copy_from_slice(&login.hide("code", &[&login.subject(), CODES.as_bytes()])[..9]);
    bytes.into()
}

fn proof_of(login: &Login, code: &str) -> [u8; PROOF] {
    login.hide("code proof", &[&login.subject(), CODES.as_bytes(), code.as_bytes()])
}

/// Another code than this one.
fn other(code: &str) -> String {
    let (front, last) = code.split_at(code.len() - 1);
    format!("{front}{}", if last == "0" { 1 } else { 0 })
}
