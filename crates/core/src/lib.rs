//! The contract of a Roomkey store: keys, partitions, programs and errors, without any I/O
