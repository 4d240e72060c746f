//! Which process, and which user: pids that are reused, uids that stand for nobody.

use std::os::unix::process::CommandExt;
use std::process::Command;

use consentd::catalog::Trust;
use consentd::identity::{Credentials, Kind, Unidentified};

use crate::support::{
    Installed, Recorded, Running, SYSTEM_USER, declared, look, own_uid, require_root, system_user,
    with_descriptor, without_descriptor,
};

#[test]
fn credentials_that_could_be_anybody_s_are_nobody_s() {
    use Unidentified::{NoCredentials, NobodysUid};
    let table = [
        (None, None, NoCredentials),
        (None, Some(1), NoCredentials),
        (Some(1000), None, NoCredentials),
        (Some(1000), Some(0), NoCredentials),
        (Some(1000), Some(u32::MAX), NoCredentials),
        // As signed numbers these were -1 and below (polkit, CVE-2018-19788).
        (Some(u32::MAX), Some(1), NobodysUid(u32::MAX)),
        (Some(65534), Some(1), NobodysUid(65534)),
    ];
    for (uid, pid, why) in table {
        assert_eq!(Credentials::new(uid, pid, None).unwrap_err(), why, "{uid:?} {pid:?}");
    }
    assert_eq!(Credentials::new(Some(4_000_000_000), Some(1), None).unwrap().uid(), 4_000_000_000);
}

#[test]
fn a_process_that_ended_is_gone() {
    let installed = Installed::new();
    let running = installed.run();
    let pid = running.pid();
    let with = with_descriptor(own_uid(), pid);
    let without = without_descriptor(own_uid(), pid);
    drop(running);
    assert_eq!(look(with).unwrap_err(), Unidentified::Gone);
    assert_eq!(look(without).unwrap_err(), Unidentified::Gone);
}

/// The descriptor's process has ended; its pid is now that of a process worth being taken for
/// (polkit, CVE-2013-4288 and CVE-2019-6133).
#[test]
fn a_reused_pid_is_not_taken_for_the_process_that_connected() {
    let tree = Recorded::new(1000);
    tree.in_flatpak("[Application]\nname=org.example.Weather\n");
    let running = Installed::new().run();
    let credentials = Credentials::new(
        Some(1000),
        Some(tree.pid),
        Some(crate::support::descriptor(running.pid())),
    )
    .unwrap();
    tree.describe(&credentials, tree.pid);
    drop(running);
    assert_eq!(tree.look_at(credentials).unwrap_err(), Unidentified::Gone);
}

#[test]
fn a_descriptor_of_another_process_is_refused() {
    let running = Installed::new().run();
    let (bus, descriptor) = (std::process::id(), running.pid());
    let process_fd = crate::support::descriptor(descriptor);
    let credentials = Credentials::new(Some(own_uid()), Some(bus), Some(process_fd)).unwrap();
    assert_eq!(look(credentials).unwrap_err(), Unidentified::OtherProcess { bus, descriptor });
}

#[test]
fn a_process_of_another_user_than_connected_is_refused() {
    let running = Installed::new().run();
    let other = own_uid() + 1;
    let why = look(with_descriptor(other, running.pid())).unwrap_err();
    assert_eq!(why, Unidentified::OtherUser { bus: other, process: [own_uid(); 4] });
}

/// A set-user-id program does what the user who started it wants, as the user who owns it.
#[test]
fn a_process_between_two_users_is_refused() {
    if !require_root() {
        return;
    }
    for flag in ["--ruid", "--euid"] {
        let running = Running::start_and_hear_pid(
            Command::new("setpriv")
                .args([flag, &SYSTEM_USER.to_string(), "--clear-groups"])
                .args(["/bin/bash", "-p", "-c", "echo $$; kill -STOP $$"]),
        );
        for uid in [0, SYSTEM_USER] {
            let why = look(with_descriptor(uid, running.pid())).unwrap_err();
            assert!(matches!(why, Unidentified::OtherUser { .. }), "{flag} {uid}: {why}");
        }
    }
}

#[test]
fn a_declared_system_user_is_its_app_with_or_without_a_descriptor() {
    if !require_root() {
        return;
    }
    let running = Running::start(Command::new("/bin/sleep").arg("1000").uid(SYSTEM_USER));
    let apps = declared(&[("org.example.weather", system_user(SYSTEM_USER))]);
    let others = declared(&[("org.example.other", system_user(SYSTEM_USER + 1))]);
    for credentials in [
        with_descriptor(SYSTEM_USER, running.pid()),
        without_descriptor(SYSTEM_USER, running.pid()),
    ] {
        let peer = look(credentials).unwrap();
        let caller = peer.caller(&apps).unwrap();
        assert_eq!((caller.kind, &*caller.app), (Kind::User, "org.example.weather"));
        assert_eq!((caller.user, caller.trust), (SYSTEM_USER, Trust::System));
        assert!(matches!(peer.caller(&others), Err(Unidentified::Unrecognised(_))));
    }
}

#[test]
fn a_status_that_is_not_the_kernel_s_is_refused() {
    let tree = Recorded::new(1000);
    let pid = tree.pid;
    assert!(tree.look().is_ok());
    for text in [
        String::new(),
        "Tgid:\t1\nUid:\t1000\t1000\t1000\t1000\n".into(),
        format!("Tgid:\t{pid}\n"),
        format!("Tgid:\t{pid}\nUid:\t1000\t1000\t1000\n"),
        format!("Tgid:\t{pid}\nUid:\t1000\t1000\t1000\t1000\t1000\n"),
        format!("Tgid:\t{pid}\nUid:\t1000\t1000\t1000\t-1\n"),
        format!("Tgid:\t{pid}\nUid:\t1000\t1000\t1000\t1000\nUid:\t0\t0\t0\t0\n"),
    ] {
        tree.write("status", &text);
        assert_eq!(tree.look().unwrap_err(), Unidentified::Garbled { what: "status" }, "{text:?}");
    }
    tree.write("status", &"x".repeat(65 * 1024));
    assert!(matches!(tree.look(), Err(Unidentified::Unreadable { what: "status", .. })));
}

/// Such a process lives on in its other threads, and the kernel shows no root for it: that must not
/// read as "no .flatpak-info there".
#[test]
fn a_process_whose_main_thread_left_is_refused() {
    let tree = Recorded::new(1000);
    std::fs::remove_file(tree.file("root")).unwrap();
    let why = tree.look().unwrap_err();
    assert!(matches!(why, Unidentified::Unreadable { what: "root", .. }), "{why}");
    assert!(!why.is_definite());
}
