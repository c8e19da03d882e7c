//! Conformance suite, wrappers, mocks and real servers for testing Roomkey stores
