#!/usr/bin/env bash
# Installs the Debian packages on this machine, looks at them, lets the daemon answer, and purges them: for
# CI, as root. Never part of `make test`. It does nothing where consentd is installed already, and whatever
# happens it leaves the machine as it was.
#
#   tests/package.sh DIR   where `make deb` put them
set -euo pipefail

[ $# -eq 1 ] && [ -d "$1" ] || { echo "usage: tests/package.sh DIR" >&2; exit 2; }
debs=$(realpath "$1")
debs=("$debs"/consentd_*.deb "$debs"/libconsent1_*.deb "$debs"/libconsent-dev_*.deb)
packages="libconsent-dev libconsent1 consentd"
root=$(cd "$(dirname "$0")/.." && pwd)

fail() { echo "FAILED: $*" >&2; exit 1; }

[ "$(id -u)" -eq 0 ] || fail "this installs a package: run it as root, on a machine that is CI's"
[ -n "${CI:-}" ] || fail "this changes the machine, so it wants CI=true"
if dpkg-query -W consentd >/dev/null 2>&1 || getent passwd consentd >/dev/null ||
    [ -e /etc/consentd ] || [ -e /var/lib/consentd ]; then
    fail "consentd is on this machine already; it stays as it is"
fi

# Whatever is called after the package or belongs to its user, wherever a package may put things.
traces() {
    find /etc /usr /var /opt /run /home -xdev -not -path '/var/log/*' \
        \( -name '*consent*' "$@" \) 2>/dev/null | sort
}
before=$(traces)

dir=$(mktemp -d)
chmod 755 "$dir"
bus_pid=

restore() {
    status=$?
    if [ -n "$bus_pid" ]; then kill "$bus_pid" 2>/dev/null || true; fi
    # shellcheck disable=SC2086 # a list of words
    dpkg --purge $packages >"$dir/purge.log" 2>&1 || cat "$dir/purge.log" >&2
    userdel consentd 2>/dev/null || true
    groupdel consentd 2>/dev/null || true
    # None of them was there before.
    rm -rf "$dir" /var/lib/consentd /etc/consentd
    exit "$status"
}
trap restore EXIT

echo "lintian"
lintian --allow-root --fail-on error,warning --tag-display-limit 0 "${debs[@]}"

echo "dpkg -i"
DEBIAN_FRONTEND=noninteractive dpkg -i "${debs[@]}" >"$dir/install.log" 2>&1 ||
    { cat "$dir/install.log" >&2; fail "they do not install"; }
cc -Werror -o "$dir/check" "$root/client/c/examples/check.c" -lconsent || fail "no C program can be built"
# Nobody answers: it denies, and says that it cannot ask.
DBUS_SYSTEM_BUS_ADDRESS="unix:path=$dir/none" "$dir/check" 2>"$dir/check.log" && fail "it asked nobody"
[ -s "$dir/check.log" ] || fail "the library does not say what is wrong"
dpkg --verify consentd || fail "what is installed is not what was packaged"
[ "$(dpkg-query -W -f '${Conffiles}' consentd | awk '{ print $1 }' | xargs)" = /etc/consentd/consentd.toml ] ||
    fail "its conffiles are wrong"
[ "$(stat -c '%U %G %a' /var/lib/consentd)" = "consentd consentd 700" ] || fail "the state's folder"
[ "$(stat -c '%U %a' /etc/consentd/apps.d)" = "root 755" ] || fail "the declarations' folder"
[ "$(getent passwd consentd | cut -d: -f7)" = /usr/sbin/nologin ] || fail "its user can log in"
systemctl is-enabled --quiet consentd.service || fail "the unit is not enabled"
if [ -d /run/systemd/system ]; then
    systemctl is-active --quiet consentd.service || fail "the unit is not started"
fi
consentctl doctor --root / >"$dir/doctor.txt" || { cat "$dir/doctor.txt" >&2; fail "doctor finds something"; }
man --where consentctl >/dev/null && man --where 8 consentd >/dev/null || fail "no manual pages"

# On a bus of this script's own, with the policy that was installed. The bus starts the daemon when it
# is asked for, as its own user and with the capabilities of its unit, and hands the first question
# over when it is ready.
echo "status"
mkdir "$dir/services"
capabilities=+sys_ptrace,+dac_read_search
cat >"$dir/services/org.consentd.service" <<EOF
[D-BUS Service]
Name=org.consentd
Exec=/usr/bin/setpriv --reuid consentd --regid consentd --clear-groups --inh-caps $capabilities --ambient-caps $capabilities /usr/libexec/consentd --address unix:path=$dir/bus
EOF
cat >"$dir/bus.conf" <<EOF
<busconfig>
  <listen>unix:path=$dir/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>$dir/services</servicedir>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <include>/usr/share/dbus-1/system.d/org.consentd.conf</include>
</busconfig>
EOF
# Its address comes when it listens.
dbus-daemon --config-file="$dir/bus.conf" --fork --print-address=1 --print-pid=1 >"$dir/bus.out" 2>"$dir/bus.log" ||
    { cat "$dir/bus.log" >&2; fail "no bus"; }
bus_pid=$(tail -n 1 "$dir/bus.out")
ask() { consentctl --address "unix:path=$dir/bus" "$@"; }
ask --json status >"$dir/status.json" || { cat "$dir/bus.log" >&2; fail "consentd does not answer"; }
for part in store ledger catalog; do
    grep -q "\"$part\": \"ok\"" "$dir/status.json" || { cat "$dir/status.json" >&2; fail "$part"; }
done
ask doctor >"$dir/doctor.txt" || { cat "$dir/doctor.txt" >&2; fail "doctor finds something"; }
# A choice, made as its owner, that lies where the package says that choices lie.
ask set ad-services on >/dev/null || fail "nothing can be set"
[ "$(stat -c '%U' /var/lib/consentd/settings.db)" = consentd ] || fail "nothing was stored"
daemon_pid=$(busctl --address="unix:path=$dir/bus" call org.freedesktop.DBus /org/freedesktop/DBus \
    org.freedesktop.DBus GetConnectionUnixProcessID s org.consentd | awk '{ print $2 }')
[ "$(stat -c '%U' "/proc/$daemon_pid")" = consentd ] || fail "the daemon runs as somebody else"
kill "$daemon_pid"
tail --pid="$daemon_pid" -f /dev/null
kill "$bus_pid"
tail --pid="$bus_pid" -f /dev/null
bus_pid=

echo "dpkg --remove"
# shellcheck disable=SC2086
dpkg --remove $packages >/dev/null
[ -e /etc/consentd/consentd.toml ] && [ -e /var/lib/consentd/settings.db ] ||
    fail "removing took configuration or choices away"
[ ! -e /usr/libexec/consentd ] || fail "the daemon is still there"

echo "dpkg --purge"
uid=$(id -u consentd)
# shellcheck disable=SC2086
dpkg --purge $packages >/dev/null
after=$(traces -o -uid "$uid")
[ "$after" = "$before" ] || { diff <(echo "$before") <(echo "$after") >&2 || true; fail "it left something"; }
echo "The package installs, answers and goes away whole."
