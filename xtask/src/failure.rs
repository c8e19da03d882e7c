//! How a task fails: a message for people and an exit code for programs.

/// What every task returns.
pub(crate) type Result<T = ()> = std::result::Result<T, Failure>;

/// Why a task could not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Empty if the task has already said what is wrong.
    message: String,
    code: u8,
}

impl Failure {
    /// A failure with a message and exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// The exit code of a child that has itself said what is wrong, handed on.
    pub(crate) fn with_code(code: u8) -> Self {
        Self { message: String::new(), code }
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// Says on stderr what is wrong.
    pub(crate) fn report(&self) {
        if !self.message.is_empty() {
            eprintln!("\nerror: {}", self.message);
        }
    }
}

/// A child that cannot be started, a file that cannot be read: `what` names it.
pub(crate) fn io(what: impl std::fmt::Display, error: &std::io::Error) -> Failure {
    Failure::new(format!("{what}: {error}"))
}

/// Refuses arguments that the command does not know, so that a typo is not silently ignored.
pub(crate) fn only(command: &str, args: &[String], known: &[&str]) -> Result {
    match args.iter().find(|arg| !known.contains(&arg.as_str())) {
        None => Ok(()),
        Some(arg) => Err(Failure::new(format!("`cargo xtask {command}` does not know `{arg}`"))),
    }
}
