//! Names beside ids: to show a name first, to take a name for an id, to suggest the nearest.

use consentd_dbus::{Details, Error};
use serde::Deserialize;

use crate::failure::Failure;
use crate::values::{Malformed, decode_all};

/// The ids of one kind, with their names.
#[derive(Debug, Default)]
pub struct Dictionary {
    /// What they are: `apps`.
    what: &'static str,
    words: Vec<Word>,
}

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
    /// From rows of `what` that have `id` or `app`, `name`, and perhaps `number`.
    pub fn new(what: &'static str, rows: &[Details]) -> Result<Self, Malformed> {
        let rows: Vec<Named> = decode_all(rows)?;
        let word = |row: Named| {
            let id = row.id.or(row.app).unwrap_or_default();
            Word { id, name: row.name, number: row.number }
        };
        Ok(Self { what, words: rows.into_iter().map(word).collect() })
    }

    /// The name, or the id of what has none.
    pub fn name<'a>(&'a self, id: &'a str) -> &'a str {
        let word = self.words.iter().find(|word| word.id == id);
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
        let alone = self.words.iter().filter(|word| word.name == name).nth(1).is_none();
        if alone { name.to_owned() } else { self.both(id) }
    }

    /// The id that `text` stands for, be it an id, a name or a number; else `text`, on which the
    /// daemon has the last word. An app chooses its name, so of two with one name neither is meant.
    pub fn resolve(&self, text: &str) -> Result<String, Failure> {
        if text.is_empty() || self.words.iter().any(|word| word.id == text) {
            return Ok(text.to_owned());
        }
        let wanted = text.to_lowercase();
        let named = self.words.iter().filter(|word| {
            word.name.to_lowercase() == wanted
                || (!word.number.is_empty() && word.number.to_lowercase() == wanted)
        });
        let mut ids: Vec<String> = named.map(|word| word.id.clone()).collect();
        if ids.len() > 1 {
            return Err(Failure::Ambiguous { text: text.to_owned(), what: self.what, ids });
        }
        Ok(ids.pop().unwrap_or_else(|| text.to_owned()))
    }

    /// The same for each.
    pub fn resolve_all(&self, texts: &[String]) -> Result<Vec<String>, Failure> {
        texts.iter().map(|text| self.resolve(text)).collect()
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

    /// The id that `text` is a slip of the pen away from. A name that two have leads to neither.
    pub fn nearest(&self, text: &str) -> Option<&str> {
        let wanted = text.to_lowercase();
        let away = |known: &str| strsim::damerau_levenshtein(&wanted, &known.to_lowercase());
        let near = self.words.iter().map(|word| {
            let named = self.is_alone(word).then(|| away(&word.name));
            (named.unwrap_or(usize::MAX).min(away(&word.id)), &word.id)
        });
        // Of equals the first.
        let (away, id) = near.min_by_key(|(away, _)| *away)?;
        // Ids share long beginnings (org.example.…), so what differs is held against the last word.
        let last = wanted.rsplit('.').next().unwrap_or_default().chars().count();
        (away <= MAX_SLIPS && away * 3 <= last).then_some(id)
    }

    /// Whether no other has its name.
    fn is_alone(&self, word: &Word) -> bool {
        let name = word.name.to_lowercase();
        let same = self.words.iter().filter(|other| other.name.to_lowercase() == name);
        same.count() == 1
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
        let words = vec![
            word("ad-services", "Ad services", ""),
            word("location", "Location", ""),
            word("location.app", "Location", ""),
            word("ads.personalised", "Personalised ads", "P21"),
        ];
        Dictionary { what: "toggles", words }
    }

    #[test]
    fn ids_names_and_numbers_are_taken() {
        let toggles = toggles();
        for (text, id) in [
            ("ad-services", "ad-services"),
            ("AD SERVICES", "ad-services"),
            ("p21", "ads.personalised"),
            ("location", "location"),
            ("nonsense", "nonsense"),
            ("", ""),
        ] {
            assert_eq!(toggles.resolve(text).unwrap(), id);
        }
    }

    /// Two apps, one of which took the other's name.
    fn twins() -> Dictionary {
        let row = |id: &str, name: &str| {
            let value = |text: &str| zbus::Variant::from(text).try_to_owned().unwrap();
            Details::from([("app".to_owned(), value(id)), ("name".to_owned(), value(name))])
        };
        let rows = [
            row("org.example.evil", "Weather"),
            row("org.example.weather", "weather"),
            row("org.example.silent", ""),
            row("org.example.still", ""),
        ];
        Dictionary::new("apps", &rows).unwrap()
    }

    #[test]
    fn of_two_with_one_name_none_is_picked_and_none_recommended() {
        let failure = twins().resolve("Weather").unwrap_err();
        assert_eq!(
            failure.to_string(),
            "2 apps are named `Weather`: org.example.evil, org.example.weather"
        );
        assert_eq!((failure.exit_code(), &*failure.hint()), (5, "name one by its id"));
        for text in ["Weather", "weathre", "Wether"] {
            assert_eq!(twins().nearest(text), None, "{text}");
        }
        assert_eq!(twins().nearest("org.example.wether"), Some("org.example.weather"));
        assert_eq!(twins().resolve("org.example.evil").unwrap(), "org.example.evil");
        // No name at all is nobody's.
        assert_eq!(twins().resolve("").unwrap(), "");
    }

    #[test]
    fn an_id_is_taken_before_an_app() {
        let row = |pairs: &[(&str, &str)]| -> Details {
            let value = |text: &str| zbus::Variant::from(text).try_to_owned().unwrap();
            pairs.iter().map(|(key, text)| ((*key).to_owned(), value(text))).collect()
        };
        let toggle = row(&[("app", ""), ("id", "ad-services"), ("name", "Ad services")]);
        let app = row(&[("app", "org.example.weather"), ("name", "Weather")]);
        let known = Dictionary::new("apps", &[toggle, app]).unwrap();
        assert_eq!(known.name("ad-services"), "Ad services");
        assert_eq!(known.resolve("weather").unwrap(), "org.example.weather");
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
