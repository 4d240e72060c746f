//! Programs that run whatever they are given, or speak for whoever started them.
//!
//! One of these says nothing about which app it is: two apps written in one language would be one.

use std::path::Path;

/// By file name, without its version.
const INTERPRETERS: &[&str] = &[
    // shells
    "ash bash busybox csh dash elvish fish ksh mksh nu oksh pwsh rbash rc sh tcsh toybox xonsh yash zsh",
    // languages
    "awk beam.smp bun cjs clisp dart deno dotnet elixir emacs erl escript expect gawk gjs gjs-console",
    "guile ipython java javaw jexec jruby js jshell julia lua luajit mawk mono mono-sgen nawk node",
    "nodejs ocaml ocamlrun osascript perl php php-cgi php-fpm pypy python qjs qml qmlscene r racket",
    "raku rscript ruby runghc sbcl scala sed seed swipl tclsh wish",
    // loaders, other machines' and systems' programs
    "box64 electron fex ld.so wine wine-preloader wine64 wine64-preloader",
    // wrappers, debuggers, proxies
    "bwrap chroot dbus-launch dbus-run-session env fakeroot firejail flatpak flatpak-spawn gdb",
    "gdbserver ltrace nice nohup nsenter pkexec proot script setpriv setsid snap snap-exec socat ssh",
    "stdbuf strace su sudo systemd-run timeout unshare valgrind xargs xdg-dbus-proxy",
];

/// Names that only begin so: `ld-linux-x86-64.so.2`, `qemu-aarch64-static`.
const FAMILIES: &[&str] = &["ld-linux", "ld-musl", "ld-2.", "qemu-"];

/// Endings that tell builds of one interpreter apart.
const BUILDS: &[&str] = &["-dbg", "-debug", "-static", "-x86_64-linux-gnu", "-aarch64-linux-gnu"];

/// Whether an app cannot be told by this executable.
#[must_use]
pub fn is_interpreter(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    let name = name.to_ascii_lowercase();
    let plain = without_version(&name);
    FAMILIES.iter().any(|family| name.starts_with(family))
        || is_listed(&name)
        || (plain.len() > 1 && is_listed(plain))
}

/// Whether it carries the calls of somebody else, who is behind it.
pub(super) fn is_proxy(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "xdg-dbus-proxy")
}

fn is_listed(name: &str) -> bool {
    INTERPRETERS.iter().flat_map(|line| line.split_ascii_whitespace()).any(|listed| listed == name)
}

/// `python3.11d` → `python`, `perl5.36-x86_64-linux-gnu` → `perl`, `lua5.4-static` → `lua`.
fn without_version(name: &str) -> &str {
    let name = BUILDS.iter().find_map(|build| name.strip_suffix(build)).unwrap_or(name);
    let is_digit = |letter: char| letter.is_ascii_digit();
    // Debug and free-threaded builds: one letter after the number.
    let name = name
        .strip_suffix(|letter: char| letter.is_ascii_lowercase())
        .filter(|rest| rest.ends_with(is_digit))
        .unwrap_or(name);
    name.trim_end_matches(|letter: char| is_digit(letter) || letter == '.' || letter == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_other_programs_is_an_interpreter_in_any_version() {
        for name in [
            "sh",
            "dash",
            "busybox",
            "python3",
            "python3.11",
            "python3.13t",
            "python3-dbg",
            "perl",
            "perl5.36.0",
            "perl5.36-x86_64-linux-gnu",
            "node",
            "node18",
            "ruby3.1",
            "lua5.4",
            "java",
            "php8.2",
            "R",
            "Rscript",
            "gjs-console",
            "ld-linux-x86-64.so.2",
            "ld-musl-x86_64.so.1",
            "qemu-aarch64-static",
            "wine64",
            "env",
            "bwrap",
            "xdg-dbus-proxy",
            "beam.smp",
        ] {
            assert!(is_interpreter(&Path::new("/usr/bin").join(name)), "{name}");
        }
    }

    #[test]
    fn an_app_of_its_own_is_no_interpreter() {
        for name in [
            "weather",
            "node-red",
            "java2d-demo",
            "shotwell",
            "r2",
            "perlbal",
            "rubymine",
            "7z",
            "42",
        ] {
            assert!(!is_interpreter(&Path::new("/usr/bin").join(name)), "{name}");
        }
        assert!(!is_interpreter(Path::new("/")));
    }
}
