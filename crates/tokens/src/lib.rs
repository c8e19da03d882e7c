//! Revocable tokens
