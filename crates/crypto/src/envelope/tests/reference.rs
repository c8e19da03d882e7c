//! The envelope and the key tree once more, written from their description alone and with `ring` for all
//! cryptography.

use ring::{aead, digest, hkdf, hmac};

/// All that one message is sealed with, but for its salt and text.
pub(super) struct Message<'a> {
    pub(super) root: [u8; 32],
    pub(super) key_id: u32,
    pub(super) namespace: &'a [u8],
    pub(super) kind: u8,
    pub(super) key: &'a [u8],
    pub(super) field: &'a [u8],
}

impl Message<'_> {
    pub(super) fn context(&self) -> Vec<u8> {
        let text = [&[self.kind][..], &lp(self.namespace), &lp(self.key), &lp(self.field)].concat();
        digest::digest(&digest::SHA256, &text).as_ref().to_vec()
    }

    pub(super) fn seal(&self, salt: &[u8; 24], plaintext: &[u8]) -> Vec<u8> {
        let header = [&[0xff, 0x01, 0x01, 0x00][..], &self.key_id.to_be_bytes()].concat();
        let context = self.context();

        let namespace_key = expand(&root(&self.root), &[b"value", &lp(self.namespace)], 32);
        let namespace_key = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &namespace_key);
        let okm = expand(&namespace_key, &[b"msg", &header, salt, &context], 60);
        let (key, nonce, commitment) = (&okm[..32], &okm[32..44], &okm[44..]);

        let cipher = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_256_GCM, key).unwrap());
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).unwrap();
        let mut ciphertext = plaintext.to_vec();
        let aad = aead::Aad::from([&header[..], &context].concat());
        cipher.seal_in_place_append_tag(nonce, aad, &mut ciphertext).unwrap();
        [&header[..], salt, commitment, &ciphertext].concat()
    }
}

pub(super) fn key_id(secret: &[u8; 32]) -> u32 {
    let id = expand(&root(secret), &[b"key id"], 4);
    u32::from_be_bytes(id.try_into().unwrap()).max(1)
}

pub(super) fn name_key(secret: &[u8; 32]) -> Vec<u8> {
    expand(&root(secret), &[b"name key"], 32)
}

pub(super) fn fingerprint(name_key: &[u8], namespace: &[u8]) -> Vec<u8> {
    expand(&names(name_key), &[b"fingerprint", &lp(namespace)], 32)[..16].to_vec()
}

pub(super) fn blind(name_key: &[u8], namespace: &[u8], domain: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &expand(&names(name_key), &[b"name", &lp(namespace)], 32));
    let mut text = lp(domain);
    for part in parts {
        text.extend(lp(part));
    }
    hmac::sign(&key, &text).as_ref()[..16].to_vec()
}

fn root(secret: &[u8]) -> hkdf::Prk {
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"erk/v1/root").extract(secret)
}

fn names(secret: &[u8]) -> hkdf::Prk {
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"erk/v1/names").extract(secret)
}

fn expand(prk: &hkdf::Prk, info: &[&[u8]], len: usize) -> Vec<u8> {
    struct Len(usize);
    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut okm = vec![0; len];
    prk.expand(info, Len(len)).unwrap().fill(&mut okm).unwrap();
    okm
}

fn lp(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}
