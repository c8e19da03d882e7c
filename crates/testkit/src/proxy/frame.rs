//! Where one message of RESP ends and the next begins, without a look at what they mean.

use std::ops::Range;

/// These bytes are no RESP.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Garbled;

/// The length of the first message, or `None` if it is not all there yet.
pub(super) fn length(bytes: &[u8]) -> Result<Option<usize>, Garbled> {
    let mut walk = Walk { bytes, at: 0, payloads: None };
    walk.message(0).map(|whole| whole.then_some(walk.at))
}

/// The payloads of all bulk strings in a whole message, in order.
pub(super) fn payloads(message: &[u8]) -> Vec<Range<usize>> {
    let mut walk = Walk { bytes: message, at: 0, payloads: Some(Vec::new()) };
    // It has been found whole before; what does not parse has no payloads.
    let _ = walk.message(0);
    walk.payloads.unwrap_or_default()
}

/// The first word of a request, in capitals.
pub(super) fn command(request: &[u8]) -> String {
    let word = payloads(request).into_iter().next().unwrap_or_default();
    String::from_utf8_lossy(&request[word]).to_ascii_uppercase()
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    payloads: Option<Vec<Range<usize>>>,
}

impl Walk<'_> {
    /// Walks over one message; false if it is not all there.
    fn message(&mut self, depth: usize) -> Result<bool, Garbled> {
        if depth > 32 {
            return Err(Garbled);
        }
        // What begins wrongly need not have lines at all.
        if self.bytes.get(self.at).is_some_and(|tag| !b"+-:_#,($!=*~>%".contains(tag)) {
            return Err(Garbled);
        }
        let Some(line) = self.line() else { return Ok(false) };
        let Some((&tag, rest)) = line.split_first() else { return Err(Garbled) };
        let number = || std::str::from_utf8(rest).ok()?.parse::<i64>().ok();
        match tag {
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => Ok(true),
            b'$' | b'!' | b'=' => {
                let Ok(length) = usize::try_from(number().ok_or(Garbled)?) else { return Ok(true) };
                let payload = self.at..self.at.saturating_add(length);
                self.at = payload.end.saturating_add(2);
                if self.at > self.bytes.len() {
                    return Ok(false);
                }
                if let Some(payloads) = &mut self.payloads {
                    payloads.push(payload);
                }
                Ok(true)
            }
            b'*' | b'~' | b'>' | b'%' => {
                let count = number().ok_or(Garbled)?;
                for _ in 0..count.saturating_mul(if tag == b'%' { 2 } else { 1 }) {
                    if !self.message(depth + 1)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Err(Garbled),
        }
    }

    /// The next line without its end.
    fn line(&mut self) -> Option<&[u8]> {
        let rest = &self.bytes[self.at..];
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        self.at += end + 2;
        Some(&rest[..end])
    }
}
