//! Runs a scenario in a world of its own, and looks at what it leaves behind.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result};
use consentd_tests::bus::BusKind;
use consentd_tests::prerequisite;
use consentd_tests::stage::Stage;
use consentd_tests::world::World;

/// Makes two tests of each scenario: one on dbus-daemon, one on dbus-broker.
macro_rules! on_both_buses {
    ($($scenario:ident),+ $(,)?) => {
        mod on_dbus_daemon {
            $(#[test]
            fn $scenario() -> anyhow::Result<()> {
                crate::scenario::run(consentd_tests::bus::BusKind::DbusDaemon, super::$scenario)
            })+
        }
        mod on_dbus_broker {
            $(#[test]
            fn $scenario() -> anyhow::Result<()> {
                crate::scenario::run(consentd_tests::bus::BusKind::DbusBroker, super::$scenario)
            })+
        }
    };
}
pub(crate) use on_both_buses;

/// Runs a scenario on the project's catalogue and sample apps.
pub(crate) fn run(
    kind: BusKind,
    scenario: impl AsyncFnOnce(&mut World) -> Result<()>,
) -> Result<()> {
    if prerequisite::skip(kind.missing()) {
        return Ok(());
    }
    block_on(async {
        let mut world = World::on(Stage::new()?, kind).await?;
        let outcome = scenario(&mut world).await;
        let outcome = outcome.and_then(|()| world.stop());
        outcome.with_context(|| world.daemon.log())
    })
}

/// No scenario takes this long, on any machine; what does has hung.
const LIMIT: Duration = Duration::from_secs(300);

/// Runs a future in a runtime of its own.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::time::timeout(LIMIT, future)
            .await
            .with_context(|| format!("the scenario hung: not over after {LIMIT:?}"))?
    })
}
