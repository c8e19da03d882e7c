//! What all sides can do with a value, as their users write it.

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::Pool;
use fred::interfaces::KeysInterface as _;
use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use redis::cluster_async::ClusterConnection;
use roomkey_core::{Key, Kind, Namespace, Spread, Store};
use roomkey_vault::Vault;
use rustis::commands::{GenericCommands as _, SetExpiration, StringCommands as _};

use super::{Setting, peers};
use crate::Result;

pub(crate) const EXPIRY: Duration = Duration::from_secs(3_600);

/// So many places that no concurrency has a cache of its own.
const PLACES: usize = 4_096;
/// What the places of one side may hold together; large values have fewer places.
const BYTES: usize = 16 * 1024 * 1024;

/// A value and where it is kept.
pub(crate) struct Place {
    /// What a caller of ours calls it.
    pub(crate) name: String,
    /// What a caller of a peer calls it; as long as the key that ours makes of the name.
    pub(crate) key: String,
    /// What no other place has.
    pub(crate) value: String,
}

impl Place {
    /// Places for values of `size` bytes, at least 4; those of two sizes are apart.
    pub(crate) fn all(size: usize) -> Result<Arc<[Self]>> {
        let places = PLACES.min(BYTES / size);
        (0..places).map(|number| Self::new(number, size)).collect::<Result<Vec<_>>>().map(Arc::from)
    }

    fn new(number: usize, size: usize) -> Result<Self> {
        let tag = super::tag((size as u64) << 32 | number as u64);
        let namespace = Namespace::new("plain", "v1", "default")?;
        Ok(Self {
            name: format!("user:session:{size}:{number}"),
            key: Key::new(Kind::Value, &namespace, Spread::over(16_384).partition(tag), tag).to_string(),
            value: format!("{}{number:04}", "0".repeat(size - 4)),
        })
    }

    /// Whether a side found what it should.
    pub(crate) fn check(&self, found: Option<impl AsRef<[u8]>>) -> Result {
        match found {
            Some(found) if found.as_ref() == self.value.as_bytes() => Ok(()),
            Some(_) => Err("another value than the one that was set".into()),
            None => Err("no value where one was set".into()),
        }
    }
}

/// Somebody who keeps values. Each returns what it finds in the form that costs it least.
pub(crate) trait Client: Clone + Send + Sync + 'static {
    fn get(&mut self, place: &Place) -> impl Future<Output = Result<Option<impl AsRef<[u8]> + Send>>> + Send;
    fn set(&mut self, place: &Place) -> impl Future<Output = Result> + Send;
    fn delete(&mut self, place: &Place) -> impl Future<Output = Result> + Send;
}

/// Sets every place.
pub(crate) async fn fill(mut client: impl Client, places: &[Place]) -> Result {
    for place in places {
        client.set(place).await?;
    }
    Ok(())
}

/// Everybody on one server.
pub(crate) struct Sides<S> {
    pub(crate) ours: Vault<S>,
    pub(crate) redis: MultiplexedConnection,
    pub(crate) rustis: rustis::client::Client,
    pub(crate) fred: fred::clients::Client,
    pub(crate) pool: Pool,
}

impl Sides<roomkey_store::RedisStore> {
    pub(crate) fn connect(setting: &Setting) -> Result<Self> {
        let redis = peers::multiplexed(setting)?;
        setting.runtime.block_on(peers::clear(&redis))?;
        Ok(Self {
            ours: peers::vault(setting, peers::store(setting)?)?,
            redis,
            rustis: peers::rustis(setting)?,
            fred: peers::fred(setting)?,
            pool: peers::pool(setting)?,
        })
    }

    /// Sets every place under our name for it and under the peers'.
    pub(crate) fn fill(&self, setting: &Setting, places: &[Place]) -> Result {
        setting.runtime.block_on(async {
            fill(self.ours.clone(), places).await?;
            fill(self.redis.clone(), places).await
        })
    }
}

