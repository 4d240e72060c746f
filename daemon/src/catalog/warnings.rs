//! What a reader of the catalogue should look at (R35). Nothing is changed because of a warning.

use super::sheet::Placed;
use super::{Catalog, Cookie, Kind, Warning, values};

/// The longest lifetime that no one needs to explain: ten years, in seconds.
const LONG: u64 = 10 * 365 * 86_400;

/// The policy that says no advertising cookies are used.
const WITHOUT_ADVERTISING: &str = "S0";

/// Looks through the cookies.
pub(super) fn find(catalog: &Catalog, cookies: &Placed<'_, '_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut advertising: Vec<(usize, &Cookie)> = Vec::new();
    for (position, cookie) in catalog.cookies.iter().enumerate() {
        let mut warn =
            |text: String| warnings.push(Warning { place: cookies.place(position), text });
        let Some((_, category)) =
            catalog.toggles.iter().find(|(index, _)| *index == cookie.category)
        else {
            continue;
        };
        let essential = category.kind == Kind::Fixed;
        if essential && cookie.name.starts_with("STAT") {
            warn(format!(
                "`{}` looks like statistics, and is listed as essential (R35)",
                cookie.name
            ));
        }
        if essential && cookie.name.to_ascii_uppercase().contains("AB_TEST") {
            warn(format!(
                "`{}` looks like an A/B test, and is listed as essential (R35)",
                cookie.name
            ));
        }
        if cookie.max_age > LONG {
            warn(format!(
                "`{}` lives for {}, longer than data may be kept (R35, S3 7)",
                cookie.name,
                values::written_age(cookie.max_age)
            ));
        }
        for conflict in &cookie.conflicts {
            warn(format!(
                "`{}` lives for {} ({}), elsewhere for {conflict}; the shorter rules (R35)",
                cookie.name,
                values::written_age(cookie.max_age),
                cookie.source.section
            ));
        }
        if &*category.id == "cookies.advertising"
            && !cookie.source.section.contains(WITHOUT_ADVERTISING)
        {
            advertising.push((position, cookie));
        }
    }
    if let Some((position, first)) = advertising.first() {
        let names: Vec<&str> = advertising.iter().map(|(_, cookie)| &*cookie.name).collect();
        let text = format!(
            "advertising cookies ({}) are listed in {} alone; {WITHOUT_ADVERTISING} says that none are used (R35)",
            names.join(", "),
            first.source.section
        );
        warnings.push(Warning { place: cookies.place(*position), text });
    }
    warnings
}
