//! The daemon serves the methods and properties of the interface XML, and no others.

use std::collections::BTreeSet;

use anyhow::Result;
use consentd_dbus::names;
use consentd_tests::place;
use consentd_tests::world::World;
use zbus::fdo::{IntrospectableProxy, PropertiesProxy};
use zbus_xml::{Arg, ArgDirection, Interface, Node};

use crate::scenario::on_both_buses;

/// The interfaces of the daemon's one object.
const SERVED: [&str; 6] =
    [names::GATE, names::SETTINGS, names::ADMIN, names::IDENTIFIERS, names::RIGHTS, names::COOKIES];

on_both_buses![the_daemon_serves_the_xml, every_interface_has_its_version];

async fn the_daemon_serves_the_xml(world: &mut World) -> Result<()> {
    let connection = world.connect().await?;
    let proxy = IntrospectableProxy::builder(&connection);
    let proxy = proxy.destination(names::BUS_NAME).path(names::PATH).build().await?;
    let served = Node::from_reader(proxy.introspect().await?.as_bytes())?;
    for name in SERVED {
        let path = place::root().join("dbus/interfaces").join(format!("{name}.xml"));
        let written = Node::from_reader(std::fs::read(path)?.as_slice())?;
        let members = |node: &Node<'_>| {
            let interface = node.interfaces().iter().find(|interface| interface.name() == name);
            interface.map(members).unwrap_or_default()
        };
        assert_eq!(members(&served), members(&written), "{name}");
    }
    Ok(())
}

async fn every_interface_has_its_version(world: &mut World) -> Result<()> {
    let connection = world.connect().await?;
    for name in SERVED {
        let properties = PropertiesProxy::builder(&connection);
        let properties = properties.destination(names::BUS_NAME).path(names::PATH).build().await?;
        let version = properties.get(name.try_into()?, "Version").await?;
        assert_eq!(u32::try_from(version)?, names::INTERFACE_VERSION, "{name}");
    }
    Ok(())
}

/// Each method and property with its types, in words. Signals go to single receivers, by hand, and
/// the daemon's introspection does not list them.
fn members(interface: &Interface<'_>) -> BTreeSet<String> {
    let methods = interface.methods().map(|method| {
        let (takes, gives) =
            (types(method.args(), ArgDirection::In), types(method.args(), ArgDirection::Out));
        format!("method {}({takes}) -> ({gives})", method.name())
    });
    let properties = interface.properties().map(|property| {
        format!("property {} {} {:?}", property.name(), property.ty(), property.access())
    });
    methods.chain(properties).collect()
}

fn types(args: &[Arg<'_>], direction: ArgDirection) -> String {
    let args = args.iter().filter(|arg| arg.direction() == Some(direction));
    // An argument that the daemon does not read yet has an underscore before its name.
    let name = |arg: &Arg<'_>| arg.name().unwrap_or("?").trim_start_matches('_').to_owned();
    let words = args.map(|arg| format!("{} {}", name(arg), arg.ty()));
    words.collect::<Vec<_>>().join(", ")
}
