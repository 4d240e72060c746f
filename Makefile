# consentd: build, try, test, install. Each target installs what it lacks when run as root, else it
# says in one line what to install.

prefix      ?= /usr
bindir      ?= $(prefix)/bin
libexecdir  ?= $(prefix)/libexec
includedir  ?= $(prefix)/include
libdir      ?= $(prefix)/lib
datadir     ?= $(prefix)/share
docdir      ?= $(datadir)/doc/consentd
mandir      ?= $(datadir)/man
bashdir     ?= $(datadir)/bash-completion/completions
fishdir     ?= $(datadir)/fish/vendor_completions.d
# Debian's zsh looks in a folder of its own.
zshdir      ?= $(datadir)/zsh/$(if $(wildcard /usr/share/zsh/vendor-completions),vendor-completions,site-functions)
unitdir     ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
sysconfdir  ?= /etc
DESTDIR     ?=

CARGO  ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
# `make install BUILT=DIR` installs binaries that were built elsewhere.
BUILT  ?= $(TARGET)/release
# Manual pages and completions come from the programs themselves. Where those are another machine's,
# HOST=DIR has the same build for this one.
HOST   ?= $(BUILT)

.PHONY: all build jar demo play test torture bench install uninstall deb clean

all: build

build: ; $(build-release)
define build-release
	scripts/need build
	$(CARGO) build --locked --release -p consentd -p consentctl -p consent-c --lib --bins --examples
endef

# The jar for Java developers: jni-bridge/target/consent-VERSION.jar.
jar:
	@scripts/need jar
	@CARGO='$(CARGO)' scripts/java jar

# Real apps ask a real daemon over a real bus, told as a story. Built as the tests are, without
# optimisation: that is soonest there.
demo:
	@scripts/need demo
	@$(CARGO) build --locked --workspace --bins
	@$(TARGET)/debug/demo

# The same world left up, with a shell in it, until `exit`.
play:
	@scripts/need demo
	@$(CARGO) build --locked --workspace --bins
	@$(TARGET)/debug/play

# Everything. The binaries first: the end-to-end scenarios run them.
test:
	scripts/need test
	$(CARGO) build --locked --workspace --lib --bins --examples
	$(CARGO) test --locked --workspace
# The models of what takes no lock, in every order of loads and stores.
	RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR=$(TARGET)/loom \
		$(CARGO) test --locked -p consentd-gate --test loom
	CARGO='$(CARGO)' scripts/java test

# Ten thousand kills, and disks that fail at every write: half an hour. Optimised, as it starts the daemon
# ever again.
torture: export CARGO_PROFILE_DEV_OPT_LEVEL = 2
torture: export CARGO_TARGET_DIR = $(abspath $(TARGET))/torture
torture:
	scripts/need test
	$(CARGO) build --locked --workspace --lib --bins --examples
	CONSENTD_KILLS=8000 $(CARGO) test --locked -p consentd --test engine -- --exact --nocapture \
		killed::what_was_acknowledged_survives_kill_9
	$(CARGO) test --locked -p consentd --test engine -- --ignored --nocapture torture
	CONSENTD_KILLS=2000 $(CARGO) test --locked -p consentd-tests --test e2e -- \
		--exact --ignored --nocapture kill::torture
	CONSENTD_GATE_KILLS=100 CONSENTD_GATE_FLIPS=9 $(CARGO) test --locked -p consentd-tests --test e2e -- \
		client::

# The budgets of the design, each beside its peer in the same run.
bench:
	@scripts/need bench
	@$(CARGO) build --locked --release -p consentd -p consentctl -p consentd-tests \
		--bin consentd --bin consentctl --bin sample-app --bin bench
	@$(CARGO) build --locked --release -p consent-c --lib
	@$(TARGET)/release/bench
	@CARGO='$(CARGO)' scripts/java bench

clean:
	$(CARGO) clean

