//! How the command ends when it does not end well: one line on standard error, and an exit status.

use std::process::ExitCode;

use twinpool::Error;

/// Why the command stops.
#[derive(Debug)]
pub enum Failure {
    /// Wrong usage, or the pair could not be opened: status 2.
    NotStarted(String),
    /// The work was begun and could not be finished: status 1.
    Failed(String),
    /// Everything was said already: status 1.
    Reported,
    /// Whoever read our output has gone: nobody is left to talk to.
    OutputClosed,
}

impl Failure {
    pub fn not_started(error: &Error) -> Failure {
        Failure::NotStarted(error.to_string())
    }

    pub fn report(&self) -> ExitCode {
        match self {
            Failure::NotStarted(message) => {
                complain(message);
                ExitCode::from(2)
            }
            Failure::Failed(message) => {
                complain(message);
                ExitCode::from(1)
            }
            Failure::Reported => ExitCode::from(1),
            // As a process ends that was killed by SIGPIPE.
            Failure::OutputClosed => ExitCode::from(141),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Failed(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::Failed(format!("output: {error}")),
        }
    }
}

/// `twinpool: …`, whatever lines the text came in.
pub fn complain(message: &str) {
    use std::io::Write;
    // Standard error may be closed; that is no reason to die.
    let _ = writeln!(std::io::stderr(), "twinpool: {}", one_line(message));
}

/// The words of a text with one space between them, control characters dropped: drivers send texts of
/// several lines, and a server's text must not steer the terminal.
pub fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// What clap has to say: help and version as they are, errors in one line.
pub fn usage(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(2)
        }
        _ => {
            let text = error.to_string();
            // The first paragraphs say what is wrong, and what was perhaps meant; usage and the pointer to
            // --help follow.
            let end = text.find("\n\nUsage:").or_else(|| text.find("\n\nFor more")).unwrap_or(text.len());
            complain(text[..end].trim_start_matches("error: "));
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_a_driver_sends() {
        assert_eq!(one_line("a\n\tb \u{1b}[31mc\r\n"), "a b [31mc");
    }
}
