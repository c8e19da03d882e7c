//! Reading what a server says, as it comes in: RESP2 (and of RESP3 what sentinels say), within limits.
//!
//! What is read may end anywhere, and goes on with the next bytes where it ended: the arrays that are open are kept, so
//! nothing is read twice but the one item that was cut. A server is not trusted: no memory is taken on its word, but only
//! for what it has sent.

use redis::Value;

/// How deep arrays may lie in each other. What we ask for needs five.
const DEEPEST: usize = 16;
/// The longest line: a number, a status, or an error.
const LONGEST_LINE: usize = 64 * 1024;
/// The longest string, which is what a server keeps to unless it is told otherwise (`proto-max-bulk-len`).
const LONGEST_STRING: usize = 512 * 1024 * 1024;
/// What one reply may take of memory: as much as the longest string, in whatever it is given.
const LARGEST_REPLY: usize = LONGEST_STRING + 1024;
/// Room that is made for an array before its elements are there.
const ROOM: usize = 64;

/// Why what a server says is no reply. The connection is of no use then: where the next one begins is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("a reply of the server begins with no type that RESP2 has")]
    Type,
    #[error("a number in a reply of the server is none")]
    Number,
    #[error("a text in a reply of the server is not UTF-8")]
    Text,
    #[error("a string in a reply of the server does not end where it should")]
    Unterminated,
    #[error("a reply of the server is larger or deeper than any that it can have been asked for")]
    TooLarge,
    #[error("the server replies to what it was not asked")]
    Unasked,
}

/// What a reply is made of.
pub(super) enum Item {
    /// Everything but an array with elements.
    Whole(Value),
    /// As many elements follow.
    Array(usize),
}

/// The reply that is being read.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    open: Vec<Array>,
    /// What the reply takes of memory so far.
    size: usize,
}

#[derive(Debug)]
struct Array {
    elements: Vec<Value>,
    missing: usize,
}

impl Reader {
    /// Reads the next reply from where `at` is and moves it behind what was read; none if it is not all there yet.
    pub(crate) fn value(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Value>, Malformed> {
        while let Some(item) = self.item(input, at)? {
            match item {
                Item::Array(missing) => {
                    if self.open.len() == DEEPEST {
                        return Err(Malformed::TooLarge);
                    }
                    self.open.push(Array { elements: Vec::with_capacity(missing.min(ROOM)), missing });
                }
                Item::Whole(value) => {
                    if let Some(value) = self.put(value) {
                        self.size = 0;
                        return Ok(Some(value));
                    }
                }
            }
        }
        Ok(None)
    }

    /// As [`value`](Self::value), but of an array only the head: its elements are replies for the reader then.
    pub(super) fn head(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Item>, Malformed> {
        let head = self.item(input, at)?;
        self.size = 0;
        Ok(head)
    }

    /// Puts a value where it belongs. What is closed by it belongs somewhere too, and what belongs nowhere is the reply.
    fn put(&mut self, mut value: Value) -> Option<Value> {
        while let Some(array) = self.open.last_mut() {
            array.elements.push(value);
            array.missing -= 1;
            if array.missing > 0 {
                return None;
            }
            value = Value::Array(self.open.pop().map(|array| array.elements).unwrap_or_default());
        }
        Some(value)
    }

    fn item(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Item>, Malformed> {
        let start = *at;
        let Some((kind, line, mut end)) = line(input, start)? else { return Ok(None) };
        let item = match kind {
            b'$' => match length(line)? {
                None => Item::Whole(Value::Nil),
                Some(length) if length > LONGEST_STRING => return Err(Malformed::TooLarge),
                Some(length) => {
                    let Some(string) = input.get(end..end + length + 2) else { return Ok(None) };
                    let Some(string) = string.strip_suffix(b"\r\n") else {
                        return Err(Malformed::Unterminated);
                    };
                    end += length + 2;
                    Item::Whole(Value::BulkString(string.to_vec()))
                }
            },
            b':' => Item::Whole(Value::Int(number(line)?)),
            b'_' => Item::Whole(Value::Nil),
            b'%' => match length(line)?.unwrap_or_default() {
                0 => Item::Whole(Value::Array(Vec::new())),
                pairs => Item::Array(pairs.saturating_mul(2)),
            },
            b'*' | b'>' => match length(line)? {
                None => Item::Whole(Value::Nil),
                Some(0) => Item::Whole(Value::Array(Vec::new())),
                Some(elements) => Item::Array(elements),
            },
            b'+' if line == b"OK" => Item::Whole(Value::Okay),
            b'+' => {
                let text = str::from_utf8(line).map_err(|_| Malformed::Text)?;
                Item::Whole(Value::SimpleString(text.to_owned()))
            }
            b'-' => Item::Whole(refusal(&input[start..end])?),
            _ => return Err(Malformed::Type),
        };
        self.size += size_of::<Value>() + (end - start);
        if self.size > LARGEST_REPLY {
            return Err(Malformed::TooLarge);
        }
        *at = end;
        Ok(Some(item))
    }
}

/// The type of an item, the line behind it, and where the line ends.
type Line<'a> = (u8, &'a [u8], usize);

fn line(input: &[u8], start: usize) -> Result<Option<Line<'_>>, Malformed> {
    let Some((kind, rest)) = input.get(start..).and_then(<[u8]>::split_first) else { return Ok(None) };
    let Some(length) = rest.iter().take(LONGEST_LINE).position(|byte| *byte == b'\r') else {
        return if rest.len() < LONGEST_LINE { Ok(None) } else { Err(Malformed::TooLarge) };
    };
    match rest.get(length + 1) {
        None => Ok(None),
        Some(b'\n') => Ok(Some((*kind, &rest[..length], start + 1 + length + 2))),
        Some(_) => Err(Malformed::Unterminated),
    }
}

fn number(line: &[u8]) -> Result<i64, Malformed> {
    // Most are lengths. So many digits are no overflow.
    if (1..=18).contains(&line.len()) && line.iter().all(u8::is_ascii_digit) {
        return Ok(line.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')));
    }
    str::from_utf8(line).ok().and_then(|text| text.parse().ok()).ok_or(Malformed::Number)
}

/// A length; none is what RESP2 says for what is missing.
fn length(line: &[u8]) -> Result<Option<usize>, Malformed> {
    match number(line)? {
        -1 => Ok(None),
        length => usize::try_from(length).map(Some).map_err(|_| Malformed::Number),
    }
}

/// An error, by `redis`' own reader, which alone can make one. It may repeat arguments, and those may be no text.
fn refusal(line: &[u8]) -> Result<Value, Malformed> {
    redis::parse_redis_value(String::from_utf8_lossy(line).as_bytes()).map_err(|_| Malformed::Text)
}

#[cfg(test)]
mod tests;
