//! The loads, family by family.

mod batch;
pub(crate) mod clients;
mod cluster;
mod crypto;
mod effect;
mod memory;
pub(crate) mod peers;
mod programs;
pub(crate) mod rooms;
pub(crate) mod tokens;
pub(crate) mod vault;

use std::net::SocketAddr;

use roomkey_vault::Keyring;
use tokio::runtime::Handle;

use crate::Result;
use crate::comparison::Comparison;
use crate::meter::Meter;
use crate::server::{Keeper, Server};

/// What loads run on.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) runtime: Handle,
    pub(crate) redis: SocketAddr,
    /// Of everybody who seals: a vault refuses values under another one.
    pub(crate) keyring: Keyring,
    /// Reads the CPU times of the servers that a load talks to.
    pub(crate) meter: Meter,
    pub(crate) keeper: Keeper,
    pub(crate) grid: Grid,
}

impl Setting {
    pub(crate) fn new(runtime: Handle, keeper: Keeper, server: &Server, grid: Grid) -> Result<Self> {
        let redis = server.address();
        Ok(Self { runtime, redis, keyring: Keyring::generate()?, meter: Meter::new([redis])?, keeper, grid })
    }
}

/// How much of what could be combined is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grid {
    /// What answers the questions in about ten minutes.
    Usual,
    /// Every load at every size and every concurrency, against everybody.
    Full,
}

/// The comparisons of a family; called right before they are measured.
type Family = fn(&Setting) -> Result<Vec<Comparison>>;

/// All families; the names of their comparisons begin with the family's.
pub(crate) const FAMILIES: &[(&str, Family)] = &[
    ("vault", vault::comparisons),
    ("batch", batch::comparisons),
    ("cluster", cluster::comparisons),
    ("crypto", crypto::comparisons),
    ("memory", memory::comparisons),
    ("programs", programs::comparisons),
    ("tokens", tokens::comparisons),
    ("rooms", rooms::comparisons),
];

/// A number as 16 bytes that look like a keyed hash. Splitmix64 twice: numbers spread over the partitions as a keyed hash spreads names.
pub(crate) fn tag(number: u64) -> [u8; 16] {
    let mix = |seed: u64| {
        let z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let (high, low) =
        (mix(number.wrapping_mul(2).wrapping_add(1)), mix(number.wrapping_mul(2).wrapping_add(2)));
    (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
}
