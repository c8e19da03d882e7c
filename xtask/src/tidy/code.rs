//! Rust source with its comments and the insides of its literals blanked out.
//!
//! Rules about code must not trip over prose that mentions what they forbid, nor over their own tests.

/// The same text, line for line and byte for byte, where everything that is not code has become spaces.
/// Quotes stay, so that one still sees where a literal was.
pub(super) fn code_only(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = at + span(bytes, at).unwrap_or(1);
        if end == at + 1 && bytes[at].is_ascii() {
            code.push(char::from(bytes[at]));
        } else {
            code.extend(
                bytes[at..end]
                    .iter()
                    .map(|&byte| if matches!(byte, b'\n' | b'"') { char::from(byte) } else { ' ' }),
            );
        }
        at = end;
    }
    code
}

/// How long the comment or the literal is that begins here, if one does.
fn span(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let in_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => Some(rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(block_comment(rest)),
        [b'"', ..] => Some(string(rest)),
        [b'r', b'"' | b'#', ..] if !in_word => raw_string(rest),
        [b'b' | b'c', b'r', b'"' | b'#', ..] if !in_word => raw_string(&rest[1..]).map(|length| length + 1),
        [b'\'', ..] => character(rest),
        _ => None,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// `r"…"` or `r#"…"#`; `r#name` is none.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|&&byte| byte == b'#').count();
    let body = 2 + hashes;
    if rest.get(body - 1) != Some(&b'"') {
        return None;
    }
    let end = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let length = rest[body..].windows(end.len()).position(|window| window == end);
    Some(length.map_or(rest.len(), |length| body + length + end.len()))
}

/// `'x'`, `'\n'` or `'ü'`; the quote of a lifetime or a label has no partner.
fn character(rest: &[u8]) -> Option<usize> {
    // The longest, `\u{10ffff}`, is ten bytes; a cut through what follows does not matter.
    let text = rest[1..rest.len().min(12)].utf8_chunks().next()?.valid();
    let mut chars = text.chars();
    let first = chars.next()?;
    if first == '\\' {
        // The escaped character may itself be a quote.
        let escaped = chars.next()?.len_utf8();
        return text[1 + escaped..].find('\'').map(|at| 1 + 1 + escaped + at + 1);
    }
    (chars.next() == Some('\'')).then_some(1 + first.len_utf8() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_code_stays() {
        let cases = [
            ("a // dbg!(x)\nb", "a b"),
            ("/* a /* b */ c */ d", "d"),
            (r#"f("a \" b", 1)"#, r#"f(" " ", 1)"#),
            ("r#\"a \" b\"# + r#type", "\" \" \" + r#type"),
            (r"g('\'', '{', 'a')", "g( , , )"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            ("br\"x\" b\"y\" b'z'", "\" \" b\" \" b"),
        ];
        for (source, code) in cases {
            let blanked = code_only(source);
            assert_eq!(blanked.split_whitespace().collect::<Vec<_>>().join(" "), code, "{source}");
            assert_eq!(blanked.len(), source.len(), "{source}");
        }
    }

    #[test]
    fn lines_stay_where_they_are() {
        let source = "let a = \"\n\nü\";\n// é\nlet b = 'ü'; /* \n */ c";
        assert_eq!(code_only(source).lines().count(), source.lines().count());
        assert!(code_only(source).ends_with(" c"));
    }

    #[test]
    fn what_does_not_end_ends_with_the_file() {
        for source in ["\"abc", "/* abc", "r#\"abc\"", "'\\", "\"\\"] {
            assert_eq!(code_only(source).len(), source.len(), "{source}");
        }
    }
}
