//! Random bytes of the operating system, for secrets and generations.

use zeroize::Zeroizing;

use crate::{Error, Result};

/// A secret. It comes from the operating system directly and is copied nowhere.
pub(crate) fn secret<const N: usize>() -> Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    fill(bytes.as_mut_slice())?;
    Ok(bytes)
}

/// Random bytes that are no secret.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| Error::Seal(roomkey_vault::Error::Seal(error.into())))
}
