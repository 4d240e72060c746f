//! The files by which the bus, polkit and the service manager know of consentd.

use std::path::Path;

use super::finding::Finding;
use super::root::{Kind, Root};

/// Where a file can be, the one that wins first.
const BUS_POLICIES: [&str; 2] =
    ["/etc/dbus-1/system.d/org.consentd.conf", "/usr/share/dbus-1/system.d/org.consentd.conf"];
const ACTIVATIONS: [&str; 3] = [
    "/usr/local/share/dbus-1/system-services/org.consentd.service",
    "/usr/share/dbus-1/system-services/org.consentd.service",
    "/lib/dbus-1/system-services/org.consentd.service",
];
const ACTIONS: [&str; 2] = [
    "/usr/share/polkit-1/actions/org.consentd.policy",
    "/usr/local/share/polkit-1/actions/org.consentd.policy",
];
const POLKITS: [&str; 3] =
    ["/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd", "/usr/libexec/polkit-1/polkitd"];
const UNITS: [&str; 5] = [
    "/etc/systemd/system/consentd.service",
    "/run/systemd/system/consentd.service",
    "/usr/local/lib/systemd/system/consentd.service",
    "/usr/lib/systemd/system/consentd.service",
    "/lib/systemd/system/consentd.service",
];

const SHIPPED_POLICY: &str = include_str!("../../../dbus/org.consentd.conf");
const SHIPPED_ACTIONS: &str = include_str!("../../../dbus/org.consentd.policy");

const REINSTALL: &str = "install consentd again";
const RELOAD: &str = "install consentd again, then: systemctl reload dbus";

/// All of them.
pub fn examine(root: &Root) -> Vec<Finding> {
    vec![user(root), bus_policy(root), activation(root), actions(root), unit(root)]
}

/// The arguments that the unit gives the daemon; none if there is no unit.
pub fn unit_words(root: &Root) -> Vec<String> {
    let unit = UNITS.iter().find_map(|path| root.read(path).ok().flatten()).unwrap_or_default();
    exec_start(&unit).map(str::to_owned).collect()
}

fn user(root: &Root) -> Finding {
    match root.user("consentd") {
        Some(0) => {
            Finding::wrong("user", "consentd is root's other name", "give it a uid of its own")
        }
        Some(uid) => Finding::good("user", format!("consentd has uid {uid}")),
        None if root.is_image() => Finding::left_out(
            "user",
            "the image has no user consentd yet; systemd-sysusers makes it at the first start",
        ),
        None => {
            Finding::wrong("user", "there is no user consentd", "systemd-sysusers consentd.conf")
        }
    }
}

/// The first of some files that is there, and what it holds, or the finding that there is none.
fn find<'a>(
    check: &'static str,
    root: &Root,
    paths: &[&'a str],
) -> Result<Option<(&'a str, String)>, Finding> {
    for path in paths {
        match root.read(path) {
            Ok(Some(text)) => return Ok(Some((path, text))),
            Ok(None) => {}
            Err(error) => {
                let told = format!("{path} cannot be read: {error}");
                return Err(Finding::wrong(check, told, format!("chmod a+r {path}")));
            }
        }
    }
    Ok(None)
}

fn bus_policy(root: &Root) -> Finding {
    const CHECK: &str = "bus-policy";
    match find(CHECK, root, &BUS_POLICIES) {
        Err(finding) => finding,
        Ok(None) => Finding::wrong(CHECK, format!("there is no {}", BUS_POLICIES[1]), RELOAD),
        Ok(Some((path, text))) => match lacks(&text, SHIPPED_POLICY, &POLICY_SAYS) {
            Lacks::Nothing => {
                Finding::good(CHECK, "consentd may own its name, and everybody may ask it")
            }
            Lacks::This(what) => Finding::wrong(CHECK, format!("{path} {what}"), RELOAD),
            Lacks::Words => Finding::warning(
                CHECK,
                format!("{path} is not the one of this version"),
                "keep it if somebody changed it on purpose; else install consentd again",
            ),
        },
    }
}

