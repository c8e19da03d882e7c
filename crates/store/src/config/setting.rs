//! The settings that have a text form, by their names.

/// A setting that has the same text form in a variable, in a URL's parameter and in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Url,
    UrlFile,
    Host,
    Port,
    UseSsl,
    Sentinels,
    Cluster,
    SentinelMaster,
    SentinelUsername,
    SentinelPassword,
    SentinelPasswordFile,
    Username,
    Password,
    PasswordFile,
    Db,
    SslVerifyMode,
    SslServerName,
    SslCaFile,
    SslCertFile,
    SslKeyFile,
    TimeoutMs,
    ConnectTimeoutMs,
    MaxConnectionAgeMs,
    Lanes,
    PoolSize,
    MaxInFlight,
    LargeValueBytes,
    WaitReplicas,
    WaitTimeoutMs,
    ClientName,
}

impl Setting {
    /// Every setting by its variable and by its key, which is the same in lower case without `REDIS_`.
    pub(super) const ALL: [(&'static str, &'static str, Self); 30] = [
        ("REDIS_URL", "url", Self::Url),
        ("REDIS_URL_FILE", "url_file", Self::UrlFile),
        ("REDIS_HOST", "host", Self::Host),
        ("REDIS_PORT", "port", Self::Port),
        ("REDIS_USE_SSL", "use_ssl", Self::UseSsl),
        ("REDIS_SENTINELS", "sentinels", Self::Sentinels),
        ("REDIS_CLUSTER", "cluster", Self::Cluster),
        ("REDIS_SENTINEL_MASTER", "sentinel_master", Self::SentinelMaster),
        ("REDIS_SENTINEL_USERNAME", "sentinel_username", Self::SentinelUsername),
        ("REDIS_SENTINEL_PASSWORD", "sentinel_password", Self::SentinelPassword),
        ("REDIS_SENTINEL_PASSWORD_FILE", "sentinel_password_file", Self::SentinelPasswordFile),
        ("REDIS_USERNAME", "username", Self::Username),
        ("REDIS_PASSWORD", "password", Self::Password),
        ("REDIS_PASSWORD_FILE", "password_file", Self::PasswordFile),
        ("REDIS_DB", "db", Self::Db),
        ("REDIS_SSL_VERIFY_MODE", "ssl_verify_mode", Self::SslVerifyMode),
        ("REDIS_SSL_SERVER_NAME", "ssl_server_name", Self::SslServerName),
        ("REDIS_SSL_CA_FILE", "ssl_ca_file", Self::SslCaFile),
        ("REDIS_SSL_CERT_FILE", "ssl_cert_file", Self::SslCertFile),
        ("REDIS_SSL_KEY_FILE", "ssl_key_file", Self::SslKeyFile),
        ("REDIS_TIMEOUT_MS", "timeout_ms", Self::TimeoutMs),
        ("REDIS_CONNECT_TIMEOUT_MS", "connect_timeout_ms", Self::ConnectTimeoutMs),
        ("REDIS_MAX_CONNECTION_AGE_MS", "max_connection_age_ms", Self::MaxConnectionAgeMs),
        ("REDIS_LANES", "lanes", Self::Lanes),
        ("REDIS_POOL_SIZE", "pool_size", Self::PoolSize),
        ("REDIS_MAX_IN_FLIGHT", "max_in_flight", Self::MaxInFlight),
        ("REDIS_LARGE_VALUE_BYTES", "large_value_bytes", Self::LargeValueBytes),
        ("REDIS_WAIT_REPLICAS", "wait_replicas", Self::WaitReplicas),
        ("REDIS_WAIT_TIMEOUT_MS", "wait_timeout_ms", Self::WaitTimeoutMs),
        ("REDIS_CLIENT_NAME", "client_name", Self::ClientName),
    ];

    /// The keys alone.
    pub(super) const KEYS: [&'static str; Self::ALL.len()] = {
        let mut keys = [""; Self::ALL.len()];
        let mut at = 0;
        while at < keys.len() {
            keys[at] = Self::ALL[at].1;
            at += 1;
        }
        keys
    };

    /// The setting of a variable, and the variable's name.
    pub(super) fn of_variable(name: &str) -> Option<(&'static str, Self)> {
        let (variable, _, setting) = Self::ALL.into_iter().find(|(variable, _, _)| *variable == name)?;
        Some((variable, setting))
    }

    /// The setting of a key, and the key.
    pub(super) fn of_key(name: &str) -> Option<(&'static str, Self)> {
        let (_, key, setting) = Self::ALL.into_iter().find(|(_, key, _)| *key == name)?;
        Some((key, setting))
    }

    /// The setting of a URL's parameter. `user` and `pass` are how redis-rs and others write a socket's login, `master`
    /// how a sentinel's URL says it everywhere.
    pub(super) fn of_parameter(name: &str) -> Option<Self> {
        match name {
            "user" => Some(Self::Username),
            "pass" => Some(Self::Password),
            "master" => Some(Self::SentinelMaster),
            _ => Self::of_key(name).map(|(_, setting)| setting).filter(|setting| !setting.has_place_in_url()),
        }
    }

    /// Whether it is a text that a number or a truth value must not be taken for: written as one, `007` loses its zeros.
    pub(super) fn is_text(self) -> bool {
        !matches!(
            self,
            Self::Port
                | Self::UseSsl
                | Self::Db
                | Self::TimeoutMs
                | Self::ConnectTimeoutMs
                | Self::MaxConnectionAgeMs
                | Self::Lanes
                | Self::PoolSize
                | Self::MaxInFlight
                | Self::LargeValueBytes
                | Self::WaitReplicas
                | Self::WaitTimeoutMs
        )
    }

    /// Whether it is a list of servers.
    pub(super) fn is_list(self) -> bool {
        matches!(self, Self::Sentinels | Self::Cluster)
    }

    /// Whether a URL says it by its scheme and authority.
    fn has_place_in_url(self) -> bool {
        matches!(
            self,
            Self::Url
                | Self::UrlFile
                | Self::Host
                | Self::Port
                | Self::UseSsl
                | Self::Sentinels
                | Self::Cluster
        )
    }
}
