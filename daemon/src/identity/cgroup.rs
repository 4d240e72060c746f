//! Where the service managers have put a process: a system unit, or a unit of its user's.
//!
//! A user's manager belongs to the user, so what stands below it proves nothing to anybody else;
//! and a path under another user's manager counts for nothing at all.

use super::Unidentified;
use super::flatpak::{Flatpak, is_app_id};
use crate::catalog::Trust;

/// The unit a process is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// None that counts.
    Elsewhere,
    /// A unit of the system's service manager, in `system.slice`.
    System {
        /// `weather.service`
        unit: Box<str>,
    },
    /// A unit of the user's own service manager.
    User {
        /// `app-gnome-org.example.Weather-4711.scope`
        unit: Box<str>,
        /// What that name says, if it is an app's.
        app: Option<ScopedApp>,
    },
}

/// An app as the name of its scope or service tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopedApp {
    /// Who started it: `gnome`, `flatpak`; often nobody.
    pub launcher: Option<Box<str>>,
    /// `org.example.Weather`
    pub app: Box<str>,
    /// What tells this start from others; empty for a service that runs once.
    pub random: Box<str>,
}

impl Place {
    /// The unit's name.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        match self {
            Place::Elsewhere => None,
            Place::System { unit } | Place::User { unit, .. } => Some(unit),
        }
    }

    /// A flatpak by its scope alone: what an old xdg-dbus-proxy, which has no `.flatpak-info` in
    /// its root, is left with.
    pub(super) fn flatpak(&self) -> Option<Flatpak> {
        match self {
            Place::User { app: Some(scoped), .. }
                if scoped.launcher.as_deref() == Some("flatpak") && is_app_id(&scoped.app) =>
            {
                Some(Flatpak {
                    app: scoped.app.clone(),
                    instance: scoped.random.clone(),
                    ceiling: Trust::Weak,
                })
            }
            Place::User { .. } | Place::System { .. } | Place::Elsewhere => None,
        }
    }
}

/// Reads `/proc/PID/cgroup` of a process of the user `uid`.
///
/// Where both hierarchies are in use, the service manager keeps them alike.
pub(super) fn parse(text: &[u8], uid: u32) -> Result<Place, Unidentified> {
    let mut found = Place::Elsewhere;
    for line in text.split(|&byte| byte == b'\n') {
        let path = line.strip_prefix(b"0::").or_else(|| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            line[colon..].strip_prefix(b":name=systemd:")
        });
        let Some(path) = path.and_then(|path| std::str::from_utf8(path).ok()) else {
            continue;
        };
        let place = place(path, uid).unwrap_or(Place::Elsewhere);
        if place != Place::Elsewhere && found != Place::Elsewhere && place != found {
            return Err(Unidentified::TwoUnits);
        }
        if place != Place::Elsewhere {
            found = place;
        }
    }
    Ok(found)
}

fn place(path: &str, uid: u32) -> Option<Place> {
    let mut parts = path.strip_prefix('/')?.split('/');
    match parts.next()? {
        "system.slice" => Some(Place::System { unit: first_unit(parts)?.into() }),
        "user.slice" => {
            let of_the_user = parts.next()? == format!("user-{uid}.slice")
                && parts.next()? == format!("user@{uid}.service");
            if !of_the_user {
                return None;
            }
            let unit = first_unit(parts)?;
            Some(Place::User { unit: unit.into(), app: scoped_app(unit) })
        }
        _ => None,
    }
}

/// The first that is no slice: what is below a unit is the unit's own affair, and may be named
/// like anything.
fn first_unit<'a>(mut parts: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let unit = parts.find(|part| !part.ends_with(".slice"))?;
    // The manager puts `_` before names that the kernel would take for its own files.
    let unit = unit.strip_prefix('_').unwrap_or(unit);
    let shaped = unit.len() <= 255
        && unit.bytes().all(|byte| byte.is_ascii_alphanumeric() || br":_.\@-".contains(&byte));
    let suffixed = |suffix| unit.strip_suffix(suffix).is_some_and(|stem| !stem.is_empty());
    (shaped && (suffixed(".service") || suffixed(".scope"))).then_some(unit)
}

