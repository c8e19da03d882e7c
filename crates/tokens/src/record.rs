//! What is sealed for a token: everything that a verification gives back.

use std::time::{Duration, SystemTime};

use roomkey_core::StoreTime;
use roomkey_crypto::Opened;
use roomkey_vault::{Decode, Payload, Vault};
use zeroize::Zeroizing;

use crate::generations::Print;
use crate::{Error, Handle, Issue, Result, Session};

/// Times are counted from 2020-01-01, which keeps them short.
const EPOCH_MS: u64 = 1_577_836_800_000;

/// The most bytes of a subject's name or a device.
pub const MAX_SUBJECT_BYTES: usize = 1_024;

/// The most bytes of all scopes.
const MAX_SCOPE_BYTES: usize = 4_096;

const HAS_DEVICE: u8 = 1;
const HAS_SCOPES: u8 = 2;

/// The sealed part of a token, a family or a code, opened.
#[derive(Clone)]
pub(crate) struct Record {
    opened: Opened,
    pub(crate) print: Print,
    /// When it was issued, cut to whole seconds.
    pub(crate) issued: StoreTime,
    /// When it ends at the latest.
    pub(crate) ends: StoreTime,
    subject: Span,
    device: Option<Span>,
    scopes: Option<Span>,
    claims: Span,
}

type Span = std::ops::Range<usize>;

/// What does not change when a session goes on: the record without its print.
pub(crate) struct Draft<'a> {
    pub(crate) issued: StoreTime,
    pub(crate) ends: StoreTime,
    pub(crate) subject: &'a str,
    pub(crate) device: Option<&'a str>,
    /// As one text with spaces between; empty for none.
    pub(crate) scopes: &'a str,
    /// An encoded value of the vault.
    pub(crate) claims: &'a [u8],
}

// record = flags u8 | print 8 | issued | life | subject | [device] | [scopes] | claims
//
// flags    1 = there is a device, 2 = there are scopes; the others are 0
// issued   varint, whole seconds since 2020
// life     varint, milliseconds from then to the end
// subject, device, scopes   length varint, then UTF-8; scopes with one space between
// claims   the rest: an encoded value of the vault
//
// varint   7 bits a byte, lowest first, the highest bit set in all but the last; written one way only
impl Draft<'_> {
    /// The parts to seal: what comes before the claims, and the claims.
    pub(crate) fn head(&self, print: Print) -> Zeroizing<Vec<u8>> {
        let issued = self.issued.as_millis().saturating_sub(EPOCH_MS) / 1_000;
        let life = self.ends.as_millis().saturating_sub(EPOCH_MS + issued * 1_000);
        let room = 40 + self.subject.len() + self.device.map_or(0, str::len) + self.scopes.len();
        let mut head = Zeroizing::new(Vec::with_capacity(room));
        let device = if self.device.is_some() { HAS_DEVICE } else { 0 };
        let scopes = if self.scopes.is_empty() { 0 } else { HAS_SCOPES };
        head.push(device | scopes);
        head.extend_from_slice(print.as_bytes());
        put_varint(&mut head, issued);
        put_varint(&mut head, life);
        put_text(&mut head, self.subject);
        if let Some(device) = self.device {
            put_text(&mut head, device);
        }
        if !self.scopes.is_empty() {
            put_text(&mut head, self.scopes);
        }
        head
    }
}

impl Record {
    /// Reads what was sealed.
    pub(crate) fn read(opened: Opened) -> Result<Self> {
        let unknown = || Error::Record(roomkey_vault::Error::UnknownFormat);
        let mut rest = Reader { bytes: &opened, at: 0 };
        let flags =
            rest.byte().filter(|flags| flags & !(HAS_DEVICE | HAS_SCOPES) == 0).ok_or_else(unknown)?;
        let print = rest.array().map(Print::from).ok_or_else(unknown)?;
        let issued = rest.varint().ok_or_else(unknown)?;
        let life = rest.varint().ok_or_else(unknown)?;
        let issued = issued.checked_mul(1_000).and_then(|ms| ms.checked_add(EPOCH_MS)).ok_or_else(unknown)?;
        let ends = issued.checked_add(life).filter(|&ends| ends <= StoreTime::MAX.as_millis());
        let ends = ends.ok_or_else(unknown)?;
        let subject = rest.text().ok_or_else(unknown)?;
        let device = if flags & HAS_DEVICE == 0 { None } else { Some(rest.text().ok_or_else(unknown)?) };
        // No scopes are written without the flag, and so read.
        let mut scopes = || rest.text().filter(|scopes| !scopes.is_empty()).ok_or_else(unknown);
        let scopes = if flags & HAS_SCOPES == 0 { None } else { Some(scopes()?) };
        let claims = rest.at..opened.len();
        let (issued, ends) = (StoreTime::from_millis(issued), StoreTime::from_millis(ends));
        Ok(Self { print, issued, ends, subject, device, scopes, claims, opened })
    }

