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
