//! What the daemon, the bus and polkit say when they are asked, through the public interfaces alone.

use std::collections::HashMap;
use std::time::Duration;

use consentd_dbus::{Details, Error, Options, names};
use zbus::fdo::DBusProxy;
use zbus::names::BusName;

use super::finding::Finding;
use crate::answers::{App, Status};
use crate::failure::Failure;
use crate::json;
use crate::session::Session;
use crate::time::plural;
use crate::values::{decode, decode_all};

const POLKIT: &str = "org.freedesktop.PolicyKit1";
const SYSTEMD: &str = "org.freedesktop.systemd1";

/// What has not answered by then does not answer: a check of a large log takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// polkit's EnumerateActions: id, description, message, vendor, URL, icon, who may, annotations.
type Action =
    (String, String, String, String, String, String, u32, u32, u32, HashMap<String, String>);

/// What was found, and what the other checks want to know.
#[derive(Debug, Default)]
pub struct Answered {
    /// What was found.
    pub findings: Vec<Finding>,
    /// The apps, where they were told.
    pub apps: Option<Vec<App>>,
    /// The daemon's user, where there is a daemon.
    pub uid: Option<u32>,
    /// Where its store is.
    pub store_path: Option<String>,
}

impl Answered {
    /// No answer, but why.
    pub fn nothing(why: Finding) -> Self {
        Self { findings: vec![why], ..Self::default() }
    }
}

/// Asks whatever can be asked.
pub async fn ask(session: &Session) -> Answered {
    let mut answered = Answered::default();
    match reach(session).await {
        Ok(status) => {
            answered.findings.extend(of_status(&status, env!("CARGO_PKG_VERSION")));
            answered.findings.extend(of_agents(status.agents));
            if status.polkit {
                answered.findings.extend(polkit(session).await);
            }
            answered.store_path = Some(status.store_path);
        }
        Err(finding) => {
            answered.findings.push(finding);
            return answered;
        }
    }
    answered.uid = uid(session).await.ok();
    match apps(session).await {
        Ok(apps) => {
            answered.findings.extend(of_apps(&apps));
            answered.apps = Some(apps);
        }
        Err(failure) => answered.findings.push(failed("apps", &failure)),
    }
    let check = Options::from([("check", true.into())]);
    answered.findings.extend(of_policy(call(session, "Reload", &check).await));
    for (member, check) in [("CheckStore", "store-check"), ("VerifyLog", "log-check")] {
        answered.findings.extend(of_check(check, call(session, member, &Options::new()).await));
    }
    answered
}

/// The service manager's word on the unit, where one runs.
pub async fn unit_state(session: &Session) -> Option<Finding> {
    active_state(session.connection()).await.ok().map(|state| of_unit(&state))
}

async fn active_state(bus: &zbus::Connection) -> zbus::Result<String> {
    let (path, interface) = ("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager");
    let unit = ("consentd.service",);
    let loaded = bus.call_method(Some(SYSTEMD), path, Some(interface), "LoadUnit", &unit).await?;
    let (path,): (zbus::OwnedObjectPath,) = loaded.body().deserialize()?;
    let asked = ("org.freedesktop.systemd1.Unit", "ActiveState");
    let properties = Some("org.freedesktop.DBus.Properties");
    let state = bus.call_method(Some(SYSTEMD), &path, properties, "Get", &asked).await?;
    let (state,): (zbus::OwnedVariant,) = state.body().deserialize()?;
    state.try_into()
}

fn of_unit(state: &str) -> Finding {
    const LOG: &str = "journalctl -u consentd says why; then: systemctl restart consentd";
    match state {
        "active" | "reloading" => Finding::good("service", "consentd.service runs"),
        "failed" => Finding::wrong("service", "consentd.service has failed", LOG),
        state => Finding::warning(
            "service",
            format!("consentd.service is {state}"),
            "systemctl enable --now consentd",
        ),
    }
}

/// How the daemon is; or why it does not answer.
async fn reach(session: &Session) -> Result<Status, Finding> {
    let asked = async {
        let status = session.admin().await?.status(Options::new()).await?;
        Ok::<Status, Failure>(decode(&status)?)
    };
    let failure = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(status)) => return Ok(status),
        Ok(Err(failure)) => failure,
        Err(_) => {
            let advice = "systemctl restart consentd, and report what journalctl -u consentd says";
            return Err(Finding::unreachable("consentd does not answer", advice));
        }
    };
    if failure.exit_code() != names::exit::UNREACHABLE {
        return Err(failed("daemon", &failure));
    }
    let advice = if is_activatable(session).await {
        "the bus would start it, but it does not come up: journalctl -u consentd says why"
            .to_owned()
    } else {
        failure.hint()
    };
    Err(Finding::unreachable(failure.to_string(), advice))
}

