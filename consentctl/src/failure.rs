//! What can go wrong, what to do next, and the exit code that says so.

use std::io;
use std::path::PathBuf;

use consentd_dbus::Error;
use consentd_dbus::lines::printable_json;
use consentd_dbus::names::exit;
use serde_json::json;
use zbus::fdo;

use crate::jar::JarError;
use crate::lines::Unfit;
use crate::printable::printable;
use crate::values::Malformed;

/// Why a verb did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The bus could not be reached.
    #[error("the bus cannot be reached: {0}")]
    NoBus(zbus::Error),
    /// The daemon, or the bus in its place, answered with an error.
    #[error("{}", text(.0))]
    Call(Error),
    /// The same, about a word that is close to one that exists.
    #[error("{0}")]
    Mistyped(Error, String),
    /// A name that more than one has.
    #[error("{} {what} are named `{text}`: {}", ids.len(), ids.join(", "))]
    Ambiguous {
        /// What was named.
        text: String,
        /// `apps`.
        what: &'static str,
        /// Those of that name.
        ids: Vec<String>,
    },
    /// The daemon ended a stream.
    #[error("the daemon ended the stream")]
    Ended,
    /// The lines of an export that came are not those that were sent.
    #[error("what came is not whole: {0}")]
    Unfit(Unfit),
    /// An answer that cannot be shown.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The catalogue has no entry of that id.
    #[error("the catalogue has no entry {0}")]
    NoEntry(String),
    /// The register has no breach of that number.
    #[error("no breach {0}")]
    NoBreach(String),
    /// No backup can be restored.
    #[error("there is no good backup to restore")]
    NoBackup,
    /// A browser's jar was not read.
    #[error(transparent)]
    Jar(#[from] JarError),
    /// A file that was named cannot be used.
    #[error("cannot {doing} {}: {error}; {next}", path.display())]
    File {
        /// `create`.
        doing: &'static str,
        path: PathBuf,
        error: io::Error,
        /// What to name instead.
        next: &'static str,
    },
    /// What clap cannot see.
    #[error("{0}")]
    Usage(String),
    /// Standard output cannot be written, or a stream not read.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Call(error)
    }
}

impl From<Unfit> for Failure {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::CutOff | Unfit::Empty => Failure::Ended,
            unfit @ (Unfit::NoEntry(_)
            | Unfit::Page
            | Unfit::TooLong
            | Unfit::UnknownKind(_)
            | Unfit::OutOfPlace(_)
            | Unfit::Count { .. }
            | Unfit::Changed
            | Unfit::NoSeal) => Failure::Unfit(unfit),
        }
    }
}

