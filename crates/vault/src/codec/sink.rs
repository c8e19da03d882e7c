//! Where encoders write: a buffer with a limit that leaves no plaintext behind.

use std::fmt;
use std::io;
use std::mem;
use std::ops::Deref;

use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Codec;

/// Room for most values, so that few are copied while they grow.
const ROOM: usize = 512;

/// An encoded value, not yet sealed. It is wiped when dropped, as far as it was ever written, and shown by no `Debug`.
pub struct Payload(Vec<u8>);

impl Payload {
    fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // As a slice: `Vec` wipes byte by byte, spare room included, which takes longer than to encrypt.
        self.0.as_mut_slice().zeroize();
    }
}

impl ZeroizeOnDrop for Payload {}

/// Shows the length only.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(plaintext) = self;
        f.debug_struct("Payload").field("len", &plaintext.len()).finish_non_exhaustive()
    }
}

/// A payload that grows up to a limit.
pub(super) struct Sink {
    payload: Payload,
    limit: usize,
    full: bool,
}

impl Sink {
    /// An empty payload of a codec that may take `limit` bytes besides the codec's number.
    pub(super) fn new(codec: Codec, limit: usize) -> Self {
        let mut payload = Payload::with_capacity(ROOM);
        payload.0.push(codec as u8);
        Self { payload, limit: limit.saturating_add(1), full: false }
    }

    /// Whether something was refused because it would have gone over the limit.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn into_payload(self) -> Payload {
        self.payload
    }

    fn push(&mut self, bytes: &[u8]) -> bool {
        self.full |= bytes.len() > self.limit - self.payload.len();
        if !self.full {
            self.reserve(bytes.len());
            self.payload.0.extend_from_slice(bytes);
        }
        !self.full
    }

    /// Makes room by moving into a larger buffer. The vector would do that itself, but leave what it held in freed
    /// memory; here the old buffer is wiped.
    fn reserve(&mut self, bytes: usize) {
        let needed = self.payload.len() + bytes;
        if needed > self.payload.0.capacity() {
            let roomy = (2 * self.payload.0.capacity()).min(self.limit);
            let larger = Payload::with_capacity(needed.max(roomy));
            let outgrown = mem::replace(&mut self.payload, larger);
            self.payload.0.extend_from_slice(&outgrown);
        }
    }
}

impl Writer for Sink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        if self.push(bytes) { Ok(()) } else { Err(EncodeError::UnexpectedEnd) }
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.push(bytes) { Ok(bytes.len()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes that a payload is expected to go on with. What is written is compared to them and kept nowhere.
pub(super) struct Expected<'p>(pub(super) &'p [u8]);

impl Writer for Expected<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0 = self.0.strip_prefix(bytes).ok_or(EncodeError::UnexpectedEnd)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_outgrows_its_buffer_without_a_change() {
        let bytes: Vec<u8> = (0..10_000u32).map(|n| n as u8).collect();
        for limit in [300, 5_000, 10_000, usize::MAX] {
            for step in [1, 7, 300, 9_999] {
                let mut sink = Sink::new(Codec::Json, limit);
                let written: usize =
                    bytes.chunks(step).take_while(|chunk| sink.push(chunk)).map(<[u8]>::len).sum();
                assert_eq!(sink.is_full(), limit < bytes.len());
                assert!(written <= limit && written + step > limit.min(bytes.len()));
                let payload = sink.into_payload();
                assert_eq!((payload[0], &payload[1..]), (Codec::Json as u8, &bytes[..written]));
                assert!(payload.0.capacity() <= limit.saturating_add(1).max(ROOM));
            }
        }
    }
}
