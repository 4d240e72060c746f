//! Asking polkit, where it is installed. Any doubt is a no.

use std::collections::HashMap;
use std::time::Duration;

use zbus::message::Flags;
use zbus::{Connection, Variant};

use crate::authority::{Action, Polkit};

const NAME: &str = "org.freedesktop.PolicyKit1";
/// A person may have to type a password; after this nobody does.
const PATIENCE: Duration = Duration::from_secs(300);

/// Whether polkit runs on this bus, or is started by asking it.
pub(super) async fn presence(connection: &Connection) -> zbus::Result<Polkit> {
    let bus = zbus::fdo::DBusProxy::new(connection).await?;
    if bus.name_has_owner(zbus::names::BusName::try_from(NAME)?).await? {
        return Ok(Polkit::Present);
    }
    let startable = bus.list_activatable_names().await?;
    let is_startable = startable.iter().any(|name| name.as_str() == NAME);
    Ok(if is_startable { Polkit::Present } else { Polkit::Absent })
}

/// Whether polkit lets a connection do an action. A person is only asked if the caller's message said
/// that it may take that long.
pub(super) async fn allows(
    connection: &Connection,
    sender: &str,
    flags: Flags,
    action: Action,
) -> bool {
    let interactive = flags.contains(Flags::ALLOW_INTERACTIVE_AUTH);
    let subject = ("system-bus-name", HashMap::from([("name", Variant::from(sender))]));
    let details: HashMap<&str, &str> = HashMap::new();
    let body = (subject, action.id(), details, u32::from(interactive), "");
    let call = connection.call_method(
        Some(NAME),
        "/org/freedesktop/PolicyKit1/Authority",
        Some("org.freedesktop.PolicyKit1.Authority"),
        "CheckAuthorization",
        &body,
    );
    let reply = match tokio::time::timeout(PATIENCE, call).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => {
            tracing::warn!(%error, action = action.id(), "polkit did not answer: refused");
            return false;
        }
        Err(_) => {
            tracing::warn!(action = action.id(), "polkit took too long: refused");
            return false;
        }
    };
    let answer: zbus::Result<(bool, bool, HashMap<String, String>)> = reply
        .body()
        .deserialize()
        .map(|(answer,): ((bool, bool, HashMap<String, String>),)| answer);
    match answer {
        Ok((authorized, _, _)) => authorized,
        Err(error) => {
            tracing::warn!(%error, "polkit's answer cannot be read: refused");
            false
        }
    }
}
