//! Connections to the server of the benchmark: ours, and those of the peers.

use std::time::Duration;

use deadpool_redis::{Manager, Pool, Runtime};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo as _};
use roomkey_store::{RedisConfig, RedisStore};

use super::Setting;
use crate::Result;

/// How long any client waits for a reply. The peers' default, 0.5 s, would let a stall of the machine end the run.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const MULTIPLEXED: &str = "redis, 1 multiplexed connection";
pub(crate) const POOL: &str = "deadpool-redis, checkout per command";

/// Our store with its default number of lanes.
pub(crate) fn store(setting: &Setting) -> Result<RedisStore> {
    let (host, port) = (setting.redis.ip().to_string(), setting.redis.port());
    let config = RedisConfig::builder().host(host).port(port).timeout(PATIENCE).build()?;
    Ok(setting.runtime.block_on(RedisStore::connect(config))?)
}

/// One multiplexed connection of `redis`, without Nagle's delay; meant to be cloned per task.
pub(crate) fn multiplexed(setting: &Setting) -> Result<MultiplexedConnection> {
    let client = Client::open(info(setting, TcpSettings::default().set_nodelay(true))?)?;
    Ok(setting.runtime.block_on(client.get_multiplexed_async_connection_with_config(&config()))?)
}

/// A pool of `deadpool-redis` of its default size and connections; meant to be asked for one per command.
pub(crate) fn pool(setting: &Setting) -> Result<Pool> {
    let manager = Manager::new_with_config(info(setting, TcpSettings::default())?, config())?;
    Ok(Pool::builder(manager).runtime(Runtime::Tokio1).build()?)
}

fn info(setting: &Setting, tcp: TcpSettings) -> Result<ConnectionInfo> {
    let address = (setting.redis.ip().to_string(), setting.redis.port());
    Ok(address.into_connection_info()?.set_tcp_settings(tcp))
}

fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE))
}
