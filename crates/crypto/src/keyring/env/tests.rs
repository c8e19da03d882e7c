//! Environments that make a ring, and those that name what to change.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::error::Error as _;
use std::path::PathBuf;

use super::*;

fn ring<V: Into<OsString> + Clone>(variables: &[(&str, V)]) -> Result<Keyring> {
    let variables: HashMap<String, OsString> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
    from_lookup(|name| variables.get(name).cloned())
}

/// Asserts that the environment is refused, that the error names `variable`, and that neither it nor its
/// cause quotes a value.
#[track_caller]
fn assert_refused(variables: &[(&str, &str)], variable: &str) {
    let error = ring(variables).unwrap_err();
    let Error::Config { variable: named, .. } = &error else { panic!("{error:?}") };
    assert_eq!(named, variable, "{error}");
    let shown = format!("{error} {error:?} {:?}", error.source().map(ToString::to_string));
    assert!(error.to_string().starts_with(variable), "{error}");
    for (_, value) in variables.iter().filter(|(_, value)| value.len() > 3) {
        assert!(!shown.contains(value), "{shown} quotes {value}");
    }
}

fn key(byte: u8) -> String {
    SecretKey::from_bytes([byte; 32]).to_base64().to_string()
}

const SALT_OF_16: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";

/// A file that is gone when the test is over.
struct TempFile(PathBuf);

