//! The terminal.

use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind};

use crate::scene::Scene;
use crate::{Failed, view};

/// How often the picture is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// Draws until the time is over, or `q`, Escape or Ctrl-C is pressed.
pub(crate) async fn show(scene: &Arc<Scene>, seconds: Option<u64>) -> Result<(), Failed> {
    let scene = Arc::clone(scene);
    // Reading keys waits, which is not for the runtime's threads.
    tokio::task::spawn_blocking(move || -> Result<(), Failed> {
        let mut terminal = ratatui::try_init()?;
        let drawn = draw(&mut terminal, &scene, seconds);
        ratatui::restore();
        drawn
    })
    .await?
}

fn draw(terminal: &mut ratatui::DefaultTerminal, scene: &Scene, seconds: Option<u64>) -> Result<(), Failed> {
    while seconds.is_none_or(|seconds| scene.elapsed() < Duration::from_secs(seconds)) {
        let now = scene.now();
        terminal.draw(|frame| view::draw(frame, &now, scene.elapsed()))?;
        if event::poll(FRAME)?
            && let Event::Key(key) = event::read()?
            && key.kind == KeyEventKind::Press
            && matches!(key.code, KeyCode::Char('q' | 'c') | KeyCode::Esc)
        {
            break;
        }
    }
    Ok(())
}
