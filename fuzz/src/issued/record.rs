//! The record of a token.

use std::time::{Duration, SystemTime};

use roomkey_core::{Life, Op, Until};
use roomkey_crypto::Context;
use roomkey_tokens::{Error, Session};
use roomkey_vault::Error as VaultError;

use super::login::{Login, TYPES};
use crate::input::Input;
use crate::world::{ready, run};

/// The kind of records of tokens.
const KIND: u8 = Context::FIRST_FREE + 2;

/// Any bytes in place of a record, as they are, sealed, or sealed behind the print that makes them count.
pub(super) fn any(mut input: Input<'_>) {
    let login = Login::new(input.choose(TYPES));
    let (space, key) = login.record();
    let context = Context::new(KIND, key.bytes(), b"");
    let (raw, counts, short) = (input.flag(), input.flag(), input.flag());
    let own = run(&login.world.store, Op::get(&key)).into_bytes().expect("there is a record");
    let own = space.open(&context, own.to_vec()).expect("the record is sealed");
    let mut inside = Vec::new();
    if counts {
        inside.push(input.byte());
        inside.extend_from_slice(&own[1..9]);
    }
    inside.extend_from_slice(input.rest());
    let bytes = if raw {
        inside.clone().into()
    } else {
        space.seal(&context, &[&inside]).expect("the system has random bytes")
    };
    // A short life is lengthened when the token slides, for which the record is read and may be written again.
    let life = if short { Life::Set(Until::In(Duration::from_secs(60))) } else { Life::Keep };
    run(&login.world.store, Op::put(&key, bytes, life));

    let token = login.issued.token.reveal();
    let found = login.verify(token);
    match (&found, read(&inside)) {
        (Err(Error::Record(VaultError::NotSealed | VaultError::UnknownFormat)), _) if raw => {}
        (Err(Error::Record(VaultError::Rejected)) | Ok(None), _) if raw => {}
        (Err(Error::Record(VaultError::UnknownFormat)), None) if !raw => {}
        // Claims are not looked at where they do not count.
        (Ok(None), Some(_)) if !raw && inside[1..9] != own[1..9] => {}
        (Err(Error::Record(VaultError::Decode { .. } | VaultError::WrongCodec { .. })), Some(_)) if !raw => {}
        (Ok(Some(session)), Some(expected)) if !raw && inside[1..9] == own[1..9] => {
            assert_eq!(session.handle, login.issued.handle);
            expected.is(session);
        }
        (found, expected) => panic!("{expected:?} is read as {found:?}"),
    }
    // Reading again finds the same: what slid was written as it was. And using it up finds it once, if it has not ended: a
    // verification looks at no clock.
    let ended = !raw
        && inside.get(1..9) == Some(&own[1..9])
        && read(&inside).is_some_and(|record| record.has_ended());
    let again = login.verify(token);
    let used = ready(login.tokens.consume::<String>(login.token_type, token));
    match (found, again, used) {
        (Ok(found), Ok(again), Ok(used)) => {
            assert!(found == again && used == again.filter(|_| !ended));
            assert!(login.verify(token).expect("nothing is left").is_none());
        }
        (Err(found), Err(again), Ok(None)) if ended => assert_eq!(found.to_string(), again.to_string()),
        (Err(found), Err(again), Err(used)) => {
            assert_eq!(found.to_string(), again.to_string());
            assert_eq!(found.to_string(), used.to_string());
        }
        (found, again, used) => panic!("{found:?}, then {again:?}, then {used:?}"),
    }
    login.goes_on();
}

/// What a record says, read by another hand than the one that is tested.
#[derive(Debug)]
pub(super) struct Expected {
    issued: u128,
    ends: u128,
    subject: String,
    device: Option<String>,
    scopes: Option<String>,
}

impl Expected {
    /// Whether it counts no more on the clock of the store, which is that of the machine.
    pub(super) fn has_ended(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
        self.ends < now.as_millis()
    }

    pub(super) fn is(&self, session: &Session<String>) {
        let Self { issued, ends, subject, device, scopes } = self;
        let millis = |time: SystemTime| {
            time.duration_since(SystemTime::UNIX_EPOCH).expect("no record is older than 2020").as_millis()
        };
        assert_eq!(millis(session.issued_at), *issued);
        assert_eq!(millis(session.ends_at), *ends);
        assert_eq!(&session.subject, subject);
        assert_eq!(&session.device, device);
        let scopes: Vec<&str> = scopes.iter().flat_map(|scopes| scopes.split(' ')).collect();
        assert!(session.scopes.iter().eq(scopes.into_iter().filter(|scope| !scope.is_empty())));
    }
}

/// `flags u8 | print 8 | issued | life | subject | [device] | [scopes] | claims`
pub(super) fn read(inside: &[u8]) -> Option<Expected> {
    let (flags, rest) = inside.split_first()?;
    let mut rest = rest.get(8..)?;
    let issued = 1_577_836_800_000 + 1_000 * u128::from(varint(&mut rest)?);
    let ends = issued + u128::from(varint(&mut rest)?);
    let subject = text(&mut rest)?;
    let device = if flags & 1 != 0 { Some(text(&mut rest)?) } else { None };
    let scopes = if flags & 2 != 0 { Some(text(&mut rest)?) } else { None };
    // No store counts further, and no scopes are written without their flag.
    let fits = *flags < 4 && ends <= 1 << 53 && scopes.as_deref() != Some("");
    fits.then_some(Expected { issued, ends, subject, device, scopes })
}

/// A number of at most 64 bits in as few groups of seven bits as it takes, the lowest first.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let len = bytes.iter().position(|byte| *byte < 0x80)? + 1;
    let (groups, rest) = bytes.split_at(len);
    *bytes = rest;
    if len > 10 || (len > 1 && groups[len - 1] == 0) {
        return None;
    }
    let number = groups.iter().rev().fold(0_u128, |number, group| number << 7 | u128::from(group & 0x7f));
    number.try_into().ok()
}

pub(super) fn text(bytes: &mut &[u8]) -> Option<String> {
    let len = usize::try_from(varint(bytes)?).ok()?;
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).ok()
}