ifneq ($(origin BUILT),command line)
$(BUILT)/consentd $(BUILT)/consentctl &: Cargo.toml Cargo.lock $(shell find daemon dbus gate client consentctl -type f)
	$(build-release)
	touch $(BUILT)/consentd $(BUILT)/consentctl
endif

# The files name the folders of a distribution; what is installed elsewhere says so.
relocate = sed \
	-e 's|/usr/libexec/|$(libexecdir)/|g' \
	-e 's|/usr/bin/|$(bindir)/|g' \
	-e 's|/usr/share/consentd|$(datadir)/consentd|g' \
	-e 's|/etc/consentd|$(sysconfdir)/consentd|g' \
	$(if $(filter-out /etc,$(sysconfdir)),-e 's|^ExecStart=.*|& --config $(sysconfdir)/consentd/consentd.toml|')

# FROM,TO: a file of the project as it will stand on the device.
data = install -D -m 644 $(1) '$(DESTDIR)$(2)'
moved = $(relocate) $(1) | install -D -m 644 /dev/stdin '$(DESTDIR)$(2)'

VERSION    := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# What programs are linked with; its 1 grows when they have to be rebuilt.
LIBRARY    := libconsent.so.1.$(VERSION)
CATALOG    := $(wildcard catalog/*.toml)
SAMPLES    := $(wildcard catalog/apps.d/*.toml)
INTERFACES := $(wildcard dbus/interfaces/*.xml)

# Made at the same time as others': nothing is written where the programs are.
define install-told
	told=$$(mktemp -d) && trap 'rm -rf "$$told"' EXIT && \
	$(HOST)/examples/consentctl-man "$$told/man1" && \
	$(HOST)/examples/consentd-man "$$told/man8" && \
	mkdir "$$told/man5" && cp daemon/man/*.5 "$$told/man5" && \
	for page in "$$told"/man?/*; do \
		$(relocate) "$$page" | install -D -m 644 /dev/stdin '$(DESTDIR)$(mandir)'"$${page#$$told}" || exit 1; \
	done && \
	for shell in bash zsh fish; do $(HOST)/consentctl completions $$shell >"$$told/$$shell" || exit 1; done && \
	install -D -m 644 "$$told/bash" '$(DESTDIR)$(bashdir)/consentctl' && \
	install -D -m 644 "$$told/zsh" '$(DESTDIR)$(zshdir)/_consentctl' && \
	install -D -m 644 "$$told/fish" '$(DESTDIR)$(fishdir)/consentctl.fish'
endef

install: $(BUILT)/consentd $(BUILT)/consentctl
	install -D -m 755 $(BUILT)/consentd '$(DESTDIR)$(libexecdir)/consentd'
	install -D -m 755 $(BUILT)/consentctl '$(DESTDIR)$(bindir)/consentctl'
	install -D -m 644 $(BUILT)/libconsent_c.so '$(DESTDIR)$(libdir)/$(LIBRARY)'
	ln -sf $(LIBRARY) '$(DESTDIR)$(libdir)/libconsent.so.1'
	ln -sf libconsent.so.1 '$(DESTDIR)$(libdir)/libconsent.so'
	$(call data,client/c/include/consent.h,$(includedir)/consent.h)
	sed -e 's|@prefix@|$(prefix)|' -e 's|@libdir@|$(libdir)|' -e 's|@includedir@|$(includedir)|' \
		-e 's|@version@|$(VERSION)|' client/c/consent.pc.in | \
		install -D -m 644 /dev/stdin '$(DESTDIR)$(libdir)/pkgconfig/consent.pc'
	$(call data,client/python/consent.py,$(datadir)/consentd/python/consent.py)
	$(call data,dbus/org.consentd.conf,$(datadir)/dbus-1/system.d/org.consentd.conf)
	$(call data,dbus/org.consentd.service,$(datadir)/dbus-1/system-services/org.consentd.service)
	install -d '$(DESTDIR)$(datadir)/dbus-1/interfaces'
	install -m 644 $(INTERFACES) '$(DESTDIR)$(datadir)/dbus-1/interfaces'
	$(call data,dbus/org.consentd.policy,$(datadir)/polkit-1/actions/org.consentd.policy)
	$(call moved,dbus/consentd.service,$(unitdir)/consentd.service)
	$(call data,dbus/consentd.sysusers,$(sysusersdir)/consentd.conf)
	$(call moved,dbus/consentd.tmpfiles,$(tmpfilesdir)/consentd.conf)
	install -d '$(DESTDIR)$(datadir)/consentd/catalog' '$(DESTDIR)$(datadir)/consentd/apps.d'
	install -m 644 $(CATALOG) '$(DESTDIR)$(datadir)/consentd/catalog'
# The sample apps are nobody's: examples to read, not declarations in force.
	install -d '$(DESTDIR)$(docdir)/examples'
	install -m 644 $(SAMPLES) '$(DESTDIR)$(docdir)/examples'
	install -d '$(DESTDIR)$(sysconfdir)/consentd/apps.d'
	@$(install-told)
# What an administrator changed stays.
	test -e '$(DESTDIR)$(sysconfdir)/consentd/consentd.toml' || \
		$(call moved,dbus/consentd.toml,$(sysconfdir)/consentd/consentd.toml)

# Removes what install wrote; declarations, changed configuration and the databases stay.
uninstall:
	rm -f '$(DESTDIR)$(libexecdir)/consentd' '$(DESTDIR)$(bindir)/consentctl' \
		'$(DESTDIR)$(libdir)/$(LIBRARY)' '$(DESTDIR)$(libdir)/libconsent.so.1' \
		'$(DESTDIR)$(libdir)/libconsent.so' '$(DESTDIR)$(libdir)/pkgconfig/consent.pc' \
		'$(DESTDIR)$(includedir)/consent.h' \
		'$(DESTDIR)$(datadir)/dbus-1/system.d/org.consentd.conf' \
		'$(DESTDIR)$(datadir)/dbus-1/system-services/org.consentd.service' \
		$(patsubst dbus/interfaces/%,'$(DESTDIR)$(datadir)/dbus-1/interfaces/%',$(INTERFACES)) \
		'$(DESTDIR)$(datadir)/polkit-1/actions/org.consentd.policy' \
		'$(DESTDIR)$(unitdir)/consentd.service' \
		'$(DESTDIR)$(sysusersdir)/consentd.conf' \
		'$(DESTDIR)$(tmpfilesdir)/consentd.conf' \
		'$(DESTDIR)$(mandir)/man1/consentctl.1' '$(DESTDIR)$(mandir)/man1'/consentctl-*.1 \
		$(patsubst daemon/man/%,'$(DESTDIR)$(mandir)/man5/%',$(wildcard daemon/man/*.5)) \
		'$(DESTDIR)$(mandir)/man8/consentd.8' \
		'$(DESTDIR)$(bashdir)/consentctl' '$(DESTDIR)$(zshdir)/_consentctl' \
		'$(DESTDIR)$(fishdir)/consentctl.fish'
	rm -rf '$(DESTDIR)$(datadir)/consentd/catalog' '$(DESTDIR)$(datadir)/consentd/python' '$(DESTDIR)$(docdir)/examples'
	$(relocate) dbus/consentd.toml | cmp -s - '$(DESTDIR)$(sysconfdir)/consentd/consentd.toml' && \
		rm -f '$(DESTDIR)$(sysconfdir)/consentd/consentd.toml' || true
	for dir in '$(datadir)/consentd/apps.d' '$(datadir)/consentd' '$(docdir)' \
		'$(sysconfdir)/consentd/apps.d' '$(sysconfdir)/consentd'; do \
		rmdir '$(DESTDIR)'"$$dir" 2>/dev/null || true; done

# A Debian package of what `make build` built, or of BUILT=DIR; it comes to lie beside the programs' folder.
deb: $(BUILT)/consentd $(BUILT)/consentctl
	scripts/need deb
	debian/rules clean
	debian/rules binary BUILT=$(BUILT) DEB_DIR=$(TARGET)
	debian/rules clean