/// What has to stand in the bus policy, and what it means if it does not.
const POLICY_SAYS: [(&str, &str); 8] = [
    ("<policy user=\"consentd\">", "lets the user consentd do nothing"),
    ("<allow own=\"org.consentd\"/>", "lets nobody own org.consentd"),
    ("send_interface=\"org.consentd.Gate1\"/>", "lets no app ask"),
    ("send_interface=\"org.consentd.Settings1\"/>", "lets nobody change settings"),
    ("send_interface=\"org.consentd.Admin1\"/>", "lets nobody administer consentd"),
    ("send_interface=\"org.consentd.Identifiers1\"/>", "lets no app have an identifier"),
    ("send_interface=\"org.consentd.Rights1\"/>", "lets nobody exercise a right"),
    ("send_interface=\"org.consentd.Cookies1\"/>", "lets no browser ask"),
];

/// The same for polkit's actions.
const ACTIONS_SAY: [(&str, &str); 4] = [
    (
        "<action id=\"org.consentd.loosen\">",
        "has no action to loosen by, so nobody can allow anything",
    ),
    (
        "<action id=\"org.consentd.rights\">",
        "has no action to exercise rights by, so nobody but root can",
    ),
    (
        "<action id=\"org.consentd.administer\">",
        "has no action to administer by, so nobody but root can",
    ),
    ("unix-user:consentd", "does not say that the actions are consentd's, so polkit refuses it"),
];

