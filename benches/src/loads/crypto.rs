//! Sealing and opening a value, against bare AES-256-GCM of two libraries.
//!
//! The peers do the least that is still encryption: one cipher for all messages, a random nonce per message from the
//! operating system, no additional data, and one buffer for all messages, encrypted and decrypted in place. Ours
//! derives a key per message, binds the value to its key and namespace, copies into new buffers and wipes them; one more
//! peer shows what new buffers alone cost.

use aes_gcm::aead::{Aead as _, AeadInOut as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, UnboundKey};
use roomkey_crypto::{Context, Keyring, Scope};
use tokio::runtime::Handle;

use super::Setting;
use crate::Result;
use crate::comparison::{Comparison, Contender, Target};
use crate::drive::{Work, on_threads};

/// A physical key of the usual length.
const KEY: &[u8] = b"shop:v1:sessions:{OP}BwcHBwcHBwcHBwcHBwcHBw";

pub(crate) fn comparisons(setting: &Setting) -> Result<Vec<Comparison>> {
    let sizes = [
        (64, "64 B", None),
        (256, "256 B", Some(Target::Time(3.0))),
        (4 * 1024, "4 KiB", None),
        (64 * 1024, "64 KiB", Some(Target::Time(1.1))),
    ];
    let scope = Keyring::generate()?.scope("bench");
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    sizes.into_iter().map(|(size, name, target)| compare(setting, &scope, key, size, name, target)).collect()
}

fn compare(
    setting: &Setting,
    scope: &Scope,
    key: [u8; 32],
    size: usize,
    name: &str,
    target: Option<Target>,
) -> Result<Comparison> {
    let message = vec![0x5a; size];
    let buffer = message.clone();
    let ours = Ours { scope: scope.clone(), message: message.clone() };
    let copying = Copying { cipher: Aes256Gcm::new(&key.into()), message: message.clone() };
    let bare = Bare { cipher: Aes256Gcm::new(&key.into()), message: message.clone(), buffer: buffer.clone() };
    let ring_key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| "ring refused its key")?;
    let ring = Ring { key: LessSafeKey::new(ring_key), message, buffer };
    let runtime = &setting.runtime;
    Ok(Comparison::new(format!("crypto/seal+open {name}"), 1, contender("roomkey", runtime, ours))
        .peer(contender("bare aes-gcm", runtime, bare), target)
        .peer(contender("aes-gcm, new buffers", runtime, copying), None)
        .peer(contender("ring", runtime, ring), None)
        .control(size == 256))
}

/// One thread: sealing never waits.
fn contender(name: &'static str, runtime: &Handle, work: impl Work + Clone) -> Contender {
    let runtime = runtime.clone();
    Contender::new(name, move |time| on_threads(&runtime, time, vec![work.clone()]))
}

#[derive(Clone)]
struct Ours {
    scope: Scope,
    message: Vec<u8>,
}

impl Work for Ours {
    async fn step(&mut self, _: u64) -> Result {
        let context = Context::value(KEY);
        let sealed = self.scope.seal(&context, &self.message)?;
        let opened = self.scope.open(&context, &sealed)?;
        same(&opened, &self.message)
    }
}

#[derive(Clone)]
struct Bare {
    cipher: Aes256Gcm,
    message: Vec<u8>,
    buffer: Vec<u8>,
}

impl Work for Bare {
    async fn step(&mut self, _: u64) -> Result {
        let nonce = Nonce::from(nonce()?);
        self.cipher
            .encrypt_in_place(&nonce, b"", &mut self.buffer)
            .map_err(|_| "aes-gcm refused to encrypt")?;
        self.cipher
            .decrypt_in_place(&nonce, b"", &mut self.buffer)
            .map_err(|_| "aes-gcm refused to decrypt")?;
        same(&self.buffer, &self.message)
    }
}

#[derive(Clone)]
struct Copying {
    cipher: Aes256Gcm,
    message: Vec<u8>,
}

impl Work for Copying {
    async fn step(&mut self, _: u64) -> Result {
        let nonce = Nonce::from(nonce()?);
        let sealed = self.cipher.encrypt(&nonce, &*self.message).map_err(|_| "aes-gcm refused to encrypt")?;
        let opened = self.cipher.decrypt(&nonce, &*sealed).map_err(|_| "aes-gcm refused to decrypt")?;
        same(&opened, &self.message)
    }
}

#[derive(Clone)]
struct Ring {
    key: LessSafeKey,
    message: Vec<u8>,
    buffer: Vec<u8>,
}

impl Work for Ring {
    async fn step(&mut self, _: u64) -> Result {
        let nonce = nonce()?;
        let nonce = || ring::aead::Nonce::assume_unique_for_key(nonce);
        let sealed = self.key.seal_in_place_append_tag(nonce(), Aad::empty(), &mut self.buffer);
        sealed.map_err(|_| "ring refused to encrypt")?;
        let opened = self.key.open_in_place(nonce(), Aad::empty(), &mut self.buffer);
        let len = opened.map_err(|_| "ring refused to decrypt")?.len();
        self.buffer.truncate(len);
        same(&self.buffer, &self.message)
    }
}

fn nonce() -> Result<[u8; NONCE_LEN]> {
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce)?;
    Ok(nonce)
}

fn same(opened: &[u8], message: &[u8]) -> Result {
    if opened == message { Ok(()) } else { Err("what was opened is not what was sealed".into()) }
}
