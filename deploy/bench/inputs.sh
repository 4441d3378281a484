#!/bin/sh
# Makes what is measured, once for a checkout, in .cache/bench:
#   tree, image      about 72,000 files and 1.4 GiB from Debian's packages, as a directory and as an image of three layers
#   minbase.image    a Debian minbase as an image; the directory is .cache/minbase, which the tests use too
#   million.image    a million small files; there is no directory of them
# No package is installed. The names are Debian 12's; what is printed at the end says what another release gives.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
bench="$top/.cache/bench"
layout="$top/deploy/bench/oci-layout.sh"
java=${JAVA_HOME:+$JAVA_HOME/bin/}java

# Few large files, then many small ones of a developer's image, then documents: the sizes of a whole are mixed.
packages_1="locales-all libllvm14 openjdk-17-jre-headless fonts-noto-core perl-modules-5.36 tzdata"
packages_2="libboost1.74-dev golang-1.19-src node-typescript python3-numpy python3-scipy python3-sympy python3-matplotlib"
packages_3="linux-doc-6.1 texlive-latex-extra libreoffice-common python3.11-doc perl-doc vim-runtime"

say() { echo "inputs: $*" >&2; }

work="$bench/work"
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT

# A machine that was never asked for a package has no list of them.
updated=
download() {
  (cd "$work/debs" && apt-get download -qq "$1" >/dev/null 2>&1) && return
  if [ -z "$updated" ]; then
    updated=yes
    say "apt-get update"
    apt-get update -qq >&2
    (cd "$work/debs" && apt-get download -qq "$1" >/dev/null 2>&1) && return
  fi
  say "the package $1 cannot be downloaded; going on without it"
}

# Times past the second are left out, as Docker leaves them out: a header of its own for each file would be another image.
pack() {
  tar --format=pax --pax-option=delete=atime,delete=ctime,delete=mtime --sort=name --numeric-owner -C "$1" -cf "$2" .
}

tree_and_image() {
  rm -rf "$bench/tree" "$bench/tree.new" "$bench/image"
  mkdir -p "$bench/tree.new"
  for n in 1 2 3; do
    mkdir -p "$work/debs" "$work/layer$n"
    eval "packages=\$packages_$n"
    for package in $packages; do
      download "$package"
    done
    for deb in "$work/debs/"*.deb; do
      dpkg-deb -x "$deb" "$work/layer$n"
    done
    pack "$work/layer$n" "$work/layer$n.tar"
    rm -rf "$work/debs" "$work/layer$n"
    tar -x -p --numeric-owner -C "$bench/tree.new" -f "$work/layer$n.tar"
  done
  sh "$layout" "$bench/image" "$work/layer1.tar" "$work/layer2.tar" "$work/layer3.tar"
  mv "$bench/tree.new" "$bench/tree"
}

if [ ! -d "$bench/tree" ]; then
  say "the tree and its image, from Debian's packages"
  tree_and_image
fi
if [ ! -d "$top/.cache/minbase" ]; then
  say "a Debian minbase"
  rm -rf "$top/.cache/minbase.new"
  debootstrap --variant=minbase stable "$top/.cache/minbase.new" >"$work/debootstrap.log" || {
    tail -5 "$work/debootstrap.log" >&2
    exit 1
  }
  mv "$top/.cache/minbase.new" "$top/.cache/minbase"
fi
if [ ! -d "$bench/minbase.image" ]; then
  say "the image of the minbase"
  pack "$top/.cache/minbase" "$work/minbase.tar"
  sh "$layout" "$bench/minbase.image" "$work/minbase.tar"
fi
if [ ! -d "$bench/million.image" ]; then
  say "the image of a million small files"
  "$java" -cp "$top/worker/target/test-classes" dev.nexrootfs.bench.ManyFilesLayer 1000000 >"$work/million.tar"
  sh "$layout" "$bench/million.image" "$work/million.tar"
fi
