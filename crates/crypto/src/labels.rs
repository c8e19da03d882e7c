//! Every label that separates one derived key from another, in one place.
//!
//! A label never changes its meaning and is never used twice: values sealed under it are in stores. The tree
//! is
//!
//! ```text
//! secret key --Extract(ROOT_SALT)--> root
//!     root  --Expand(KEY_ID)-----------------------------------> key id
//!     root  --Expand(NAME_KEY)---------------------------------> name key, unless one was given
//!     root  --Expand(VALUES || lp(ns))-------------------------> PRK of the values of one namespace
//!     PRK   --Expand(MESSAGE || header || salt || ctx)---------> key, nonce and commitment of one message
//!     PRK   --Expand(BOUND || secret)--------------------------> PRK of values that need a secret besides the key
//! name key --Extract(NAMES_SALT)--> names
//!     names --Expand(NAMES || lp(ns))--------------------------> HMAC key of one namespace
//!     names --Expand(FINGERPRINT || lp(ns))--------------------> fingerprint
//!
//! lp(x) = length of x as a big-endian u32, then x
//! ```
//!
//! The labels under one parent differ in their first byte, so no info string of one can be that of another.

/// The extraction salt of a secret key. Constant: the secret is uniform already, and the salt only says whose
/// it is.
pub(crate) const ROOT_SALT: &[u8] = b"erk/v1/root";

/// Gives the key id, which stands in the clear in every envelope.
pub(crate) const KEY_ID: &[u8] = b"key id";

/// Gives the name key that a ring uses when none was given to it.
pub(crate) const NAME_KEY: &[u8] = b"name key";

/// Gives, with the namespace, the pseudorandom key from which the keys of single messages are expanded.
pub(crate) const VALUES: &[u8] = b"value";

/// Gives, with header, salt and context, the key, nonce and commitment of one message.
pub(crate) const MESSAGE: &[u8; 3] = b"msg";

/// Gives, with a secret of the caller's, the pseudorandom key of values that open with that secret only.
pub(crate) const BOUND: &[u8] = b"bound";

/// The extraction salt of a name key. It differs from [`ROOT_SALT`], so that an operator who gives the same
/// 32 bytes as a secret key and as the name key still gets unrelated keys.
pub(crate) const NAMES_SALT: &[u8] = b"erk/v1/names";

/// Gives, with the namespace, the HMAC key that hides names.
pub(crate) const NAMES: &[u8] = b"name";

/// Gives, with the namespace, a value that tells name keys apart without telling anything about them.
pub(crate) const FINGERPRINT: &[u8] = b"fingerprint";
