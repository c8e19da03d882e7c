//! What a vault tells of itself by way of the `metrics` facade.

use metrics::Unit;
use roomkey_crypto::Error;

/// Values that did not open. Each is looked up anew, since none is expected.
const DECRYPT_FAILURES: &str = "roomkey_vault_decrypt_failures_total";
const MEANING: &str = "sealed values that did not open";

/// Counts a value that did not open.
pub(crate) fn decrypt_failed(error: &Error) {
    let reason = match error {
        Error::UnknownKey(_) => "unknown_key",
        Error::NotSealed => "not_sealed",
        Error::UnknownFormat { .. } => "unknown_format",
        _ => "rejected",
    };
    metrics::describe_counter!(DECRYPT_FAILURES, Unit::Count, MEANING);
    metrics::counter!(DECRYPT_FAILURES, "reason" => reason).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_it() {
        let manual =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md"));
        let row = format!("| `{DECRYPT_FAILURES}` | counter | – | `reason` | {MEANING}: ");
        assert!(manual.unwrap().contains(&row), "docs/operations.md lacks: {row}");
    }
}
