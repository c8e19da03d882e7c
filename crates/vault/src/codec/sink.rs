//! Where encoders write: a buffer with a limit.

use std::io;

use bincode::enc::write::Writer;
use bincode::error::EncodeError;

use super::Codec;
use super::guard::Watch;

/// A payload that grows up to a limit.
pub(super) struct Sink<'w> {
    payload: Vec<u8>,
    limit: usize,
    watch: &'w Watch,
    full: bool,
}

impl<'w> Sink<'w> {
    /// An empty payload of a codec that may take `limit` bytes besides the codec's number. The watch is told how far
    /// it has grown.
    pub(super) fn new(codec: Codec, limit: usize, watch: &'w Watch) -> Self {
        let payload = vec![codec as u8];
        watch.written(payload.len());
        Self { payload, limit: limit.saturating_add(1), watch, full: false }
    }

    /// Whether something was refused because it would have gone over the limit.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    fn push(&mut self, bytes: &[u8]) -> bool {
        self.full |= bytes.len() > self.limit - self.payload.len();
        if !self.full {
            self.payload.extend_from_slice(bytes);
            self.watch.written(self.payload.len());
        }
        !self.full
    }
}

impl Writer for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        if self.push(bytes) { Ok(()) } else { Err(EncodeError::UnexpectedEnd) }
    }
}

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.push(bytes) { Ok(bytes.len()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
