//! Putting tables into a page that people write the rest of.

use crate::Result;

const BEGIN: &str = "<!-- results: written by `cargo xtask bench --publish` -->";
const END: &str = "<!-- end of results -->";

/// The page with what stands between its markers replaced.
pub(super) fn between_markers(page: &str, results: &str) -> Result<String> {
    let (before, rest) = page.split_once(BEGIN).ok_or_else(|| format!("the page has no line {BEGIN}"))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| format!("the page has no line {END}"))?;
    Ok(format!("{before}{BEGIN}\n\n{results}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_stays() {
        let page = format!("method\n{BEGIN}\nold\n{END}\nreasons\n");
        let Ok(once) = between_markers(&page, "new\n") else { panic!("no markers found") };
        assert_eq!(once, format!("method\n{BEGIN}\n\nnew\n\n{END}\nreasons\n"));
        assert_eq!(between_markers(&once, "new\n").ok().as_ref(), Some(&once));
        assert!(between_markers("a page without markers", "new").is_err());
    }
}
