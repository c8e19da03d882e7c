//! Key ring, envelope and name hiding of Roomkey: bytes in, bytes out
