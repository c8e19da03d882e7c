//! Why there is a commitment: one ciphertext that AES-GCM opens under two keys, and the envelope does not.
//!
//! The tag of AES-GCM is `S = GHASH_H(aad, ciphertext) + E_K(nonce || 1)`, and GHASH is a polynomial in `H`
//! over GF(2^128) whose coefficients are the blocks (NIST SP 800-38D, section 6.4). Two keys give two
//! equations for one tag, and a ciphertext of two blocks has one block more than is needed to solve them.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};

use super::*;
use crate::primitives::decrypt_in_place;

/// A ciphertext and a tag that decrypt under the keys of both messages, to unrelated plaintexts.
fn collide(one: &Message, other: &Message) -> (Vec<u8>, [u8; TAG_LEN]) {
    assert_eq!(one.aad, other.aad, "the envelope shows the same header and context to both keys");
    let lengths = ((one.aad.len() as u128 * 8) << 64) | (2 * BLOCK as u128 * 8);
    let first = u128::from_be_bytes(*b"any block will d");

    // With `first` chosen and the other block still 0, the tags under the two keys differ by `difference`.
    // The other block enters each tag as a multiple of H^2, so it makes up for that if it is difference /
    // (H1^2 + H2^2).
    let tag = |message: &Message, second: u128| {
        let h = hash_key(message);
        let mut blocks: Vec<u128> = message.aad.chunks(BLOCK).map(padded).collect();
        blocks.extend([first, second, lengths]);
        blocks.into_iter().fold(0, |sum, block| multiply(sum ^ block, h)) ^ mask(message)
    };
    let difference = tag(one, 0) ^ tag(other, 0);
    let square = |message| multiply(hash_key(message), hash_key(message));
    let second = multiply(difference, invert(square(one) ^ square(other)));

    assert_eq!(tag(one, second), tag(other, second));
    let ciphertext = [first.to_be_bytes(), second.to_be_bytes()].concat();
    (ciphertext, tag(one, second).to_be_bytes())
}

const BLOCK: usize = 16;

fn padded(bytes: &[u8]) -> u128 {
    let mut block = [0; BLOCK];
    block[..bytes.len()].copy_from_slice(bytes);
    u128::from_be_bytes(block)
}

/// `H`, the block cipher of the zero block.
fn hash_key(message: &Message) -> u128 {
    encrypt_block(message, [0; BLOCK])
}

/// What is added to the hash: the block cipher of the first counter block.
fn mask(message: &Message) -> u128 {
    let mut counter = [0; BLOCK];
    counter[..NONCE_LEN].copy_from_slice(message.nonce());
    counter[BLOCK - 1] = 1;
    encrypt_block(message, counter)
}

fn encrypt_block(message: &Message, block: [u8; BLOCK]) -> u128 {
    use aes::cipher::BlockCipherEncrypt;
    let mut block = block.into();
    aes::Aes256::new(message.key().into()).encrypt_block(&mut block);
    u128::from_be_bytes(block.into())
}

/// The product in GF(2^128) as GCM writes it: the first bit is the constant term (SP 800-38D, section 6.3).
fn multiply(x: u128, y: u128) -> u128 {
    const REDUCTION: u128 = 0xe1 << 120;
    let (mut product, mut shifted) = (0, y);
    for bit in (0..u128::BITS).rev() {
        if x >> bit & 1 == 1 {
            product ^= shifted;
        }
        shifted = shifted >> 1 ^ if shifted & 1 == 1 { REDUCTION } else { 0 };
    }
    product
}

/// The inverse, x^(2^128 - 2): the product of all x^(2^i) but the first.
fn invert(x: u128) -> u128 {
    const ONE: u128 = 1 << 127;
    let (mut power, mut inverse) = (x, ONE);
    for _ in 1..u128::BITS {
        power = multiply(power, power);
        inverse = multiply(inverse, power);
    }
    assert_eq!(multiply(x, inverse), ONE);
    inverse
}

#[test]
fn what_aes_gcm_opens_under_two_keys_the_envelope_opens_under_neither_but_one() {
    // Two rings whose keys have the same id, as an attacker who chooses keys can arrange in 2^16 tries.
    let rings = [1, 2].map(|byte| RootKey::new(&SecretKey::from_bytes([byte; 32])).with_id(7));
    let (salt, ctx) = ([5; SALT_LEN], CONTEXT.digest(b"n"));
    let [one, other] = rings
        .clone()
        .map(|root| Message::derive(&MessageKey::new(root.id(), root.values_of(b"n")), &ctx, &salt));
    let (ciphertext, tag) = collide(&one, &other);

    // Bare AES-GCM opens it under both, once through its own crate and once through our wrapper.
    let mut plaintexts = [&one, &other].map(|message| {
        let mut buffer = ciphertext.clone();
        Aes256Gcm::new(message.key().into())
            .decrypt_inout_detached(
                message.nonce().into(),
                &message.aad,
                buffer.as_mut_slice().into(),
                &tag.into(),
            )
            .unwrap();
        let mut again = ciphertext.clone();
        assert!(decrypt_in_place(message.key(), message.nonce(), &message.aad, &mut again, &tag));
        assert_eq!(buffer, again);
        buffer
    });
    assert_ne!(plaintexts[0], plaintexts[1]);

    // The envelope has room for one commitment: the ring that it is of opens, the other refuses.
    for (at, message) in [&one, &other].into_iter().enumerate() {
        let sealed = [message.header(), &salt, message.commitment(), &ciphertext, &tag].concat();
        let opened = rings.clone().map(|root| Keyring::from(root).scope("n").open(&CONTEXT, &sealed));
        let [own, foreign] = if at == 0 {
            opened
        } else {
            let [a, b] = opened;
            [b, a]
        };
        assert_eq!(*own.unwrap(), std::mem::take(&mut plaintexts[at])[..]);
        assert!(matches!(foreign, Err(Error::Rejected)), "{foreign:?}");
    }
}
