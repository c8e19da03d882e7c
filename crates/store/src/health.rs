//! How the server is, and what its operator should change.

use redis::{Pipeline, Value};
use roomkey_core::{Error, Health, Result};

use crate::config::Endpoint;
use crate::graves::UNABLE;
use crate::rights::{Rights, Scope};
use crate::server::{Server, field, text};

/// What is asked for a status. `INFO` takes one section at a time before Redis 7.
pub(crate) fn question(scope: Scope) -> Pipeline {
    let mut question = Pipeline::new();
    for section in ["memory", "replication"] {
        question.add_command(redis::cmd("INFO").arg(section).clone());
    }
    if scope == Scope::Cluster {
        question.add_command(redis::cmd("CLUSTER").arg("INFO").clone());
    }
    question
}

/// Reads the answers to [`question`].
pub(crate) fn assess(server: &Server, answers: &[Value]) -> Health {
    let memory = answers.first().and_then(text).unwrap_or_default();
    let replication = answers.get(1).and_then(text).unwrap_or_default();
    let cluster = answers.get(2).and_then(text).unwrap_or_default();
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
    if field(cluster, "cluster_state").is_some_and(|state| state != "ok") {
        health.warnings.push(
            "cluster_state is not ok: the node misses some of the slots, or most of the other masters, and may refuse to \
             serve"
                .to_owned(),
        );
    }
    health
}

/// The health of a cluster, from that of its masters.
///
/// # Errors
///
/// That of the first, if none answers.
pub(crate) fn sum(nodes: Vec<(Endpoint, Result<Health>)>) -> Result<Health> {
    let mut sum: Option<Health> = None;
    let mut warnings = Vec::new();
    let mut trouble = None;
    for (endpoint, health) in nodes {
        match health {
            Ok(mut health) => {
                warnings.extend(health.warnings.drain(..).map(|warning| format!("{endpoint}: {warning}")));
                let add = |one: Option<u64>, other: Option<u64>| one?.checked_add(other?);
                sum = Some(match sum {
                    None => health,
                    Some(mut sum) => {
                        sum.memory_used = add(sum.memory_used, health.memory_used);
                        sum.memory_limit = add(sum.memory_limit, health.memory_limit);
                        sum
                    }
                });
            }
            Err(error) => {
                warnings
                    .push(format!("{endpoint}: the node does not answer; what it serves is out of reach"));
                trouble.get_or_insert(error);
            }
        }
    }
    match (sum, trouble) {
        (Some(mut sum), _) => {
            sum.warnings = warnings;
            Ok(sum)
        }
        (None, Some(error)) => Err(error),
        (None, None) => Err(Error::not_executed("no node of the cluster serves anything")),
    }
}

/// Adds what is to be said of the way to the servers.
pub(crate) fn warn_of_connection(health: &mut Health, rights: Rights, closes: bool, verified: bool) {
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
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn health(memory: &str, replication: &str, rights: Rights, verified: bool) -> Health {
        let server = Server { engine: "redis 7.0.15".into(), run: "abc".into() };
        let answers = [memory, replication].map(|text| Value::BulkString(text.as_bytes().to_vec()));
        let mut health = assess(&server, &answers);
        warn_of_connection(&mut health, rights, rights.closes(), verified);
        health
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

    #[test]
    fn a_cluster_is_the_sum_of_its_masters_and_says_who_is_missing() {
        let node = |port| Endpoint::Tcp { host: "10.0.0.1".to_owned(), port };
        let (one, two, three) = (node(1), node(2), node(3));
        let sound = || {
            health(
                "used_memory:10\r\nmaxmemory:20\r\nmaxmemory_policy:noeviction\r\n",
                "role:master\r\n",
                Rights::Complete { closes: true },
                true,
            )
        };
        let whole = sum(vec![(one.clone(), Ok(sound())), (two.clone(), Ok(sound()))]).unwrap();
        assert_eq!((whole.memory_used, whole.memory_limit), (Some(20), Some(40)));
        assert!(whole.warnings.is_empty(), "{:?}", whole.warnings);

        let unlimited = health(
            "used_memory:10\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n",
            "role:slave\r\n",
            Rights::Complete { closes: true },
            true,
        );
        let lost = || Err(Error::not_executed("gone"));
        let torn =
            sum(vec![(one.clone(), Ok(sound())), (two.clone(), lost()), (three, Ok(unlimited))]).unwrap();
        assert_eq!((torn.memory_used, torn.memory_limit), (Some(20), None));
        assert!(torn.warnings[0].starts_with("10.0.0.1:2: the node does not answer"), "{:?}", torn.warnings);
        assert!(torn.warnings[1].starts_with("10.0.0.1:3: the server is a replica"), "{:?}", torn.warnings);
        assert!(sum(vec![(one.clone(), lost()), (two.clone(), lost())]).is_err());
    }

    #[test]
    fn a_node_that_finds_its_cluster_broken_says_so() {
        let server = Server { engine: "redis 7.0.15".into(), run: "abc".into() };
        let answers = ["maxmemory_policy:noeviction", "role:master", "cluster_state:fail"];
        let answers = answers.map(|text| Value::BulkString(text.as_bytes().to_vec()));
        let warnings = assess(&server, &answers).warnings;
        assert!(warnings.len() == 1 && warnings[0].contains("cluster_state"), "{warnings:?}");
    }
}
