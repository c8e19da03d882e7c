//! The port of a proxy.

use std::net::{Shutdown, TcpListener};
use std::sync::Arc;

use socket2::SockRef;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::{Duration, sleep};

use super::Door;
use super::connection;
use super::state::Shared;

/// Serves until the other end of `stopped` is dropped, and with it every connection.
pub(super) fn run(listener: TcpListener, port: u16, shared: Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap_or_else(|e| panic!("no runtime for a fault proxy: {e}"));
    runtime.block_on(async {
        tokio::select! {
            () = serve(listener, port, &shared) => {}
            // Nothing is ever sent; the sender is dropped.
            _ = stopped => {}
        }
    });
}

async fn serve(first: TcpListener, port: u16, shared: &Arc<Shared>) {
    let mut next = Some(first);
    loop {
        let listener = match next.take() {
            Some(listener) => listener,
            None => listen_again(port).await,
        };
        let listener = Listening(listener);
        tokio::select! {
            () = accept(&listener, shared) => {}
            () = shared.until(|state| state.door == Door::Refuse) => {}
        }
        drop(listener);
        shared.until(|state| state.door != Door::Refuse).await;
    }
}

/// The port was ours a moment ago; whoever took it meanwhile soon gives it back.
async fn listen_again(port: u16) -> TcpListener {
    loop {
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(listener) => return listener,
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn accept(listener: &Listening, shared: &Arc<Shared>) {
    let copy = listener.0.try_clone().and_then(|copy| copy.set_nonblocking(true).map(|()| copy));
    let listener = copy
        .and_then(tokio::net::TcpListener::from_std)
        .unwrap_or_else(|e| panic!("a fault proxy cannot listen: {e}"));
    loop {
        // An error is that of a client which has already gone.
        if let Ok((client, _)) = listener.accept().await {
            tokio::spawn(connection::serve(client, Arc::clone(shared)));
        }
    }
}

struct Listening(TcpListener);

impl Drop for Listening {
    fn drop(&mut self) {
        // Closing is not enough: a process that another test is starting right now holds a copy until its `exec`.
        let _ = SockRef::from(&self.0).shutdown(Shutdown::Both);
    }
}
