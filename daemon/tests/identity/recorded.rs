//! Snaps, units, scopes and proxies, from /proc trees as those systems show them.

use std::os::unix::fs::symlink;

use consentd::apps::Identity;
use consentd::catalog::Trust;
use consentd::identity::{Kind, NotProven, NotRecognised, Unidentified};

use crate::support::{Installed, Recorded, declared, system_user};

const USER: u32 = 1000;
const SERVICE_USER: u32 = 999;

#[test]
fn a_snap_is_confined_where_cgroup_and_label_agree_and_the_bus_holds_the_process() {
    let tree = Recorded::new(USER);
    tree.in_user_unit("snap.weather.app-6a1f.scope")
        .write("attr/apparmor/current", "snap.weather.app (enforce)\n");
    let apps = declared(&[("org.example.weather", Identity::Snap("weather".into()))]);
    let caller = tree.look_with_descriptor().unwrap().caller(&apps).unwrap();
    assert_eq!((caller.kind, &*caller.app), (Kind::Snap, "org.example.weather"));
    assert_eq!((&*caller.instance, caller.trust), ("snap.weather.app-6a1f.scope", Trust::Confined));
    assert!(tree.look().unwrap().is_sandboxed());
    assert_eq!(tree.look().unwrap().caller(&apps).unwrap().trust, Trust::Weak);
    tree.write("attr/apparmor/current", "unconfined\n");
    assert_eq!(tree.look_with_descriptor().unwrap().caller(&apps).unwrap().trust, Trust::Weak);
    let undeclared = tree.look().unwrap().caller(&declared(&[])).unwrap();
    assert_eq!((&*undeclared.app, undeclared.declared), ("snap:weather", None));
}

#[test]
fn the_label_of_an_older_kernel_counts_too() {
    let tree = Recorded::new(USER);
    tree.in_user_unit("snap.weather.app-6a1f.scope")
        .write("attr/current", "snap.weather.app (enforce)\n");
    let caller = tree.look_with_descriptor().unwrap().caller(&declared(&[])).unwrap();
    assert_eq!(caller.trust, Trust::Confined);
}

#[test]
fn a_snap_cannot_show_itself_as_a_flatpak() {
    let tree = Recorded::new(USER);
    tree.in_flatpak("[Application]\nname=org.example.Bank\n")
        .write("attr/apparmor/current", "snap.weather.app (enforce)\n");
    assert_eq!(tree.look().unwrap_err(), Unidentified::SnapAndFlatpak);
}

#[test]
fn a_declared_unit_of_the_system_is_its_app() {
    let tree = Recorded::new(SERVICE_USER);
    tree.write("cgroup", "0::/system.slice/weather.service\n");
    let apps = declared(&[("org.example.weather", Identity::Unit("weather.service".into()))]);
    let caller = tree.look_with_descriptor().unwrap().caller(&apps).unwrap();
    assert_eq!((caller.kind, &*caller.app), (Kind::Unit, "org.example.weather"));
    assert_eq!((caller.user, caller.trust), (SERVICE_USER, Trust::Confined));
    assert_eq!(tree.look().unwrap().caller(&apps).unwrap().trust, Trust::Weak);
    let others = declared(&[("org.example.other", Identity::Unit("other.service".into()))]);
    assert!(matches!(tree.look().unwrap().caller(&others), Err(Unidentified::Unrecognised(_))));
}

#[test]
fn a_user_s_own_unit_is_not_the_system_s() {
    let tree = Recorded::new(USER);
    tree.in_user_unit("weather.service");
    let apps = declared(&[("org.example.weather", Identity::Unit("weather.service".into()))]);
    assert!(matches!(tree.look().unwrap().caller(&apps), Err(Unidentified::Unrecognised(_))));
    let apps = declared(&[("org.example.weather", Identity::Scope("weather.service".into()))]);
    assert_eq!(tree.look().unwrap().caller(&apps).unwrap().kind, Kind::Scope);
}

#[test]
fn an_app_s_scope_is_weak_and_has_a_name_even_if_nobody_declared_it() {
    let tree = Recorded::new(USER);
    tree.in_user_unit("app-gnome-org.example.Weather-4711.scope");
    let apps = declared(&[("org.example.weather", Identity::Scope("org.example.Weather".into()))]);
    let caller = tree.look_with_descriptor().unwrap().caller(&apps).unwrap();
    assert_eq!((caller.kind, &*caller.app), (Kind::Scope, "org.example.weather"));
    assert_eq!(&*caller.instance, "app-gnome-org.example.Weather-4711.scope");
    assert_eq!(caller.trust, Trust::Weak);
    let undeclared = tree.look().unwrap().caller(&declared(&[])).unwrap();
    assert_eq!((&*undeclared.app, undeclared.declared), ("scope:org.example.Weather", None));
    assert!(!tree.look().unwrap().is_sandboxed());
}

