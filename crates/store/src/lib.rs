//! The Redis store of Roomkey: configuration, TLS, lanes and the compiler from programs to Lua
