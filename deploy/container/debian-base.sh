#!/bin/sh
# Makes a base for the image where there is no registry: Debian stable with a JRE, from this machine's own mirror.
#   debian-base.sh FILE.tar    then: podman import FILE.tar localhost/debian-jre:stable && JRE=localhost/debian-jre:stable make image
# Needs root and debootstrap; takes a minute or two.
set -eu

file=$(readlink -f "$(dirname "$1")")/$(basename "$1")
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 'Component: main' |
  head -n 1)
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
debootstrap --variant=minbase --include=default-jre-headless,ca-certificates stable "$work/root" ${mirror:+"$mirror"} >&2
cd "$work/root"
rm -rf var/cache/apt/* var/lib/apt/lists/* var/log/* usr/share/doc usr/share/man usr/share/locale tmp/*
tar --numeric-owner --one-file-system -cf "$file.new" .
mv "$file.new" "$file"
