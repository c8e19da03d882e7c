//! Who we are at the server, asked anew for every connection.

use std::error::Error as StdError;
use std::fmt;
use std::future::{self, Future};
use std::path::PathBuf;
use std::pin::Pin;

use crate::secret::{self, Secret};

/// A login at a Redis server. The password is wiped from memory when the value is dropped, and shown by nothing.
///
/// ```
/// use roomkey_store::Credentials;
///
/// let credentials = Credentials::new("from a vault").with_username("app");
/// assert!(!format!("{credentials:?}").contains("vault"));
/// ```
#[derive(Clone, Debug)]
pub struct Credentials {
    username: Option<String>,
    password: Secret,
}

impl Credentials {
    /// The login of the server's `default` user.
    pub fn new(password: impl Into<String>) -> Self {
        Self { username: None, password: Secret::new(password.into()) }
    }

    /// The login of an ACL user.
    #[must_use]
    pub fn with_username(self, username: impl Into<String>) -> Self {
        Self { username: Some(username.into()), ..self }
    }

    pub(crate) fn from_parts(username: Option<String>, password: Secret) -> Self {
        Self { username, password }
    }

    pub(crate) fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    pub(crate) fn password(&self) -> &str {
        self.password.expose()
    }
}

/// What [`CredentialsProvider::credentials`] returns.
pub type CredentialsFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Credentials, Box<dyn StdError + Send + Sync>>> + Send + 'a>>;

/// Gives the login for every connection that is opened: from a vault, a cloud's token service, a file that rotates.
///
/// It is asked each time and inside the time to connect, so an implementation keeps what it has until that expires, and
/// fetches the next one ahead of time. A failure is a failure to connect, which the store repeats with growing pauses.
///
/// A server does not end connections that were opened with a login it no longer accepts; the store therefore replaces each
/// of them in time, see [`max_connection_age`](crate::RedisConfigBuilder::max_connection_age).
///
/// ```
/// use roomkey_store::{Credentials, CredentialsFuture, CredentialsProvider};
///
/// /// Takes the password from a variable that something else keeps up to date.
/// #[derive(Debug)]
/// struct Current;
///
/// impl CredentialsProvider for Current {
///     fn credentials(&self) -> CredentialsFuture<'_> {
///         Box::pin(async { Ok(Credentials::new(std::env::var("CURRENT_TOKEN")?).with_username("app")) })
///     }
/// }
///
/// # fn main() -> Result<(), roomkey_store::ConnectError> {
/// let config = roomkey_store::RedisConfig::builder().credentials(Current).build()?;
/// # Ok(())
/// # }
/// ```
pub trait CredentialsProvider: fmt::Debug + Send + Sync {
    /// The login for one connection.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being known. The error ends up as the source of
    /// [`ConnectError::Credentials`](crate::ConnectError::Credentials), so it must not hold the secret.
    fn credentials(&self) -> CredentialsFuture<'_>;
}

/// A login that never changes.
impl CredentialsProvider for Credentials {
    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(future::ready(Ok(self.clone())))
    }
}

/// A login whose password stands in a file, as Kubernetes and others mount and replace it.
#[derive(Clone, Debug)]
pub(crate) struct PasswordFile {
    pub(crate) username: Option<String>,
    pub(crate) path: PathBuf,
}

impl CredentialsProvider for PasswordFile {
    fn credentials(&self) -> CredentialsFuture<'_> {
        let path = self.path.clone();
        Box::pin(async move {
            // A mounted file may lie on a network, and no other task is to wait for that.
            let password = tokio::task::spawn_blocking(move || secret::from_file(&path)).await??;
            Ok(Credentials::from_parts(self.username.clone(), password))
        })
    }
}
