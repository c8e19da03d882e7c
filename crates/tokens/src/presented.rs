//! What the text of a token says, once it has proved to be issued here.

use bytes::Bytes;
use roomkey_crypto::Tag;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::Result;
use crate::handle::{Handle, SubjectTag, TypeTag};
use crate::keys::{Keys, xor};
use crate::text::{self, MAC_LEN, Masked, Parts, SECRET_LEN, TokenText};

/// A token that proved to be issued here, for one type: what its text says. Of its secret it keeps hashes, and where
/// a successor needs it, the secret itself.
#[derive(Clone)]
pub(crate) struct Presented {
    pub(crate) subject: SubjectTag,
    pub(crate) token_type: TypeTag,
    pub(crate) role: Role,
    /// What stands for this very token.
    pub(crate) id: Tag,
    pub(crate) secret: Zeroizing<[u8; SECRET_LEN]>,
}

/// What a token is to its session. Its text says so: policies may have changed since it was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is the session.
    Alone,
    /// It comes with the refresh tokens of a family.
    Access(Handle),
    /// It is exchanged for the next of its family.
    Refresh(Handle),
}

impl Presented {
    /// The session that it belongs to.
    pub(crate) fn handle(&self) -> Handle {
        match self.role {
            Role::Alone => self.own_handle(),
            Role::Access(family) | Role::Refresh(family) => family,
        }
    }

    pub(crate) const fn is_refresh(&self) -> bool {
        matches!(self.role, Role::Refresh(_))
    }

    pub(crate) fn id_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.id.as_bytes())
    }

    /// What stands for this very token in the name of its record.
    pub(crate) fn own_handle(&self) -> Handle {
        let id: &[u8; 9] = self.id.as_bytes().first_chunk().expect("a tag has 16 bytes");
        Handle::new(self.token_type, *id)
    }
}

impl Keys {
    /// Makes a token: its text, and what the text says.
    pub(crate) fn write(
        &self,
        token_type: &str,
        prefix: &str,
        subject: SubjectTag,
        role: Role,
        secret: Zeroizing<[u8; SECRET_LEN]>,
    ) -> Result<(TokenText, Presented)> {
        let masked = self.mask(&secret, subject, role);
        let (id, mac) = self.prove(token_type, prefix, &masked, &secret);
        let parts = Parts { masked, secret, mac };
        let text = TokenText::new(text::write(prefix, &parts));
        let token_type = self.type_tag(token_type)?;
        Ok((text, Presented { subject, token_type, role, id, secret: parts.secret }))
    }

    /// What a text says, if it is that of a token of this type that was issued here. No store is asked.
    pub(crate) fn read(&self, token_type: &str, text: &str) -> Result<Option<Presented>> {
        let tag = self.type_tag(token_type)?;
        let Some((prefix, Parts { masked, secret, mac })) = text::read(text) else { return Ok(None) };
        let (id, expected) = self.prove(token_type, prefix, &masked, &secret);
        if !bool::from(expected.ct_eq(&mac)) {
            return Ok(None);
        }
        let (subject, role) = self.unmask(&secret, &masked);
        Ok(Some(Presented { subject, token_type: tag, role, id, secret }))
    }

    /// Two tokens of one subject have nothing in common for those who see them.
    fn mask(&self, secret: &[u8; SECRET_LEN], subject: SubjectTag, role: Role) -> Masked {
        let subject = self.masked_subject(secret, *subject.as_bytes());
        let both = |family: Handle| {
            let mut both = [0; 27];
            both[..16].copy_from_slice(&subject);
            both[16..].copy_from_slice(&self.masked_family(secret, *family.as_bytes()));
            both
        };
        match role {
            Role::Alone => Masked::Alone(subject),
            Role::Access(family) => Masked::Access(both(family)),
            Role::Refresh(family) => Masked::Refresh(both(family)),
        }
    }

    fn unmask(&self, secret: &[u8; SECRET_LEN], masked: &Masked) -> (SubjectTag, Role) {
        let both = |masked: &[u8; 27], role: fn(Handle) -> Role| {
            let (subject, family) = masked.split_first_chunk().expect("27 bytes begin with 16");
            let family = family.first_chunk().expect("11 of 27 bytes remain");
            (*subject, role(self.masked_family(secret, *family).into()))
        };
        let (subject, role) = match masked {
            Masked::Alone(subject) => (*subject, Role::Alone),
            Masked::Access(masked) => both(masked, Role::Access),
            Masked::Refresh(masked) => both(masked, Role::Refresh),
        };
        (SubjectTag(self.masked_subject(secret, subject).into()), role)
    }

    /// Masks a subject, or takes the mask off.
    fn masked_subject(&self, secret: &[u8; SECRET_LEN], subject: [u8; 16]) -> [u8; 16] {
        xor(subject, self.hide("token mask", &[secret]).as_bytes())
    }

    /// Masks a family, or takes the mask off.
    fn masked_family(&self, secret: &[u8; SECRET_LEN], family: [u8; Handle::LEN]) -> [u8; Handle::LEN] {
        xor(family, self.hide("family mask", &[secret]).as_bytes())
    }

    /// What stands for a token in the store, and its first bytes, which the text carries as a proof. Who copies the
    /// store learns a proof without the secret that it is for, which is of no use to them.
    fn prove(
        &self,
        token_type: &str,
        prefix: &str,
        masked: &Masked,
        secret: &[u8; SECRET_LEN],
    ) -> (Tag, [u8; MAC_LEN]) {
        let proven = text::proven(masked, secret);
        let id = self.hide("issued token", &[token_type.as_bytes(), prefix.as_bytes(), &proven]);
        (id, *id.as_bytes().first_chunk().expect("a tag has 16 bytes"))
    }
}
