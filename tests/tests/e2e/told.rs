//! What is installed to be read and typed: manual pages that format, completions that shells load.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use consentd_tests::prerequisite;

use crate::install::make;

/// The words that begin so, for a line that was begun.
const BEGUN: [&str; 3] = ["to", "lo", "wh"];
const COMPLETED: [&[&str]; 3] = [&["toggles"], &["lock", "log"], &["whoami"]];

#[test]
fn every_page_that_is_referred_to_is_there_and_formats_without_a_warning() -> Result<()> {
    let missing = prerequisite::program("man", "man-db");
    if prerequisite::skip(missing.or_else(|| prerequisite::program("groff", "groff-base"))) {
        return Ok(());
    }
    let root = tempfile::tempdir()?;
    make("install", root.path(), &[])?;
    let man_dir = root.path().join("usr/share/man");
    let (mut there, mut referred) = (BTreeSet::new(), BTreeSet::new());
    for section in ["man1", "man5", "man8"] {
        for entry in std::fs::read_dir(man_dir.join(section))? {
            let path = entry?.path();
            let name = path.file_name().context("no name")?.to_string_lossy().into_owned();
            let (title, number) = name.rsplit_once('.').context("no section")?;
            there.insert(format!("{title}({number})"));
            let text = format(&path)?;
            // Every page of a verb tells of itself, not of some other.
            ensure!(text.contains(title), "{name}: {text}");
            referred.extend(references(&text));
        }
    }
    assert_eq!(there, referred, "pages, and what they refer to");
    for verb in ["consentctl(1)", "consentctl-set(1)", "consentctl-catalog-list(1)"] {
        ensure!(there.contains(verb), "no {verb} in {there:?}");
    }
    Ok(())
}

/// A page as it is shown, in lines that nothing breaks.
fn format(path: &Path) -> Result<String> {
    let mut command = Command::new("man");
    command.args(["--warnings", "-E", "UTF-8", "-l"]).arg(path);
    command.env("MANWIDTH", "1000").env("LC_ALL", "C.UTF-8");
    let output = command.output().context("running man")?;
    let warnings = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && warnings.is_empty(), "{}: {warnings}", path.display());
    Ok(String::from_utf8(output.stdout)?)
}

/// `consentctl-set(1)` and the like, of our own.
fn references(text: &str) -> impl Iterator<Item = String> {
    text.split_whitespace()
        .map(|word| word.trim_matches(|letter| matches!(letter, ',' | '.' | ':' | ';')).to_owned())
        .filter(|word| word.starts_with("consent") && word.ends_with(')') && word.contains('('))
}

#[test]
fn the_page_of_the_daemon_has_its_options_and_its_folders_wherever_they_are() -> Result<()> {
    let root = tempfile::tempdir()?;
    make("install", root.path(), &["prefix=/opt/consentd", "sysconfdir=/opt/consentd/etc"])?;
    let page = root.path().join("opt/consentd/share/man/man8/consentd.8");
    let page = std::fs::read_to_string(page)?.replace("\\-", "-");
    let help = consentd::run::command().render_long_help().to_string();
    let options: BTreeSet<&str> = help
        .split_whitespace()
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '-'))
        .collect();
    ensure!(options.len() > 5, "no options in {help}");
    for option in options {
        ensure!(page.contains(option), "{option} is not on the page");
    }
    ensure!(page.contains("/opt/consentd/etc/consentd/consentd.toml"), "{page}");
    ensure!(!page.contains("/usr/share/consentd"), "{page}");
    Ok(())
}

#[test]
fn bash_loads_the_completions_and_completes_verbs_and_values() -> Result<()> {
    // As the function is called when Tab is pressed: its words are in COMP_WORDS.
    let script = r#"
        source "$1"; shift
        complete -p consentctl >/dev/null
        COMP_WORDS=(consentctl "$@"); COMP_CWORD=$#
        _consentctl consentctl "${!#}" "${COMP_WORDS[$#-1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let installed = Installed::new()?;
    let complete = |words: &[&str]| {
        let mut command = Command::new("bash");
        command.args(["--norc", "-euc", script, "bash"]);
        command.arg(installed.path("usr/share/bash-completion/completions/consentctl"));
        lines(command.args(words))
    };
    for (begun, completed) in BEGUN.into_iter().zip(COMPLETED) {
        assert_eq!(complete(&[begun])?, completed, "{begun}");
    }
    assert_eq!(complete(&["set", "location", "u"])?, ["unset"]);
    assert_eq!(complete(&["catalog", "list", "re"])?, ["recipients", "regions"]);
    assert_eq!(complete(&["log", "--decision", ""])?, ["allow", "deny", "ask"]);
    Ok(())
}

#[test]
fn fish_loads_the_completions_and_completes_verbs() -> Result<()> {
    if prerequisite::skip(prerequisite::program("fish", "fish")) {
        return Ok(());
    }
    let installed = Installed::new()?;
    for (begun, completed) in BEGUN.into_iter().zip(COMPLETED) {
        let mut command = Command::new("fish");
        command.env("HOME", installed.root.path());
        command.args(["--no-config", "-c", "source $argv[1]; complete -C \"consentctl $argv[2]\""]);
        command.arg(installed.path("usr/share/fish/vendor_completions.d/consentctl.fish"));
        let told = lines(command.arg(begun))?;
        let words: Vec<_> = told.iter().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(words, completed, "{begun}");
    }
    Ok(())
}

#[test]
fn zsh_finds_the_completions_and_loads_them() -> Result<()> {
    if prerequisite::skip(prerequisite::program("zsh", "zsh")) {
        return Ok(());
    }
    let installed = Installed::new()?;
    let mut command = Command::new("zsh");
    // compinit reads the file's first line; +X loads the rest.
    let script = r#"
        fpath=($1 $fpath)
        autoload -Uz compinit; compinit -u -D
        print -- $_comps[consentctl]
        autoload -Uz +X _consentctl
        print -- ${functions[_consentctl]} | grep -c toggles:
    "#;
    let dir = Path::new("usr/share/zsh");
    let dir = ["vendor-completions", "site-functions"]
        .map(|name| installed.root.path().join(dir).join(name));
    let dir = dir.iter().find(|dir| dir.is_dir()).context("no folder of zsh")?;
    command.args(["-f", "-euc", script, "zsh"]).arg(dir).env("HOME", installed.root.path());
    let told = lines(&mut command)?;
    assert_eq!(told.first().map(String::as_str), Some("_consentctl"), "{told:?}");
    ensure!(told.get(1).is_some_and(|count| count != "0"), "{told:?}");
    Ok(())
}

/// An installation in a folder of its own.
struct Installed {
    root: tempfile::TempDir,
}

impl Installed {
    fn new() -> Result<Installed> {
        let root = tempfile::tempdir()?;
        make("install", root.path(), &[])?;
        Ok(Installed { root })
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }
}

/// What a command prints, line by line.
fn lines(command: &mut Command) -> Result<Vec<String>> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && told.is_empty(), "{command:?}: {told}");
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}
