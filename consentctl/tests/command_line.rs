//! What a shell sees where no daemon answers: exit codes, which stream, which form.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn consentctl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_consentctl"))
        .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
        .args(arguments)
        .output()
        .expect("consentctl starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn help_and_version_are_no_errors() {
    for argument in ["--help", "--version", "help"] {
        let output = consentctl(&[argument]);
        assert_eq!(output.status.code(), Some(0), "{argument}");
        assert!(output.stderr.is_empty() && !output.stdout.is_empty(), "{argument}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_right() {
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["set", "ad-services"],
        &["set", "ad-services", "maybe"],
        &["set", "ad-services", "on", "--for", "long"],
        &["set", "ad-services", "on", "--for", "2h", "--once"],
        &["set", "ad-services", "on", "--app", "a", "--others"],
        &["check", "ads.personalised"],
        &["log", "--since", "soon"],
        &["log", "--follow", "--limit", "3"],
        &["profile", "set"],
        &["status", "--user", "no-such-user-here"],
    ] {
        let output = consentctl(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(text(&output.stderr).contains("Usage") || text(&output.stderr).contains("--help"));
    }
}

#[test]
fn a_bus_that_is_not_there_ends_with_4_and_says_what_to_do() {
    let output = consentctl(&["status"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(output.stdout.is_empty());
    let error = text(&output.stderr);
    assert!(error.contains("/nonexistent/bus") && error.contains("--address"), "{error}");
    assert!(!error.contains('\x1b'), "no colour off a terminal: {error}");
}

#[test]
fn address_wins_over_the_environment() {
    let output = consentctl(&["--address", "unix:path=/elsewhere/bus", "status"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("/elsewhere/bus"));
}

#[test]
fn with_json_every_error_is_one_object_on_stderr() {
    for (arguments, code, name) in [
        (&["--json", "status"][..], 4, "Unreachable"),
        (&["frobnicate", "--json"], 2, "Usage"),
        (&["--json", "set", "ad-services", "maybe"], 2, "Usage"),
    ] {
        let output = consentctl(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(output.stdout.is_empty());
        let error: Value = serde_json::from_slice(&output.stderr).expect("JSON alone");
        assert_eq!(error["error"]["name"], name);
        let told = |key: &str| error["error"][key].as_str().is_some_and(|text| !text.is_empty());
        assert!(told("message") && told("hint"), "{error}");
    }
}

#[test]
fn a_reader_that_went_away_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_consentctl"))
        .arg("--help")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("consentctl starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
}
