//! The last moment as an SVG, for documents.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use tokio::time::sleep;

use crate::scene::Scene;
use crate::{Failed, view};

/// How many cells the picture has, and how large one is.
const COLUMNS: u16 = 112;
const ROWS: u16 = 28;
const CELL: (f64, f64) = (8.4, 18.0);

pub(crate) async fn show(scene: &Arc<Scene>, seconds: Option<u64>, file: &Path) -> Result<(), Failed> {
    sleep(Duration::from_secs(seconds.unwrap_or(20))).await;
    let mut terminal = Terminal::new(TestBackend::new(COLUMNS, ROWS))?;
    let now = scene.now();
    terminal.draw(|frame| view::draw(frame, &now, scene.elapsed()))?;
    std::fs::write(file, svg(terminal.backend().buffer())?)?;
    Ok(())
}

/// Each row is one text, in which each run of one style is a span that begins at its own cell.
fn svg(buffer: &Buffer) -> Result<String, Failed> {
    let (width, height) = (f64::from(COLUMNS) * CELL.0 + 16.0, f64::from(ROWS) * CELL.1 + 16.0);
    let mut svg = String::new();
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14">"#
    )?;
    writeln!(svg, r##"<rect width="100%" height="100%" rx="8" fill="#11151c"/>"##)?;
    for row in 0..ROWS {
        let y = f64::from(row) * CELL.1 + 8.0 + CELL.1 * 0.75;
        write!(svg, r#"<text y="{y:.1}" xml:space="preserve">"#)?;
        let mut column = 0;
        while column < COLUMNS {
            let Some(cell) = buffer.cell((column, row)) else { break };
            let mut run = String::new();
            let begin = column;
            while let Some(next) = buffer.cell((column, row)).filter(|next| style(next) == style(cell)) {
                run.push_str(&escaped(next.symbol()));
                column += 1;
            }
            if !run.trim().is_empty() {
                let x = f64::from(begin) * CELL.0 + 8.0;
                let length = f64::from(column - begin) * CELL.0;
                write!(svg, r#"<tspan x="{x:.1}" textLength="{length:.1}" {}>{run}</tspan>"#, style(cell))?;
            }
        }
        writeln!(svg, "</text>")?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn style(cell: &Cell) -> String {
    let color = match cell.fg {
        Color::Cyan => "#56c8d8",
        Color::Yellow => "#e5c07b",
        Color::Magenta => "#c678dd",
        Color::Green => "#98c379",
        Color::Red => "#e06c75",
        Color::DarkGray => "#5c6370",
        _ => "#d7dae0",
    };
    let weight = if cell.modifier.contains(Modifier::BOLD) { r#" font-weight="bold""# } else { "" };
    format!(r#"fill="{color}"{weight}"#)
}

fn escaped(symbol: &str) -> String {
    symbol.replace('&', "&amp;").replace('<', "&lt;")
}
