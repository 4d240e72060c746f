//! What the tests' own buses allow: everything, to everybody, as each bus wants to be told.

use std::path::Path;

use zbus::Variant;

/// A whole configuration for dbus-daemon. `type` system makes libdbus keep the system bus's limits.
/// Names are activated by the files in `services_dir`.
pub(super) fn daemon_config(address: &str, services_dir: &Path) -> String {
    let services_dir = services_dir.display();
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{services_dir}</servicedir>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>
</busconfig>
"#
    )
}

type Own = (bool, u64, bool, &'static str);
type Transmit =
    (bool, u64, &'static str, &'static str, &'static str, &'static str, u32, u32, u64, u64);
type Batch = (bool, u64, Vec<Own>, Vec<Transmit>, Vec<Transmit>);

/// The same for dbus-broker: the structure that its launcher makes of a configuration.
pub(super) fn broker_policy() -> Variant<'static> {
    const ALL_USERS: u32 = u32::MAX;
    const BROADCAST_OR_NOT: u32 = 0;
    const ANY_TYPE: u32 = 0;
    let own_all: Own = (true, 1, true, "");
    let all: Transmit = (true, 1, "", "", "", "", ANY_TYPE, BROADCAST_OR_NOT, 0, u64::MAX);
    let batch: Batch = (true, 1, vec![own_all], vec![all], vec![all]);
    let by_user: Vec<(u32, Batch)> = vec![(ALL_USERS, batch)];
    let by_range: Vec<(bool, u32, u32, Batch)> = Vec::new();
    let selinux: Vec<(String, String)> = Vec::new();
    let apparmor = false;
    Variant::from((by_user, by_range, selinux, apparmor, "system"))
}
