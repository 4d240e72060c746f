//! `profile`: region, age band, language, guardian.

use consentd_dbus::Options;

use crate::answers::Profile;
use crate::args::{Certainty, ProfileChange, ProfileVerb};
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::screen::Screen;
use crate::session::Session;
use crate::table::{facts, plain};
use crate::user;
use crate::values::decode;
use crate::verbs::store::certain;

pub async fn profile(session: &Session, verb: Option<ProfileVerb>) -> Result<(), Failure> {
    match verb {
        None | Some(ProfileVerb::Get) => get(session).await,
        Some(ProfileVerb::Set(change)) => set(session, &change).await,
        Some(ProfileVerb::ReportMinor { certainty }) => report_minor(session, &certainty).await,
    }
}

async fn get(session: &Session) -> Result<(), Failure> {
    let profile = session.settings().await?.get_profile(session.options()).await?;
    if session.screen.json {
        return session.screen.json(&json::object(&profile));
    }
    session.screen.text(&render(&decode(&profile)?, &session.screen))
}

async fn set(session: &Session, change: &ProfileChange) -> Result<(), Failure> {
    let texts =
        [("region", &change.region), ("age_band", &change.age), ("language", &change.language)];
    let mut profile = Options::new();
    for (key, text) in texts {
        profile.extend(text.clone().map(|text| (key, text.into())));
    }
    profile.extend(change.guardian.map(|guardian| ("guardian", guardian.into())));
    let generation = session.settings().await?.set_profile(profile, session.options()).await?;
    if session.screen.json {
        return session.screen.json(&json::single("generation", generation));
    }
    get(session).await
}

async fn report_minor(session: &Session, certainty: &Certainty) -> Result<(), Failure> {
    let whose = session.user.map_or_else(|| "You are".to_owned(), |uid| user::name(uid) + " is");
    certain(
        certainty,
        &format!(
            "{} taken for a minor: every consent is withdrawn, marketing and personalisation are \
             switched off, and apps are to erase what they hold.",
            printable(&whose)
        ),
    )?;
    let removal = Options::from([("removal", true.into())]);
    let generation = session.settings().await?.set_profile(removal, session.options()).await?;
    if session.screen.json {
        return session.screen.json(&json::single("generation", generation));
    }
    let user = session.user.map(|user| format!(" --user {user}")).unwrap_or_default();
    session.screen.text(&format!(
        "Every consent is withdrawn, marketing and personalisation are off.\n\
         Apps are told to erase what they hold: `consentctl rights list{user}` says how far each is.\n\
         `consentctl history{user}` says what was changed; what was recorded before stays.\n"
    ))
}

fn render(profile: &Profile, screen: &Screen) -> String {
    let chosen = |text: &str, set: bool| {
        if set { text.to_owned() } else { format!("{text} (default)") }
    };
    facts(
        screen,
        [
            ("Region", plain(chosen(&profile.region, profile.region_set))),
            ("Controller", plain(profile.controller.clone().unwrap_or_default())),
            ("Age band", plain(chosen(&profile.age_band, profile.age_set))),
            ("Guardian", plain(profile.guardian.map(user::name).unwrap_or_default())),
            ("Language", plain(profile.language.clone().unwrap_or_else(|| "not set".to_owned()))),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn defaults_are_marked() {
        let profile: Profile = serde_json::from_value(json!({
            "region": "EEA", "region_set": false, "age_band": "minor", "age_set": true, "guardian": 0,
            "controller": "A Controller B.V.",
        }))
        .unwrap();
        assert_eq!(
            render(&profile, &Screen { json: false, colour: false, width: None }),
            "  Region      EEA (default)
  Controller  A Controller B.V.
  Age band    minor
  Guardian    root
  Language    not set
"
        );
    }
}
