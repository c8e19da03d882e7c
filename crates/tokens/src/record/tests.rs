//! Records: what is written is read, one way only, and nothing else is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use proptest::prelude::*;
use roomkey_crypto::{Context, Keyring, Scope};

use super::*;

static SCOPE: LazyLock<Scope> = LazyLock::new(|| Keyring::from_key_bytes([7; 32]).scope("app:tests"));

/// Bytes as they come out of a seal.
fn opened(plain: &[u8]) -> Opened {
    let context = Context::new(Context::FIRST_FREE + 2, b"key", b"");
    let sealed = SCOPE.seal_parts(&context, &[plain]).unwrap();
    SCOPE.open(&context, sealed).unwrap()
}

fn read(plain: &[u8]) -> Result<Record> {
    Record::read(opened(plain))
}

/// Everything that is sealed of a record.
fn plain(draft: &Draft<'_>, print: Print) -> Vec<u8> {
    [draft.head(print).as_slice(), draft.claims].concat()
}

fn at(seconds: u64, millis: u64) -> StoreTime {
    StoreTime::from_millis(EPOCH_MS + seconds * 1_000 + millis)
}

/// A record with all parts.
fn full() -> Draft<'static> {
    Draft {
        issued: at(200_000_000, 0),
        ends: at(200_003_600, 250),
        subject: "alice",
        device: Some("Firefox"),
        scopes: "read write",
        claims: b"claims",
    }
}

#[test]
fn the_bytes_of_a_record_do_not_change() {
    // Stores hold these bytes: other ones could not be read. Written out by hand from the layout.
    let draft = Draft { issued: at(300, 999), ends: at(301, 0), subject: "a", device: Some("b"), ..full() };
    let expected = [
        &[3_u8][..],
        &[9; 8],
        &[0xac, 0x02],
        &[0xe8, 0x07],
        b"\x01a",
        b"\x01b",
        b"\x0aread write",
        b"claims",
    ];
    assert_eq!(plain(&draft, Print::from([9; 8])), expected.concat());
    let bare = Draft { device: None, scopes: "", claims: b"", issued: at(0, 0), ends: at(0, 0), ..draft };
    assert_eq!(plain(&bare, Print::from([9; 8])), [&[0_u8][..], &[9; 8], &[0, 0], b"\x01a"].concat());
}

#[test]
fn a_record_that_was_cut_is_none() {
    let draft = Draft { claims: b"", ..full() };
    let whole = plain(&draft, Print::from([1; 8]));
    for len in 0..whole.len() {
        let result = read(&whole[..len]);
        assert!(matches!(result, Err(Error::Record(roomkey_vault::Error::UnknownFormat))), "{len} bytes");
    }
    assert!(read(&whole).is_ok());
}

#[test]
fn numbers_are_written_one_way() {
    let varint = |bytes: &[u8]| Reader { bytes, at: 0 }.varint();
    for number in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
        let mut written = Vec::new();
        put_varint(&mut written, number);
        assert_eq!(varint(&written), Some(number));
        assert_eq!(varint(&written[..written.len() - 1]), None, "cut");
    }
    let too_long: [&[u8]; 7] = [
        &[],
        &[0x80],
        &[0x80, 0x00],
        &[0xff, 0x80, 0x00],
        &[0xff; 10],
        &[0xff; 11],
        // One bit more than there are.
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
    ];
    for bytes in too_long {
        assert_eq!(varint(bytes), None, "{bytes:x?}");
    }
}

#[test]
fn hostile_lengths_and_times_are_refused() {
    let head = |flags: u8| [&[flags][..], &[0; 8]].concat();
    let max = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    for (what, rest) in [
        ("a length over all there is", [&[0, 0][..], &max].concat()),
        ("a length one over", vec![0, 0, 2, b'a']),
        ("a time over all times", [&max[..], &[0, 1, b'a']].concat()),
        ("an end over all times", [&[0][..], &max, &[1, b'a']].concat()),
        (
            "an end that no store can name",
            [&[0][..], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], &[1, b'a']].concat(),
        ),
        ("a subject that is no text", vec![0, 0, 1, 0xff]),
    ] {
        assert!(read(&[head(0), rest].concat()).is_err(), "{what}");
    }
    let no_scopes = [head(HAS_SCOPES), vec![0, 0, 1, b'a', 0]].concat();
    assert!(read(&no_scopes).is_err(), "a flag for nothing");
    for flags in 4..=u8::MAX {
        assert!(read(&[head(flags), vec![0, 0, 1, b'a', 1, b'a', 1, b'a']].concat()).is_err(), "{flags}");
    }
}

fn text(most: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>(), 0..most).prop_map(|characters| characters.into_iter().collect())
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        print in any::<[u8; 8]>(),
        seconds in 0..10_000_000_000_u64,
        part in 0..1_000_u64,
        life in 0..4_000_000_000_000_u64,
        subject in text(40),
        device in proptest::option::of(text(40)),
        scopes in "([!#-Z]{1,8}( [!#-Z]{1,8}){0,4})?",
        claims in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let (issued, print) = (at(seconds, part), Print::from(print));
        let ends = StoreTime::from_millis(issued.as_millis() + life);
        let draft = Draft { issued, ends, subject: &subject, device: device.as_deref(), scopes: &scopes, claims: &claims };
        let written = plain(&draft, print);
        let record = read(&written).unwrap();
        prop_assert_eq!(record.print, print);
        let Draft { issued, ends: until, subject: of, device: on, scopes: for_, claims: with } = record.draft();
        // Whole seconds, and the end to the millisecond.
        prop_assert_eq!((issued, until), (at(seconds, 0), ends));
        prop_assert_eq!((of, on, for_, with), (subject.as_str(), device.as_deref(), scopes.as_str(), claims.as_slice()));
        // Sealed again it is the same.
        prop_assert_eq!(plain(&record.draft(), record.print), written);
    }

    #[test]
    fn whatever_is_read_is_written_the_same_way(bytes in proptest::collection::vec(any::<u8>(), 0..80), flags in 0..4_u8) {
        // Mostly small numbers, so that more than the first length is looked at.
        for shrunk in [u8::MAX, 0x0f] {
            let mut bytes: Vec<u8> = bytes.iter().map(|byte| byte & shrunk).collect();
            bytes.insert(0, flags);
            if let Ok(record) = read(&bytes) {
                prop_assert_eq!(plain(&record.draft(), record.print), bytes);
            }
        }
    }
}
