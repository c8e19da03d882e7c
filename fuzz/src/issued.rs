//! Tokens that were issued: their texts, their records, and what these rest on.

mod code;
mod family;
mod list;
mod login;
mod record;
mod text;
mod truth;

use crate::input::Input;

/// Any text in place of a token, any record in its place, any generations in theirs.
///
/// - A text is read exactly if it has the form that is documented, in whichever way it came about; and unless it is the
///   very token, it is refused without a word.
/// - A record says what an independent reading of its bytes says, or it is [`Error::Record`](roomkey_tokens::Error).
/// - Whatever a subject's ranking and the generations of types hold, a token counts only under its own, and the next one
///   that is issued counts.
pub fn issued(data: &[u8]) {
    let mut input = Input::new(data);
    let attack = input.choose(ATTACKS);
    attack(input);
}

const ATTACKS: &[fn(Input<'_>)] = &[text::any, text::edited, record::any, truth::subject, truth::types];

/// Any bytes in place of what is kept of a family of refresh tokens, of the index of a subject's sessions, of a cursor, and of
/// a one-time code.
///
/// - Only the token that is current is exchanged, only the one before it gets its successors once more, and any other ends
///   the family; whatever the family's record and its successors hold, what comes of them is what they say.
/// - What is listed counts, and what is no session hides none.
/// - A code is accepted once, if it was sent and a try is left, and says what its record says.
pub fn sessions(data: &[u8]) {
    let mut input = Input::new(data);
    let attack = input.choose(ATTACKS_ON_SESSIONS);
    attack(input);
}

const ATTACKS_ON_SESSIONS: &[fn(Input<'_>)] =
    &[family::record, family::ids, family::successors, list::cursor, list::index, code::any];
