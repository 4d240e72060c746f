//! A receipt for each consent of a user's, as Kantara's Consent Receipt Specification 1.1 has it.

use serde_json::{Value, json};

use super::consent::{Consent, NOT_STATED, Part, method, moment};
use crate::apps::Apps;
use crate::catalog::{Catalog, Sensitivity};

const VERSION: &str = "KI-CR-v1.1.0";

/// The receipts of one person, in the order of the consents. `principal` stands for the person.
#[must_use]
pub fn receipts(catalog: &Catalog, apps: &Apps, principal: &str, consents: &[Consent]) -> Value {
    consents.iter().map(|consent| receipt(catalog, apps, principal, consent)).collect()
}

fn receipt(catalog: &Catalog, apps: &Apps, principal: &str, consent: &Consent) -> Value {
    let parts = consent.parts(catalog, apps);
    let sensitive = sensitive(catalog, &parts);
    let purposes: Vec<Value> = parts.iter().map(|part| purpose(catalog, consent, part)).collect();
    let jurisdiction = match consent.region(catalog) {
        Some(region) => &*region.name,
        None if consent.region.is_empty() => NOT_STATED,
        None => &consent.region,
    };
    let mut receipt = json!({
        "version": VERSION,
        "jurisdiction": jurisdiction,
        "consentTimestamp": consent.at,
        "collectionMethod": method(&consent.by),
        "consentReceiptID": consent.id,
        "piiPrincipalId": principal,
        "piiControllers": [controller(catalog, consent)],
        "policyUrl": consent.notice_name(catalog),
        "services": [{ "service": service(catalog, apps, consent), "purposes": purposes }],
        "sensitive": !sensitive.is_empty(),
        "spiCat": sensitive,
    });
    let language = consent.language(catalog);
    if !language.is_empty() {
        receipt["language"] = language.into();
    }
    receipt
}

/// The specification asks for a telephone number and for mail, which not every policy states.
fn controller(catalog: &Catalog, consent: &Consent) -> Value {
    let home = consent.home(catalog);
    let stated = |said: Option<&Box<str>>| said.map_or(NOT_STATED, |said| &**said).to_owned();
    let mut controller = json!({
        "piiController": consent.controller,
        "onBehalf": false,
        "contact": stated(home.and_then(|home| home.officer.as_ref().or(home.contact.as_ref()))),
        "address": { "streetAddress": stated(home.map(|home| &home.address)) },
        "email": stated(home.and_then(|home| home.email.as_ref())),
        "phone": stated(home.and_then(|home| home.phone.as_ref())),
    });
    if let Some(page) = home.and_then(|home| home.contact.as_ref()) {
        controller["piiControllerUrl"] = page.to_string().into();
    }
    controller
}

fn service(catalog: &Catalog, apps: &Apps, consent: &Consent) -> String {
    let toggle = consent.toggle(catalog).map_or(&*consent.toggle, |toggle| &*toggle.name);
    let whose = match consent.app.as_str() {
        "" => "all apps",
        id => apps.find(id).map_or(id, |ix| &*apps[ix].name),
    };
    format!("{toggle}: {whose}")
}

fn purpose(catalog: &Catalog, consent: &Consent, part: &Part<'_>) -> Value {
    let purpose = &catalog.purposes[part.purpose];
    let names: Vec<&str> = part.data.iter().map(|item| &*catalog.data[*item].name).collect();
    let recipients = part.recipients(catalog);
    let mut said = json!({
        "purpose": purpose.name,
        "purposeCategory": purpose.terms.dpv,
        "consentType": "EXPLICIT",
        "piiCategory": names,
        "primaryPurpose": part.declared.iter().any(|declared| declared.mandatory),
        "termination": termination(catalog, consent, part),
        "thirdPartyDisclosure": !recipients.is_empty(),
    });
    if !recipients.is_empty() {
        said["thirdPartyName"] = recipients.join(", ").into();
    }
    said
}

fn termination(catalog: &Catalog, consent: &Consent, part: &Part<'_>) -> String {
    let date = |at: i64| moment(at).as_str().unwrap_or(NOT_STATED).to_owned();
    let holds = match (consent.ended, consent.until) {
        (Some(ended), _) => {
            let how = consent.how_ended.as_deref().unwrap_or("ended");
            format!("The consent was {how} at {}", date(ended))
        }
        (None, Some(until)) => format!(
            "The consent ends at {}, or when it is withdrawn: {}",
            date(until),
            consent.place(catalog)
        ),
        (None, None) => {
            format!("The consent ends when it is withdrawn: {}", consent.place(catalog))
        }
    };
    format!("{holds}. Data is kept: {}", part.retention())
}

/// The items whose leak does the most harm (R55).
fn sensitive<'a>(catalog: &'a Catalog, parts: &[Part<'_>]) -> Vec<&'a str> {
    let items = parts.iter().flat_map(|part| &part.data).map(|item| &catalog.data[*item]);
    let restricted = items.filter(|item| item.sensitivity == Sensitivity::Restricted);
    super::each_once(restricted.map(|item| &*item.name))
}
