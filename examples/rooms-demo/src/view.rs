//! What it looks like.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph};
use roomkey_rooms::Standing;

use crate::scene::{Happened, Inner, Room, State};

pub(crate) fn draw(frame: &mut Frame<'_>, now: &Inner, elapsed: Duration) {
    let [head, workers, rooms, events, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(3),
        Constraint::Length(8),
        Constraint::Min(4),
        Constraint::Length(1),
    ])
    .areas(frame.area());

    let title = format!(" Roomkey · rooms that stay right · {:.0} s ", elapsed.as_secs_f64());
    frame.render_widget(Line::from(title).bold(), head);
    frame.render_widget(Paragraph::new(crew(now)).block(framed(" processes ")), workers);
    let columns = Layout::horizontal(vec![Constraint::Fill(1); now.rooms.len().max(1)]).split(rooms);
    for ((name, room), area) in now.rooms.iter().zip(columns.iter()) {
        card(frame, name, room, *area);
    }
    frame.render_widget(Paragraph::new(feed(now, events)).block(framed(" events ")), events);
    frame.render_widget(Line::from(format!(" {} · q ends ", now.totals)).dim(), foot);
}

fn framed(title: &str) -> Block<'_> {
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(Style::new().fg(Color::DarkGray))
        .title(title)
}

fn crew(now: &Inner) -> Line<'_> {
    let worker = |(number, state): (&u32, &State)| match state {
        State::Works => Span::from(format!(" ● worker {number} ")).fg(Color::Green),
        State::Killed => Span::from(format!(" ✖ worker {number} ")).fg(Color::Red).bold(),
    };
    now.workers.iter().map(worker).collect()
}

/// A room: its seats, who waits, and the names of both.
fn card(frame: &mut Frame<'_>, name: &str, room: &Room, area: Rect) {
    let Some(occupancy) = room.occupancy else {
        return frame.render_widget(Paragraph::new("…").block(framed(name)), area);
    };
    let taken = occupancy.live.saturating_sub(occupancy.held) as usize;
    let free = u64::from(occupancy.limit).saturating_sub(occupancy.live) as usize;
    let seats = Line::from(vec![
        Span::from("■".repeat(taken)).fg(Color::Cyan),
        Span::from("▣".repeat(occupancy.held as usize)).fg(Color::Yellow),
        Span::from("□".repeat(free)).fg(Color::DarkGray),
    ]);
    let waiting = Line::from("◌".repeat(occupancy.waiting as usize)).fg(Color::Magenta);
    let count = format!("{} of {}, {} wait", occupancy.live, occupancy.limit, occupancy.waiting);
    let mut lines = vec![seats, waiting, Line::from(count).bold()];
    let width = usize::from(area.width.saturating_sub(2));
    lines.extend(names(room, width));
    frame.render_widget(Paragraph::new(lines).block(framed(name)), area);
}

/// The names of members, as many to a line as fit.
fn names(room: &Room, width: usize) -> Vec<Line<'_>> {
    let mut lines = vec![Line::default()];
    for (member, standing) in &room.members {
        let color = match standing {
            Standing::Seated => Color::Cyan,
            Standing::Held => Color::Yellow,
            Standing::Waiting => Color::Magenta,
        };
        let name = Span::from(format!("{member} ")).fg(color);
        match lines.last_mut().filter(|line| line.width() + name.width() <= width) {
            Some(line) => line.push_span(name),
            None => lines.push(Line::from(name)),
        }
    }
    lines
}

/// The newest events, the last one at the bottom.
fn feed(now: &Inner, area: Rect) -> Vec<Line<'_>> {
    let rows = usize::from(area.height.saturating_sub(2));
    let line = |event: &'_ Happened| {
        let color = match event.kind {
            "joined" => Color::Cyan,
            "promoted" => Color::Yellow,
            "expired" | "killed" | "trouble" => Color::Red,
            _ => Color::Gray,
        };
        Line::from(vec![
            Span::from(format!(" {:6.1} s  ", event.at.as_secs_f64())).fg(Color::DarkGray),
            Span::from(format!("{:<9} ", event.kind)).fg(color),
            Span::from(format!("{:<10} {}", event.member, event.room)),
        ])
    };
    now.events.iter().skip(now.events.len().saturating_sub(rows)).map(line).collect()
}
