//! Waits for a connection to leave the bus.

use std::future::Future;

use futures_util::StreamExt;
use zbus::Connection;
use zbus::names::{BusName, UniqueName};

/// A future that ends when a connection has left. It misses nothing from the moment this returns; while
/// it lives, the bus keeps one match rule for that connection, whoever else waits for it.
///
/// # Errors
/// The bus does not let the daemon watch.
pub(super) async fn leaving(
    connection: &Connection,
    name: &UniqueName<'_>,
) -> zbus::Result<impl Future<Output = ()> + Send + use<>> {
    let bus = zbus::fdo::DBusProxy::new(connection).await?;
    let mut left = bus.receive_name_owner_changed_with_args(&[(0, name.as_str())]).await?;
    // It may have left before the match rule was there.
    let is_here = bus.name_has_owner(BusName::from(name.to_owned())).await?;
    Ok(async move {
        if is_here {
            left.next().await;
        }
    })
}
