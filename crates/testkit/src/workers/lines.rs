//! Whole lines over a socket.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;

/// Shows every line to `act` until the other side is gone. What it was killed in the middle of is no line.
pub(super) fn read(socket: UnixStream, mut act: impl FnMut(String)) {
    let mut socket = BufReader::new(socket);
    let mut line = Vec::new();
    while socket.read_until(b'\n', &mut line).is_ok() && line.pop() == Some(b'\n') {
        act(String::from_utf8_lossy(&line).into_owned());
        line.clear();
    }
}

/// Writes a line, in one piece so far as the kernel allows.
///
/// # Panics
/// When it is more than one.
pub(super) fn write(mut socket: &UnixStream, line: &str) -> io::Result<()> {
    assert!(!line.contains('\n'), "{line:?} is more than one line");
    socket.write_all(format!("{line}\n").as_bytes())
}
