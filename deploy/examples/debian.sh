#!/bin/sh
# Makes a Debian with the package openrc a base for Nex's guests, without a network: the twin of alpine.sh. The base is
# what "debootstrap --variant=minbase --include=openrc stable DIR" makes; see debian.json.
set -eu

has() { command -v "$1" >/dev/null 2>&1; }

has openrc-init && has supervise-daemon && has agetty || {
  echo "this base lacks openrc or util-linux; make it with debootstrap --include=openrc" >&2
  exit 1
}

# Debian's OpenRC brings its own init, and leaves it to the administrator to choose it.
[ -e /sbin/init ] || ln -s openrc-init /sbin/init

# A login on ttyS0. Root's password is "rootPassword" of the request.
ln -sf agetty /etc/init.d/agetty.ttyS0
rc-update add agetty.ttyS0 default

# The user of the agent, by the ids that Nex has.
grep -q '^nex:' /etc/group || groupadd --gid 1000 nex
grep -q '^nex:' /etc/passwd ||
  useradd --uid 1000 --gid nex --home-dir /home/nex --create-home --shell /bin/false nex

# The packages' own documentation and lists are of no use in a guest.
rm -rf /usr/share/doc/* /usr/share/man/* /var/cache/apt/*.bin /var/lib/apt/lists/*

# This distribution has no OpenRC scripts that mount /proc, /sys and /dev, nor any that leave the disk clean: the guest
# "nex" adds them, with the agent's service and its PAM rules.
