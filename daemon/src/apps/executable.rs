//! Which executables can stand for an app: those the kernel shows when the app runs. An
//! interpreter cannot: it would make every script of that language the app.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use crate::identity::is_interpreter;

/// The path the kernel will show for a declared executable.
///
/// A file that is not there yet is taken as it is declared: what then runs under that path is
/// looked at when it calls.
///
/// # Errors
/// Why it cannot stand for an app, and what would be right.
pub(super) fn resolve(declared: &str) -> Result<PathBuf, String> {
    let path = Path::new(declared);
    if declared.chars().any(char::is_control) {
        return Err("has control characters; write the path on one line".to_owned());
    }
    if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        return Err(format!(
            "`{declared}` is no absolute path; write it from `/` on, without `..`"
        ));
    }
    if path.file_name().is_none() {
        return Err(format!("`{declared}` is no file; name the program itself"));
    }
    let normal: PathBuf = path.components().collect();
    if normal.as_os_str() != path.as_os_str() {
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
    if !is_interpreter(path) {
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().display();
    Err(format!(
        "`{declared}` is an interpreter (`{name}`): every program it runs would be this app; recognise the app by its unit, user or sandbox"
    ))
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
