//! From an a{sv} to a type of our own; what does not fit is said by its key.

use consentd_dbus::Details;
use serde::de::DeserializeOwned;

use crate::json;

/// An answer that is not what the interface promises.
#[derive(Debug, thiserror::Error)]
#[error("the daemon's answer is not what this consentctl knows: {0}")]
pub struct Malformed(#[from] serde_json::Error);

/// One a{sv}.
pub fn decode<T: DeserializeOwned>(details: &Details) -> Result<T, Malformed> {
    Ok(serde_json::from_value(json::object(details))?)
}

/// One line of a stream.
pub fn decode_json<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Malformed> {
    Ok(serde_json::from_value(value)?)
}

/// An aa{sv}.
pub fn decode_all<T: DeserializeOwned>(rows: &[Details]) -> Result<Vec<T>, Malformed> {
    rows.iter().map(decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::Setting;
    use zbus::Variant;

    fn details(pairs: &[(&str, Variant<'_>)]) -> Details {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.try_to_owned().unwrap()))
            .collect()
    }

    #[test]
    fn an_answer_becomes_a_type() {
        let setting: Setting = decode(&details(&[
            ("toggle", "ad-services".into()),
            ("app", "".into()),
            ("name", "Ad services".into()),
            ("stored", "on".into()),
            ("state", "on".into()),
            ("layer", "user".into()),
            ("decided_by", "all-apps".into()),
            ("since", 1_790_000_000_i64.into()),
            ("consent", true.into()),
            ("a_key_of_a_later_version", 1_u32.into()),
        ]))
        .unwrap();
        assert_eq!((setting.since, setting.until), (Some(1_790_000_000), None));
        assert_eq!(setting.state, "on");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let missing = decode::<Setting>(&details(&[("toggle", "ad-services".into())]));
        assert!(missing.err().unwrap().to_string().ends_with("missing field `app`"));
        let number = decode::<Setting>(&details(&[("toggle", 1_u32.into())]));
        assert!(number.err().unwrap().to_string().contains("expected a string"));
    }
}
