//! A tiny blocking client for assertions: RESP2 over a unix socket.
//!
//! Testkit looks at a server from outside, so it shares no client library with the store under test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long a reply may take. A bound for hanging tests, not a wait.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A reply of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resp {
    /// No value.
    Nil,
    /// An integer.
    Int(i64),
    /// Bytes, or the short status that commands like `SET` reply.
    Bytes(Vec<u8>),
    /// An error inside an array; one that is the whole reply is an `Err` of the call.
    Error(String),
    /// Several replies.
    Array(Vec<Self>),
}

impl Resp {
    /// The reply as an integer.
    ///
    /// # Panics
    /// When it is something else, as do the other accessors.
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            other => panic!("an integer was expected, not {other:?}"),
        }
    }

    /// The reply as bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            other => panic!("bytes were expected, not {other:?}"),
        }
    }

    /// The reply as text; what is no UTF-8 in it is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// The elements of an array.
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            other => panic!("an array was expected, not {other:?}"),
        }
    }

    /// Whether there is no value.
    pub fn is_nil(&self) -> bool {
        *self == Self::Nil
    }
}

/// One connection, for a test that looks often, and for workers that are to know no store. Its errors are texts: no
/// test decides anything by them.
///
/// ```
/// use roomkey_testkit::RedisServer;
/// use roomkey_testkit::server::Connection;
///
/// let server = RedisServer::start();
/// let mut connection = Connection::open(&server.socket(), None)?;
/// assert_eq!(connection.call(&["INCR", "visits"])?.int(), 1);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug)]
pub struct Connection(BufReader<UnixStream>);

impl Connection {
    /// Connects to a server's [socket](super::RedisServer::socket), which another process may do too.
    ///
    /// # Errors
    /// When the server cannot be reached, or does not take the password.
    pub fn open(socket: &Path, password: Option<&str>) -> Result<Self, String> {
        let stream = UnixStream::connect(socket)
            .map_err(|e| format!("cannot connect to {}: {e}", socket.display()))?;
        stream.set_read_timeout(Some(TIMEOUT)).map_err(text)?;
        let mut connection = Self(BufReader::new(stream));
        if let Some(password) = password {
            connection.call(&["AUTH", password])?;
        }
        Ok(connection)
    }

    /// Sends one command and reads its reply.
    ///
    /// # Errors
    /// The server's error text, or that of the connection, which is of no use then.
    pub fn call(&mut self, args: &[impl AsRef<[u8]>]) -> Result<Resp, String> {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args.iter().map(AsRef::as_ref) {
            request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        self.0.get_mut().write_all(&request).map_err(text)?;
        self.read()
    }

    /// Reads one reply.
    pub(super) fn read(&mut self) -> Result<Resp, String> {
        match self.read_value()? {
            Resp::Error(error) => Err(error),
            reply => Ok(reply),
        }
    }

    fn read_value(&mut self) -> Result<Resp, String> {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line).map_err(text)?;
        let line = line.strip_suffix(b"\r\n").ok_or("the connection was closed")?;
        let (tag, rest) = line.split_first().ok_or("an empty line instead of a reply")?;
        let rest = String::from_utf8_lossy(rest);
        let number = || rest.parse::<i64>().map_err(text);
        Ok(match tag {
            b'+' => Resp::Bytes(rest.into_owned().into_bytes()),
            b'-' => Resp::Error(rest.into_owned()),
            b':' => Resp::Int(number()?),
            b'$' => match usize::try_from(number()?) {
                Ok(length) => Resp::Bytes(self.read_bytes(length)?),
                // -1 stands for no value, here and below.
                Err(_) => Resp::Nil,
            },
            b'*' => match usize::try_from(number()?) {
                Ok(length) => Resp::Array((0..length).map(|_| self.read_value()).collect::<Result<_, _>>()?),
                Err(_) => Resp::Nil,
            },
            other => return Err(format!("a reply of unknown type {:?}", char::from(*other))),
        })
    }

    fn read_bytes(&mut self, length: usize) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes).map_err(text)?;
        bytes.truncate(length);
        Ok(bytes)
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