impl TempFile {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("roomkey-crypto-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // A file left behind in the temporary folder fails no test.
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_key_is_enough() {
    let ring = ring(&[(KEY, key(1))]).unwrap();
    assert_eq!(ring.active_id(), Keyring::from_key_bytes([1; 32]).active_id());
}

#[test]
fn a_passphrase_needs_its_salt_and_nothing_else() {
    let ring = ring(&[(PASSPHRASE, "correct horse"), (SALT, SALT_OF_16)]).unwrap();
    let same = Keyring::from_passphrase(Passphrase::new("correct horse", b"0123456789abcdef")).unwrap();
    assert_eq!(ring.active_id(), same.active_id());
}

#[test]
fn retired_keys_open_and_the_name_key_hides() {
    let names = SecretKey::from_base64(&key(1)).unwrap().name_key().to_base64();
    let retired = format!("{}, {}", key(1), key(3));
    let ring = ring(&[(KEY, &*key(2)), (RETIRED_KEYS, &retired), (NAME_KEY, &names)]).unwrap();
    let ids = [2, 1, 3].map(|byte| Keyring::from_key_bytes([byte; 32]).active_id());
    assert_eq!(ring.key_ids().collect::<Vec<_>>(), ids);
    assert_eq!(ring.scope("n").fingerprint(), Keyring::from_key_bytes([1; 32]).scope("n").fingerprint());
}

#[test]
fn every_variable_can_be_a_file() {
    let key_file = TempFile::new("key", &format!("{}\n", key(2)));
    let retired_file = TempFile::new("retired", &key(1));
    let names_file = TempFile::new("names", &format!("{}\r\n", key(9)));
    let from_files = ring(&[
        ("ROOMKEY_KEY_FILE", key_file.path()),
        ("ROOMKEY_RETIRED_KEYS_FILE", retired_file.path()),
        ("ROOMKEY_NAME_KEY_FILE", names_file.path()),
    ])
    .unwrap();
    let from_values = ring(&[(KEY, key(2)), (RETIRED_KEYS, key(1)), (NAME_KEY, key(9))]).unwrap();
    assert!(from_files.key_ids().eq(from_values.key_ids()));
    assert_eq!(from_files.scope("n").fingerprint(), from_values.scope("n").fingerprint());
}

#[test]
fn one_line_end_is_not_part_of_a_passphrase_in_a_file_and_blanks_are() {
    let passphrase_file = TempFile::new("passphrase", " two words \n");
    let salt_file = TempFile::new("salt", &format!("{SALT_OF_16}\n"));
    let ring =
        ring(&[("ROOMKEY_PASSPHRASE_FILE", passphrase_file.path()), ("ROOMKEY_SALT_FILE", salt_file.path())])
            .unwrap();
    let same = Keyring::from_passphrase(Passphrase::new(" two words ", b"0123456789abcdef")).unwrap();
    assert_eq!(ring.active_id(), same.active_id());
}

#[test]
fn an_empty_variable_is_not_set() {
    assert!(ring(&[(KEY, &*key(1)), (PASSPHRASE, ""), (SALT, ""), ("ROOMKEY_KEY_FILE", "")]).is_ok());
    assert_refused(&[(KEY, "")], KEY);
}

#[test]
fn missing_and_contradicting_variables_are_named() {
    assert_refused(&[], KEY);
    assert_refused(&[(SALT, SALT_OF_16)], KEY);
    assert_refused(&[(PASSPHRASE, "sentinel")], SALT);
    assert_refused(&[(KEY, &key(1)), (PASSPHRASE, "sentinel"), (SALT, SALT_OF_16)], PASSPHRASE);
    assert_refused(&[(KEY, &key(1)), (PASSPHRASE, "sentinel")], PASSPHRASE);
    assert_refused(&[(KEY, &key(1)), (SALT, SALT_OF_16)], SALT);
    assert_refused(&[(KEY, &key(1)), ("ROOMKEY_KEY_FILE", "/sentinel")], "ROOMKEY_KEY_FILE");
    assert_refused(&[(KEY, &key(1)), (RETIRED_KEYS, &key(2))], NAME_KEY);
    assert_refused(&[(KEY, &key(1)), (RETIRED_KEYS, &key(1)), (NAME_KEY, &key(9))], RETIRED_KEYS);
    let twice = format!("{},{}", key(2), key(2));
    assert_refused(&[(KEY, &key(1)), (RETIRED_KEYS, &twice), (NAME_KEY, &key(9))], RETIRED_KEYS);
}

#[test]
fn malformed_values_are_named_and_not_quoted() {
    let short = "c2VudGluZWw=";
    for text in ["sentinel!", short] {
        assert_refused(&[(KEY, text)], KEY);
        assert_refused(&[(KEY, &key(1)), (NAME_KEY, text)], NAME_KEY);
        assert_refused(&[(KEY, &key(1)), (RETIRED_KEYS, text), (NAME_KEY, &key(9))], RETIRED_KEYS);
        assert_refused(&[(PASSPHRASE, "sentinel"), (SALT, text)], SALT);
    }
    let trailing_comma = format!("{},", key(2));
    assert_refused(&[(KEY, &key(1)), (RETIRED_KEYS, &trailing_comma), (NAME_KEY, &key(9))], RETIRED_KEYS);
}

#[test]
fn the_cause_is_the_source_and_not_a_part_of_the_text() {
    let error = ring(&[(KEY, "sentinel!")]).unwrap_err();
    let cause = error.source().unwrap().downcast_ref::<Error>().unwrap();
    assert!(matches!(cause, Error::InvalidKey(_)));
    assert!(!error.to_string().contains(&cause.to_string()));
}

#[test]
fn a_bad_file_is_named_by_its_variable() {
    assert_refused(&[("ROOMKEY_KEY_FILE", "/nowhere/roomkey")], "ROOMKEY_KEY_FILE");
    let empty = TempFile::new("empty", "\n");
    assert_refused(&[("ROOMKEY_KEY_FILE", empty.path())], "ROOMKEY_KEY_FILE");
    let wrong = TempFile::new("wrong", "sentinel");
    assert_refused(&[("ROOMKEY_KEY_FILE", wrong.path())], "ROOMKEY_KEY_FILE");
}

#[cfg(unix)]
#[test]
fn text_that_is_not_utf_8_is_refused_and_not_guessed() {
    use std::os::unix::ffi::OsStringExt;

    let error = ring(&[(PASSPHRASE, OsString::from_vec(b"caf\xe9".to_vec()))]).unwrap_err();
    assert!(matches!(error, Error::Config { variable, .. } if variable == PASSPHRASE));
}