async fn is_activatable(session: &Session) -> bool {
    let Ok(bus) = DBusProxy::new(session.connection()).await else { return false };
    let names = bus.list_activatable_names().await.unwrap_or_default();
    names.iter().any(|name| name.as_str() == names::BUS_NAME)
}

async fn uid(session: &Session) -> Result<u32, zbus::Error> {
    let bus = DBusProxy::new(session.connection()).await?;
    Ok(bus.get_connection_unix_user(BusName::try_from(names::BUS_NAME)?).await?)
}

async fn apps(session: &Session) -> Result<Vec<App>, Failure> {
    Ok(decode_all(&session.settings().await?.list_apps(Options::new()).await?)?)
}

/// A member of Admin1 that takes an administrator, called so that nobody is asked for a password.
async fn call(
    session: &Session,
    member: &str,
    options: &Options<'_>,
) -> Result<zbus::Message, Error> {
    let (bus, name) = (session.connection(), Some(names::BUS_NAME));
    let body = (options,);
    let called = bus.call_method(name, names::PATH, Some(names::ADMIN), member, &body);
    match tokio::time::timeout(PATIENCE, called).await {
        Ok(answer) => answer.map_err(Error::from),
        Err(_) => Err(Error::Bus(zbus::Error::InvalidReply)),
    }
}

fn failed(check: &'static str, failure: &Failure) -> Finding {
    Finding::wrong(check, failure.to_string(), failure.hint())
}

/// What an error of a check means: nothing, where the daemon has no such check.
fn of_error(check: &'static str, error: Error) -> Option<Finding> {
    let failure = Failure::Call(error);
    let Failure::Call(error) = &failure else { return None };
    match error {
        Error::NotSupported(_) => None,
        Error::NotAuthorized(_) => {
            Some(Finding::left_out(check, "takes an administrator: try it as root"))
        }
        Error::Bus(_) if failure.exit_code() == names::exit::NOT_AUTHORIZED => {
            Some(Finding::left_out(check, "takes an administrator: try it as root"))
        }
        Error::Bus(_)
        | Error::UnknownToggle(_)
        | Error::UnknownApp(_)
        | Error::UnknownCase(_)
        | Error::UnknownFormat(_)
        | Error::InvalidArgument(_)
        | Error::TooLarge(_)
        | Error::TooManyRequests(_)
        | Error::StoreUnavailable(_)
        | Error::CatalogInvalid(_) => Some(failed(check, &failure)),
    }
}

/// The files on the disk, as `Reload` would take them.
fn of_policy(answer: Result<zbus::Message, Error>) -> Option<Finding> {
    const CHECK: &str = "policy-files";
    let warnings = answer.and_then(|message| {
        message
            .body()
            .deserialize()
            .map(|(warnings,): (Vec<String>,)| warnings)
            .map_err(Error::from)
    });
    match warnings {
        Err(error) => of_error(CHECK, error),
        Ok(_) => Some(Finding::good(CHECK, "a reload would take catalogue and declarations")),
    }
}

/// `CheckStore` and `VerifyLog`: `whole` says it, `findings` say what.
fn of_check(check: &'static str, answer: Result<zbus::Message, Error>) -> Option<Finding> {
    let result = answer.and_then(|message| {
        message.body().deserialize().map(|(result,): (Details,)| result).map_err(Error::from)
    });
    match result {
        Err(error) => of_error(check, error),
        Ok(result) => Some(of_result(check, &json::object(&result))),
    }
}

fn of_result(check: &'static str, result: &serde_json::Value) -> Finding {
    let found = result["findings"].as_array().into_iter().flatten();
    let found: Vec<&str> = found.filter_map(serde_json::Value::as_str).collect();
    if result["whole"] == serde_json::Value::Bool(false) || !found.is_empty() {
        let told = if found.is_empty() { "damaged".to_owned() } else { found.join("; ") };
        return Finding::wrong(check, told, "consentctl status says what holds now");
    }
    match result["begun"].as_str() {
        Some(why) => Finding::warning(
            check,
            format!("begun anew: {why}"),
            "keep the former file as long as somebody may ask for it",
        ),
        None => Finding::good(check, "nothing is damaged"),
    }
}

