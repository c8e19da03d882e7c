//! Writing Lua: lines, blocks, and the helper functions that a script may need.

use std::fmt::{self, Write as _};

/// A piece of a script.
#[derive(Debug, Default)]
pub(super) struct Lua {
    text: String,
    depth: usize,
}

impl Lua {
    /// An empty piece that will stand `deeper` levels below this one.
    pub(super) fn piece(&self, deeper: usize) -> Self {
        Self { text: String::new(), depth: self.depth + deeper }
    }

    /// Writes a line.
    pub(super) fn line(&mut self, line: fmt::Arguments<'_>) {
        for _ in 0..self.depth {
            self.text.push_str("  ");
        }
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    /// Writes a line after which everything stands one level deeper.
    pub(super) fn open(&mut self, line: fmt::Arguments<'_>) {
        self.line(line);
        self.depth += 1;
    }

    /// Writes a line at the level above, which goes on deeper: `else`.
    pub(super) fn middle(&mut self, line: &str) {
        self.depth -= 1;
        self.open(format_args!("{line}"));
    }

    /// Ends what [`open`](Self::open) began.
    pub(super) fn close(&mut self) {
        self.depth -= 1;
        self.line(format_args!("end"));
    }

    /// Writes a piece as it is.
    pub(super) fn append(&mut self, piece: &Self) {
        self.text.push_str(&piece.text);
    }

    /// The piece as one line, if it is one.
    pub(super) fn only_line(&self) -> Option<&str> {
        let line = self.text.strip_suffix('\n')?;
        (!line.contains('\n')).then(|| line.trim_start())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// Compares canonical integers. Rounding to doubles keeps their order; where both round to the same, their digits decide.
pub(super) const AT_MOST: &str = "\
local function at_most(a, b)
  local x, y = tonumber(a), tonumber(b)
  if x ~= y then return x < y end
  if #a ~= #b then return (#a < #b) == (x > 0) end
  return a == b or (a < b) == (x > 0)
end
";

/// What every script begins with: a variable of its own is found faster than a field of a global one.
pub(super) const CALL: &str = "local call = redis.call\n";

/// Store time, whole milliseconds since 1970: as text, because printing a number costs as much as a command, and as a
/// number.
pub(super) const NOW: &str = "\
local time = call('TIME')
local ms = time[1] .. string.sub('00000' .. time[2], -6, -4)
local now = tonumber(ms)
";
