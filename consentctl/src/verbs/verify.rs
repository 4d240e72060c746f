//! `log verify`: whether every entry of the log is as it was written.

use consentd_dbus::Options;
use consentd_dbus::names::exit;

use crate::answers::Proof;
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::progress::Progress;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::time::plural;
use crate::values::decode;

/// What the chain can show, and what it cannot.
const WORTH: &str = "The chain shows accident and careless tampering. Who can write the file and knows how \
                     the chain is made can make another.";

pub async fn verify(session: &Session) -> Result<u8, Failure> {
    let progress = Progress::busy("looking along the chain");
    let found = session.admin().await?.verify_log(Options::new()).await?;
    progress.end();
    let proof: Proof = decode(&found)?;
    if session.screen.json {
        session.screen.json(&json::object(&found))?;
    } else {
        session.screen.text(&render(&proof, &session.screen))?;
    }
    Ok(if proof.whole { exit::OK } else { exit::DAMAGED })
}

fn render(proof: &Proof, screen: &Screen) -> String {
    let covered = format!("{} in {}", entries(proof.rows), plural(as_i64(proof.blocks), "block"));
    let mut text = if proof.whole {
        format!("{}: {covered}, each as it was written.\n", screen.paint(Tone::Good, "Whole"))
    } else {
        let wrong = screen.paint(Tone::Bad, "Not as it was written");
        let findings = proof.findings.iter().map(|finding| format!("  {}\n", printable(finding)));
        format!("{wrong}, of {covered}:\n{}", findings.collect::<String>())
    };
    if let Some(begun) = &proof.begun {
        text += &format!("The log was begun anew: {}.\n", printable(begun));
    }
    text + &screen.paint(Tone::Dim, WORTH) + "\n"
}

fn entries(count: u64) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

fn as_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Screen = Screen { json: false, colour: false, width: None };

    fn proof(findings: &[&str]) -> Proof {
        let findings: Vec<String> = findings.iter().map(|text| (*text).to_owned()).collect();
        Proof { whole: findings.is_empty(), blocks: 1, rows: 7, findings, begun: None }
    }

    #[test]
    fn a_whole_log_is_one_sentence() {
        let text = render(&proof(&[]), &SCREEN);
        assert_eq!(
            text.lines().next(),
            Some("Whole: 7 entries in 1 block, each as it was written.")
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let found = proof(&["block 3: records 1 to 4 are not as written"]);
        let text = render(&Proof { begun: Some("it was torn".into()), ..found }, &SCREEN);
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("Not as it was written, of 7 entries in 1 block:"));
        assert_eq!(lines.next(), Some("  block 3: records 1 to 4 are not as written"));
        assert_eq!(lines.next(), Some("The log was begun anew: it was torn."));
    }
}