    /// The record as it may be sealed again, under another print or with other claims.
    pub(crate) fn draft(&self) -> Draft<'_> {
        Draft {
            issued: self.issued,
            ends: self.ends,
            subject: self.text(&self.subject),
            device: self.device.as_ref().map(|device| self.text(device)),
            scopes: self.scopes.as_ref().map_or("", |scopes| self.text(scopes)),
            claims: &self.opened[self.claims.clone()],
        }
    }

    /// What a verification gives back.
    pub(crate) fn session<C: Decode>(&self, handle: Handle) -> Result<Session<C>> {
        let Draft { issued, ends, subject, device, scopes, claims } = self.draft();
        Ok(Session {
            subject: subject.to_owned(),
            claims: roomkey_vault::decode(claims).map_err(Error::Record)?,
            device: device.map(str::to_owned),
            scopes: scopes.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
            issued_at: system_time(issued),
            ends_at: system_time(ends),
            handle,
        })
    }

    /// A span is only ever one that `Reader::text` found to be UTF-8.
    fn text(&self, span: &Span) -> &str {
        std::str::from_utf8(&self.opened[span.clone()]).unwrap_or_default()
    }
}

/// What an [`Issue`] says, checked and encoded, before its times are known.
pub(crate) struct Claims {
    pub(crate) subject: String,
    device: Option<String>,
    scopes: String,
    claims: Payload,
}

impl Claims {
    pub(crate) fn new<C: roomkey_vault::Encode, S: roomkey_core::Store>(
        vault: &Vault<S>,
        issue: Issue<C>,
    ) -> Result<Self> {
        let Issue { subject, claims, device, scopes, lifetime: _ } = issue;
        check_subject(&subject)?;
        let too_long = |bytes| Err(Error::TooLong { bytes });
        match device.as_ref().map_or(0, String::len) {
            bytes if bytes > MAX_SUBJECT_BYTES => return too_long(bytes),
            _ => {}
        }
        // RFC 6749, section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
        let fits = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if scopes.iter().any(|scope| scope.is_empty() || !scope.bytes().all(fits)) {
            return Err(Error::BadScope);
        }
        let scopes = scopes.join(" ");
        if scopes.len() > MAX_SCOPE_BYTES {
            return too_long(scopes.len());
        }
        let claims = vault.encode(&claims).map_err(Error::Claims)?;
        Ok(Self { subject, device, scopes, claims })
    }

    /// A record that begins at a time.
    pub(crate) fn draft(&self, issued: StoreTime, lifetime: Duration) -> Draft<'_> {
        Draft {
            issued,
            ends: issued.after(lifetime),
            subject: &self.subject,
            device: self.device.as_deref(),
            scopes: &self.scopes,
            claims: &self.claims,
        }
    }
}

pub(crate) fn check_subject(subject: &str) -> Result<()> {
    match subject.len() {
        0 => Err(Error::Empty),
        bytes if bytes > MAX_SUBJECT_BYTES => Err(Error::TooLong { bytes }),
        _ => Ok(()),
    }
}

fn system_time(time: StoreTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(time.as_millis())
}

pub(crate) fn put_varint(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

pub(crate) fn put_text(into: &mut Vec<u8>, text: &str) {
    put_varint(into, text.len() as u64);
    into.extend_from_slice(text.as_bytes());
}

/// Reads what the functions above wrote; nothing that it is told makes it allocate.
pub(crate) struct Reader<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

impl Reader<'_> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.bytes.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(array)
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // Neither a bit that does not fit, nor a last byte that says nothing: each number is written one way.
            if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// A text with its length before it: where it stands.
    pub(crate) fn text(&mut self) -> Option<Span> {
        let len = usize::try_from(self.varint()?).ok()?;
        let span = self.at..self.at.checked_add(len)?;
        std::str::from_utf8(self.bytes.get(span.clone())?).ok()?;
        self.at = span.end;
        Some(span)
    }
}

#[cfg(test)]
mod tests;
