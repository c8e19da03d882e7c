//! The reader against the one of `redis`, and against what no server should say.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Reads all of it, given in parts that end where `cuts` say.
fn read(bytes: &[u8], cuts: &[usize]) -> Result<Vec<Value>, Malformed> {
    let (mut reader, mut values, mut input, mut given) = (Reader::default(), Vec::new(), Vec::new(), 0);
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([bytes.len()]).collect();
    ends.sort_unstable();
    for end in ends {
        input.extend_from_slice(&bytes[given..end]);
        given = end;
        let mut at = 0;
        while let Some(value) = reader.value(&input, &mut at)? {
            values.push(value);
        }
        input.drain(..at);
    }
    Ok(values)
}

fn write(value: &Value, to: &mut Vec<u8>) {
    match value {
        Value::Nil => to.extend(b"$-1\r\n"),
        Value::Okay => to.extend(b"+OK\r\n"),
        Value::Int(number) => to.extend(format!(":{number}\r\n").bytes()),
        Value::SimpleString(text) => to.extend(format!("+{text}\r\n").bytes()),
        Value::BulkString(bytes) => {
            to.extend(format!("${}\r\n", bytes.len()).bytes());
            to.extend(bytes);
            to.extend(b"\r\n");
        }
        Value::Array(values) => {
            to.extend(format!("*{}\r\n", values.len()).bytes());
            values.iter().for_each(|value| write(value, to));
        }
        Value::ServerError(error) => {
            to.extend(format!("-{} {}\r\n", error.code(), error.details().unwrap_or_default()).bytes());
        }
        other => panic!("RESP2 has no {other:?}"),
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        Just(Value::Okay),
        any::<i64>().prop_map(Value::Int),
        "[a-z ]{0,8}".prop_map(Value::SimpleString),
        vec(any::<u8>(), 0..300).prop_map(Value::BulkString),
        "(ERR|NOPERM|WHATEVER) [a-z']{0,20}"
            .prop_map(|line| redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap()),
    ];
    leaf.prop_recursive(5, 60, 8, |element| vec(element, 0..8).prop_map(Value::Array))
}

proptest! {
    #[test]
    fn replies_are_read_as_redis_reads_them_wherever_they_are_cut(
        values in vec(value(), 1..5),
        cuts in vec(any::<usize>(), 0..20),
    ) {
        let mut bytes = Vec::new();
        values.iter().for_each(|value| write(value, &mut bytes));
        let mut first = Vec::new();
        write(&values[0], &mut first);
        prop_assert_eq!(&redis::parse_redis_value(&first).unwrap(), &values[0]);
        prop_assert_eq!(read(&bytes, &cuts).unwrap(), values);
    }

    #[test]
    fn whatever_comes_is_read_or_refused_and_the_same_however_it_is_cut(
        parts in vec(prop_oneof![
            Just(b"*2\r\n".to_vec()), Just(b"$3\r\n".to_vec()), Just(b"abc\r\n".to_vec()), Just(b"$-1\r\n".to_vec()),
            Just(b":1\r\n".to_vec()), Just(b"-ERR x\r\n".to_vec()), vec(any::<u8>(), 0..6),
        ], 0..12),
        cuts in vec(any::<usize>(), 0..20),
    ) {
        let bytes = parts.concat();
        prop_assert_eq!(read(&bytes, &cuts), read(&bytes, &[]));
    }
}

#[test]
fn what_is_malformed_is_told_apart_from_what_is_not_all_there() {
    for (bytes, wrong) in [
        (&b"~1\r\n"[..], Malformed::Type),
        (b"HTTP/1.1 400 Bad Request\r\n", Malformed::Type),
        (b":abc\r\n", Malformed::Number),
        (b"$-2\r\n", Malformed::Number),
        (b"*99999999999999999999\r\n", Malformed::Number),
        (b"+\xff\r\n", Malformed::Text),
        (b":1\rx", Malformed::Unterminated),
        (b"$3\r\nabcde", Malformed::Unterminated),
        (b"$9999999999\r\n", Malformed::TooLarge),
    ] {
        assert_eq!(read(bytes, &[]), Err(wrong), "{bytes:?}");
    }
    for bytes in [&b"$"[..], b"$3", b"$3\r", b"$3\r\nabc\r", b"*2\r\n:1\r\n", b"-ERR"] {
        assert_eq!(read(bytes, &[]), Ok(Vec::new()), "{bytes:?}");
    }
}

#[test]
fn a_hostile_reply_ends_at_a_limit() {
    assert_eq!(read(&b"*1\r\n".repeat(DEEPEST + 1), &[]), Err(Malformed::TooLarge));
    assert_eq!(read(&b"*1\r\n".repeat(DEEPEST), &[]), Ok(Vec::new()));
    assert_eq!(read(&[b'+'; LONGEST_LINE + 2], &[]), Err(Malformed::TooLarge));
    // An array that claims to be endless takes no memory for what has not come.
    let mut reader = Reader::default();
    let (input, mut at) = (b"*9000000000000000000\r\n:1\r\n", 0);
    assert_eq!(reader.value(input, &mut at), Ok(None));
    assert_eq!((at, reader.open[0].elements.len()), (input.len(), 1));
    assert!(reader.open[0].elements.capacity() <= ROOM);
    // And ends when it is larger than any reply may be.
    reader.size = LARGEST_REPLY;
    assert_eq!(reader.value(b":1\r\n", &mut 0), Err(Malformed::TooLarge));
}

#[test]
fn an_error_that_repeats_bytes_is_still_an_error() {
    let values = read(b"-ERR unknown command '\xff'\r\n:1\r\n", &[]).unwrap();
    let [Value::ServerError(error), Value::Int(1)] = &values[..] else { panic!("{}", values.len()) };
    assert_eq!(error.code(), "ERR");
}

/// What only sentinels are asked for, in version 3 of the protocol.
#[test]
fn a_push_and_a_map_are_arrays() {
    let one = |value: i64| Value::Int(value);
    assert_eq!(read(b">2\r\n:1\r\n_\r\n", &[]), Ok(vec![Value::Array(vec![one(1), Value::Nil])]));
    assert_eq!(
        read(b"%1\r\n:1\r\n:2\r\n%0\r\n", &[]),
        Ok(vec![Value::Array(vec![one(1), one(2)]), Value::Array(Vec::new()),])
    );
    // A server cannot make a map of more than memory holds by saying so.
    assert_eq!(read(b"%9223372036854775807\r\n:1\r\n", &[]), Ok(Vec::new()));
}

#[test]
fn numbers_of_every_length_are_read_as_rust_reads_them() {
    let numbers = ["0", "7", "007", "+5", "-0", "-7", "999999999999999999", "1000000000000000000"];
    let edges = [i64::MAX.to_string(), i64::MIN.to_string()];
    for number in numbers.into_iter().chain(edges.iter().map(String::as_str)) {
        let read = read(format!(":{number}\r\n").as_bytes(), &[]);
        assert_eq!(read, Ok(vec![Value::Int(number.parse().unwrap())]), "{number}");
    }
    for number in ["", "-", "+", "1-", "12x", " 1", "9223372036854775808", "99999999999999999999999"] {
        assert_eq!(read(format!(":{number}\r\n").as_bytes(), &[]), Err(Malformed::Number), "{number}");
    }
}
