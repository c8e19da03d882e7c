//! Typed, sealed values over any Roomkey store
