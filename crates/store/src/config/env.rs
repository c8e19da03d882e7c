//! The `REDIS_*` variables.

use std::ffi::OsString;

use super::draft::Draft;
use super::setting::Setting;
use crate::error::ConnectError;

/// Names that others use for what we call differently. Ignoring `REDIS_TLS=true` would mean plain text.
const OTHER_NAMES: [(&str, &str); 22] = [
    ("REDIS_URI", "REDIS_URL"),
    ("REDIS_HOSTNAME", "REDIS_HOST"),
    ("REDIS_USER", "REDIS_USERNAME"),
    ("REDIS_PASS", "REDIS_PASSWORD"),
    ("REDIS_PASSWD", "REDIS_PASSWORD"),
    ("REDIS_DATABASE", "REDIS_DB"),
    ("REDIS_SSL", "REDIS_USE_SSL"),
    ("REDIS_TLS", "REDIS_USE_SSL"),
    ("REDIS_USE_TLS", "REDIS_USE_SSL"),
    ("REDIS_VERIFY_MODE", "REDIS_SSL_VERIFY_MODE"),
    ("REDIS_CA_FILE", "REDIS_SSL_CA_FILE"),
    ("REDIS_TLS_CA_FILE", "REDIS_SSL_CA_FILE"),
    ("REDIS_TLS_SERVER_NAME", "REDIS_SSL_SERVER_NAME"),
    ("REDIS_SENTINEL_HOSTS", "REDIS_SENTINELS"),
    ("REDIS_SENTINEL_NODES", "REDIS_SENTINELS"),
    ("REDIS_SENTINEL_MASTER_NAME", "REDIS_SENTINEL_MASTER"),
    ("REDIS_MASTER_NAME", "REDIS_SENTINEL_MASTER"),
    ("REDIS_SENTINEL_USER", "REDIS_SENTINEL_USERNAME"),
    ("REDIS_SENTINEL_PASS", "REDIS_SENTINEL_PASSWORD"),
    ("REDIS_CLUSTER_HOSTS", "REDIS_CLUSTER"),
    ("REDIS_CLUSTER_NODES", "REDIS_CLUSTER"),
    ("REDIS_CLUSTER_ENABLED", "REDIS_CLUSTER"),
];

pub(super) fn read(
    draft: &mut Draft,
    vars: impl Iterator<Item = (OsString, OsString)>,
) -> Result<(), ConnectError> {
    // In the order of their names, so that the same environment always gives the same error.
    let mut ours: Vec<(String, OsString)> = vars
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, value)| name.starts_with("REDIS_") && !value.is_empty())
        .collect();
    ours.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));

    for (name, value) in ours {
        let Some((name, setting)) = Setting::of_variable(&name) else {
            if let Some(instead) = meant(&name) {
                return Err(ConnectError::Unknown { name, instead });
            }
            continue;
        };
        let text = value
            .into_string()
            .map_err(|_| ConnectError::Invalid { name, expected: "UTF-8 text" })
            .map(zeroize::Zeroizing::new)?;
        if setting == Setting::Port && is_service_link(&text) {
            tracing::info!(
                "REDIS_PORT is a Kubernetes service link and is ignored; set REDIS_URL, or enableServiceLinks: false"
            );
            continue;
        }
        draft.read(setting, &text, name)?;
    }
    Ok(())
}

/// Which of ours an unknown variable was probably meant to be, or `None` for one that is somebody else's.
fn meant(name: &str) -> Option<&'static str> {
    if let Some((_, ours)) = OTHER_NAMES.into_iter().find(|(other, _)| *other == name) {
        return Some(ours);
    }
    let squeezed = name.replace('_', "");
    let nearest = Setting::ALL
        .into_iter()
        .map(|(variable, _, _)| (distance(&variable.replace('_', ""), &squeezed), variable))
        .min()
        .filter(|(distance, variable)| {
            // Short names have innocent neighbours: REDIS_TTL is one letter away from REDIS_URL.
            let slips = if variable.len() >= "REDIS_USE_SSL".len() { 1 } else { 0 };
            *distance <= slips
        });
    match nearest {
        Some((_, variable)) => Some(variable),
        // Nobody but us has a reason to set it, and it is about protection.
        None => name
            .starts_with("REDIS_SSL_")
            .then_some("REDIS_SSL_VERIFY_MODE, …_SERVER_NAME, …_CA_FILE, …_CERT_FILE, …_KEY_FILE"),
    }
}

/// How many letters have to be inserted, removed or replaced to get from one to the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// For a service called `redis`, Kubernetes sets `REDIS_PORT=tcp://10.0.0.1:6379` in every pod beside it.
fn is_service_link(text: &str) -> bool {
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| text.starts_with(scheme))
}
