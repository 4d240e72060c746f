//! snapd's word on an app: the name of its cgroup, and the AppArmor label that confines it.
//!
//! The cgroup alone proves little (a user can name one), the label alone not much more (what is
//! unconfined may put one on); a snap counts as confined where both say the same.

use super::Unidentified;
use super::cgroup::Place;
use crate::catalog::Trust;

/// A snap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snap {
    /// `weather`, or `weather_work` for one installed a second time.
    pub name: Box<str>,
    /// The scope it was started in; empty for a service.
    pub instance: Box<str>,
    /// How far this can be believed.
    pub ceiling: Trust,
}

/// What cgroup and label (`snap.weather.app (enforce)`) say together.
pub(super) fn judge(place: &Place, label: Option<&[u8]>) -> Result<Option<Snap>, Unidentified> {
    let unit = place.unit();
    let by_cgroup = unit
        .and_then(|unit| unit.strip_suffix(".service").or_else(|| unit.strip_suffix(".scope")))
        .and_then(name_of_tag);
    let label = label
        .and_then(|label| std::str::from_utf8(label).ok())
        .map(|label| label.trim_end_matches(['\n', '\0']));
    let (profile, mode) = label.and_then(|label| label.split_once(' ')).unwrap_or_default();
    let by_label = name_of_tag(profile);
    let (name, ceiling) = match (by_cgroup, by_label) {
        (None, None) => return Ok(None),
        (Some(cgroup), Some(label)) if cgroup != label => {
            return Err(Unidentified::TwoSnaps { cgroup: cgroup.into(), label: label.into() });
        }
        (Some(name), Some(_)) if mode == "(enforce)" => (name, Trust::Confined),
        (Some(name), _) | (None, Some(name)) => (name, Trust::Weak),
    };
    let instance = unit.filter(|unit| unit.ends_with(".scope")).unwrap_or_default();
    Ok(Some(Snap { name: name.into(), instance: instance.into(), ceiling }))
}

/// The snap of `snap.NAME.APP`, `snap.NAME.hook.HOOK`, and what may follow.
fn name_of_tag(tag: &str) -> Option<&str> {
    let (name, app) = tag.strip_prefix("snap.")?.split_once('.')?;
    (!app.is_empty() && is_name(name)).then_some(name)
}

fn is_name(name: &str) -> bool {
    let (name, key) = match name.split_once('_') {
        Some((name, key)) => (name, Some(key)),
        None => (name, None),
    };
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=40).contains(&name.len())
        && name.bytes().all(|byte| lower(byte) || byte == b'-')
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && key.is_none_or(|key| (1..=10).contains(&key.len()) && key.bytes().all(lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snap(name: &str, instance: &str, ceiling: Trust) -> Option<Snap> {
        Some(Snap { name: name.into(), instance: instance.into(), ceiling })
    }

    fn at(unit: &str) -> Place {
        Place::User { unit: unit.into(), app: None }
    }

    #[test]
    fn cgroup_and_label_together_tell_the_snap() {
        const SCOPE: &str = "snap.weather.app-6a1f.scope";
        let table = [
            (
                at(SCOPE),
                Some("snap.weather.app (enforce)\n"),
                snap("weather", SCOPE, Trust::Confined),
            ),
            (
                at(SCOPE),
                Some("snap.weather.hook.configure (enforce)"),
                snap("weather", SCOPE, Trust::Confined),
            ),
            (at(SCOPE), Some("snap.weather.app (complain)\n"), snap("weather", SCOPE, Trust::Weak)),
            (at(SCOPE), Some("snap.weather.app"), snap("weather", SCOPE, Trust::Weak)),
            (at(SCOPE), Some("unconfined\n"), snap("weather", SCOPE, Trust::Weak)),
            (
                at(SCOPE),
                Some(":ns://snap.weather.app (enforce)\n"),
                snap("weather", SCOPE, Trust::Weak),
            ),
            (at(SCOPE), None, snap("weather", SCOPE, Trust::Weak)),
            (
                Place::Elsewhere,
                Some("snap.weather.app (enforce)\n"),
                snap("weather", "", Trust::Weak),
            ),
            (
                Place::System { unit: "snap.weather.daemon.service".into() },
                Some("snap.weather.daemon (enforce)\n"),
                snap("weather", "", Trust::Confined),
            ),
            (
                at("snap.my-weather_work.app-1.scope"),
                Some("snap.my-weather_work.app (enforce)\n"),
                snap("my-weather_work", "snap.my-weather_work.app-1.scope", Trust::Confined),
            ),
            (at("weather.service"), Some("docker-default (enforce)\n"), None),
            (at("weather.service"), Some("/usr/bin/man (enforce)\n"), None),
            (at("snap.weather.scope"), None, None),
            (at("snap.Weather.app-1.scope"), None, None),
            (at("snap.-weather.app-1.scope"), None, None),
            (at("snap.weather_.app-1.scope"), None, None),
            (at("snap.42.app-1.scope"), None, None),
            (at("snap.we_at_her.app-1.scope"), None, None),
            (at("snapd.service"), Some("snap-update-ns.weather (enforce)\n"), None),
            (Place::Elsewhere, None, None),
        ];
        for (place, label, expected) in table {
            let found = judge(&place, label.map(str::as_bytes));
            assert_eq!(found, Ok(expected), "{place:?} {label:?}");
        }
    }

    #[test]
    fn a_cgroup_and_a_label_of_two_snaps_are_neither() {
        let found = judge(&at("snap.weather.app-1.scope"), Some(b"snap.news.app (enforce)\n"));
        assert_eq!(
            found,
            Err(Unidentified::TwoSnaps { cgroup: "weather".into(), label: "news".into() })
        );
    }
}