fn of_status(status: &Status, version: &str) -> Vec<Finding> {
    let mut findings = vec![if status.version == version {
        Finding::good("daemon", format!("consentd {version} answers"))
    } else {
        Finding::warning(
            "daemon",
            format!("consentd is {}, consentctl {version}", status.version),
            "restart consentd after an update: systemctl restart consentd",
        )
    }];
    let parts = [
        (
            "store",
            &status.store,
            &status.store_error,
            "every check is denied until it can be read; \
          journalctl -u consentd says more",
        ),
        ("ledger", &status.ledger, &status.ledger_error, "journalctl -u consentd says more"),
        (
            "catalogue",
            &status.catalog,
            &status.catalog_error,
            "mend the file that is named, then: \
          consentctl reload",
        ),
    ];
    for (check, state, error, advice) in parts {
        findings.push(match error {
            None if state == "ok" => Finding::good(check, "ok"),
            None => Finding::wrong(check, state.clone(), advice),
            Some(error) => Finding::wrong(check, format!("{state}: {error}"), advice),
        });
    }
    if status.unsaved > 0 {
        let denials = plural(status.unsaved, "denial");
        let told = format!("{denials} in memory wait for the disk, and are lost with the daemon");
        findings.push(Finding::wrong("unsaved", told, "make room on the disk, or mend it"));
    }
    if status.warnings > 0 {
        let told = plural(status.warnings, "warning");
        findings.push(Finding::warning("catalogue", told, "consentctl catalog check names them"));
    }
    findings.push(if status.process_fd {
        Finding::good("process-descriptors", "the bus hands them out")
    } else {
        Finding::warning(
            "process-descriptors",
            "the bus hands out none, so executables, units and sandboxes are known weakly",
            "dbus 1.16 and dbus-broker 35 do",
        )
    });
    findings
}

/// Whether anything shows prompts.
fn of_agents(agents: Option<i64>) -> Option<Finding> {
    Some(match agents? {
        0 => Finding::warning(
            "agent",
            "nothing shows prompts, so what is not decided stays so",
            "start a settings app, or: consentctl agent",
        ),
        count => Finding::good("agent", format!("{} shows prompts", plural(count, "agent"))),
    })
}

fn of_apps(apps: &[App]) -> Vec<Finding> {
    let rejected = apps.iter().filter(|app| !app.valid).map(|app| {
        let why = app.error.as_deref().unwrap_or("its declaration does not load");
        let told = format!("{} is denied everything: {why}", app.app);
        Finding::wrong("apps", told, "mend its declaration, then: consentctl reload")
    });
    let mut findings: Vec<Finding> = rejected.collect();
    if apps.is_empty() {
        let advice = "put declarations into /etc/consentd/apps.d, then: consentctl reload";
        findings.push(Finding::warning("apps", "no app is declared, so none may ask", advice));
    } else if findings.is_empty() {
        let count = i64::try_from(apps.len()).unwrap_or(i64::MAX);
        findings.push(Finding::good("apps", format!("{} declared", plural(count, "app"))));
    }
    findings
}

/// Whether polkit knows our actions.
async fn polkit(session: &Session) -> Option<Finding> {
    let asked = session.connection().call_method(
        Some(POLKIT),
        "/org/freedesktop/PolicyKit1/Authority",
        Some("org.freedesktop.PolicyKit1.Authority"),
        "EnumerateActions",
        &("",),
    );
    let answer = tokio::time::timeout(PATIENCE, asked).await.ok()?;
    let actions = answer
        .and_then(|message| message.body().deserialize().map(|(actions,): (Vec<Action>,)| actions));
    Some(match actions {
        Ok(actions) => of_actions(actions.iter().map(|action| action.0.as_str())),
        Err(error) => Finding::wrong(
            "polkit",
            format!("polkit does not answer, so nothing can be loosened: {error}"),
            "systemctl status polkit",
        ),
    })
}

