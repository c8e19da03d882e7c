//! What was told of a room, in few words.

use std::time::Duration;

use roomkey_rooms::{RoomEvents, What};
use tokio::time::timeout;

/// Far longer than an event takes, and short enough for a test that waits in vain.
const PATIENCE: Duration = Duration::from_secs(20);

/// The next events.
pub(crate) async fn story(events: &mut RoomEvents, length: usize) -> Vec<String> {
    let mut story = Vec::new();
    for _ in 0..length {
        let event = timeout(PATIENCE, events.next()).await;
        let event = event.unwrap_or_else(|_| panic!("nothing came after {story:?}")).unwrap().unwrap();
        story.push(match event.what {
            What::Joined(member) => format!("joined {}", member.id),
            What::Reserved(member) => format!("reserved {}", member.id),
            What::Promoted(member) => format!("promoted {}", member.id),
            What::Left(member) => format!("left {}", member.id),
            What::Expired(member) => format!("expired {}", member.id),
            What::Kicked(member) => format!("kicked {}", member.id),
            What::Changed => "changed".into(),
            What::Missed => "missed".into(),
            other => panic!("{other:?}"),
        });
    }
    story
}
