//! What to fuzz, and for how long.

use std::path::PathBuf;

use crate::failure::{Failure, Result};

/// What `cargo xtask fuzz` was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// The targets; all if there is none.
    pub(super) targets: Vec<String>,
    /// For how long each is given new inputs.
    pub(super) seconds: u32,
    /// Run this one input instead.
    pub(super) input: Option<PathBuf>,
    /// Reduce the corpus to what is needed instead.
    pub(super) merge: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { targets: Vec::new(), seconds: 60, input: None, merge: false }
    }
}

impl Options {
    pub(super) fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| Failure::new(format!("{arg} needs a value")));
            match arg.as_str() {
                "--seconds" => {
                    let seconds = value()?.parse().ok().filter(|seconds| *seconds > 0);
                    // To libFuzzer 0 is for ever.
                    options.seconds =
                        seconds.ok_or_else(|| Failure::new("--seconds takes a number from 1 on"))?;
                }
                "--input" => options.input = Some(value()?.into()),
                "--merge" => options.merge = true,
                name if !name.starts_with('-') => options.targets.push(name.to_owned()),
                other => return Err(Failure::new(format!("`cargo xtask fuzz` does not know `{other}`"))),
            }
        }
        match options {
            Self { input: Some(_), merge: true, .. } => {
                Err(Failure::new("--input and --merge exclude each other"))
            }
            Self { input: Some(_), ref targets, .. } if targets.len() != 1 => {
                Err(Failure::new("--input needs the one target that it is for"))
            }
            options => Ok(options),
        }
    }

    /// The targets that were asked for, of those that there are.
    pub(super) fn choose(&self, names: &[String]) -> Result<Vec<String>> {
        match self.targets.iter().find(|name| !names.contains(name)) {
            Some(name) => {
                Err(Failure::new(format!("there is no target `{name}`; there are {}", names.join(", "))))
            }
            None if self.targets.is_empty() => Ok(names.to_vec()),
            None => Ok(self.targets.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A failed unwrap is a failed test.")]

    use super::*;

    fn parse(args: &[&str]) -> Result<Options> {
        Options::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn targets_and_seconds_in_any_order() {
        assert_eq!(parse(&[]).unwrap(), Options::default());
        let options = parse(&["values", "--seconds", "5", "texts"]).unwrap();
        assert_eq!((options.seconds, &options.targets), (5, &vec!["values".into(), "texts".into()]));
        let names = ["texts", "tokens", "values"].map(str::to_owned);
        assert_eq!(options.choose(&names).unwrap(), ["values", "texts"]);
        assert_eq!(Options::default().choose(&names).unwrap(), names);
        assert!(options.choose(&names[..1]).is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for args in [
            &["--seconds"][..],
            &["--seconds", "0"],
            &["--seconds", "soon"],
            &["--forever"],
            &["--input", "file"],
            &["one", "two", "--input", "file"],
            &["one", "--merge", "--input", "file"],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
    }
}
