//! How a service shows Prometheus what its store and its vault do.
//!
//! Two things are to be done: [`recorder`] before anything connects, because a store makes its handles when it connects,
//! and an answer to `/metrics`, here from a bare socket ([`serve`]), in a service from the HTTP server that it has anyway.

use std::error::Error;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{interval, timeout};

/// What any step may fail with.
pub type Failed = Box<dyn Error + Send + Sync>;

/// Bounds of buckets, in seconds: from a round trip on loopback to the default deadline of a call.
const SECONDS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0];
/// Bounds of buckets, in commands.
const COMMANDS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
/// The longest request that is read; a scrape takes a few hundred bytes.
const MAX_REQUEST: usize = 8 * 1024;

/// Installs the recorder of this process. Call it first.
///
/// Without buckets the exporter would give quantiles, which cannot be added up over several processes.
///
/// # Errors
///
/// That there is a recorder already.
pub fn recorder() -> Result<PrometheusHandle, Failed> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_commands".to_owned()), &COMMANDS)?
        .install_recorder()?;
    Ok(handle)
}

/// Answers every request on the socket with the metrics, for ever.
///
/// # Errors
///
/// That the socket takes no connections any more.
pub async fn serve(listener: TcpListener, metrics: PrometheusHandle) -> Result<(), Failed> {
    let upkeep = metrics.clone();
    tokio::spawn(async move {
        // Measurements wait in memory until they are rendered, so that is done also when nobody scrapes.
        let mut every = interval(Duration::from_secs(5));
        loop {
            every.tick().await;
            upkeep.run_upkeep();
        }
    });
    loop {
        let (scraper, _) = listener.accept().await?;
        let metrics = metrics.clone();
        tokio::spawn(async move {
            // Whoever hangs up gets no answer, and nobody else needs to know.
            let _ = timeout(Duration::from_secs(5), answer(scraper, metrics)).await;
        });
    }
}

async fn answer(mut scraper: TcpStream, metrics: PrometheusHandle) -> Result<(), Failed> {
    let mut request = Vec::new();
    while !request.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        if request.len() > MAX_REQUEST || scraper.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let body = metrics.render();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    scraper.write_all(head.as_bytes()).await?;
    scraper.write_all(body.as_bytes()).await?;
    scraper.shutdown().await?;
    Ok(())
}
