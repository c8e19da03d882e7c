//! A configuration out of a file of the application's.
//!
//! Written by hand: each value goes the way of a variable's text, so that the same rules hold and no message repeats what
//! was written. Messages that serde makes by itself show the value, and that may be a password.

use std::error::Error as _;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use super::RedisConfig;
use super::draft::Draft;
use super::setting::Setting;
use crate::error::ConnectError;

impl<'de> Deserialize<'de> for RedisConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Settings)
    }
}

struct Settings;

impl<'de> Visitor<'de> for Settings {
    type Value = RedisConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of Redis settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RedisConfig, A::Error> {
        let mut draft = Draft::default();
        while let Some(Key(name, setting)) = map.next_key()? {
            let text = match map.next_value()? {
                Given::Nothing => continue,
                // As with variables: what templates leave empty has not been set.
                Given::Text(text) if text.is_empty() => continue,
                Given::Text(text) => text,
                Given::Number(text) if !setting.is_text() => text,
                Given::List(text) if setting.is_list() => text,
                Given::Number(_) => return Err(misfit(name, "text; put it in quotes")),
                Given::List(_) => return Err(misfit(name, "a single value")),
            };
            draft.read(setting, &text, name).map_err(explained)?;
        }
        draft.settle().map_err(explained)
    }
}

fn misfit<E: Error>(name: &'static str, expected: &'static str) -> E {
    explained(ConnectError::Invalid { name, expected })
}

/// The error with its causes, which a deserializer has no other place for.
fn explained<E: Error>(error: ConnectError) -> E {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    E::custom(text)
}

struct Key(&'static str, Setting);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a Redis setting")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
                let (name, setting) =
                    Setting::of_key(name).ok_or_else(|| E::unknown_field(name, &Setting::KEYS))?;
                Ok(Key(name, setting))
            }
        }

        deserializer.deserialize_identifier(Name)
    }
}

/// A value as the text of a variable, and what it was written as.
enum Given {
    Nothing,
    Text(Zeroizing<String>),
    /// A number, or true or false.
    Number(Zeroizing<String>),
    /// Texts, joined by commas.
    List(Zeroizing<String>),
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Value)
    }
}

struct Value;

/// Of what has no method here serde makes a message by itself, and those of numbers show them; so all of them have one.
impl<'de> Visitor<'de> for Value {
    type Value = Given;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a whole number, true or false, or a list of text")
    }

    fn visit_unit<E: Error>(self) -> Result<Given, E> {
        Ok(Given::Nothing)
    }

    fn visit_none<E: Error>(self) -> Result<Given, E> {
        Ok(Given::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Given, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Given, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Given, E> {
        Ok(Given::Text(Zeroizing::new(text)))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Given, E> {
        number(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Given, E> {
        number(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Given, E> {
        number(value)
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Given, E> {
        number(value)
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Given, E> {
        number(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Given, E> {
        number(value)
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Given, E> {
        Err(E::custom("a Redis setting is written as bytes; it must be text"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Given, A::Error> {
        let mut list = Zeroizing::new(String::new());
        while let Some(item) = items.next_element()? {
            let Given::Text(item) = item else {
                return Err(A::Error::custom("a list of servers holds something other than text"));
            };
            if !list.is_empty() {
                list.push(',');
            }
            list.push_str(&item);
        }
        Ok(Given::List(list))
    }
}

fn number<E>(value: impl fmt::Display) -> Result<Given, E> {
    Ok(Given::Number(Zeroizing::new(value.to_string())))
}