/// Under `sudo` a process stays in the scope of whoever called it.
#[test]
fn a_scope_of_another_user_does_not_count() {
    let tree = Recorded::new(USER);
    tree.in_user_unit("app-org.example.Weather-4711.scope");
    let pid = tree.pid;
    tree.write("status", &format!("Tgid:\t{pid}\nUid:\t0\t0\t0\t0\n"));
    let root = tree.look_at(crate::support::without_descriptor(0, pid)).unwrap();
    let apps = declared(&[("org.example.weather", Identity::Scope("org.example.Weather".into()))]);
    assert!(matches!(root.caller(&apps), Err(Unidentified::Unrecognised(_))));
}

#[test]
fn a_proxy_is_the_flatpak_it_speaks_for() {
    const INFO: &str = "[Application]\nname=org.example.Weather\n[Instance]\ninstance-id=99\n";
    let apps = declared(&[
        ("org.example.weather", Identity::Flatpak("org.example.Weather".into())),
        ("org.example.proxy", Identity::Executable("/usr/bin/xdg-dbus-proxy".into())),
    ]);
    let installed = Installed::new();
    let tree = Recorded::new(USER);
    tree.link("exe", &installed.copy("/bin/sleep", "xdg-dbus-proxy"));
    // Newer ones run in a sandbox that shows the app's file.
    tree.in_flatpak(INFO);
    let caller = tree.look_with_descriptor().unwrap().caller(&apps).unwrap();
    assert_eq!((&*caller.app, &*caller.instance), ("org.example.weather", "99"));
    assert_eq!((caller.kind, caller.trust), (Kind::Flatpak, Trust::Confined));
    // Older ones only live in the app's cgroup.
    tree.link("root", &tree.path("outside"))
        .in_user_unit("app-flatpak-org.example.Weather-99.scope");
    let peer = tree.look_with_descriptor().unwrap();
    assert!(peer.is_sandboxed());
    let caller = peer.caller(&apps).unwrap();
    assert_eq!((&*caller.app, &*caller.instance), ("org.example.weather", "99"));
    assert_eq!((caller.kind, caller.trust), (Kind::Flatpak, Trust::Weak));
    // One that speaks for nobody known is nobody, and may not change settings.
    tree.write("cgroup", "0::/\n");
    let peer = tree.look_with_descriptor().unwrap();
    assert!(peer.is_sandboxed());
    let why = NotProven::Interpreter(installed.path("xdg-dbus-proxy"));
    let why = Unidentified::Unrecognised(NotRecognised::NotProven(why));
    assert_eq!(peer.caller(&apps), Err(why));
}

#[test]
fn the_strongest_way_of_being_recognised_decides() {
    let tree = Recorded::new(SERVICE_USER);
    tree.in_user_unit("app-org.example.Scoped-1.scope");
    let mut ways = vec![
        ("scope", Identity::Scope("org.example.Scoped".into())),
        ("executable", Identity::Executable(tree.path("weather"))),
        ("user", system_user(SERVICE_USER)),
    ];
    let app = |ways: &[(&str, Identity)]| tree.look().unwrap().caller(&declared(ways)).unwrap().app;
    assert_eq!(&*app(&ways), "user");
    assert_eq!(&*app(&ways[..2]), "executable");
    assert_eq!(&*app(&ways[..1]), "scope");
    tree.write("cgroup", "0::/system.slice/weather.service\n");
    ways.insert(2, ("unit", Identity::Unit("weather.service".into())));
    assert_eq!(&*app(&ways), "user");
    assert_eq!(&*app(&ways[..3]), "unit");
    assert_eq!(&*app(&ways[..2]), "executable");
    tree.write("attr/apparmor/current", "snap.weather.app (enforce)\n");
    assert_eq!(&*app(&ways), "snap:weather");
    std::fs::remove_file(tree.file("attr/apparmor/current")).unwrap();
    tree.in_flatpak("[Application]\nname=org.example.Weather\n");
    assert_eq!(&*app(&ways), "flatpak:org.example.Weather");
}

#[test]
fn another_root_or_user_namespace_is_a_sandbox() {
    let tree = Recorded::new(USER);
    assert!(!tree.look().unwrap().is_sandboxed());
    tree.link("root", &tree.path("sandbox"));
    assert!(tree.look().unwrap().is_sandboxed());
    tree.link("root", &tree.path("outside"));
    std::fs::remove_file(tree.file("ns/user")).unwrap();
    symlink("user:[4026532999]", tree.file("ns/user")).unwrap();
    assert!(tree.look().unwrap().is_sandboxed());
}

#[test]
fn two_hierarchies_that_disagree_are_refused() {
    let tree = Recorded::new(USER);
    tree.write("cgroup", "1:name=systemd:/system.slice/a.service\n0::/system.slice/b.service\n");
    assert_eq!(tree.look().unwrap_err(), Unidentified::TwoUnits);
}
