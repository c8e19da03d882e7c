//! What the program was asked for.

use std::path::PathBuf;

use crate::Failed;

/// What this process is.
#[derive(Debug)]
pub(crate) enum Role {
    /// The one that shows.
    Stage(Options),
    /// One of those that are shown.
    Worker { number: u32 },
}

/// How to show.
#[derive(Debug)]
pub(crate) struct Options {
    /// Lines instead of a picture.
    pub(crate) headless: bool,
    /// How long; on a terminal until a key is pressed if this is not said.
    pub(crate) seconds: Option<u64>,
    pub(crate) workers: u32,
    /// Draw the last moment into this file, as SVG.
    pub(crate) picture: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Role, Failed> {
        let mut options = Self { headless: false, seconds: None, workers: 6, picture: None };
        let number = |arg: &str, args: &mut dyn Iterator<Item = String>| -> Result<u32, Failed> {
            let number = args.next().and_then(|text| text.parse().ok());
            number.ok_or_else(|| format!("`{arg}` wants a number").into())
        };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "worker" => return Ok(Role::Worker { number: number(&arg, &mut args)? }),
                "--headless" => options.headless = true,
                "--seconds" => options.seconds = Some(number(&arg, &mut args)?.into()),
                "--workers" => options.workers = number(&arg, &mut args)?.clamp(1, 24),
                "--picture" => options.picture = args.next().map(PathBuf::from),
                other => {
                    return Err(format!(
                        "rooms-demo [--headless] [--seconds N] [--workers N] [--picture FILE] does not know `{other}`"
                    )
                    .into());
                }
            }
        }
        Ok(Role::Stage(options))
    }
}
