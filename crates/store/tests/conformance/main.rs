//! The store against the contract: the conformance suite over each way to a server, and random programs
//! beside the embedded store.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod differential;
mod fixture;
mod servers;

use fixture::RedisFixture;
use roomkey_testkit::conformance_suite;

mod plain {
    use super::*;

    conformance_suite!(RedisFixture::plain);
}

mod tls {
    use super::*;

    conformance_suite!(RedisFixture::tls);
}

mod unix_socket {
    use super::*;

    conformance_suite!(RedisFixture::unix_socket);
}

mod sentinel {
    use super::*;

    conformance_suite!(RedisFixture::sentinel);
}

mod sentinel_tls {
    use super::*;

    conformance_suite!(RedisFixture::sentinel_tls);
}

mod cluster {
    use super::*;

    conformance_suite!(RedisFixture::cluster);
}

mod cluster_tls {
    use super::*;

    conformance_suite!(RedisFixture::cluster_tls);
}
