//! One connection to one sentinel.

use std::io;

use bytes::{Buf as _, BytesMut};
use redis::{Cmd, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Answer;
use crate::config::Endpoint;
use crate::credentials::CredentialsProvider;
use crate::dial::{Dialer, Stream};
use crate::error::{self, ConnectError};
use crate::link::resp::Reader;

/// The news that a master has been replaced.
const NEWS: &str = "+switch-master";

/// Questions and news on one connection, for which it takes version 3 of the protocol.
pub(super) struct Conversation {
    endpoint: Endpoint,
    stream: Box<dyn Stream>,
    input: BytesMut,
    reader: Reader,
    /// News has come in between, and nobody has been told yet.
    news: bool,
}

impl Conversation {
    pub(super) async fn open(
        dialer: &Dialer,
        endpoint: &Endpoint,
        credentials: Option<&dyn CredentialsProvider>,
    ) -> Result<Self, ConnectError> {
        let mut hello = redis::cmd("HELLO");
        hello.arg(3);
        if let Some(provider) = credentials {
            let credentials =
                provider.credentials().await.map_err(|source| ConnectError::Credentials { source })?;
            hello.arg("AUTH").arg(credentials.username().unwrap_or("default")).arg(credentials.password());
        }
        let mut conversation = Self {
            endpoint: endpoint.clone(),
            stream: dialer.dial(endpoint).await?,
            input: BytesMut::new(),
            reader: Reader::default(),
            news: false,
        };
        match conversation.call(&[hello]).await?.pop() {
            Some(Value::ServerError(error)) => Err(refused(&error)),
            _ => Ok(conversation),
        }
    }

    /// Asks where a master is; `None` if the sentinel knows no such master.
    pub(super) async fn ask(&mut self, master: &str) -> Result<Option<Answer>, ConnectError> {
        let question = |what: &str| redis::cmd("SENTINEL").arg(what).arg(master).clone();
        let mut answers = self.call(&[question("GET-MASTER-ADDR-BY-NAME"), question("MASTER")]).await?;
        let (state, address) = (answers.pop(), answers.pop());
        match address {
            Some(Value::Nil) => Ok(None),
            Some(Value::ServerError(error)) => Err(refused(&error)),
            address => {
                let endpoint = address.as_ref().and_then(endpoint).ok_or_else(|| self.unexpected())?;
                Ok(Some(Answer { endpoint, epoch: state.as_ref().and_then(epoch) }))
            }
        }
    }

    /// Wants to be told when a master is replaced.
    pub(super) async fn subscribe(&mut self) -> Result<(), ConnectError> {
        // Confirmed by what looks like news, so that nothing that happens meanwhile is missed.
        self.send(&[redis::cmd("SUBSCRIBE").arg(NEWS).clone()]).await
    }

    /// Waits for news. It may be given up and waited for again.
    pub(super) async fn news(&mut self) -> Result<(), ConnectError> {
        while !std::mem::take(&mut self.news) {
            match self.next().await? {
                Value::ServerError(error) => return Err(refused(&error)),
                value => self.news = is_news(&value),
            }
        }
        Ok(())
    }

    async fn call(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, ConnectError> {
        self.send(commands).await?;
        let mut answers = Vec::with_capacity(commands.len());
        while answers.len() < commands.len() {
            match self.next().await? {
                value if is_news(&value) => self.news = true,
                value => answers.push(value),
            }
        }
        Ok(answers)
    }

    async fn send(&mut self, commands: &[Cmd]) -> Result<(), ConnectError> {
        let bytes: Vec<u8> = commands.iter().flat_map(Cmd::get_packed_command).collect();
        let sent = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        sent.await.map_err(|source| self.unreachable(source))
    }

    async fn next(&mut self) -> Result<Value, ConnectError> {
        loop {
            let mut at = 0;
            let value = self.reader.value(&self.input, &mut at);
            self.input.advance(at);
            match value {
                Ok(Some(value)) => return Ok(value),
                Ok(None) => {}
                Err(_) => return Err(self.unexpected()),
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) => return Err(self.unreachable(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(source) => return Err(self.unreachable(source)),
            }
        }
    }

    fn unexpected(&self) -> ConnectError {
        self.unreachable(io::ErrorKind::InvalidData.into())
    }

    fn unreachable(&self, source: io::Error) -> ConnectError {
        ConnectError::Unreachable { endpoint: self.endpoint.clone(), source }
    }
}

fn refused(error: &redis::ServerError) -> ConnectError {
    ConnectError::Refused {
        answer: error::Answer::new(error.code()),
        advice: "it should be a sentinel, with the login of REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD",
    }
}

/// What is pushed begins with its kind, which the answers to our questions do not.
fn is_news(value: &Value) -> bool {
    let Value::Array(parts) = value else { return false };
    parts.len() == 3 && matches!(parts.first().and_then(text), Some("message" | "subscribe"))
}

fn endpoint(address: &Value) -> Option<Endpoint> {
    let Value::Array(parts) = address else { return None };
    let [host, port] = &parts[..] else { return None };
    Some(Endpoint::Tcp { host: text(host)?.to_owned(), port: text(port)?.parse().ok()? })
}

/// The epoch in the state of a master, which is a list of names and values.
fn epoch(state: &Value) -> Option<u64> {
    let Value::Array(state) = state else { return None };
    let (pairs, _) = state.as_chunks::<2>();
    let [_, epoch] = pairs.iter().find(|[name, _]| text(name) == Some("config-epoch"))?;
    text(epoch)?.parse().ok()
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}
