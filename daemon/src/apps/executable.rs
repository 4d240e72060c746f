//! Which executables can stand for an app: those the kernel shows when the app runs. An
//! interpreter cannot: it would make every script of that language the app.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// Programs that run others' code, by name; a version may follow: `python3.11`, `lua5.4`.
const INTERPRETERS: [&str; 48] = [
    "ash",
    "awk",
    "bash",
    "bun",
    "busybox",
    "cjs",
    "cjs-console",
    "csh",
    "dash",
    "deno",
    "dotnet",
    "electron",
    "elvish",
    "env",
    "erl",
    "expect",
    "fish",
    "gawk",
    "gjs",
    "gjs-console",
    "guile",
    "irb",
    "java",
    "javaw",
    "jshell",
    "ksh",
    "lua",
    "luajit",
    "mawk",
    "mksh",
    "mono",
    "node",
    "nodejs",
    "nu",
    "ocaml",
    "perl",
    "php",
    "pwsh",
    "rbash",
    "ruby",
    "sh",
    "tclsh",
    "tcsh",
    "toybox",
    "wine",
    "wish",
    "yash",
    "zsh",
];

/// The same, by how their names begin; the loader, which is what the kernel shows of a program
/// that it was told to run, is one of them.
const FAMILIES: [&str; 7] = ["python", "pypy", "qemu-", "ld-linux", "ld-musl", "ld.so", "wine64"];

/// The path the kernel will show for a declared executable.
///
/// A file that is not there yet is taken as it is declared: what then runs under that path is
/// looked at when it calls.
///
/// # Errors
/// Why it cannot stand for an app, and what would be right.
pub(super) fn resolve(declared: &str) -> Result<PathBuf, String> {
    let path = Path::new(declared);
    if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        return Err(format!(
            "`{declared}` is no absolute path; write it from `/` on, without `..`"
        ));
    }
    let normal: PathBuf = path.components().collect();
    if normal.as_os_str() != path.as_os_str() || path.file_name().is_none() {
        return Err(format!(
            "`{declared}` is not in its shortest form; write `{}`",
            normal.display()
        ));
    }
    not_interpreter(path, declared)?;
    let Ok(real) = fs::canonicalize(path) else { return Ok(normal) };
    not_interpreter(&real, declared)?;
    match fs::metadata(&real) {
        Ok(file) if !file.is_file() => {
            return Err(format!("`{declared}` is no file; name the program itself"));
        }
        Ok(_) | Err(_) => {}
    }
    match script(&real) {
        Some(interpreter) => Err(format!(
            "`{declared}` is a script, of which the kernel shows only `{interpreter}`; name a program, or recognise the app by its unit, user or sandbox"
        )),
        None => Ok(real),
    }
}

fn not_interpreter(path: &Path, declared: &str) -> Result<(), String> {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    if !is_interpreter(name) {
        return Ok(());
    }
    Err(format!(
        "`{declared}` is an interpreter (`{name}`): every program it runs would be this app; recognise the app by its unit, user or sandbox"
    ))
}

fn is_interpreter(name: &str) -> bool {
    let is_version = |rest: &str| {
        rest.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, '.' | '-' | '_'))
    };
    FAMILIES.iter().any(|family| name.starts_with(family))
        || INTERPRETERS.iter().any(|known| name.strip_prefix(known).is_some_and(is_version))
}

/// The interpreter of a `#!` line.
fn script(path: &Path) -> Option<String> {
    let mut start = [0; 128];
    let length = File::open(path).ok()?.read(&mut start).ok()?;
    let line = start[..length].strip_prefix(b"#!")?;
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    Some(line.split_whitespace().next().unwrap_or("its interpreter").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_are_known_with_and_without_a_version() {
        let known = [
            "python",
            "python3",
            "python3.11",
            "python3-dbg",
            "pypy3",
            "bash",
            "sh",
            "dash",
            "zsh",
            "perl",
            "perl5.36.0",
            "ruby3.1",
            "node",
            "node18",
            "nodejs",
            "java",
            "lua5.4",
            "busybox",
            "env",
            "php8.2",
            "gjs",
            "gjs-console",
            "deno",
            "bun",
            "tclsh8.6",
            "guile-3.0",
            "qemu-aarch64-static",
            "ld-linux-x86-64.so.2",
        ];
        for name in known {
            assert!(is_interpreter(name), "{name}");
        }
        for name in ["weather", "shell", "nodesoft", "environment", "javafxapp", "phpstorm", "buns"]
        {
            assert!(!is_interpreter(name), "{name}");
        }
    }

    #[test]
    fn a_link_stands_for_the_file_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let program = root.join("weather-2.0");
        fs::write(&program, b"\x7fELF").unwrap();
        let link = root.join("weather");
        std::os::unix::fs::symlink(&program, &link).unwrap();
        assert_eq!(resolve(link.to_str().unwrap()), Ok(program));
    }

    #[test]
    fn scripts_and_links_to_interpreters_cannot_stand_for_an_app() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("weather");
        fs::write(&script, "#! /usr/bin/python3 -I\nprint()\n").unwrap();
        let said = resolve(script.to_str().unwrap()).unwrap_err();
        assert!(said.contains("`/usr/bin/python3`"), "{said}");

        let interpreter = dir.path().join("python3.11");
        fs::write(&interpreter, b"\x7fELF").unwrap();
        let link = dir.path().join("maps");
        std::os::unix::fs::symlink(&interpreter, &link).unwrap();
        let said = resolve(link.to_str().unwrap()).unwrap_err();
        assert!(said.contains("is an interpreter (`python3.11`)"), "{said}");

        let said = resolve(dir.path().to_str().unwrap()).unwrap_err();
        assert!(said.contains("is no file"), "{said}");
    }

    #[test]
    fn paths_are_absolute_and_in_their_shortest_form() {
        for wrong in [
            "weather",
            "./weather",
            "/usr/../bin/weather",
            "/usr//bin/weather",
            "/usr/./x",
            "/usr/x/",
            "/",
            "",
        ] {
            assert!(resolve(wrong).is_err(), "{wrong}");
        }
        assert_eq!(resolve("/nowhere/weather"), Ok(PathBuf::from("/nowhere/weather")));
    }
}
