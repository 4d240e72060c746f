//! Real sandboxes, made by bubblewrap as flatpak makes them, and hostile ones.

use std::fs::Permissions;
use std::io::{Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use consentd::apps::Identity;
use consentd::catalog::Trust;
use consentd::identity::{FlatpakFault, Kind, Peer, Unidentified};

use rustix::process::Uid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities, set_thread_res_uid,
};

use crate::support::{
    Installed, Recorded, Running, SYSTEM_USER, declared, look, own_uid, require_program,
    require_root, with_descriptor, without_descriptor,
};

const INFO: &str = "[Application]\nname=org.example.Weather\n\n[Instance]\ninstance-id=4711\n";

/// A shell in a root of its own, with what stands in `arguments`; tells its pid and waits.
///
/// Never the machine's own root: bubblewrap makes the places that it mounts on.
fn bwrap(arguments: &[&str]) -> Command {
    let mut command = Command::new("bwrap");
    command
        .args(["--die-with-parent", "--unshare-user", "--ro-bind", "/usr", "/usr"])
        .args(["--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"])
        .args(["--symlink", "usr/lib64", "/lib64", "--proc", "/proc"])
        .args(arguments)
        .args(["/bin/sh", "-c", "echo $$; kill -STOP $$"]);
    command
}

fn sandbox(arguments: &[&str]) -> Running {
    Running::start_and_hear_pid(&mut bwrap(arguments))
}

fn installed_bwrap() -> bool {
    require_program("bwrap", "bubblewrap")
}

fn peer(running: &Running) -> Result<Peer, Unidentified> {
    look(with_descriptor(own_uid(), running.pid()))
}

/// The file as bubblewrap makes it for flatpak: from a descriptor, readable by its user alone.
fn flatpak(info: &str) -> Running {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(info.as_bytes()).unwrap();
    file.rewind().unwrap();
    let mut command = bwrap(&["--ro-bind-data", "0", "/.flatpak-info"]);
    Running::start_and_hear_pid_with_input(command.stdin(OwnedFd::from(file)))
}

#[test]
fn a_flatpak_is_confined_where_the_bus_holds_the_process_and_else_weak() {
    if !installed_bwrap() {
        return;
    }
    let running = flatpak(INFO);
    let apps =
        declared(&[("org.example.weather", Identity::Flatpak("org.example.Weather".into()))]);
    let peer = peer(&running).unwrap();
    assert!(peer.is_sandboxed());
    let caller = peer.caller(&apps).unwrap();
    assert_eq!((caller.kind, &*caller.app), (Kind::Flatpak, "org.example.weather"));
    assert_eq!((&*caller.instance, caller.trust), ("4711", Trust::Confined));
    let undeclared = peer.caller(&declared(&[])).unwrap();
    assert_eq!((&*undeclared.app, undeclared.declared), ("flatpak:org.example.Weather", None));
    let weak = look(without_descriptor(own_uid(), running.pid())).unwrap();
    assert_eq!(weak.caller(&apps).unwrap().trust, Trust::Weak);
}

#[test]
fn a_flatpak_runtime_without_an_app_is_refused() {
    if !installed_bwrap() {
        return;
    }
    let running = flatpak("[Runtime]\nruntime=runtime/org.example.Platform/x86_64/23\n");
    assert_eq!(peer(&running).unwrap_err(), FlatpakFault::Runtime.into());
}

