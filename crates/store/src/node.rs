//! One server, and every connection to it.

use std::sync::Arc;

use redis::{Cmd, ServerError, Value};
use roomkey_core::{Error, Result};
use tokio::time::Instant;

use crate::connect::Connector;
use crate::error::{lost, says_replica};
use crate::lane;
use crate::lanes::Lanes;
use crate::link::Link;
use crate::pool::{Checkout, Pool};
use crate::server::Server;

/// The connections to one server: shared ones, and such of one's own.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) connector: Arc<Connector>,
    pub(crate) lanes: Lanes,
    pub(crate) pool: Pool,
}

impl Node {
    /// A connection to send on: a shared one, or for what is large one of its own.
    ///
    /// # Errors
    ///
    /// That there is none, or that there will be none.
    pub(crate) async fn wire(&self, large: bool) -> Result<Wire<'_>> {
        if large {
            if self.lanes.is_closed() {
                return Err(Error::Closed);
            }
            // Boxed: it may open a connection, and few calls come here, so the rest need not carry its size.
            Ok(Wire::Own(Box::pin(self.pool.checkout()).await?))
        } else {
            Ok(Wire::Lane(self.lanes.begin().await?))
        }
    }

    /// Takes note of what the server refuses: one that has become a replica is left, with all connections.
    pub(crate) fn heed(&self, refusal: &ServerError) {
        if says_replica(refusal) {
            self.connector.recall_from_replica();
        }
    }

    /// What keeps calls waiting, for an error that says so.
    pub(crate) fn trouble(&self) -> Error {
        self.lanes.trouble()
    }

    /// Takes no more calls, waits for those under way on shared connections until the deadline, and closes all.
    pub(crate) async fn close(&self, deadline: Instant) {
        self.pool.close();
        self.lanes.close(deadline).await;
    }
}

/// A connection in use by one call.
pub(crate) enum Wire<'a> {
    /// One that others use at the same time.
    Lane(lane::Call<'a>),
    /// One from the pool.
    Own(Checkout),
}

impl Wire<'_> {
    /// What is sent through.
    pub(crate) fn link(&self) -> &Link {
        match self {
            Self::Lane(call) => &call.link,
            Self::Own(checkout) => checkout.link(),
        }
    }

    /// Sends one command and waits for its answer, which may be the server's refusal.
    pub(crate) async fn send(&self, command: &Cmd) -> Result<Value> {
        match self {
            Self::Lane(call) => call.send(command).await,
            Self::Own(checkout) => checkout.link().send(command).await.map_err(lost),
        }
    }

    /// The run of the server at the other end.
    pub(crate) fn run(&self) -> &str {
        &self.link().server.run
    }

    /// Ends the use, with nothing left to be answered, and tells whose answer it was.
    pub(crate) fn answered(self) -> Arc<Server> {
        match self {
            Self::Lane(call) => call.answered(),
            Self::Own(checkout) => {
                let server = Arc::clone(&checkout.link().server);
                checkout.give_back();
                server
            }
        }
    }
}
