//! `consentctl`: shows and sets what apps may collect, through the public interfaces alone; it never
//! opens the daemon's files. This file is the exit code's story.

mod answers;
mod args;
mod dialogue;
mod dictionary;
mod doctor;
mod failure;
mod jar;
mod json;
mod lines;
mod printable;
mod progress;
mod report;
mod screen;
mod session;
mod table;
mod time;
mod user;
mod values;
mod verbs;
mod words;

use std::env;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use consentd_dbus::names::exit;

use args::{Arguments, Export, Verb};
use doctor::Patient;
use failure::Failure;
use screen::Screen;
use session::Session;

/// The command line, for whatever documents it: pages, completions.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return wrong_usage(&error),
    };
    let json = arguments.json;
    match run(arguments) {
        Ok(code) => code.into(),
        Err(failure) if failure.is_broken_pipe() => exit::OK.into(),
        Err(failure) => {
            eprintln!("{}", failure.render(json));
            failure.exit_code().into()
        }
    }
}

fn run(arguments: Arguments) -> Result<u8, Failure> {
    let screen = Screen::stdout(arguments.json);
    if let Verb::Completions { shell } = arguments.verb {
        return verbs::completions(shell, &screen);
    }
    // It needs no bus: what was taken along is read anywhere.
    if let Verb::Export(Export { verify: Some(file), .. }) = &arguments.verb {
        return verbs::verify_export(file, &screen);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        // A bus that is away is one of its findings, not an error.
        if let Verb::Doctor { root } = arguments.verb {
            return doctor::doctor(Patient::new(root, arguments.address), &screen).await;
        }
        let address = arguments.address.as_deref();
        let session = Session::connect(address, arguments.user, screen).await?;
        verbs::run(&session, arguments.verb).await
    });
    // A thread that still reads a stream must not hold up the exit.
    runtime.shutdown_background();
    done
}

/// clap's own words, unless JSON is wanted; help and version are no errors.
fn wrong_usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let text = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        eprintln!("{}", Failure::Usage(text.to_owned()).render(true));
        return exit::USAGE.into();
    }
    let _ = error.print();
    if error.use_stderr() { exit::USAGE.into() } else { exit::OK.into() }
}
