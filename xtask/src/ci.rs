//! `cargo xtask ci`: the one definition of green. CI runs exactly this.

use crate::failure::{Result, only};
use crate::steps::Steps;
use crate::{deny, doc, fmt, fuzz, lint, rooms_demo, test, tidy};

/// Runs every check, the quick ones first, up to the first that fails.
///
/// Ends with the closing line of [`mod@test`], alone on the last line.
pub(crate) fn run(args: &[String]) -> Result {
    only("ci", args, &[])?;
    let mut steps = Steps::new();
    let verdict = checks(&mut steps);
    println!("{steps}");
    verdict?.close()
}

fn checks(steps: &mut Steps) -> Result<test::Verdict> {
    steps.run("fmt", fmt::check)?;
    steps.run("lint", lint::check)?;
    steps.run("doc", doc::check)?;
    steps.run("tidy", tidy::check)?;
    deny::check(steps, deny::installs_in_ci())?;
    fuzz::check(steps, &fuzz::Options::default())?;
    rooms_demo::check(steps)?;
    test::everything(steps, &test::Options::default())
}