/// `app-[LAUNCHER-]APP-RANDOM.scope`, `app-[LAUNCHER-]APP[@RANDOM].service`.
fn scoped_app(unit: &str) -> Option<ScopedApp> {
    let (names, random) = if let Some(stem) = unit.strip_suffix(".scope") {
        stem.rsplit_once('-')?
    } else {
        let stem = unit.strip_suffix(".service")?;
        stem.split_once('@').unwrap_or((stem, "-"))
    };
    let random = match random {
        "" => return None,
        "-" => "",
        random => random,
    };
    let names: Vec<&str> = names.split('-').collect();
    let (launcher, app) = match names.as_slice() {
        ["app", app] => (None, app),
        ["app", launcher, app] => (Some(unescape(launcher)?.into()), app),
        _ => return None,
    };
    let app = unescape(app)?;
    let shaped = app.len() <= 120
        && !app.starts_with('.')
        && app.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    shaped.then(|| ScopedApp { launcher, app: app.into(), random: random.into() })
}

/// Undoes the service manager's `\x2d`.
fn unescape(name: &str) -> Option<String> {
    let mut plain = Vec::with_capacity(name.len());
    let mut parts = name.split('\\');
    plain.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let digits = part.strip_prefix('x')?.get(..2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        plain.push(u8::from_str_radix(digits, 16).ok()?);
        plain.extend_from_slice(&part.as_bytes()[3..]);
    }
    String::from_utf8(plain).ok().filter(|plain| !plain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: u32 = 1000;

    fn user(unit: &str, app: Option<(Option<&str>, &str, &str)>) -> Place {
        let app = app.map(|(launcher, app, random)| ScopedApp {
            launcher: launcher.map(Into::into),
            app: app.into(),
            random: random.into(),
        });
        Place::User { unit: unit.into(), app }
    }

    fn system(unit: &str) -> Place {
        Place::System { unit: unit.into() }
    }

    #[test]
    fn a_path_tells_the_unit() {
        const MANAGER: &str = "/user.slice/user-1000.slice/user@1000.service";
        let below = |path: &str| format!("{MANAGER}{path}");
        let table = [
            // Units of the system.
            ("/system.slice/weather.service".into(), system("weather.service")),
            (
                "/system.slice/system-weather.slice/weather@1.service".into(),
                system("weather@1.service"),
            ),
            ("/system.slice/weather.service/app-evil-1.scope".into(), system("weather.service")),
            ("/system.slice/weather.service/other.service".into(), system("weather.service")),
            ("/system.slice/_cpu.service".into(), system("cpu.service")),
            (
                "/system.slice/snap.weather.daemon.service".into(),
                system("snap.weather.daemon.service"),
            ),
            ("/system.slice".into(), Place::Elsewhere),
            ("/system.slice/.service".into(), Place::Elsewhere),
            ("/system.slice/weather.mount".into(), Place::Elsewhere),
            ("/system.slice/weather.service (deleted)".into(), Place::Elsewhere),
            ("/weather.service".into(), Place::Elsewhere),
            ("/docker/0a1b/system.slice/weather.service".into(), Place::Elsewhere),
            ("/../../system.slice/weather.service".into(), Place::Elsewhere),
            ("/system.slice/../user.slice/weather.service".into(), Place::Elsewhere),
            ("system.slice/weather.service".into(), Place::Elsewhere),
            ("/system.slice/weather\u{1b}.service".into(), Place::Elsewhere),
            ("/init.scope".into(), Place::Elsewhere),
            ("/".into(), Place::Elsewhere),
            (String::new(), Place::Elsewhere),
            // Units of the user.
            (
                below("/app.slice/app-gnome-org.example.Weather-4711.scope"),
                user(
                    "app-gnome-org.example.Weather-4711.scope",
                    Some((Some("gnome"), "org.example.Weather", "4711")),
                ),
            ),
            (
                below("/app.slice/app-org.example.Weather-4711.scope/sub/app-evil-1.scope"),
                user(
                    "app-org.example.Weather-4711.scope",
                    Some((None, "org.example.Weather", "4711")),
                ),
            ),
            (
                below(r"/app.slice/app-gnome\x2dshell-my\x2dweather-1.scope"),
                user(
                    r"app-gnome\x2dshell-my\x2dweather-1.scope",
                    Some((Some("gnome-shell"), "my-weather", "1")),
                ),
            ),
            (
                below("/app.slice/app-flatpak-org.example.Weather-99.scope"),
                user(
                    "app-flatpak-org.example.Weather-99.scope",
                    Some((Some("flatpak"), "org.example.Weather", "99")),
                ),
            ),
            (
                below("/app.slice/app-kde-org.example.Weather@0f.service"),
                user(
                    "app-kde-org.example.Weather@0f.service",
                    Some((Some("kde"), "org.example.Weather", "0f")),
                ),
            ),
            (
                below("/app.slice/app-org.example.Weather@autostart.service"),
                user(
                    "app-org.example.Weather@autostart.service",
                    Some((None, "org.example.Weather", "autostart")),
                ),
            ),
            (
                below("/app.slice/app-org.example.Weather.service"),
                user("app-org.example.Weather.service", Some((None, "org.example.Weather", ""))),
            ),
            (
                below("/app.slice/app-a.slice/app-a-1.scope"),
                user("app-a-1.scope", Some((None, "a", "1"))),
            ),
            (below("/app.slice/dbus.service"), user("dbus.service", None)),
            (below("/app.slice/vte-spawn-0.scope"), user("vte-spawn-0.scope", None)),
            (below("/app.slice/app-1.scope"), user("app-1.scope", None)),
            (below("/app.slice/app-a-b-c-1.scope"), user("app-a-b-c-1.scope", None)),
            (below("/app.slice/app-weather-.scope"), user("app-weather-.scope", None)),
            (below("/app.slice/app-weather@.service"), user("app-weather@.service", None)),
            (below("/app.slice/app--1.scope"), user("app--1.scope", None)),
            (below(r"/app.slice/app-we\x2father-1.scope"), user(r"app-we\x2father-1.scope", None)),
            (below(r"/app.slice/app-we\x3aather-1.scope"), user(r"app-we\x3aather-1.scope", None)),
            (below(r"/app.slice/app-we\x0aather-1.scope"), user(r"app-we\x0aather-1.scope", None)),
            (below(r"/app.slice/app-we\xffather-1.scope"), user(r"app-we\xffather-1.scope", None)),
            (below(r"/app.slice/app-we\x2-1.scope"), user(r"app-we\x2-1.scope", None)),
            (below(r"/app.slice/app-we\x+2-1.scope"), Place::Elsewhere),
            (below("/app.slice"), Place::Elsewhere),
            (below(""), Place::Elsewhere),
            // A session is no unit of the user's manager.
            ("/user.slice/user-1000.slice/session-2.scope".into(), Place::Elsewhere),
            // Another user's manager: `sudo` in a terminal, or a forged path.
            (
                "/user.slice/user-1001.slice/user@1001.service/app.slice/app-a-1.scope".into(),
                Place::Elsewhere,
            ),
            (
                "/user.slice/user-1000.slice/user@1001.service/app.slice/app-a-1.scope".into(),
                Place::Elsewhere,
            ),
            (
                "/user.slice/user-1001.slice/user@1000.service/app.slice/app-a-1.scope".into(),
                Place::Elsewhere,
            ),
        ];
        for (path, place) in table {
            assert_eq!(parse(format!("0::{path}\n").as_bytes(), UID), Ok(place.clone()), "{path}");
            let old = format!("12:pids:/system.slice/x.service\n1:name=systemd:{path}\n0::/\n");
            assert_eq!(parse(old.as_bytes(), UID), Ok(place), "{path}, the older hierarchy");
        }
    }

    #[test]
    fn two_hierarchies_have_to_agree() {
        let same = b"1:name=systemd:/system.slice/a.service\n0::/system.slice/a.service\n";
        assert_eq!(parse(same, UID), Ok(system("a.service")));
        let other = b"1:name=systemd:/system.slice/a.service\n0::/system.slice/b.service\n";
        assert_eq!(parse(other, UID), Err(Unidentified::TwoUnits));
    }

    #[test]
    fn garbage_is_elsewhere() {
        for text in [
            &b""[..],
            b"\n\n",
            b"0:",
            b"::",
            b"0::\xff\xfe",
            b"name=systemd:/system.slice/a.service",
        ] {
            assert_eq!(parse(text, UID), Ok(Place::Elsewhere), "{text:?}");
        }
    }
}