fn of_actions<'a>(actions: impl Iterator<Item = &'a str>) -> Finding {
    let mut missing = vec![names::ACTION_LOOSEN, names::ACTION_RIGHTS, names::ACTION_ADMINISTER];
    for action in actions {
        missing.retain(|ours| *ours != action);
    }
    if missing.is_empty() {
        return Finding::good("polkit", "polkit answers, and knows consentd's actions");
    }
    let told = format!("polkit does not know {}", missing.join(" and "));
    Finding::wrong(
        "polkit",
        told,
        "install consentd's actions again, then: systemctl restart polkit",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::finding::{Health, verdict};
    use super::*;

    fn status(more: serde_json::Value) -> Vec<Finding> {
        let mut status = json!({
            "version": "1", "generation": 1, "started": 0, "store": "ok", "store_path": "/s",
            "ledger": "ok", "catalog": "ok", "catalog_path": "/c", "process_fd": true,
        });
        for (key, value) in more.as_object().unwrap() {
            status[key] = value.clone();
        }
        of_status(&serde_json::from_value(status).unwrap(), "1")
    }

    #[test]
    fn each_part_of_the_status_is_judged() {
        assert_eq!(verdict(&status(json!({}))), Health::Good);
        for (more, check, health) in [
            (json!({"version": "2"}), "daemon", Health::Warning),
            (json!({"store": "unavailable", "store_error": "gone"}), "store", Health::Wrong),
            (json!({"store": "unavailable"}), "store", Health::Wrong),
            (json!({"ledger": "unavailable", "ledger_error": "full"}), "ledger", Health::Wrong),
            (json!({"catalog": "unavailable", "catalog_error": "x:1"}), "catalogue", Health::Wrong),
            (json!({"unsaved": 2}), "unsaved", Health::Wrong),
            (json!({"warnings": 1}), "catalogue", Health::Warning),
            (json!({"process_fd": false}), "process-descriptors", Health::Warning),
        ] {
            let findings = status(more.clone());
            assert_eq!(verdict(&findings), health, "{more}");
            let worst = findings.iter().find(|finding| finding.health == health).unwrap();
            assert_eq!(worst.check, check, "{more}");
            assert!(!worst.advice.is_empty(), "{more}");
        }
    }

    #[test]
    fn a_check_that_the_daemon_has_not_is_left_out_without_a_word() {
        let text = String::new;
        assert_eq!(of_error("store-check", Error::NotSupported(text())), None);
        let health = |error| of_error("store-check", error).map(|finding| finding.health);
        assert_eq!(health(Error::NotAuthorized(text())), Some(Health::LeftOut));
        assert_eq!(health(Error::StoreUnavailable(text())), Some(Health::Wrong));
    }

    #[test]
    fn a_check_that_found_something_is_wrong() {
        for (result, health) in [
            (json!({}), Health::Good),
            (json!({"whole": true, "rows": 3, "findings": []}), Health::Good),
            (json!({"whole": true, "begun": "a bit flipped"}), Health::Warning),
            (json!({"whole": false}), Health::Wrong),
            (json!({"findings": ["page 3"]}), Health::Wrong),
        ] {
            assert_eq!(of_result("log-check", &result).health, health, "{result}");
        }
    }

    #[test]
    fn apps_agents_actions_and_the_unit_are_judged() {
        let apps = |apps: serde_json::Value| {
            let apps: Vec<App> = serde_json::from_value(apps).unwrap();
            verdict(&of_apps(&apps))
        };
        let good = json!({"app": "a", "name": "A", "valid": true});
        let bad = json!({"app": "b", "name": "B", "valid": false, "error": "b.toml:1"});
        assert_eq!(apps(json!([])), Health::Warning);
        assert_eq!(apps(json!([good.clone()])), Health::Good);
        assert_eq!(apps(json!([good, bad])), Health::Wrong);
        assert_eq!(of_agents(None), None);
        assert_eq!(of_agents(Some(0)).map(|finding| finding.health), Some(Health::Warning));
        assert_eq!(of_agents(Some(1)).map(|finding| finding.health), Some(Health::Good));
        let all = [names::ACTION_LOOSEN, "other", names::ACTION_RIGHTS, names::ACTION_ADMINISTER];
        assert_eq!(of_actions(all.into_iter()).health, Health::Good);
        assert_eq!(of_actions(all.into_iter().take(3)).health, Health::Wrong);
        for (state, health) in
            [("active", Health::Good), ("failed", Health::Wrong), ("inactive", Health::Warning)]
        {
            assert_eq!(of_unit(state).health, health, "{state}");
        }
    }
}