#[derive(Debug, PartialEq, Eq)]
enum Lacks {
    Nothing,
    /// It has what it must have, but is not what was shipped.
    Words,
    This(&'static str),
}

fn lacks(text: &str, shipped: &str, says: &[(&str, &'static str)]) -> Lacks {
    let text = plain(text);
    match says.iter().find(|(word, _)| !text.contains(word)) {
        Some((_, means)) => Lacks::This(means),
        None if text == plain(shipped) => Lacks::Nothing,
        None => Lacks::Words,
    }
}

/// XML without comments, its white space in one way.
fn plain(xml: &str) -> String {
    let mut text = String::new();
    let mut rest = xml;
    while let Some((before, after)) = rest.split_once("<!--") {
        text.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace(" />", "/>").replace("> <", "><")
}

fn activation(root: &Root) -> Finding {
    const CHECK: &str = "activation";
    let (path, text) = match find(CHECK, root, &ACTIVATIONS) {
        Err(finding) => return finding,
        Ok(None) => {
            let told = format!("there is no {}, so asking does not start consentd", ACTIVATIONS[1]);
            return Finding::warning(CHECK, told, REINSTALL);
        }
        Ok(Some(found)) => found,
    };
    match misled(&text) {
        None => Finding::good(CHECK, "asking starts consentd"),
        Some(why) => Finding::wrong(CHECK, format!("{path} {why}"), REINSTALL),
    }
}

/// Why asking would start something else.
fn misled(activation: &str) -> Option<&'static str> {
    let says = |line: &str| activation.lines().any(|each| each.trim() == line);
    if !says("Name=org.consentd") {
        Some("does not name org.consentd")
    } else if !says("SystemdService=consentd.service") {
        Some("does not name the unit, which alone gives consentd its capabilities")
    } else {
        None
    }
}

fn actions(root: &Root) -> Finding {
    const CHECK: &str = "polkit-actions";
    let has_polkit = POLKITS.iter().any(|path| root.look(path).is_ok_and(|seen| seen.is_some()));
    match find(CHECK, root, &ACTIONS) {
        Err(finding) => finding,
        Ok(_) if !has_polkit => {
            Finding::good(CHECK, "polkit is not installed: the owner and root decide")
        }
        Ok(None) => {
            let told = format!("there is no {}, so polkit refuses what loosens", ACTIONS[0]);
            Finding::wrong(CHECK, told, REINSTALL)
        }
        Ok(Some((path, text))) => match lacks(&text, SHIPPED_ACTIONS, &ACTIONS_SAY) {
            Lacks::Nothing => Finding::good(CHECK, "polkit knows who may loosen and administer"),
            Lacks::This(what) => Finding::wrong(CHECK, format!("{path} {what}"), REINSTALL),
            Lacks::Words => Finding::warning(
                CHECK,
                format!("{path} is not the one of this version"),
                "keep it if somebody changed it on purpose, though rules in polkit's rules.d are \
                 the place for that; else install consentd again",
            ),
        },
    }
}

fn unit(root: &Root) -> Finding {
    const CHECK: &str = "unit";
    let masked = UNITS.iter().any(|path| {
        root.look(path).is_ok_and(|seen| seen.is_some_and(|seen| seen.kind == Kind::Other))
    });
    if masked {
        let advice = "systemctl unmask consentd";
        return Finding::wrong(CHECK, "consentd.service is masked, so nothing starts it", advice);
    }
    let (path, text) = match find(CHECK, root, &UNITS) {
        Err(finding) => return finding,
        Ok(None) => {
            let told = format!("there is no {}, so nothing starts consentd", UNITS[3]);
            return Finding::wrong(CHECK, told, REINSTALL);
        }
        Ok(Some(found)) => found,
    };
    let Some(program) = exec_start(&text).next() else {
        return Finding::wrong(CHECK, format!("{path} has no ExecStart"), REINSTALL);
    };
    match super::rights::file(root, Path::new(program), &[root.superuser()]) {
        Ok(Ok(())) => Finding::good(CHECK, format!("{path} starts {program}")),
        Ok(Err(exposure)) => {
            let told = format!("{path} starts {program}, but {exposure}");
            Finding::wrong(CHECK, told, exposure.advice())
        }
        Err(error) => Finding::left_out(CHECK, format!("{program}: {error}")),
    }
}

/// The words of the last `ExecStart`, which counts.
fn exec_start(unit: &str) -> impl Iterator<Item = &str> {
    let line = unit.lines().rev().find_map(|line| line.trim().strip_prefix("ExecStart="));
    line.unwrap_or_default().split_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_policy_lacks_is_told_by_what_it_means() {
        let words =
            SHIPPED_POLICY.replace("<busconfig>", "<busconfig>\n  <!-- <allow own=\"x\"/> -->");
        let mine = SHIPPED_POLICY.replace("</busconfig>", "<policy group=\"a\"/></busconfig>");
        let no_owner = SHIPPED_POLICY
            .replace("<allow own=\"org.consentd\"/>", "<!-- <allow own=\"org.consentd\"/> -->");
        let other_user = SHIPPED_POLICY.replace("user=\"consentd\"", "user=\"nobody\"");
        let no_gate = SHIPPED_POLICY.replace("org.consentd.Gate1", "org.consentd.Gate2");
        for (text, lacking) in [
            (SHIPPED_POLICY.to_owned(), Lacks::Nothing),
            (words, Lacks::Nothing),
            (mine, Lacks::Words),
            (no_owner, Lacks::This("lets nobody own org.consentd")),
            (other_user, Lacks::This("lets the user consentd do nothing")),
            (no_gate, Lacks::This("lets no app ask")),
            (String::new(), Lacks::This("lets the user consentd do nothing")),
        ] {
            assert_eq!(lacks(&text, SHIPPED_POLICY, &POLICY_SAYS), lacking, "{text}");
        }
        assert_eq!(lacks(SHIPPED_ACTIONS, SHIPPED_ACTIONS, &ACTIONS_SAY), Lacks::Nothing);
    }

    #[test]
    fn an_activation_file_names_the_name_and_the_unit() {
        let shipped = include_str!("../../../dbus/org.consentd.service");
        for (text, wrong) in [
            (shipped.to_owned(), false),
            (shipped.replace("SystemdService=", "#"), true),
            (shipped.replace("Name=org.consentd", "Name=org.example"), true),
        ] {
            assert_eq!(misled(&text).is_some(), wrong, "{text}");
        }
    }

    #[test]
    fn the_last_start_of_a_unit_counts() {
        let words = |unit: &str| exec_start(unit).map(str::to_owned).collect::<Vec<_>>();
        let shipped = include_str!("../../../dbus/consentd.service");
        assert_eq!(words(shipped), ["/usr/libexec/consentd"]);
        assert_eq!(words("ExecStart=/a\nExecStart=/b --config /c\n"), ["/b", "--config", "/c"]);
        assert!(words("[Service]\n").is_empty());
    }
}
