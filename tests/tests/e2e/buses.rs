//! The buses themselves: that what the other scenarios run on is what it says.

use anyhow::{Context, Result};
use consentd_tests::bus::{Bus, BusKind};
use consentd_tests::prerequisite;
use futures_util::StreamExt;
use zbus::fdo::DBusProxy;

use crate::scenario::block_on;

#[test]
fn two_programs_talk_over_dbus_daemon() -> Result<()> {
    two_programs_talk(BusKind::DbusDaemon)
}

#[test]
fn two_programs_talk_over_dbus_broker() -> Result<()> {
    two_programs_talk(BusKind::DbusBroker)
}

fn two_programs_talk(kind: BusKind) -> Result<()> {
    if prerequisite::skip(kind.missing()) {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    block_on(async {
        let bus = Bus::start(kind, dir.path()).await?;
        let service = bus.connect().await?;
        let _answers_pings = service.object_server();
        service.request_name("org.example.Echo").await?;
        let client = bus.connect().await?;
        let reply = client
            .call_method(
                Some("org.example.Echo"),
                "/",
                Some("org.freedesktop.DBus.Peer"),
                "Ping",
                &(),
            )
            .await?;
        assert_eq!(reply.header().sender(), service.unique_name().map(|name| &**name));
        // Broadcasts arrive too.
        let names = DBusProxy::new(&client).await?;
        let mut owners =
            names.receive_name_owner_changed_with_args(&[(0, "org.example.Echo")]).await?;
        service.release_name("org.example.Echo").await?;
        let signal = owners.next().await.context("the bus hung up")?;
        assert!(signal.args()?.new_owner().is_none());
        Ok(())
    })
}
