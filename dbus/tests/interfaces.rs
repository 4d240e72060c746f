//! The XML is the contract: every proxy sends what it says, and takes what it says comes back.
//!
//! On a private dbus-daemon, a stand-in owns the name: it compares each call with the XML and
//! answers with empty values of the XML's types.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use consentd_dbus::{
    Admin1Proxy, Agent1Proxy, Cookies1Proxy, Gate1Proxy, Holder1Proxy, Identifiers1Proxy, Options,
    Rights1Proxy, Settings1Proxy, names,
};
use futures_util::StreamExt;
use zbus::message::Type;
use zbus::proxy::CacheProperties;
use zbus::wire::{Array, Dict, Signature, Structure};
use zbus::{Connection, Fd, Message, MessageStream, ObjectPath, Variant};
use zbus_xml::{ArgDirection, Interface, Node};

const XML: [(&str, &str); 8] = [
    (names::GATE, include_str!("../interfaces/org.consentd.Gate1.xml")),
    (names::SETTINGS, include_str!("../interfaces/org.consentd.Settings1.xml")),
    (names::ADMIN, include_str!("../interfaces/org.consentd.Admin1.xml")),
    (names::IDENTIFIERS, include_str!("../interfaces/org.consentd.Identifiers1.xml")),
    (names::RIGHTS, include_str!("../interfaces/org.consentd.Rights1.xml")),
    (names::COOKIES, include_str!("../interfaces/org.consentd.Cookies1.xml")),
    (names::HOLDER, include_str!("../interfaces/org.consentd.Holder1.xml")),
    (names::AGENT, include_str!("../interfaces/org.consentd.Agent1.xml")),
];

#[test]
fn every_interface_has_its_version_and_methods_that_can_grow() {
    for interface in interfaces() {
        let version = interface.properties().next().expect("a property");
        assert_eq!(version.name().as_str(), "Version");
        assert_eq!(version.ty(), &Signature::U32);
        // An agent is told, and has no options to grow by.
        let methods = interface.methods().filter(|method| method.name() != "Cancel");
        for method in methods {
            let last = method.args().iter().rfind(|arg| arg.direction() == Some(ArgDirection::In));
            let last = last.expect("an argument").ty().to_string();
            assert_eq!(last, "a{sv}", "{} ends in options", method.name());
        }
    }
}

#[test]
fn every_member_and_argument_is_documented() {
    for (name, xml) in XML {
        let node = Node::from_reader(xml.as_bytes()).unwrap();
        let interface = &node.interfaces()[0];
        assert_eq!(interface.name().as_str(), name);
        let methods = interface.methods().map(|m| (m.name().to_string(), m.args()));
        let signals = interface.signals().map(|s| (s.name().to_string(), s.args()));
        for (member, args) in methods.chain(signals) {
            let doc =
                xml.split("<!--").find(|part| part.trim_start().starts_with(&format!("{member}:")));
            let doc = doc.and_then(|part| part.split("-->").next());
            let doc = doc.unwrap_or_else(|| panic!("{member} has no comment"));
            for arg in args {
                let line = format!("@{}:", arg.name().expect("arguments have names"));
                assert!(doc.contains(&line), "{member} does not explain {line}");
            }
        }
    }
}

#[tokio::test]
async fn every_proxy_method_is_the_xmls() -> Result<()> {
    let bus = Bus::start()?;
    let server = bus.connect().await?;
    let mut calls = MessageStream::from(&server);
    server.request_name(names::BUS_NAME).await?;
    let stand_in = tokio::spawn(async move {
        let mut seen = BTreeSet::new();
        while let Some(call) = calls.next().await {
            let call = call?;
            if call.message_type() == Type::MethodCall && !answer(&server, &call, &mut seen).await?
            {
                break;
            }
        }
        anyhow::Ok(seen)
    });

    let client = bus.connect().await?;
    let called = call_everything(&client).await;
    // The stand-in ends at the one member that no XML has.
    let gate = Some(names::GATE);
    let done = client.call_method(Some(names::BUS_NAME), names::PATH, gate, "Done", &()).await;
    let seen = stand_in.await??;
    called?;
    done?;
    let declared: BTreeSet<String> = interfaces()
        .iter()
        .flat_map(|i| i.methods().map(|m| format!("{}.{}", i.name(), m.name())).collect::<Vec<_>>())
        .collect();
    assert_eq!(seen, declared);
    Ok(())
}

