//! Revocable rooms