impl<S: Store> Client for Vault<S> {
    async fn get(&mut self, place: &Place) -> Result<Option<impl AsRef<[u8]> + Send>> {
        let found: Option<String> = Self::get(self, place.name.as_str()).await?;
        Ok(found)
    }

    async fn set(&mut self, place: &Place) -> Result {
        Ok(Self::set(self, place.name.as_str(), &place.value, EXPIRY).await?)
    }

    async fn delete(&mut self, place: &Place) -> Result {
        Self::delete(self, place.name.as_str()).await?;
        Ok(())
    }
}

impl Client for MultiplexedConnection {
    async fn get(&mut self, place: &Place) -> Result<Option<impl AsRef<[u8]> + Send>> {
        let found: Option<Vec<u8>> = redis::AsyncCommands::get(self, &place.key).await?;
        Ok(found)
    }

    async fn set(&mut self, place: &Place) -> Result {
        Ok(self.set_ex(&place.key, &place.value, EXPIRY.as_secs()).await?)
    }

    async fn delete(&mut self, place: &Place) -> Result {
        Ok(redis::AsyncCommands::del(self, &place.key).await?)
    }
}

impl Client for ClusterConnection {
    async fn get(&mut self, place: &Place) -> Result<Option<impl AsRef<[u8]> + Send>> {
        let found: Option<Vec<u8>> = redis::AsyncCommands::get(self, &place.key).await?;
        Ok(found)
    }

    async fn set(&mut self, place: &Place) -> Result {
        Ok(self.set_ex(&place.key, &place.value, EXPIRY.as_secs()).await?)
    }

    async fn delete(&mut self, place: &Place) -> Result {
        Ok(redis::AsyncCommands::del(self, &place.key).await?)
    }
}

impl Client for Pool {
    async fn get(&mut self, place: &Place) -> Result<Option<impl AsRef<[u8]> + Send>> {
        let mut connection = Self::get(self).await?;
        let found: Option<Vec<u8>> = connection.get(&place.key).await?;
        Ok(found)
    }

    async fn set(&mut self, place: &Place) -> Result {
        let mut connection = Self::get(self).await?;
        Ok(connection.set_ex(&place.key, &place.value, EXPIRY.as_secs()).await?)
    }

    async fn delete(&mut self, place: &Place) -> Result {
        let mut connection = Self::get(self).await?;
        Ok(connection.del(&place.key).await?)
    }
}

impl Client for rustis::client::Client {
    async fn get(&mut self, place: &Place) -> Result<Option<impl AsRef<[u8]> + Send>> {
        let found: Option<String> = (&*self).get(&place.key).await?;
        Ok(found)
    }

    async fn set(&mut self, place: &Place) -> Result {
        let expiry = SetExpiration::Ex(EXPIRY.as_secs());
        if (&*self).set_with_options(&place.key, &place.value, None, expiry).await? {
            Ok(())
        } else {
            Err("rustis set nothing".into())
        }
    }

    async fn delete(&mut self, place: &Place) -> Result {
        (&*self).del(&place.key).await?;
        Ok(())
    }
}

impl Client for fred::clients::Client {
    async fn get(&mut self, place: &Place) -> Result<Option<impl AsRef<[u8]> + Send>> {
        let found: Option<bytes::Bytes> = fred::interfaces::KeysInterface::get(self, &place.key).await?;
        Ok(found)
    }

    async fn set(&mut self, place: &Place) -> Result {
        let expiry = fred::types::Expiration::EX(EXPIRY.as_secs().cast_signed());
        let (key, value) = (place.key.as_str(), place.value.as_str());
        Ok(fred::interfaces::KeysInterface::set(self, key, value, Some(expiry), None, false).await?)
    }

    async fn delete(&mut self, place: &Place) -> Result {
        Ok(self.del(&place.key).await?)
    }
}