#[tokio::test]
async fn signals_carry_what_the_xml_says() -> Result<()> {
    let bus = Bus::start()?;
    let (server, client) = (bus.connect().await?, bus.connect().await?);
    server.request_name(names::BUS_NAME).await?;
    let mut changed = Gate1Proxy::new(&client).await?.receive_changed().await?;
    let settings = Settings1Proxy::new(&client).await?;
    let mut setting_changed = settings.receive_setting_changed().await?;
    let rights = Rights1Proxy::new(&client).await?;
    let mut case_changed = rights.receive_case_changed().await?;
    for interface in interfaces() {
        for signal in interface.signals() {
            let types = signal.args().iter().map(|arg| arg.ty());
            let body = empty_body(types)?.context("no signal is empty")?;
            let to = client.unique_name();
            server.emit_signal(to, names::PATH, interface.name(), signal.name(), &body).await?;
        }
    }
    assert_eq!(changed.next().await.context("Changed")?.args()?.generation, 0);
    let signal = setting_changed.next().await.context("SettingChanged")?;
    assert!(signal.args()?.state.is_empty());
    let signal = case_changed.next().await.context("CaseChanged")?;
    assert!(signal.args()?.details.is_empty());
    Ok(())
}

/// Compares a call with the XML, notes it, and answers; `false` at the end.
async fn answer(server: &Connection, call: &Message, seen: &mut BTreeSet<String>) -> Result<bool> {
    let header = call.header();
    let (interface, member) = (header.interface().context("interface")?, header.member());
    let member = member.context("member")?;
    if member == "Done" {
        server.reply(&header, &()).await?;
        return Ok(false);
    }
    let known = interfaces();
    let declared = known.iter().find(|i| i.name() == *interface).context("an interface of ours")?;
    let Some(method) = declared.methods().find(|m| m.name() == *member) else {
        bail!("the XML has no {interface}.{member}");
    };
    let types = |direction| {
        method.args().iter().filter(move |a| a.direction() == Some(direction)).map(|a| a.ty())
    };
    let takes: String = types(ArgDirection::In).map(ToString::to_string).collect();
    let sent = call.body().signature().to_string_no_parens();
    ensure!(sent == takes, "{member} takes {takes}, the proxy sends {sent}");
    ensure!(header.path().is_some_and(|path| path.as_str() == names::PATH), "{member}'s path");
    seen.insert(format!("{interface}.{member}"));
    match empty_body(types(ArgDirection::Out))? {
        Some(body) => server.reply(&header, &body).await?,
        None => server.reply(&header, &()).await?,
    }
    Ok(true)
}

