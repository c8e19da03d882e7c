//! bincode, guarded: nothing is written that cannot be read, and nothing that is read can exhaust the process.

use std::any::type_name;
use std::marker::PhantomData;

use bincode::config::{self, Configuration, Limit, LittleEndian, Varint};
use bincode::error::DecodeError;
use roomkey_core::MAX_VALUE_BYTES;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::guard::{Guarded, Watch};
use super::sink::{Expected, Payload, Sink};
use super::{Codec, guard};
use crate::{Error, Result};

/// The format: little-endian, integers as short as they are.
///
/// The limit counts an integer as its full width, up to 16 bytes for one that took one byte, so it is 16 times what a
/// value may take. Strings and bytes are borrowed from the payload before they are copied, so no length that the
/// payload claims is ever allocated.
const CONFIG: Configuration<LittleEndian, Varint, Limit<{ 16 * MAX_VALUE_BYTES }>> =
    config::standard().with_limit();

pub(super) fn encode<T: Serialize + ?Sized>(value: &T, limit: usize) -> Result<Payload> {
    let type_name = type_name::<T>();
    let watch = Watch::over_bincode();
    let mut sink = Sink::new(Codec::Bincode, limit);
    let done = bincode::serde::encode_into_writer(Guarded::new(value, &watch), &mut sink, CONFIG);
    match (done, watch.fault()) {
        _ if sink.is_full() => Err(Error::TooLarge { limit }),
        (Ok(()), _) => Ok(sink.into_payload()),
        (Err(_), Some(fault)) if fault.is_of_type() => {
            Err(Error::NotRoundTrip { type_name, codec: Codec::Bincode.name(), reason: fault.reason() })
        }
        (Err(_), Some(fault)) => Err(Error::Encode { type_name, reason: fault.reason() }),
        (Err(_), None) => Err(Error::Encode { type_name, reason: "its Serialize failed" }),
    }
}

/// Writes bytes at once, as [`encode`] writes them one by one.
pub(super) fn encode_bytes(bytes: &[u8], limit: usize) -> Result<Payload> {
    let mut sink = Sink::new(Codec::Bincode, limit);
    // The only thing that can go wrong is the sink's limit.
    bincode::encode_into_writer(bytes, &mut sink, CONFIG).map_err(|_| Error::TooLarge { limit })?;
    Ok(sink.into_payload())
}

/// Reads bytes at once, as [`decode`] reads them one by one.
pub(super) fn decode_bytes(payload: &[u8]) -> Result<Vec<u8>> {
    let body = Codec::Bincode.body::<Vec<u8>>(payload)?;
    let fault = |reason| Error::Decode { type_name: type_name::<Vec<u8>>(), reason };
    match bincode::borrow_decode_from_slice::<&[u8], _>(body, CONFIG) {
        Ok((bytes, read)) if read == body.len() => Ok(bytes.to_vec()),
        Ok(_) => Err(fault("bytes are left over")),
        Err(error) => Err(fault(reason(&error))),
    }
}

/// Whether a value is written as exactly this payload.
pub(super) fn is_written_as<T: Serialize + ?Sized>(value: &T, payload: &[u8]) -> bool {
    let Some((_, body)) = payload.split_first() else { return false };
    let watch = Watch::over_bincode();
    let mut expected = Expected(body);
    let done = bincode::serde::encode_into_writer(Guarded::new(value, &watch), &mut expected, CONFIG);
    done.is_ok() && expected.0.is_empty()
}

/// Reads under a watch, which tells more than the error.
pub(super) fn decode<T: DeserializeOwned>(payload: &[u8], watch: &Watch) -> Result<T> {
    let body = Codec::Bincode.body::<T>(payload)?;
    let seed = Guarded::new(PhantomData::<T>, watch);
    // Not the error itself: its text may quote the value.
    let fault = |reason| Error::Decode { type_name: type_name::<T>(), reason };
    match bincode::serde::seed_decode_from_slice(seed, body, CONFIG) {
        Ok((value, read)) if read == body.len() => Ok(value),
        Ok(_) => Err(fault("bytes are left over")),
        Err(error) => Err(fault(watch.fault().map_or_else(|| reason(&error), guard::Fault::reason))),
    }
}

/// Why bincode could not read, without what it read.
const fn reason(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::UnexpectedEnd { .. } => "it ends too early",
        DecodeError::LimitExceeded => "it claims more than a value may have",
        DecodeError::Serde(_) => {
            "its Deserialize asks what comes next, which only a format with names can tell"
        }
        DecodeError::OtherString(_) => "its Deserialize refuses it",
        _ => "a part of it is out of range",
    }
}
