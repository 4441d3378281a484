#!/bin/sh
# Makes a plain Alpine a base for Nex's guests: the steps of Nex's documentation, as a script of a request.
# It needs a network for the packages; see alpine.json. What is not done here the guest "nex" adds.
set -eu

# An init that starts services, and a getty for the serial line.
apk add --no-cache openrc util-linux

# A login on ttyS0, and root may use it there. Root's password is "rootPassword" of the request.
ln -sf agetty /etc/init.d/agetty.ttyS0
grep -qx ttyS0 /etc/securetty 2>/dev/null || echo ttyS0 >>/etc/securetty
rc-update add agetty.ttyS0 default

# The user of the agent, by the ids that Nex has.
grep -q '^nex:' /etc/group || addgroup -g 1000 -S nex
grep -q '^nex:' /etc/passwd || adduser -S -u 1000 -G nex -h /home/nex -s /bin/false nex

# What the kernel has to offer, before the agent.
for service in devfs procfs sysfs; do
  rc-update add "$service" boot
done

# Names are looked up by what the kernel was told with ip=; while this script runs it has a resolver of its own, so
# the link is left to the guest.
