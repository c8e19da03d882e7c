//! What a store says of itself.

/// A snapshot of a store's health, for a status page or a readiness probe.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// The engine and its version, for example `memory` or `redis 7.0.15`.
    pub engine: String,
    /// Bytes of memory in use, if known.
    pub memory_used: Option<u64>,
    /// Bytes of memory at which the store refuses to grow; `None` if unknown or unlimited.
    pub memory_limit: Option<u64>,
    /// What an operator should know or change, in sentences without secrets; empty if all is well.
    pub warnings: Vec<String>,
}

impl Health {
    /// A store of this engine about which nothing else is known.
    pub fn new(engine: impl Into<String>) -> Self {
        Self { engine: engine.into(), memory_used: None, memory_limit: None, warnings: Vec::new() }
    }
}