impl Failure {
    /// Whether the reader of our output has gone, which is no failure.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Failure::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit code of the contract.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::NoBus(_) | Failure::Ended => exit::UNREACHABLE,
            Failure::Call(error) | Failure::Mistyped(error, _) => code(error),
            Failure::Jar(JarError::Damaged { .. }) => exit::DAMAGED,
            Failure::Ambiguous { .. }
            | Failure::NoEntry(_)
            | Failure::NoBreach(_)
            | Failure::Jar(_) => exit::INVALID,
            Failure::Usage(_) | Failure::File { .. } => exit::USAGE,
            Failure::Malformed(_) | Failure::Unfit(_) | Failure::Io(_) | Failure::NoBackup => {
                exit::DAMAGED
            }
        }
    }

    /// The failure's name in JSON.
    pub fn name(&self) -> String {
        match self {
            Failure::NoBus(_) | Failure::Ended => "Unreachable".to_owned(),
            Failure::Call(error @ Error::Bus(_)) => match code(error) {
                exit::UNREACHABLE => "Unreachable".to_owned(),
                exit::NOT_AUTHORIZED => "NotAuthorized".to_owned(),
                _ => error.short_name(),
            },
            Failure::Call(error) | Failure::Mistyped(error, _) => error.short_name(),
            Failure::Ambiguous { .. } => "Ambiguous".to_owned(),
            Failure::Malformed(_) => "Malformed".to_owned(),
            Failure::Unfit(_) => "NotWhole".to_owned(),
            Failure::NoEntry(_) => "NoEntry".to_owned(),
            Failure::NoBreach(_) => "NoBreach".to_owned(),
            Failure::NoBackup => "NoBackup".to_owned(),
            Failure::Jar(_) => "Jar".to_owned(),
            Failure::Usage(_) | Failure::File { .. } => "Usage".to_owned(),
            Failure::Io(_) => "Io".to_owned(),
        }
    }

    /// What to do next, where the message does not say it already, as the daemon's own do.
    pub fn hint(&self) -> String {
        match self {
            Failure::NoBus(_) => {
                "start the bus, or name another one with --address or DBUS_SYSTEM_BUS_ADDRESS"
                    .to_owned()
            }
            Failure::Mistyped(_, near) => format!("did you mean {near}?"),
            Failure::Call(error) => next(error).to_owned(),
            Failure::Ambiguous { .. } => "name one by its id".to_owned(),
            Failure::Ended => "see `consentctl status`, then try again".to_owned(),
            Failure::Malformed(_) | Failure::Unfit(_) => {
                "consentd and consentctl should be of one version: `consentctl status --json` and \
                 `consentctl --version` show them"
                    .to_owned()
            }
            Failure::NoBackup => "`consentctl store check` shows them; `consentctl store reset` \
                                  begins anew"
                .to_owned(),
            Failure::NoEntry(_) => "`consentctl catalog list` shows what there is".to_owned(),
            Failure::NoBreach(_) => "`consentctl breach list` shows what there is".to_owned(),
            Failure::Usage(_) => "`consentctl help` shows how it is used".to_owned(),
            Failure::File { .. } | Failure::Io(_) | Failure::Jar(_) => String::new(),
        }
    }

    /// The failure for standard error.
    pub fn render(&self, json: bool) -> String {
        if json {
            let (name, message, hint) = (self.name(), self.to_string(), self.hint());
            let error = json!({"error": {"name": name, "message": message, "hint": hint}});
            printable_json(&error.to_string()).into_owned()
        } else {
            let (message, hint) = (self.lines(), printable(&self.hint()));
            let arrow = if hint.is_empty() { "" } else { "\n  → " };
            format!("consentctl: {message}{arrow}{hint}")
        }
    }

    /// The message for a terminal. A catalogue's problems stand on a line each, set in, so that none
    /// passes for a message of ours; any other message is one line.
    fn lines(&self) -> String {
        let message = self.to_string();
        if matches!(self, Failure::Call(Error::CatalogInvalid(_))) {
            return message.lines().map(printable).collect::<Vec<_>>().join("\n  ");
        }
        printable(&message)
    }
}

/// zbus' own errors are told by their text, not by their name.
fn text(error: &Error) -> String {
    let Error::Bus(zbus::Error::FDO(inner)) = error else { return error.to_string() };
    if matches!(**inner, fdo::Error::ServiceUnknown(_) | fdo::Error::NameHasNoOwner(_)) {
        "consentd does not run on this bus".to_owned()
    } else if code(error) == exit::UNREACHABLE {
        format!("consentd does not answer: {inner}")
    } else {
        inner.to_string()
    }
}

fn code(error: &Error) -> u8 {
    match error {
        Error::NotAuthorized(_) => exit::NOT_AUTHORIZED,
        Error::UnknownToggle(_)
        | Error::UnknownApp(_)
        | Error::UnknownCase(_)
        | Error::UnknownFormat(_)
        | Error::InvalidArgument(_)
        | Error::TooLarge(_)
        | Error::TooManyRequests(_)
        | Error::CatalogInvalid(_)
        | Error::NotSupported(_) => exit::INVALID,
        Error::StoreUnavailable(_) => exit::DAMAGED,
        Error::Bus(error) => bus_code(error),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "zbus' errors: whatever else, no answer came")]
fn bus_code(error: &zbus::Error) -> u8 {
    let zbus::Error::FDO(error) = error else { return exit::UNREACHABLE };
    match **error {
        fdo::Error::AccessDenied(_)
        | fdo::Error::AuthFailed(_)
        | fdo::Error::InteractiveAuthorizationRequired(_) => exit::NOT_AUTHORIZED,
        fdo::Error::InvalidArgs(_)
        | fdo::Error::InvalidSignature(_)
        | fdo::Error::LimitsExceeded(_)
        | fdo::Error::NotSupported(_)
        | fdo::Error::UnknownMethod(_)
        | fdo::Error::UnknownInterface(_) => exit::INVALID,
        _ => exit::UNREACHABLE,
    }
}

