//! What is sent for one program.

use std::borrow::Cow;
use std::sync::Arc;

use crate::packed::Packed;

/// One command: a plain one, or a script by its hash together with its source.
pub(crate) struct Command {
    packed: Packed,
    source: Option<Arc<str>>,
    /// The run of the server that it was made for, when it goes on where an earlier one ended.
    run: Option<Arc<str>>,
}

impl Command {
    /// A command that the server knows by itself.
    pub(crate) fn plain(packed: Packed) -> Self {
        Self { packed, source: None, run: None }
    }

    /// `EVALSHA` with its keys and arguments, and the source of its script.
    pub(crate) fn script(evalsha: Packed, source: Arc<str>) -> Self {
        Self { packed: evalsha, source: Some(source), run: None }
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
    pub(crate) fn by_hash(&self) -> &Packed {
        &self.packed
    }

    /// The command as it is sent to a server that does not know the script: by its source, which it then knows.
    pub(crate) fn by_source(&self) -> Cow<'_, Packed> {
        match &self.source {
            None => Cow::Borrowed(&self.packed),
            Some(source) => Cow::Owned(self.packed.with_first("EVAL", source)),
        }
    }

    /// How much is sent, but for the protocol's own.
    pub(crate) fn bytes(&self) -> usize {
        self.packed.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_source_only_the_script_differs() {
        let mut evalsha = Packed::new("EVALSHA", 0, 0);
        evalsha.arg("0beec7").unsigned(1).arg("key").arg(b"\xff\0");
        let command = Command::script(evalsha, "return 1".into());
        let mut eval = Packed::new("EVAL", 0, 0);
        eval.arg("return 1").unsigned(1).arg("key").arg(b"\xff\0");
        let sent = |packed: &Packed| {
            let mut bytes = Vec::new();
            packed.write(&mut bytes);
            bytes
        };
        assert_eq!(sent(&command.by_source()), sent(&eval));
    }
}
