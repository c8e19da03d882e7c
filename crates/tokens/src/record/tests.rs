//! What is sealed for a token comes back, and nothing else is read.
