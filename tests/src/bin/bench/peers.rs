//! `Check` over D-Bus beside an empty method, xdg-permission-store and polkit, on one bus.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use consentd_tests::bus::BusKind;
use consentd_tests::place;
use consentd_tests::polkit::Polkit;
use consentd_tests::process::{PATIENCE, Process, bound_command};
use consentd_tests::world::World;
use futures_util::StreamExt;
use std::collections::HashMap;
use zbus::fdo::DBusProxy;
use zbus::names::BusName;
use zbus::{Connection, Variant};

use crate::calls::{Call, Caller, is_answered};
use crate::empty;
use crate::table::{Spread, Table, Verdict};

pub const STORE: &str = "org.freedesktop.impl.portal.PermissionStore";
pub const STORE_PATH: &str = "/org/freedesktop/impl/portal/PermissionStore";
/// Table, id, app.
pub const PERMISSION: (&str, &str, &str) = ("location", "location", "org.example.security");

/// Calls in a block; polkit's are slower, and make fewer.
const BLOCK: u32 = 200;
const SLOW_BLOCK: u32 = 30;

/// Measures and prints.
pub async fn measure(table: &mut Table, rounds: u32) -> Result<()> {
    let world = World::start(BusKind::DbusDaemon).await?;
    let bus = world.connect().await?;
    is_answered(&bus).await?;
    let _empty = empty::start(&world).await?;
    let store = PermissionStore::start(&world, &bus).await?;
    let polkit = match Polkit::missing() {
        Some(_) => None,
        None => Some(Polkit::start(&world.bus, world.stage.root(), "").await?),
    };
    let mut calls =
        vec![Call::Empty, Call::Shape, Call::Ping, Call::Check, Call::CheckEight, Call::Preview];
    calls.extend(store.as_ref().map(|_| Call::GetPermission));
    calls.extend(polkit.as_ref().map(|_| Call::CheckAuthorization));
    let mut caller = Caller::start(&world)?;
    let mut times: Vec<Vec<_>> = calls.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        for (call, times) in calls.iter().zip(&mut times) {
            let slow = *call == Call::CheckAuthorization;
            let block = caller.block(*call, if slow { SLOW_BLOCK } else { BLOCK }).await?;
            // The first round warms caches.
            if round > 0 {
                times.extend(block);
            }
        }
    }
    let found: Vec<(Call, Spread)> =
        calls.into_iter().zip(times.into_iter().map(Spread::of)).collect();
    report(table, &found)?;
    if store.is_none() {
        table.left_out("xdg-permission-store", "scripts/need bench unpacks it")?;
    }
    if let Some(why) = Polkit::missing() {
        table.left_out("polkit", &why.to_string())?;
    }
    Ok(())
}

fn report(table: &mut Table, found: &[(Call, Spread)]) -> Result<()> {
    let of =
        |wanted: Call| found.iter().find(|(call, _)| *call == wanted).map(|(_, spread)| *spread);
    let empty = of(Call::Empty).context("the empty method was not measured")?;
    let check = of(Call::Check).context("Check was not measured")?;
    table.heading("One call over dbus-daemon, a caller at a time")?;
    for (call, spread) in found {
        let beside = format!("{:.2} × empty", spread.to(empty));
        let slower = format!("{:.2} × Check", spread.to(check));
        let (what, beside, budget, verdict) = match call {
            Call::Empty => ("an empty method", "", "", Verdict::None),
            Call::Shape => ("  with what Check takes and gives", &*beside, "", Verdict::None),
            Call::Ping => ("Peer.Ping of consentd", &*beside, "", Verdict::None),
            Call::Check => {
                let met = spread.to(empty) <= 1.3;
                ("Check, recorded", &*beside, "1.3 × empty", met.into())
            }
            Call::CheckEight => ("Check of eight items, recorded", &*beside, "", Verdict::None),
            Call::Preview => ("Preview, not recorded", &*beside, "", Verdict::None),
            Call::GetPermission => {
                let met = check.p50 < spread.p50;
                ("xdg-permission-store GetPermission", &*slower, "slower than Check", met.into())
            }
            Call::CheckAuthorization => {
                let met = check.p50 < spread.p50;
                ("polkit CheckAuthorization", &*slower, "slower than Check", met.into())
            }
        };
        table.times(what, *spread, beside, budget, verdict)?;
    }
    Ok(())
}

/// xdg-permission-store, from its unpacked package, with one permission in it.
struct PermissionStore {
    _process: Process,
}

impl PermissionStore {
    async fn start(world: &World, bus: &Connection) -> Result<Option<PermissionStore>> {
        let package = place::unpacked("xdg-desktop-portal");
        let program = package.join("usr/libexec/xdg-permission-store");
        if !program.is_file() {
            return Ok(None);
        }
        let names = DBusProxy::new(bus).await?;
        let mut owners = names.receive_name_owner_changed_with_args(&[(0, STORE)]).await?;
        let mut command = bound_command(&program);
        command
            .env("DBUS_SESSION_BUS_ADDRESS", world.bus.address())
            .env("XDG_DATA_HOME", world.stage.root().join("permissions"))
            .env("LD_LIBRARY_PATH", libraries(&place::unpacked("libjson-glib-1.0-0"))?)
            .stdin(Stdio::null());
        let process = Process::spawn("xdg-permission-store", &mut command)?;
        let owned = async {
            while !names.name_has_owner(BusName::try_from(STORE)?).await? {
                owners.next().await.context("the bus hung up")?;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, owned).await.context("xdg-permission-store is silent")??;
        let (in_table, id, app) = PERMISSION;
        let permissions = HashMap::from([(app, vec!["yes"])]);
        let body = (in_table, true, id, permissions, Variant::from(0_u8));
        bus.call_method(Some(STORE), STORE_PATH, Some(STORE), "Set", &body).await?;
        Ok(Some(PermissionStore { _process: process }))
    }
}

/// The folder below `usr/lib` of an unpacked library, which is named after the architecture.
fn libraries(package: &Path) -> Result<std::path::PathBuf> {
    let dir = package.join("usr/lib");
    let found = std::fs::read_dir(&dir).with_context(|| format!("reading {}", dir.display()))?;
    let first = found.into_iter().next().context("an empty package")??;
    Ok(first.path())
}
