//! The workers: started, killed and started again.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::scene::{Scene, State};
use crate::{Failed, chance, worker};

/// The processes, and the task that looks after them.
pub(crate) struct Crew {
    task: JoinHandle<()>,
}

impl Crew {
    /// Starts the workers, and goes on killing one of them every few seconds.
    pub(crate) fn start(
        workers: u32,
        namespace: &str,
        key: &str,
        scene: &Arc<Scene>,
    ) -> Result<Self, Failed> {
        let program = std::env::current_exe()?;
        let (namespace, key) = (namespace.to_owned(), key.to_owned());
        let start = move |number: u32| {
            Command::new(&program)
                .args(["worker", &number.to_string()])
                .env(worker::NAMESPACE, &namespace)
                .env("ROOMKEY_KEY", &key)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
        };
        let crew = (0..workers).map(&start).collect::<Result<Vec<_>, _>>()?;
        for number in 0..workers {
            scene.worker(number, State::Works);
        }
        Ok(Self { task: tokio::spawn(look_after(crew, start, Arc::clone(scene))) })
    }

    /// Ends all of them.
    pub(crate) async fn end(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn look_after(
    mut crew: Vec<Child>,
    start: impl Fn(u32) -> std::io::Result<Child> + Send + 'static,
    scene: Arc<Scene>,
) {
    loop {
        sleep(chance::between(2_000, 4_000)).await;
        let number = chance::below(crew.len() as u32);
        // SIGKILL: it has no time to say good-bye.
        let _ = crew[number as usize].kill().await;
        scene.worker(number, State::Killed);
        sleep(chance::between(1_000, 2_500) + Duration::from_millis(500)).await;
        match start(number) {
            Ok(child) => {
                crew[number as usize] = child;
                scene.worker(number, State::Works);
            }
            Err(failed) => scene.note(format!("worker {number} could not be started: {failed}")),
        }
    }
}
