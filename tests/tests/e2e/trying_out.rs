//! `make demo` and `make play` do what they promise, and leave nothing behind.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};

/// The folder that a run named, which must be gone, and in whose name nothing may run any more.
fn left_nothing(output: &Output) -> Result<()> {
    let text = String::from_utf8_lossy(&output.stdout);
    let (_, rest) = text.split_once("/consentd-").context("no folder is named")?;
    let end = rest.find(|character: char| !character.is_ascii_alphanumeric());
    let name = format!("consentd-{}", &rest[..end.unwrap_or(rest.len())]);
    ensure!(!std::env::temp_dir().join(&name).exists(), "{name} is still there");
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path().join("cmdline");
        // Processes come and go while we look.
        let Ok(cmdline) = std::fs::read(&path) else { continue };
        let cmdline = String::from_utf8_lossy(&cmdline).into_owned();
        ensure!(!cmdline.contains(&name), "still running: {cmdline}");
    }
    Ok(())
}

fn run(program: &str, input: &str) -> Result<Output> {
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("SHELL", "/bin/sh")
        .spawn()
        .with_context(|| format!("starting {program}"))?;
    child.stdin.take().context("no stdin")?.write_all(input.as_bytes())?;
    Ok(child.wait_with_output()?)
}

#[test]
fn the_demo_tells_its_story_and_leaves_nothing() -> Result<()> {
    let output = run(env!("CARGO_BIN_EXE_demo"), "")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains('\u{1b}'), "colour where there is no terminal");
    for part in
        ["Weather: “", "consentctl explain", "consentctl log", "undeclared", "Whole: a case"]
    {
        assert!(text.contains(part), "no {part} in the story: {text}");
    }
    let (_, report) = text.rsplit_once("xdg-open ").context("no report at the end")?;
    let report_path = Path::new(report.trim());
    let page = std::fs::read_to_string(report_path)?;
    assert!(page.contains("Utrecht"), "{page}");
    assert_eq!(std::fs::metadata(report_path)?.permissions().mode() & 0o777, 0o600);
    left_nothing(&output)
}

#[test]
fn the_play_runs_a_shell_in_which_consentctl_works_and_leaves_nothing() -> Result<()> {
    let script = "consentctl status\nas game check ads.personalised device.oaid || echo refused\n\
                  consentctl set ad-services on >/dev/null\n\
                  as game check ads.personalised device.oaid && echo allowed\n\
                  as nobody whoami; as ../weather whoami; exit 7\n";
    let output = run(env!("CARGO_BIN_EXE_play"), script)?;
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(7), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for part in ["toggle-off", "refused", "consented", "allowed"] {
        assert!(text.contains(part), "no {part}: {text}");
    }
    assert!(String::from_utf8_lossy(&output.stderr).contains("no sample app is called nobody"));
    left_nothing(&output)
}

/// Whoever is told what is missing is told how to get it.
#[test]
fn what_a_target_needs_is_named() -> Result<()> {
    let need = consentd_tests::place::root().join("scripts/need");
    let usage = Command::new(&need).arg("poetry").output()?;
    assert_eq!(usage.status.code(), Some(2));
    // With nothing on the PATH everything is missing, and an ordinary user is told one line.
    let empty = tempfile::tempdir()?;
    for tool in ["sh", "sed", "dirname", "sort", "head", "cut", "apt-get"] {
        let real = consentd_tests::place::program(tool).with_context(|| tool.to_owned())?;
        std::os::unix::fs::symlink(real, empty.path().join(tool))?;
    }
    let id_path = empty.path().join("id");
    std::fs::write(&id_path, "#!/bin/sh\necho 1000\n")?;
    std::fs::set_permissions(&id_path, std::fs::Permissions::from_mode(0o755))?;
    let told = Command::new(&need).arg("demo").env("PATH", empty.path()).output()?;
    assert_eq!(told.status.code(), Some(1));
    let text = String::from_utf8_lossy(&told.stderr);
    assert!(text.contains("sudo apt-get install") && text.contains("gcc"), "{text}");
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    Ok(())
}
