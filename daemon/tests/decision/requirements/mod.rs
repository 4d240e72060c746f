//! What the policies promise, on the shipped catalogue with its own defaults.

mod bases;
mod combination;
mod cookies;
mod declared;
mod forbidden;
mod location;
mod minors;
mod notices;
mod rights;
mod toggles;
mod transfers;

use crate::fixture::collects;

/// One `[[collects]]` for every purpose that is not always refused, on a basis that it permits.
fn every_purpose() -> String {
    let plain = |purpose: &str, basis| collects(purpose, &["device.model"], basis, "");
    let contracts = [
        "activation.registration",
        "account",
        "orders",
        "community",
        "services.activation",
        "activation.diagnosis",
        "services.operation",
        "find-device",
        "messaging",
        "location.services",
        "security.app",
        "push.service",
        "support",
        "notices.important",
    ];
    let consents = [
        "experience.analytics",
        "marketing.in-service",
        "marketing.email",
        "marketing.other",
        "promotions",
        "content.personalised",
        "ads.personalised",
    ];
    let interests = ["device.optimisation", "security.systems"];
    let interest = "legitimate-interest";
    let mut all: Vec<String> = contracts.iter().map(|purpose| plain(purpose, "contract")).collect();
    all.extend(consents.iter().map(|purpose| plain(purpose, "consent")));
    all.extend(interests.iter().map(|purpose| plain(purpose, interest)));
    all.push(plain("legal.obligations", "legal-obligation"));
    all.push(collects("photos.location", &["location.approximate"], "consent", ""));
    all.push(collects("fraud.prevention", &["device.model"], interest, "necessary = true"));
    all.push(collects("analytics.internal", &["device.model"], interest, "deidentified = true"));
    all.concat()
}

/// The item that [`every_purpose`] declares for a purpose.
fn item_of(purpose: &str) -> &'static str {
    if purpose == "photos.location" { "location.approximate" } else { "device.model" }
}
