//! Text that must not be seen.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

/// A password: wiped when dropped, shown by nothing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(_) = self;
        f.write_str("Secret(..)")
    }
}

/// Reads a file that holds a secret. Editors and secret managers end it with a line end that is not part of it.
///
/// # Errors
///
/// That the file cannot be read, or, as invalid data, that it is empty or no text.
pub(crate) fn from_file(path: &Path) -> io::Result<Secret> {
    let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let bytes = Zeroizing::new(fs::read(path)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| invalid("it is not UTF-8 text"))?;
    let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() {
        return Err(invalid("it is empty"));
    }
    Ok(Secret::new(line.to_owned()))
}
