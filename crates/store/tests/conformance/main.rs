//! The store against the contract: the conformance suite over each way to a server, and random programs
//! beside the embedded store.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod differential;
mod fixture;

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
