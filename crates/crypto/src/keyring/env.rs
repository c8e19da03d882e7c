//! A key ring out of environment variables. It reads them through a function, so that tests need not set any.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs;

use zeroize::{Zeroize, Zeroizing};

use super::Keyring;
use crate::error::{Error, Result};
use crate::secret::{MIN_SALT_LEN, Passphrase, SecretKey, decode_base64};

const KEY: &str = "ROOMKEY_KEY";
const PASSPHRASE: &str = "ROOMKEY_PASSPHRASE";
const SALT: &str = "ROOMKEY_SALT";
const RETIRED_KEYS: &str = "ROOMKEY_RETIRED_KEYS";
const NAME_KEY: &str = "ROOMKEY_NAME_KEY";

pub(super) fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Keyring> {
    // Everything is read and parsed before a passphrase is stretched: mistakes show at once.
    let read = |variable| Setting::read(&lookup, variable);
    let (key, passphrase, salt) = (read(KEY)?, read(PASSPHRASE)?, read(SALT)?);
    let retired = match read(RETIRED_KEYS)? {
        Some(setting) => setting.keys()?,
        None => Vec::new(),
    };
    let names = read(NAME_KEY)?.map(|setting| setting.key()).transpose()?;

    if names.is_none() && !retired.is_empty() {
        return Err(config(NAME_KEY, NAME_KEY_MISSING));
    }
    let active = active(key, passphrase, salt)?;
    if retired.iter().any(|key| key.id() == active.id()) {
        return Err(config(RETIRED_KEYS, "lists the active key; remove it from the list"));
    }
    let mut builder = Keyring::builder(active);
    for key in retired {
        builder = builder.retired(key);
    }
    if let Some(key) = names {
        builder = builder.names(key);
    }
    builder
        .build()
        .map_err(|error| config_error(RETIRED_KEYS, "does not make a ring with the active key", error))
}

fn active(key: Option<Setting>, passphrase: Option<Setting>, salt: Option<Setting>) -> Result<SecretKey> {
    match (key, passphrase, salt) {
        (Some(_), Some(passphrase), _) => {
            Err(config(passphrase.variable, "and ROOMKEY_KEY are both set; remove one of them"))
        }
        (Some(_), None, Some(salt)) => Err(config(
            salt.variable,
            "belongs to a passphrase, and ROOMKEY_KEY is a key; remove one of them",
        )),
        (Some(key), None, None) => key.key(),
        (None, Some(_), None) => Err(config(SALT, SALT_MISSING)),
        (None, Some(passphrase), Some(salt)) => {
            let bytes = decode_base64(&salt.value)
                .filter(|bytes| bytes.len() >= MIN_SALT_LEN)
                .ok_or_else(|| config(salt.variable, NOT_A_SALT))?;
            SecretKey::from_passphrase(&Passphrase::new(&passphrase.value, &bytes))
        }
        (None, None, _) => Err(config(KEY, KEY_MISSING)),
    }
}

/// The value of a variable, and the variable it came from: `NAME` or `NAME_FILE`.
struct Setting {
    variable: Cow<'static, str>,
    value: Zeroizing<String>,
}

impl Setting {
    fn read(lookup: &impl Fn(&str) -> Option<OsString>, variable: &'static str) -> Result<Option<Self>> {
        let lookup = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let path_variable = format!("{variable}_FILE");
        match (lookup(variable), lookup(&path_variable)) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => {
                Err(config(path_variable, "and the variable without _FILE are both set; remove one of them"))
            }
            (Some(value), None) => {
                let value = value.into_string().map_err(|value| {
                    value.into_encoded_bytes().zeroize();
                    config(variable, "is not UTF-8")
                })?;
                Ok(Some(Self { variable: variable.into(), value: value.into() }))
            }
            (None, Some(path)) => {
                let mut value = match fs::read_to_string(path) {
                    Ok(value) => Zeroizing::new(value),
                    Err(error) => {
                        return Err(config_error(path_variable, "names a file that cannot be read", error));
                    }
                };
                let len = value
                    .strip_suffix('\n')
                    .map_or(&**value, |line| line.strip_suffix('\r').unwrap_or(line))
                    .len();
                value.truncate(len);
                if value.is_empty() {
                    return Err(config(path_variable, "names a file that is empty"));
                }
                Ok(Some(Self { variable: path_variable.into(), value }))
            }
        }
    }

    fn key(self) -> Result<SecretKey> {
        let Self { variable, value } = self;
        SecretKey::from_base64(&value).map_err(|error| config_error(variable, NOT_A_KEY, error))
    }

    fn keys(self) -> Result<Vec<SecretKey>> {
        let Self { variable, value } = self;
        value
            .split(',')
            .map(SecretKey::from_base64)
            .collect::<Result<_>>()
            .map_err(|error| config_error(variable, NOT_KEYS, error))
    }
}

const KEY_MISSING: &str = "is not set, nor is ROOMKEY_PASSPHRASE: \
                           set it to base64 of 32 random bytes, as `openssl rand -base64 32` gives";
const SALT_MISSING: &str =
    "must be set with a passphrase: base64 of at least 16 random bytes, as `openssl rand -base64 16` prints";
const NAME_KEY_MISSING: &str = "must be set once there are retired keys: \
                                it is what `SecretKey::name_key` gives for the first key in use";
const NOT_A_KEY: &str =
    "is not a key: set it to base64 of 32 random bytes, as `openssl rand -base64 32` prints";
const NOT_A_SALT: &str =
    "is not a salt: set it to base64 of at least 16 random bytes, as `openssl rand -base64 16` prints";
const NOT_KEYS: &str =
    "is not a list of keys: separate base64 of 32 bytes each by commas, with none at the end";

fn config(variable: impl Into<Cow<'static, str>>, advice: &'static str) -> Error {
    Error::Config { variable: variable.into(), advice, source: None }
}

fn config_error(
    variable: impl Into<Cow<'static, str>>,
    advice: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::Config { variable: variable.into(), advice, source: Some(Box::new(source)) }
}

#[cfg(test)]
mod tests;