async fn call_everything(client: &Connection) -> Result<()> {
    let no = Options::new;
    let gate = Gate1Proxy::builder(client).cache_properties(CacheProperties::No).build().await?;
    gate.check("p", &["d"], no()).await?;
    gate.preview("p", &["d"], no()).await?;
    gate.request("p", &["d"], no()).await?;
    gate.open(no()).await?;
    gate.who_am_i(no()).await?;

    let settings = Settings1Proxy::builder(client);
    let settings = settings.cache_properties(CacheProperties::No).build().await?;
    let path = ObjectPath::try_from("/agent")?;
    settings.list_toggles(no()).await?;
    settings.list_apps(no()).await?;
    settings.get_app("a", no()).await?;
    settings.get("t", "a", no()).await?;
    settings.set(&[("t", "", "off")], no()).await?;
    settings.lock(&["t"], no()).await?;
    settings.unlock(&["t"], no()).await?;
    settings.reset("a", no()).await?;
    settings.forget("a", no()).await?;
    settings.explain("a", "p", &["d"], no()).await?;
    settings.history(no(), no()).await?;
    settings.counts(no(), &["app"], no()).await?;
    settings.get_profile(no()).await?;
    settings.set_profile(Options::from([("region", Variant::from("EEA"))]), no()).await?;
    settings.list_notices(no()).await?;
    settings.list_consents(no()).await?;
    settings.list_retention(no()).await?;
    settings.decline(&["t"], "n", no()).await?;
    settings.acknowledge("n", no()).await?;
    settings.register_agent(&path, no()).await?;
    settings.unregister_agent(&path, no()).await?;
    settings.watch(no()).await?;
    settings.unwatch(no()).await?;

    let admin = Admin1Proxy::builder(client).cache_properties(CacheProperties::No).build().await?;
    admin.status(no()).await?;
    admin.list_catalog("data", no()).await?;
    admin.reload(no()).await?;
    admin.follow(no()).await?;
    admin.export("f", no()).await?;
    admin.verify_log(no()).await?;
    admin.check_store(no()).await?;
    admin.backup_store(no()).await?;
    admin.restore_store("f", no()).await?;
    admin.reset_store(no()).await?;
    admin.list_breaches(no()).await?;
    admin.add_breach(no(), no()).await?;
    admin.note_breach("1", no(), no()).await?;

    let identifiers = Identifiers1Proxy::builder(client);
    let identifiers = identifiers.cache_properties(CacheProperties::No).build().await?;
    identifiers.get("k", "p", no()).await?;
    identifiers.reset("k", no()).await?;
    identifiers.list(no()).await?;

    let rights = Rights1Proxy::builder(client).cache_properties(CacheProperties::No);
    let rights = rights.build().await?;
    rights.open("access", "a", no()).await?;
    rights.list(no()).await?;
    rights.get("1", no()).await?;
    rights.withdraw("1", no()).await?;
    rights.report("1", no()).await?;
    rights.register_holder(&path, no()).await?;
    let cookies = Cookies1Proxy::builder(client);
    let cookies = cookies.cache_properties(CacheProperties::No).build().await?;
    cookies.check("s", &[("n", "d", "cookie", 1)], no()).await?;
    cookies.explain(&[("s", "n", "d", "cookie", 1)], no()).await?;

    let holder = Holder1Proxy::builder(client).destination(names::BUS_NAME).path(names::PATH);
    let holder = holder.cache_properties(CacheProperties::No).build().await?;
    let out = std::os::fd::OwnedFd::from(File::open("/dev/null")?);
    holder.handle("1", "access", Fd::from(out), no()).await?;
    holder.erase(&["a"], "retention", no()).await?;
    holder.resume("1", no()).await?;

    let agent = Agent1Proxy::builder(client).destination(names::BUS_NAME).path(names::PATH);
    let agent = agent.cache_properties(CacheProperties::No).build().await?;
    agent.ask(1, no(), no()).await?;
    agent.cancel(1).await?;
    Ok(())
}

fn interfaces() -> Vec<Interface<'static>> {
    let node = |xml: &str| Node::from_reader(xml.as_bytes()).expect("the XML parses");
    XML.iter().flat_map(|(_, xml)| node(xml).interfaces().to_vec()).collect()
}

/// A body of empty values of these types; `None` of no type.
fn empty_body<'s>(
    types: impl Iterator<Item = &'s Signature>,
) -> Result<Option<Structure<'static>>> {
    let mut body = Structure::builder();
    for signature in types {
        body = body.append_field(empty(signature)?);
    }
    Ok(body.build().ok())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the rest of zbus's types no member gives")]
fn empty(signature: &Signature) -> Result<Variant<'static>> {
    Ok(match signature {
        Signature::Str => Variant::from(""),
        Signature::U32 => Variant::from(0_u32),
        Signature::U64 => Variant::from(0_u64),
        Signature::Bool => Variant::from(false),
        Signature::Fd => {
            Variant::Fd(Fd::from(std::os::fd::OwnedFd::from(File::open("/dev/null")?)))
        }
        Signature::Array(child) => Array::new(child.signature()).into(),
        Signature::Dict { key, value } => Dict::new(key.signature(), value.signature()).into(),
        other => bail!("no member should give {other}"),
    })
}

/// A dbus-daemon of the test's own.
struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    fn start() -> Result<Self> {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address"])
            .stdout(Stdio::piped())
            .spawn()
            .context("no dbus-daemon: apt-get install dbus")?;
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().context("its output")?).read_line(&mut address)?;
        Ok(Self { daemon, address: address.trim().to_owned() })
    }

    async fn connect(&self) -> Result<Connection> {
        Ok(zbus::connection::Builder::address(self.address.as_str()).build().await?)
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