/// Whoever can make a user namespace can put anything there. None of it reads as "not a flatpak".
#[test]
fn a_hostile_flatpak_info_is_refused() {
    if !installed_bwrap() {
        return;
    }
    let files = Installed::new();
    let file = |name: &str, text: &[u8]| {
        std::fs::write(files.path(name), text).unwrap();
        files.path(name).to_str().unwrap().to_owned()
    };
    let pipe = files.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pipe = pipe.to_str().unwrap();
    let huge = file("huge", &b"[Application]\nname=org.example.Weather\n#".repeat(2000));
    let empty = file("empty", b"");
    let garbage = file("garbage", b"\x7fELF\x02\x01\x01\0");
    let good = file("good", INFO.as_bytes());
    const INSIDE: &str = "/.flatpak-info";
    let table: &[(&[&str], FlatpakFault)] = &[
        (&["--symlink", "/usr/bin/sh", INSIDE], FlatpakFault::NotRegular),
        (&["--ro-bind", &good, "/good", "--symlink", "/good", INSIDE], FlatpakFault::NotRegular),
        (&["--dir", INSIDE], FlatpakFault::NotRegular),
        (&["--dev-bind", "/dev/zero", INSIDE], FlatpakFault::NotRegular),
        (&["--bind", pipe, INSIDE], FlatpakFault::NotRegular),
        (&["--ro-bind", "/proc/kmsg", INSIDE], FlatpakFault::Size(0)),
        (&["--ro-bind", &empty, INSIDE], FlatpakFault::Size(0)),
        (
            &["--ro-bind", &huge, INSIDE],
            FlatpakFault::Size(std::fs::metadata(&huge).unwrap().len()),
        ),
        (&["--ro-bind", &garbage, INSIDE], FlatpakFault::Syntax(1)),
    ];
    for (arguments, fault) in table {
        let running = sandbox(arguments);
        assert_eq!(peer(&running).unwrap_err(), fault.clone().into(), "{arguments:?}");
    }
    // The same sandbox, with a file that flatpak could have written.
    assert!(peer(&sandbox(&["--ro-bind", &good, INSIDE])).unwrap().flatpak.is_some());
}

#[test]
fn a_sandbox_without_a_name_is_no_app_and_may_not_change_settings() {
    if !installed_bwrap() {
        return;
    }
    let own_root = peer(&sandbox(&[])).unwrap();
    assert!(own_root.is_sandboxed());
    assert!(matches!(own_root.caller(&declared(&[])), Err(Unidentified::Unrecognised(_))));
    // Its own user namespace alone.
    let own_namespace = Running::start_and_hear_pid(
        Command::new("bwrap")
            .args(["--die-with-parent", "--unshare-user", "--dev-bind", "/", "/"])
            .args(["/bin/sh", "-c", "echo $$; kill -STOP $$"]),
    );
    assert!(peer(&own_namespace).unwrap().is_sandboxed());
    assert!(!peer(&Installed::new().run()).unwrap().is_sandboxed());
}

/// Does it in a thread that is the daemon as its unit starts it: a user of its own, with these
/// capabilities alone.
fn as_the_unit_does<T: Send>(capabilities: CapabilitySet, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let user = Uid::from_raw(SYSTEM_USER);
            set_keep_capabilities(true).unwrap();
            set_thread_res_uid(user, user, user).unwrap();
            let inheritable = CapabilitySet::empty();
            let sets =
                CapabilitySets { effective: capabilities, permitted: capabilities, inheritable };
            set_capabilities(None, sets).unwrap();
            work()
        });
        thread.join().unwrap()
    })
}

#[test]
fn the_daemon_needs_two_capabilities_to_examine_other_users_and_no_more() {
    const BOTH: CapabilitySet = CapabilitySet::SYS_PTRACE.union(CapabilitySet::DAC_READ_SEARCH);
    if !installed_bwrap() || !require_root() {
        return;
    }
    let running = flatpak(INFO);
    let credentials = || without_descriptor(0, running.pid());
    let found = as_the_unit_does(BOTH, || look(credentials())).unwrap();
    assert_eq!(&*found.flatpak.unwrap().app, "org.example.Weather");
    for (capabilities, file) in [
        (CapabilitySet::SYS_PTRACE, "root/.flatpak-info"),
        (CapabilitySet::DAC_READ_SEARCH, "exe"),
        (CapabilitySet::empty(), "exe"),
    ] {
        let answer = as_the_unit_does(capabilities, || look(credentials()));
        let Err(Unidentified::Unreadable { what, .. }) = answer else {
            panic!("{capabilities:?}: {answer:?}");
        };
        assert_eq!(what, file, "{capabilities:?}");
    }
}

#[test]
fn a_root_that_cannot_be_looked_into_does_not_read_as_no_flatpak() {
    if !require_root() {
        return;
    }
    let tree = Recorded::new(1000);
    let chmod = |name: &str, mode| {
        std::fs::set_permissions(tree.path(name), Permissions::from_mode(mode)).unwrap();
    };
    chmod("", 0o755);
    let look = || as_the_unit_does(CapabilitySet::empty(), || tree.look());
    assert_eq!(look().unwrap().flatpak, None);
    chmod("outside", 0o700);
    let why = look().unwrap_err();
    assert!(matches!(why, Unidentified::Unreadable { what: "root/.flatpak-info", .. }), "{why}");
}
