//! What is sent for one program.

use std::borrow::Cow;
use std::sync::Arc;

use redis::{Arg, Cmd};

/// One command: a plain one, or a script by its hash together with its source.
pub(crate) struct Command {
    cmd: Cmd,
    source: Option<Arc<str>>,
    /// The run of the server that it was made for, when it goes on where an earlier one ended.
    run: Option<Arc<str>>,
}

impl Command {
    /// A command that the server knows by itself.
    pub(crate) fn plain(cmd: Cmd) -> Self {
        Self { cmd, source: None, run: None }
    }

    /// `EVALSHA` with its keys and arguments, and the source of its script.
    pub(crate) fn script(evalsha: Cmd, source: Arc<str>) -> Self {
        Self { cmd: evalsha, source: Some(source), run: None }
    }

    /// The same command, good for one run of the server only.
    pub(crate) fn of_run(self, run: Option<Arc<str>>) -> Self {
        Self { run, ..self }
    }

    /// Whether it makes sense on this run of the server.
    pub(crate) fn fits(&self, run: &str) -> bool {
        self.run.as_deref().is_none_or(|own| own == run)
    }

    pub(crate) fn is_script(&self) -> bool {
        self.source.is_some()
    }

    /// The source of the script, which stands for its identity too.
    pub(crate) fn source(&self) -> Option<&Arc<str>> {
        self.source.as_ref()
    }

    /// The command as it is usually sent: a script by its hash.
    pub(crate) fn by_hash(&self) -> &Cmd {
        &self.cmd
    }

    /// The command as it is sent to a server that does not know the script: by its source, which it then knows.
    pub(crate) fn by_source(&self) -> Cow<'_, Cmd> {
        let Some(source) = &self.source else { return Cow::Borrowed(&self.cmd) };
        let mut eval = redis::cmd("EVAL");
        eval.arg(&**source);
        for arg in self.cmd.args_iter().skip(2) {
            if let Arg::Simple(bytes) = arg {
                eval.arg(bytes);
            }
        }
        Cow::Owned(eval)
    }

    /// How much is sent, but for the protocol's own.
    pub(crate) fn bytes(&self) -> usize {
        self.cmd.args_iter().map(|arg| if let Arg::Simple(bytes) = arg { bytes.len() } else { 0 }).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_source_only_the_script_differs() {
        let mut evalsha = redis::cmd("EVALSHA");
        evalsha.arg("0beec7").arg(1).arg("key").arg(&b"\xff\0"[..]);
        let command = Command::script(evalsha, "return 1".into());
        let mut eval = redis::cmd("EVAL");
        eval.arg("return 1").arg(1).arg("key").arg(&b"\xff\0"[..]);
        assert_eq!(command.by_source().get_packed_command(), eval.get_packed_command());
    }
}
