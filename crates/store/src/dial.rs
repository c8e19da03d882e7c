//! From an address to a stream of bytes: the socket, its options, and TLS.
//!
//! The socket is ours rather than `redis`': its options are set, and its TLS needs nothing of the process.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::{Endpoint, Tls};
use crate::error::ConnectError;
use crate::tls::Reloading;

/// What a connection is made of. A call through the vtable costs nothing beside the system call behind it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Opens streams to any server of a store, all in the same way.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    tls: Option<Arc<Reloading>>,
}

impl Dialer {
    pub(crate) fn new(tls: Option<&Tls>) -> Self {
        Self { tls: tls.cloned().map(|tls| Arc::new(Reloading::new(tls))) }
    }

    /// Whether streams over a network are encrypted.
    pub(crate) fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Opens a stream. A name is looked up each time: behind it may be another server by now.
    pub(crate) async fn dial(&self, endpoint: &Endpoint) -> Result<Box<dyn Stream>, ConnectError> {
        let unreachable = |source| ConnectError::Unreachable { endpoint: endpoint.clone(), source };
        match endpoint {
            Endpoint::Tcp { host, port } => {
                let stream = TcpStream::connect((&**host, *port)).await.map_err(unreachable)?;
                configure(&stream).map_err(unreachable)?;
                let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
                let name = match tls.server_name() {
                    Some(name) => name.clone(),
                    None => ServerName::try_from(host.clone()).map_err(|_| ConnectError::Invalid {
                        name: "REDIS_HOST",
                        expected: "a DNS name or an address, when TLS is on",
                    })?,
                };
                let connector = TlsConnector::from(Arc::clone(tls).client().await);
                let stream = connector.connect(name, stream).await;
                Ok(Box::new(
                    stream.map_err(|source| ConnectError::Tls { endpoint: endpoint.clone(), source })?,
                ))
            }
            #[cfg(unix)]
            Endpoint::Unix(path) => {
                Ok(Box::new(tokio::net::UnixStream::connect(path).await.map_err(unreachable)?))
            }
            #[cfg(not(unix))]
            Endpoint::Unix(_) => Err(unreachable(io::ErrorKind::Unsupported.into())),
        }
    }
}

/// Nagle's algorithm would hold back small pipelined writes for a round trip. Keepalive notices within 30 seconds that an
/// idle peer is gone, the user timeout that one with unacknowledged data is; without them it takes the kernel 15 minutes.
fn configure(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5));
    #[cfg(not(windows))]
    let keepalive = keepalive.with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(30)))?;
    Ok(())
}
