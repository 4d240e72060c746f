//! Which file a process runs, and whether others could have exchanged it.

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use consentd::apps::{AppIx, Identity};
use consentd::catalog::Trust;
use consentd::identity::{Kind, NotProven, NotRecognised, Unidentified};

use crate::support::{
    Installed, Running, SYSTEM_USER, declared, look, own_uid, require_program, require_root,
    with_descriptor, without_descriptor,
};

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// What its executable says about a process that runs `installed`'s program.
fn proven(running: &Running) -> Result<(), NotProven> {
    look(with_descriptor(own_uid(), running.pid())).unwrap().executable.map(drop)
}

#[test]
fn a_declared_executable_in_a_private_folder_is_its_app() {
    let installed = Installed::new();
    let running = installed.run();
    let apps = declared(&[("org.example.weather", installed.identity())]);
    for credentials in
        [with_descriptor(own_uid(), running.pid()), without_descriptor(own_uid(), running.pid())]
    {
        let peer = look(credentials).unwrap();
        assert_eq!(peer.executable_path(), Some(&*installed.program()));
        assert!(!peer.is_sandboxed());
        let caller = peer.caller(&apps).unwrap();
        assert_eq!((caller.kind, &*caller.app), (Kind::Executable, "org.example.weather"));
        assert_eq!((caller.declared, caller.trust), (Some(AppIx(0)), Trust::Weak));
        assert_eq!((caller.user, &*caller.instance), (own_uid(), ""));
    }
}

#[test]
fn an_executable_that_is_not_declared_is_no_app() {
    let installed = Installed::new();
    let running = installed.run();
    let apps = declared(&[("org.example.other", Identity::Executable("/usr/bin/other".into()))]);
    let why = look(with_descriptor(own_uid(), running.pid())).unwrap().caller(&apps).unwrap_err();
    assert_eq!(why, Unidentified::Unrecognised(NotRecognised::Undeclared(installed.program())));
    assert!(why.is_definite());
}

#[test]
fn a_link_to_an_executable_is_not_that_executable() {
    let installed = Installed::new();
    symlink(installed.program(), installed.path("link")).unwrap();
    let running = Running::start(Command::new(installed.path("link")).arg("1000"));
    let apps = declared(&[("org.example.weather", Identity::Executable(installed.path("link")))]);
    let why = look(with_descriptor(own_uid(), running.pid())).unwrap().caller(&apps).unwrap_err();
    assert_eq!(why, Unidentified::Unrecognised(NotRecognised::Undeclared(installed.program())));
}

#[test]
fn an_executable_that_others_may_write_to_is_no_app() {
    for mode in [0o775, 0o757, 0o777] {
        let installed = Installed::new();
        chmod(&installed.program(), mode);
        let running = installed.run();
        assert_eq!(proven(&running), Err(NotProven::Writable(installed.program())), "{mode:o}");
        chmod(&installed.program(), 0o755);
        assert_eq!(proven(&running), Ok(()), "{mode:o} mended");
    }
}

#[test]
fn an_executable_in_a_folder_that_others_may_write_to_is_no_app() {
    let installed = Installed::new();
    let running = installed.run();
    let folder = installed.path("");
    let folder = Path::new(folder.to_str().unwrap().trim_end_matches('/'));
    for mode in [0o770, 0o707, 0o1777] {
        chmod(folder, mode);
        assert_eq!(proven(&running), Err(NotProven::Writable(folder.into())), "{mode:o}");
    }
    chmod(folder, 0o755);
    assert_eq!(proven(&running), Ok(()));
}

#[test]
fn an_executable_of_another_user_is_no_app() {
    if !require_root() {
        return;
    }
    let installed = Installed::new();
    let running = installed.run();
    chown(installed.program(), Some(SYSTEM_USER), None).unwrap();
    let why = NotProven::Owner { path: installed.program(), uid: SYSTEM_USER };
    assert_eq!(proven(&running), Err(why));
    chown(installed.program(), Some(0), None).unwrap();
    assert_eq!(proven(&running), Ok(()));
}

#[test]
fn an_executable_that_was_replaced_is_no_app_until_it_starts_again() {
    let installed = Installed::new();
    let before = installed.run();
    let update = installed.copy("/bin/sleep", "update");
    std::fs::rename(update, installed.program()).unwrap();
    let Err(NotProven::Replaced(_)) = proven(&before) else {
        panic!("the old process still counts: {:?}", proven(&before));
    };
    assert_eq!(proven(&installed.run()), Ok(()));
    std::fs::remove_file(installed.program()).unwrap();
    assert!(matches!(proven(&before), Err(NotProven::Replaced(_))));
}

#[test]
fn a_script_is_no_app_whatever_its_declaration_says() {
    let installed = Installed::new();
    let script = installed.path("script");
    std::fs::write(&script, "#!/bin/sh\necho $$\nkill -STOP $$\n").unwrap();
    let run = Running::start_and_hear_pid(Command::new("/bin/sh").arg(&script));
    let shell = std::fs::canonicalize("/bin/sh").unwrap();
    let apps = declared(&[
        ("org.example.script", Identity::Executable(script)),
        ("org.example.shell", Identity::Executable(shell.clone())),
    ]);
    let peer = look(with_descriptor(own_uid(), run.pid())).unwrap();
    assert_eq!(peer.executable_path(), None);
    let why = NotRecognised::NotProven(NotProven::Interpreter(shell));
    assert_eq!(peer.caller(&apps), Err(Unidentified::Unrecognised(why)));
}

/// What a process calls its executable is its own affair: the file has to be the same.
#[test]
fn another_file_mounted_in_the_executable_s_place_is_no_app() {
    if !require_program("bwrap", "bubblewrap") {
        return;
    }
    let installed = Installed::new();
    let evil = installed.copy("/bin/bash", "evil");
    let run = Running::start_and_hear_pid(
        Command::new("bwrap")
            .args(["--die-with-parent", "--dev-bind", "/", "/", "--bind"])
            .args([&evil, &installed.program()])
            .arg(installed.program())
            .args(["-c", "echo $$; kill -STOP $$"]),
    );
    let peer = look(with_descriptor(own_uid(), run.pid())).unwrap();
    assert_eq!(peer.executable, Err(NotProven::Replaced(installed.program())));
    let apps = declared(&[("org.example.weather", installed.identity())]);
    assert!(peer.caller(&apps).is_err());
}
