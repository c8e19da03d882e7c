//! JSON, for data whose shape is not fixed.

use std::any::type_name;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::guard::Watch;
use super::sink::{Payload, Sink};
use super::{Codec, guard};
use crate::{Error, Result};

/// A value that is stored as JSON instead of bincode: for types whose shape depends on their content
/// (`serde_json::Value`, `untagged`, `flatten`, `skip_serializing_if`), and for types that gain fields over time,
/// which JSON still reads where `#[serde(default)]` allows it.
///
/// What is written as `Json` is read as `Json`; otherwise it is [`Error::WrongCodec`]. As with bincode, every value is
/// read back and compared before it is sent, and what JSON would change is [`Error::NotRoundTrip`]: a value of an
/// `untagged` enum that another variant takes, a default that stands for something else than what was skipped, or
/// `Some(None)` of an `Option<Option<T>>`, which JSON writes as `null` like `None`. What JSON has no form for is
/// [`Error::Encode`]: a number that is not finite, a key of a map that is no text, number or unit variant, and more
/// than 127 levels.
///
/// ```
/// use roomkey_vault::Json;
/// # async fn example<S: roomkey_core::Store>(vault: roomkey_vault::Vault<S>) -> roomkey_vault::Result<()> {
/// let event = Json(serde_json::json!({ "kind": "joined", "seats": [1, 2] }));
/// vault.set("event:last", &event, std::time::Duration::from_secs(60)).await?;
/// let Some(Json(event)) = vault.get::<Json<serde_json::Value>>("event:last").await? else { panic!("expired") };
/// assert_eq!(event["seats"][1], 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper that patterns take apart")]
pub struct Json<T>(pub T);

pub(super) fn encode<T: Serialize + ?Sized>(value: &T, limit: usize) -> Result<Payload> {
    let watch = Watch::over_json();
    let mut sink = Sink::new(Codec::Json, limit);
    let done = guard::serialize(value, &mut serde_json::Serializer::new(&mut sink), &watch);
    if sink.is_full() {
        return Err(Error::TooLarge { limit });
    }
    done.map_err(|error: serde_json::Error| Error::Encode {
        type_name: type_name::<T>(),
        reason: match (watch.fault(), error.classify()) {
            (Some(fault), _) => fault.reason(),
            (None, Category::Io) => "writing failed",
            (None, _) => "its Serialize failed, or JSON has no form for it (a key of a map that is no text)",
        },
    })?;
    Ok(sink.into_payload())
}

pub(super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T> {
    // Not the error itself: its text may quote the value.
    serde_json::from_slice(Codec::Json.body::<T>(payload)?).map_err(|error| Error::Decode {
        type_name: type_name::<T>(),
        reason: match error.classify() {
            Category::Io | Category::Syntax => "it is no JSON, or nested too deeply",
            Category::Eof => "it ends too early",
            Category::Data => "its Deserialize refuses it",
        },
    })
}
