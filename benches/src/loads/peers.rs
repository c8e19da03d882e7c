//! Connections to the server of the benchmark: ours, and those of the peers, each at its best.
//!
//! All of them share one runtime. The multiplexing clients have one connection, cloned per task, as their documentation
//! advises: on two cores a second one costs more than it carries (the load with two lanes shows it). Nagle's delay is
//! off everywhere but in the pool, whose configuration cannot say so, and which never has two commands under way on one
//! connection. Protocol: RESP2, the peers' default, which is the shorter one for these replies, but for `rustis`, which
//! speaks RESP3 alone. `fred` and `rustis` write together what waits together, in the waves that their authors chose.

use std::net::SocketAddr;
use std::time::Duration;

use deadpool_redis::{Manager, Pool, Runtime};
use fred::interfaces::ClientLike as _;
use fred::types::RespVersion;
use fred::types::config::{Config as FredConfig, ServerConfig};
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo as _};
use roomkey_core::Store as _;
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_vault::Vault;

use super::Setting;
use crate::Result;

/// How long any client waits for a reply. The peers' default, 0.5 s, would let a stall of the machine end the run.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const OURS: &str = "roomkey";
pub(crate) const MULTIPLEXED: &str = "redis, 1 multiplexed connection";
pub(crate) const RUSTIS: &str = "rustis, 1 multiplexed connection";
pub(crate) const FRED: &str = "fred, 1 auto-pipelined connection";
pub(crate) const POOL: &str = "deadpool-redis, checkout per command";
pub(crate) const CLUSTER: &str = "redis, cluster client";

/// Our store with its default number of lanes.
pub(crate) fn store(setting: &Setting) -> Result<RedisStore> {
    connect(setting, RedisConfig::from_url(&format!("redis://{}/?{}", setting.redis, patience()))?)
}

/// Our store with so many lanes.
pub(crate) fn store_with_lanes(setting: &Setting, lanes: usize) -> Result<RedisStore> {
    let url = format!("redis://{}/?lanes={lanes}&{}", setting.redis, patience());
    connect(setting, RedisConfig::from_url(&url)?)
}

/// Our store on a cluster, with defaults.
pub(crate) fn store_on_cluster(setting: &Setting, masters: &[SocketAddr]) -> Result<RedisStore> {
    let masters: Vec<String> = masters.iter().map(SocketAddr::to_string).collect();
    connect(
        setting,
        RedisConfig::from_url(&format!("redis-cluster://{}/?{}", masters.join(","), patience()))?,
    )
}

/// What our stores are told besides where the server is. Like the peers they take as many calls as there are, so that a stall
/// of the machine under an open load is a late call and not a refused one.
fn patience() -> String {
    format!("timeout_ms={}&max_in_flight=1048576", PATIENCE.as_millis())
}

fn connect(setting: &Setting, config: RedisConfig) -> Result<RedisStore> {
    Ok(setting.runtime.block_on(RedisStore::connect(config))?)
}

/// A vault over a store, with the key ring that all loads of a run share.
pub(crate) fn vault(setting: &Setting, store: RedisStore) -> Result<Vault<RedisStore>> {
    Ok(setting.runtime.block_on(Vault::open(store, setting.keyring.clone()))?)
}

/// One multiplexed connection of `redis`, without Nagle's delay; meant to be cloned per task.
pub(crate) fn multiplexed(setting: &Setting) -> Result<MultiplexedConnection> {
    let client = Client::open(info(setting.redis, TcpSettings::default().set_nodelay(true))?)?;
    Ok(setting.runtime.block_on(client.get_multiplexed_async_connection_with_config(&config()))?)
}

/// A pool of `deadpool-redis` of its default size and connections; meant to be asked for one per command.
pub(crate) fn pool(setting: &Setting) -> Result<Pool> {
    let manager = Manager::new_with_config(info(setting.redis, TcpSettings::default())?, config())?;
    Ok(Pool::builder(manager).runtime(Runtime::Tokio1).build()?)
}

/// One client of `rustis`; meant to be cloned per task.
pub(crate) fn rustis(setting: &Setting) -> Result<rustis::client::Client> {
    let mut config: rustis::client::Config = format!("redis://{}", setting.redis).parse()?;
    config.no_delay = true;
    config.command_timeout = PATIENCE;
    // The budget is for servers that do not answer; 64 KiB values of 1 024 tasks exceed the default of 16 MiB.
    config.backpressure.max_queued_bytes = 0;
    Ok(setting.runtime.block_on(rustis::client::Client::connect(config))?)
}

/// One client of `fred`; meant to be cloned per task.
pub(crate) fn fred(setting: &Setting) -> Result<fred::clients::Client> {
    let config = FredConfig {
        server: ServerConfig::new_centralized(setting.redis.ip().to_string(), setting.redis.port()),
        version: RespVersion::RESP2,
        ..FredConfig::default()
    };
    let mut builder = fred::types::Builder::from_config(config);
    builder.with_connection_config(|connection| connection.tcp.nodelay = Some(true));
    builder.with_performance_config(|performance| performance.default_command_timeout = PATIENCE);
    let client = builder.build()?;
    setting.runtime.block_on(client.init())?;
    Ok(client)
}

/// The cluster client of `redis`; meant to be cloned per task.
pub(crate) fn cluster(setting: &Setting, masters: &[SocketAddr]) -> Result<ClusterConnection> {
    let tcp = TcpSettings::default().set_nodelay(true);
    let nodes = masters.iter().map(|master| info(*master, tcp.clone())).collect::<Result<Vec<_>>>()?;
    let client = ClusterClient::builder(nodes)
        .tcp_settings(tcp)
        .connection_timeout(PATIENCE)
        .response_timeout(PATIENCE)
        .build()?;
    Ok(setting.runtime.block_on(client.get_async_connection())?)
}

/// Removes everything from the server, in the foreground. Scripts stay.
pub(crate) async fn clear(raw: &MultiplexedConnection) -> Result {
    Ok(redis::cmd("FLUSHALL").arg("SYNC").query_async(&mut raw.clone()).await?)
}

/// Ends a store, so that its upkeep disturbs nobody who is measured later.
pub(crate) fn close(setting: &Setting, store: &RedisStore) -> Result {
    Ok(setting.runtime.block_on(store.close())?)
}

fn info(address: SocketAddr, tcp: TcpSettings) -> Result<ConnectionInfo> {
    let address = (address.ip().to_string(), address.port());
    Ok(address.into_connection_info()?.set_tcp_settings(tcp))
}

fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE))
}
