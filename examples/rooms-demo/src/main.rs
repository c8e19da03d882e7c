//! `cargo xtask rooms-demo`: processes join rooms, are killed and come back, while occupancy, waiting and events are
//! drawn live; with `--headless` the same as lines.
//!
//! The program starts itself once more for each worker. What it shows is asked of the store, and never of the workers.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people to look at")]

mod chance;
mod crew;
mod follow;
mod headless;
mod options;
mod picture;
mod scene;
mod screen;
mod view;
mod worker;

use std::process::ExitCode;
use std::sync::Arc;

use roomkey_crypto::{Keyring, SecretKey};
use roomkey_rooms::{RoomConfig, Rooms};
use roomkey_store::RedisStore;
use roomkey_vault::Vault;

use options::{Options, Role};
use scene::Scene;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// The rooms of the demo: name, seats, and how many may wait.
const ROOMS: [(&str, u32, u32); 4] =
    [("lobby", 12, 0), ("table 1", 4, 6), ("table 2", 4, 6), ("studio", 8, 4)];

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match Options::parse(std::env::args().skip(1)) {
        Ok(Role::Worker { number }) => worker::work(number).await.map(|()| ExitCode::SUCCESS),
        Ok(Role::Stage(options)) => show(options).await,
        Err(wrong) => Err(wrong),
    };
    ended.unwrap_or_else(|failed| {
        eprintln!("The demo stopped: {failed}");
        let mut cause = failed.source();
        while let Some(because) = cause {
            eprintln!("  because: {because}");
            cause = because.source();
        }
        ExitCode::FAILURE
    })
}

/// Sets the rooms up, sends the workers in, and shows what happens.
async fn show(options: Options) -> Result<ExitCode, Failed> {
    if std::env::var_os("REDIS_URL").is_none() {
        return Err("there is no REDIS_URL; `cargo xtask rooms-demo` starts a server for the demo".into());
    }
    let key = SecretKey::generate()?;
    let namespace = format!("rooms-demo-{}", std::process::id());
    let rooms =
        open(&namespace, Keyring::builder(SecretKey::from_base64(&key.to_base64())?).build()?).await?;
    for (name, seats, queue) in ROOMS {
        let config = RoomConfig::new(seats).queue(queue).lease(worker::LEASE).hold(worker::LEASE);
        rooms.configure(name, config).await?;
    }

    let scene = Arc::new(Scene::new());
    follow::follow(&rooms, &scene).await?;
    let crew = crew::Crew::start(options.workers, &namespace, &key.to_base64(), &scene)?;
    let shown = match options.picture {
        None if options.headless => headless::show(&scene, options.seconds).await,
        None => screen::show(&scene, options.seconds).await,
        Some(file) => picture::show(&scene, options.seconds, &file).await,
    };
    crew.end().await;
    shown?;
    Ok(verdict(&scene))
}

/// The rooms of the demo, in a namespace of its own.
async fn open(namespace: &str, keyring: Keyring) -> Result<Rooms<RedisStore>, Failed> {
    let store = RedisStore::from_env().await?;
    let vault = Vault::builder().app("rooms-demo").namespace(namespace).open(store, keyring).await?;
    Ok(Rooms::new(vault))
}

/// Says what was seen. A room over its limit is a failure, and so is a demo in which nobody crashed.
fn verdict(scene: &Scene) -> ExitCode {
    let totals = scene.totals();
    println!("{totals}");
    if totals.most_over > 0 {
        println!("FAILED: a room held {} more than it may", totals.most_over);
        return ExitCode::FAILURE;
    }
    if totals.crashes > 0 && totals.expired == 0 {
        println!("FAILED: workers were killed, and none of their seats was seen to end");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
