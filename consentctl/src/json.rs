//! Answers as JSON, key by key as they stand on the wire.

use consentd_dbus::{Details, ItemResult};
use serde_json::{Map, Value};
use zbus::Variant;

/// One a{sv} as an object.
pub fn object(details: &Details) -> Value {
    Value::Object(details.iter().map(|(key, value)| (key.clone(), variant(value))).collect())
}

/// An aa{sv} as an array of objects.
pub fn array(rows: &[Details]) -> Value {
    Value::Array(rows.iter().map(object).collect())
}

/// The results of a check.
pub fn results(results: &[ItemResult]) -> Value {
    let keys = ["data", "decision", "reason", "refusal"];
    let result = |(data, decision, reason, refusal): &ItemResult| {
        let values = [data, decision, reason, refusal].map(|text| Value::from(text.as_str()));
        Value::Object(keys.map(str::to_owned).into_iter().zip(values).collect())
    };
    Value::Array(results.iter().map(result).collect())
}

/// An object of one key.
pub fn single(key: &str, value: impl Into<Value>) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value.into())]))
}

fn variant(value: &Variant<'_>) -> Value {
    match value {
        Variant::U8(number) => (*number).into(),
        Variant::Bool(flag) => (*flag).into(),
        Variant::I16(number) => (*number).into(),
        Variant::U16(number) => (*number).into(),
        Variant::I32(number) => (*number).into(),
        Variant::U32(number) => (*number).into(),
        Variant::I64(number) => (*number).into(),
        Variant::U64(number) => (*number).into(),
        Variant::F64(number) => (*number).into(),
        Variant::Str(text) => text.as_str().into(),
        Variant::Signature(signature) => signature.to_string().into(),
        Variant::ObjectPath(path) => path.as_str().into(),
        Variant::Variant(inner) => variant(inner),
        Variant::Array(items) => Value::Array(items.inner().iter().map(variant).collect()),
        Variant::Dict(entries) => Value::Object(
            entries.iter().map(|(key, value)| (key_text(key), variant(value))).collect(),
        ),
        Variant::Structure(fields) => Value::Array(fields.fields().iter().map(variant).collect()),
        // A descriptor means nothing outside this process.
        Variant::Fd(_) => Value::Null,
    }
}

fn key_text(key: &Variant<'_>) -> String {
    match variant(key) {
        Value::String(text) => text,
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_keep_their_keys_and_types() {
        let inner = Details::from([("valid".to_owned(), Variant::from(true).try_into().unwrap())]);
        let details: Details = [
            ("at", Variant::from(1_790_000_000_i64)),
            ("generation", Variant::from(u64::MAX)),
            ("purposes", Variant::from(vec!["a"])),
            ("toggles", Variant::from(vec![inner])),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.try_into().unwrap()))
        .collect();
        assert_eq!(
            array(&[details]),
            json!([{
                "at": 1_790_000_000,
                "generation": u64::MAX,
                "purposes": ["a"],
                "toggles": [{"valid": true}],
            }])
        );
    }

    #[test]
    fn results_are_objects() {
        let item = ["device.oaid", "deny", "toggle-off", "zero-uuid"].map(str::to_owned);
        let [data, decision, reason, refusal] = item;
        assert_eq!(
            results(&[(data, decision, reason, refusal)]),
            json!([{"data": "device.oaid", "decision": "deny", "reason": "toggle-off", "refusal": "zero-uuid"}])
        );
    }
}
