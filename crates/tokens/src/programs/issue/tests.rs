//! The promises of beginning a session.
