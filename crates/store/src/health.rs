//! How the server is, and what its operator should change.

use redis::{Pipeline, Value};
use roomkey_core::Health;

use crate::graves::UNABLE;
use crate::rights::Rights;
use crate::server::{Server, field, text};

/// What is asked for a status. `INFO` takes one section at a time before Redis 7.
pub(crate) fn question() -> Pipeline {
    let mut question = Pipeline::new();
    for section in ["memory", "replication"] {
        question.add_command(redis::cmd("INFO").arg(section).clone());
    }
    question
}

/// Reads the answers to [`question`].
pub(crate) fn assess(
    server: &Server,
    rights: Rights,
    closes: bool,
    verified: bool,
    answers: &[Value],
) -> Health {
    let memory = answers.first().and_then(text).unwrap_or_default();
    let replication = answers.get(1).and_then(text).unwrap_or_default();
    let number = |name| field(memory, name).and_then(|value| value.parse::<u64>().ok());

    let mut health = Health::new(server.engine.clone());
    health.memory_used = number("used_memory");
    health.memory_limit = number("maxmemory").filter(|limit| *limit > 0);
    match field(memory, "maxmemory_policy") {
        Some("noeviction") => {}
        // Without a limit nothing is evicted, whatever the policy.
        Some(_) if health.memory_limit.is_none() => {}
        Some(policy) => health.warnings.push(format!(
            "maxmemory-policy is {policy}: at its memory limit the server drops sessions, tokens and seats that are still \
             valid; set it to noeviction"
        )),
        None => health.warnings.push("the server does not tell its maxmemory-policy; it should be noeviction".to_owned()),
    }
    if field(replication, "role").is_some_and(|role| role != "master") {
        health
            .warnings
            .push("the server is a replica and refuses to write; connect to its master".to_owned());
    }
    if rights == Rights::Unknown {
        health.warnings.push(
            "the rights of the login could not be checked; a missing one could stop a transaction half-way"
                .to_owned(),
        );
    }
    if !closes {
        health.warnings.push(UNABLE.to_owned());
    }
    if !verified {
        health.warnings.push(
            "the server's certificate is not verified (REDIS_SSL_VERIFY_MODE=none): whoever is on the way can read and \
             change everything"
                .to_owned(),
        );
    }
    health
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(memory: &str, replication: &str, rights: Rights, verified: bool) -> Health {
        let server = Server { engine: "redis 7.0.15".into(), run: "abc".into() };
        let answers = [memory, replication].map(|text| Value::BulkString(text.as_bytes().to_vec()));
        assess(&server, rights, rights.closes(), verified, &answers)
    }

    #[test]
    fn a_sound_server_gives_no_warning() {
        let memory = "used_memory:1000\r\nmaxmemory:2000\r\nmaxmemory_policy:noeviction\r\n";
        let health = health(memory, "role:master\r\n", Rights::Complete { closes: true }, true);
        assert_eq!(
            (health.engine.as_str(), health.memory_used, health.memory_limit),
            ("redis 7.0.15", Some(1000), Some(2000))
        );
        assert!(health.warnings.is_empty(), "{:?}", health.warnings);
    }

    #[test]
    fn eviction_counts_only_where_there_is_a_limit() {
        let unlimited = "used_memory:1000\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n";
        assert!(
            health(unlimited, "role:master\r\n", Rights::Complete { closes: true }, true).warnings.is_empty()
        );
        // Whatever has an expiry is evicted by these too, and ours all have one.
        for policy in ["allkeys-lru", "volatile-ttl"] {
            let limited = format!("used_memory:1000\r\nmaxmemory:2000\r\nmaxmemory_policy:{policy}\r\n");
            let warnings =
                health(&limited, "role:master\r\n", Rights::Complete { closes: true }, true).warnings;
            assert!(warnings.len() == 1 && warnings[0].contains(policy), "{warnings:?}");
        }
    }

    #[test]
    fn each_trouble_has_its_warning() {
        let warnings = health("", "role:slave\r\n", Rights::Unknown, false).warnings;
        let unable = health("", "", Rights::Complete { closes: false }, true).warnings;
        assert!(unable.iter().any(|warning| warning.contains("CLIENT KILL")), "{unable:?}");
        for part in ["maxmemory-policy", "replica", "rights", "certificate"] {
            assert!(warnings.iter().any(|warning| warning.contains(part)), "{part}: {warnings:?}");
        }
        assert_eq!(warnings.len(), 4);
    }
}