fn next(error: &Error) -> &'static str {
    match error {
        Error::UnknownToggle(_)
        | Error::UnknownApp(_)
        | Error::UnknownCase(_)
        | Error::UnknownFormat(_)
        | Error::NotAuthorized(_)
        | Error::InvalidArgument(_)
        | Error::TooLarge(_)
        | Error::TooManyRequests(_)
        | Error::NotSupported(_) => "",
        Error::StoreUnavailable(_) => {
            "`consentctl status` says more; so does the log: journalctl -u consentd"
        }
        Error::CatalogInvalid(_) => {
            "the catalogue in force stays; mend the file, then `consentctl catalog check`"
        }
        Error::Bus(error) if bus_code(error) == exit::NOT_AUTHORIZED => {
            "authenticate, or try it as root"
        }
        Error::Bus(error) if bus_code(error) == exit::INVALID => {
            "consentd and consentctl should be of one version"
        }
        Error::Bus(_) => "start it: systemctl start consentd; its log: journalctl -u consentd",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bus(error: fdo::Error) -> Failure {
        Failure::Call(Error::Bus(zbus::Error::FDO(Box::new(error))))
    }

    #[test]
    fn exit_codes_are_the_contracts() {
        let text = String::new;
        for (failure, code) in [
            (Failure::Usage(text()), 2),
            (Failure::Call(Error::NotAuthorized(text())), 3),
            (bus(fdo::Error::AccessDenied(text())), 3),
            (bus(fdo::Error::InteractiveAuthorizationRequired(text())), 3),
            (Failure::NoBus(zbus::Error::InvalidReply), 4),
            (bus(fdo::Error::ServiceUnknown(text())), 4),
            (bus(fdo::Error::NoReply(text())), 4),
            (bus(fdo::Error::SpawnChildExited(text())), 4),
            (Failure::Call(Error::Bus(zbus::Error::InvalidReply)), 4),
            (Failure::Ended, 4),
            (Failure::Call(Error::UnknownApp(text())), 5),
            (Failure::Mistyped(Error::UnknownToggle(text()), text()), 5),
            (Failure::Call(Error::InvalidArgument(text())), 5),
            (Failure::Call(Error::CatalogInvalid(text())), 5),
            (Failure::NoEntry(text()), 5),
            (Failure::Call(Error::StoreUnavailable(text())), 6),
        ] {
            assert_eq!(failure.exit_code(), code, "{failure:?}");
        }
    }

    #[test]
    fn an_error_cannot_forge_a_line_of_its_own() {
        let text = "no toggle a\nconsentctl: \u{1b}[2J\u{9b}1m".to_owned();
        let failure = Failure::Mistyped(Error::UnknownToggle(text), "\u{202e}b".to_owned());
        let shown = failure.render(false);
        assert!(shown.ends_with("a␤consentctl: \\u{1b}[2J\\u{9b}1m\n  → did you mean \\u{202e}b?"));
        assert!(failure.render(true).contains(r"a\nconsentctl: \u001b[2J\u009b1m"));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_no_question_of_usage() {
        let error = io::Error::from(io::ErrorKind::AlreadyExists);
        let (path, next) = ("/tmp/a".into(), "name another");
        let failure = Failure::File { doing: "create", path, error, next };
        let shown = failure.render(false);
        assert_eq!(shown, "consentctl: cannot create /tmp/a: entity already exists; name another");
        assert_eq!(failure.exit_code(), 2);
    }

    #[test]
    fn json_names_the_error_and_what_to_do() {
        let near = "ad-services".to_owned();
        let failure = Failure::Mistyped(Error::UnknownToggle("no toggle ad".to_owned()), near);
        assert_eq!(
            failure.render(true),
            r#"{"error":{"name":"UnknownToggle","message":"no toggle ad","hint":"did you mean ad-services?"}}"#
        );
        let away = bus(fdo::Error::ServiceUnknown("The name is not activatable".to_owned()));
        assert!(away.render(true).starts_with(
            r#"{"error":{"name":"Unreachable","message":"consentd does not run on this bus""#
        ));
    }
}
