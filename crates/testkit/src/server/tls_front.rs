//! TLS in front of a server that was built without it.
//!
//! Not every `redis-server` has TLS: those in Python wheels, which are all that some machines can get, do not. Then the
//! server listens on its socket only, and a thread of ours ends TLS on the port and passes the bytes on. To a client it
//! is the same server, with two differences: a paused server's handshakes still succeed, and `CLIENT LIST` shows
//! a socket. Among themselves such servers talk in plain text, see [`PEER`].

use std::io;
use std::net::{IpAddr, Shutdown, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use socket2::SockRef;
use tokio::io::{AsyncWriteExt as _, copy, copy_bidirectional, sink};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::configuration::PEER;
use super::{ServerOptions, TlsFiles};

/// A running front. Dropping it closes its port and breaks its connections before it returns.
#[derive(Debug)]
pub(super) struct TlsFront {
    /// Dropped to stop the thread. Both are `None` only while the front is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    listeners: Vec<TcpListener>,
}

impl TlsFront {
    /// Listens where the server itself would.
    ///
    /// # Errors
    /// When the port is taken, or cannot be had for another reason.
    pub(super) fn start(
        options: &ServerOptions,
        files: &TlsFiles,
        port: u16,
        server: PathBuf,
    ) -> io::Result<Self> {
        let config = server_config(options, files).unwrap_or_else(|e| panic!("TLS cannot be set up: {e}"));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listeners =
            addresses(options).map(|ip| listen(ip, port)).collect::<io::Result<Vec<TcpListener>>>()?;
        let accepting =
            listeners.iter().map(TcpListener::try_clone).collect::<io::Result<Vec<TcpListener>>>()?;

        // A thread and a runtime of its own: a test may have none, block its own, or pause its clock.
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                for listener in accepting {
                    tokio::spawn(accept(listener, acceptor.clone(), server.clone()));
                }
                // Nothing is ever sent; the sender is dropped.
                let _ = stopped.await;
            });
            // The runtime ends here, and with it every connection.
        };
        let thread = thread::Builder::new().name("tls-front".to_owned()).spawn(serve)?;
        Ok(Self { stop: Some(stop), thread: Some(thread), listeners })
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed, and has broken the test's connections.
            let _ = thread.join();
        }
        for listener in &self.listeners {
            // Closing is not enough: a process that another test is starting right now holds a copy until its `exec`.
            let _ = SockRef::from(listener).shutdown(Shutdown::Both);
        }
    }
}

/// As the server's own options say: it would offer both versions, and check the certificate of whoever shows one.
fn server_config(
    options: &ServerOptions,
    files: &TlsFiles,
) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    // Named, because what the process has installed as its default belongs to the code under test.
    let provider = Arc::new(ring::default_provider());
    let mut authorities = RootCertStore::empty();
    authorities.add(CertificateDer::from_pem_file(&files.ca)?)?;
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(&provider));
    let clients = if options.client_certificates { clients } else { clients.allow_unauthenticated() };
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(options))?
        .with_client_cert_verifier(clients.build()?)
        .with_single_cert(
            vec![CertificateDer::from_pem_file(&files.server_certificate)?],
            PrivateKeyDer::from_pem_file(&files.server_key)?,
        )?;
    Ok(config)
}

fn versions(options: &ServerOptions) -> Vec<&'static SupportedProtocolVersion> {
    let version = |word: &str| match word {
        "TLSv1.2" => &TLS12,
        "TLSv1.3" => &TLS13,
        other => panic!("tls-protocols {other}: the front speaks TLSv1.2 and TLSv1.3"),
    };
    let words = options.directive("tls-protocols").unwrap_or("TLSv1.2 TLSv1.3");
    words.trim_matches('"').split_whitespace().map(version).collect()
}

fn addresses(options: &ServerOptions) -> impl Iterator<Item = IpAddr> {
    let words = options.directive("bind").unwrap_or("127.0.0.1").split_whitespace();
    words.map(|word| word.parse().unwrap_or_else(|e| panic!("bind {word}: {e}")))
}

fn listen(ip: IpAddr, port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((ip, port))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, server: PathBuf) {
    let listener = tokio::net::TcpListener::from_std(listener)
        .unwrap_or_else(|e| panic!("the TLS front cannot listen: {e}"));
    loop {
        // An error is that of a client which has already gone.
        if let Ok((client, address)) = listener.accept().await {
            let (acceptor, server) = (acceptor.clone(), server.clone());
            let peer = address.ip().to_string() == PEER;
            tokio::spawn(async move {
                // However a connection ends, its client sees it.
                let _ = match peer {
                    true => pass_plain(client, &server).await,
                    false => pass(client, &acceptor, &server).await,
                };
            });
        }
    }
}

/// Another server calls: a replica its master, a sentinel whom it watches.
async fn pass_plain(mut peer: TcpStream, server: &Path) -> io::Result<()> {
    let mut server = UnixStream::connect(server).await?;
    peer.set_nodelay(true)?;
    copy_bidirectional(&mut peer, &mut server).await.map(drop)
}

async fn pass(client: TcpStream, acceptor: &TlsAcceptor, server: &Path) -> io::Result<()> {
    // First of all: where no server answers, no client should get so far as a handshake.
    let mut server = UnixStream::connect(server).await?;
    client.set_nodelay(true)?;
    match acceptor.accept(client).into_fallible().await {
        Ok(mut client) => copy_bidirectional(&mut client, &mut server).await.map(drop),
        Err((_, mut client)) => {
            // The client has been told why. Closing with something of its own unread would take that back (RST).
            client.shutdown().await?;
            copy(&mut client, &mut sink()).await.map(drop)
        }
    }
}
