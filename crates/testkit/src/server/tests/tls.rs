//! TLS, the server's own and that of the front: a test cannot tell them apart.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned};

use crate::server::{Binary, RedisServer, Restart, ServerOptions};

type Client = StreamOwned<ClientConnection, TcpStream>;

/// One server for each way in which the program at hand can speak TLS. Every program can do so by the front.
fn each(options: &ServerOptions) -> Vec<RedisServer> {
    let binary = Binary::find();
    let ways = if binary.has_tls() { [Some(true), Some(false)] } else { [Some(true), None] };
    let start = |front| RedisServer::start_binary(binary.clone(), options.clone(), front);
    ways.into_iter().flatten().map(start).collect()
}

/// Connects, and sees that the server answers.
fn connect(server: &RedisServer, address: &str, with_certificate: bool) -> io::Result<Client> {
    let files = server.tls();
    let mut authorities = RootCertStore::empty();
    authorities.add(CertificateDer::from_pem_file(&files.ca).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(authorities);
    let config = if with_certificate {
        let certificate = CertificateDer::from_pem_file(&files.client_certificate).unwrap();
        let key = PrivateKeyDer::from_pem_file(&files.client_key).unwrap();
        config.with_client_auth_cert(vec![certificate], key).unwrap()
    } else {
        config.with_no_client_auth()
    };
    let session = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap());
    let stream = TcpStream::connect((address, server.port()))?;
    // A bound for a hanging test.
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut client = StreamOwned::new(session.unwrap(), stream);
    ping(&mut client)?;
    Ok(client)
}

fn ping(client: &mut Client) -> io::Result<()> {
    client.write_all(b"PING\r\n")?;
    let mut reply = [0; 7];
    client.read_exact(&mut reply)?;
    assert_eq!(&reply, b"+PONG\r\n");
    Ok(())
}

fn refuses(server: &RedisServer) -> bool {
    TcpStream::connect(("127.0.0.1", server.port()))
        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[test]
fn a_certificate_is_asked_for_only_when_the_test_says_so() {
    for server in each(&RedisServer::options().tls()) {
        connect(&server, "127.0.0.1", false).unwrap();
        connect(&server, "127.0.0.1", true).unwrap();
    }
    for server in each(&RedisServer::options().require_client_certificates()) {
        // Told by an alert, and not by a connection that breaks off.
        let error = connect(&server, "127.0.0.1", false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error:?}");
        connect(&server, "127.0.0.1", true).unwrap();
    }
}

#[test]
fn the_directives_for_the_port_are_obeyed() {
    for (name, version) in [("TLSv1.2", ProtocolVersion::TLSv1_2), ("TLSv1.3", ProtocolVersion::TLSv1_3)] {
        let options = RedisServer::options().tls().config("bind", "127.0.0.1 127.0.0.2");
        for server in each(&options.config("tls-protocols", name)) {
            for address in ["127.0.0.1", "127.0.0.2"] {
                let client = connect(&server, address, false).unwrap();
                assert_eq!(client.conn.protocol_version(), Some(version));
            }
        }
    }
}

#[test]
fn a_killed_server_breaks_its_connections_and_comes_back_on_its_port() {
    for server in each(&RedisServer::options().tls()) {
        let mut client = connect(&server, "127.0.0.1", false).unwrap();
        server.kill();
        assert!(refuses(&server));
        assert!(ping(&mut client).is_err());

        server.restart(Restart::LoseData);
        let mut client = connect(&server, "127.0.0.1", false).unwrap();
        let pid = server.info("process_id");
        drop(server);
        assert!(!super::alive(&pid));
        assert!(ping(&mut client).is_err());
    }
}

#[test]
fn a_server_that_dies_by_itself_breaks_its_connections() {
    for server in each(&RedisServer::options().tls()) {
        let mut client = connect(&server, "127.0.0.1", false).unwrap();
        assert!(server.try_command(&["SHUTDOWN", "NOSAVE"]).is_err());
        assert_eq!(client.read(&mut [0]).ok().unwrap_or_default(), 0);
        assert!(connect(&server, "127.0.0.1", false).is_err());
    }
}

#[test]
fn a_paused_server_keeps_its_clients_waiting() {
    for server in each(&RedisServer::options().tls()) {
        let mut client = connect(&server, "127.0.0.1", false).unwrap();
        server.pause();
        client.write_all(b"PING\r\n").unwrap();
        client.sock.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let error = client.read(&mut [0; 7]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        server.resume();
        client.sock.set_read_timeout(None).unwrap();
        let mut reply = [0; 7];
        client.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"+PONG\r\n");
    }
}

#[test]
fn a_taken_port_is_noticed_with_tls() {
    for mut server in each(&RedisServer::options().tls()) {
        let other = RedisServer::start();
        server.kill();
        server.port = other.port();
        server.configure();
        assert!(!server.launch());
    }
}
