//! What is sent for a prepared transaction: a script, and where keys and arguments go.

use std::sync::Arc;

use bytes::Bytes;
use roomkey_core::Binding;

use super::Script;
use crate::packed::Packed;

/// The call of a script in which some words are still open.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) script: Arc<Script>,
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    /// Words that are always the same, as they are sent.
    Constant(Packed),
    Key(usize),
    Arg(usize),
}

impl Template {
    /// The beginning of a call: everything in front of the keys.
    pub(super) fn new(script: Arc<Script>, keys: usize) -> Self {
        let mut head = Packed::new("EVALSHA", 2, script.sha.len() + 2);
        head.arg(&script.sha).unsigned(keys as u64);
        Self { script, pieces: vec![Piece::Constant(head)] }
    }

    /// Adds a word that is always the same.
    pub(super) fn constant(&mut self, word: impl FnOnce(&mut Packed) -> &mut Packed) {
        if let Some(Piece::Constant(words)) = self.pieces.last_mut() {
            word(words);
            return;
        }
        let mut words = Packed::empty(0, 0);
        word(&mut words);
        self.pieces.push(Piece::Constant(words));
    }

    /// Adds a key that was prepared.
    pub(super) fn key(&mut self, at: usize) {
        self.pieces.push(Piece::Key(at));
    }

    /// Adds an argument that was prepared.
    pub(super) fn arg(&mut self, at: usize) {
        self.pieces.push(Piece::Arg(at));
    }

    /// The call on the keys and arguments of a binding of what was prepared.
    pub(super) fn evalsha(&self, binding: &Binding) -> Packed {
        let mut cmd =
            Packed::empty(self.pieces.len(), self.pieces.iter().map(|piece| piece.size(binding)).sum());
        for piece in &self.pieces {
            match piece {
                Piece::Constant(words) => cmd.words_of(words),
                Piece::Key(at) => cmd.arg(key(binding, *at)),
                Piece::Arg(at) => cmd.arg(arg(binding, *at)),
            };
        }
        cmd
    }
}

impl Piece {
    /// How many bytes it takes, but for what the protocol adds to one word.
    fn size(&self, binding: &Binding) -> usize {
        match self {
            Self::Constant(words) => words.sent(),
            Self::Key(at) => key(binding, *at).len(),
            Self::Arg(at) => arg(binding, *at).len(),
        }
    }
}

// A binding has as many keys and arguments as its prepared transaction, and that had the one at this place.

fn key(binding: &Binding, at: usize) -> &Bytes {
    binding.keys()[at].bytes()
}

fn arg(binding: &Binding, at: usize) -> &Bytes {
    &binding.args()[at]
}
