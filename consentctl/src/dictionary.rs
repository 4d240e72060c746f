//! Names beside ids: to show a name first, to take a name for an id, to suggest the nearest.

use consentd_dbus::{Details, Error};
use serde::Deserialize;

use crate::failure::Failure;
use crate::values::{Malformed, decode_all};

/// The ids of one kind, with their names.
#[derive(Debug, Default)]
pub struct Dictionary(Vec<Word>);

#[derive(Debug)]
struct Word {
    id: String,
    name: String,
    /// Of purposes: P21.
    number: String,
}

/// A row as it comes: toggles have an `id`, and an `app` besides; apps have an `app` alone.
#[derive(Debug, Deserialize)]
struct Named {
    id: Option<String>,
    app: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    number: String,
}

impl Dictionary {
    /// From rows that have `id` or `app`, `name`, and perhaps `number`.
    pub fn new(rows: &[Details]) -> Result<Self, Malformed> {
        let rows: Vec<Named> = decode_all(rows)?;
        let word = |row: Named| {
            let id = row.id.or(row.app).unwrap_or_default();
            Word { id, name: row.name, number: row.number }
        };
        Ok(Self(rows.into_iter().map(word).collect()))
    }

    /// The name, or the id of what has none.
    pub fn name<'a>(&'a self, id: &'a str) -> &'a str {
        let word = self.0.iter().find(|word| word.id == id);
        word.map(|word| word.name.as_str()).filter(|name| !name.is_empty()).unwrap_or(id)
    }

    /// Name and id: `OAID (device.oaid)`.
    pub fn both(&self, id: &str) -> String {
        match self.name(id) {
            name if name == id => id.to_owned(),
            name => format!("{name} ({id})"),
        }
    }

    /// The name if no other id has it too, else both.
    pub fn short(&self, id: &str) -> String {
        let name = self.name(id);
        let alone = self.0.iter().filter(|word| word.name == name).nth(1).is_none();
        if alone { name.to_owned() } else { self.both(id) }
    }

    /// The id that `text` stands for, be it an id, a name or a number; else `text`, on which the
    /// daemon has the last word.
    pub fn resolve(&self, text: &str) -> String {
        if self.0.iter().any(|word| word.id == text) {
            return text.to_owned();
        }
        let wanted = text.to_lowercase();
        let mut named = self.0.iter().filter(|word| {
            word.name.to_lowercase() == wanted
                || (!word.number.is_empty() && word.number.to_lowercase() == wanted)
        });
        match (named.next(), named.next()) {
            (Some(word), None) => word.id.clone(),
            (None, _) | (Some(_), Some(_)) => text.to_owned(),
        }
    }

    /// An error about `text`, with the nearest id if there is one and the daemon has not named it.
    pub fn suggest(&self, text: &str, error: Error) -> Failure {
        match (&error, self.nearest(text)) {
            (Error::UnknownApp(message) | Error::UnknownToggle(message), Some(near))
                if !message.contains(near) =>
            {
                Failure::Mistyped(error, near.to_owned())
            }
            (_, _) => Failure::Call(error),
        }
    }

    /// The id that `text` is a slip of the pen away from.
    pub fn nearest(&self, text: &str) -> Option<&str> {
        let wanted = text.to_lowercase();
        let away = |known: &str| strsim::damerau_levenshtein(&wanted, &known.to_lowercase());
        let near = self.0.iter().map(|word| (away(&word.id).min(away(&word.name)), &word.id));
        // Of equals the first.
        let (away, id) = near.min_by_key(|(away, _)| *away)?;
        // Ids share long beginnings (org.example.…), so what differs is held against the last word.
        let last = wanted.rsplit('.').next().unwrap_or_default().chars().count();
        (away <= MAX_SLIPS && away * 3 <= last).then_some(id)
    }
}

/// More letters wrong, and it is another word.
const MAX_SLIPS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn toggles() -> Dictionary {
        let word = |id: &str, name: &str, number: &str| Word {
            id: id.to_owned(),
            name: name.to_owned(),
            number: number.to_owned(),
        };
        Dictionary(vec![
            word("ad-services", "Ad services", ""),
            word("location", "Location", ""),
            word("location.app", "Location", ""),
            word("ads.personalised", "Personalised ads", "P21"),
        ])
    }

    #[test]
    fn ids_names_and_numbers_are_taken() {
        let toggles = toggles();
        for (text, id) in [
            ("ad-services", "ad-services"),
            ("AD SERVICES", "ad-services"),
            ("p21", "ads.personalised"),
            ("location", "location"),
            // Two have this name: the daemon decides.
            ("Location", "Location"),
            ("nonsense", "nonsense"),
            ("", ""),
        ] {
            assert_eq!(toggles.resolve(text), id);
        }
    }

    #[test]
    fn an_id_is_taken_before_an_app() {
        let row = |pairs: &[(&str, &str)]| -> Details {
            let value = |text: &str| zbus::Variant::from(text).try_to_owned().unwrap();
            pairs.iter().map(|(key, text)| ((*key).to_owned(), value(text))).collect()
        };
        let toggle = row(&[("app", ""), ("id", "ad-services"), ("name", "Ad services")]);
        let app = row(&[("app", "org.example.weather"), ("name", "Weather")]);
        let known = Dictionary::new(&[toggle, app]).unwrap();
        assert_eq!(known.name("ad-services"), "Ad services");
        assert_eq!(known.resolve("weather"), "org.example.weather");
    }

    #[test]
    fn names_stand_first() {
        let toggles = toggles();
        assert_eq!(toggles.both("ad-services"), "Ad services (ad-services)");
        assert_eq!(toggles.both("unknown"), "unknown");
        assert_eq!(toggles.short("ad-services"), "Ad services");
        assert_eq!(toggles.short("location.app"), "Location (location.app)", "two have this name");
    }

    #[test]
    fn the_nearest_is_suggested_if_it_is_near() {
        let unknown = || Error::UnknownToggle("no such toggle".to_owned());
        let hint = |text: &str| toggles().suggest(text, unknown()).hint();
        assert_eq!(hint("ad-service"), "did you mean ad-services?");
        assert_eq!(hint("Locatoin"), "did you mean location?");
        assert_eq!(hint("locaton.app"), "did you mean location.app?");
        for other in ["zzz", "", "location.map", "ads.measured", "location.web"] {
            assert_eq!(hint(other), "", "{other}");
        }
        let other = toggles().suggest("ad-service", Error::InvalidArgument("x".to_owned()));
        assert!(matches!(other, Failure::Call(_)));
    }
}
