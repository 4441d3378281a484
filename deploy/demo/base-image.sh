#!/bin/sh
# Makes a bootable base image for the demo: an OCI image layout of two layers, from Debian's packages.
#   base-image.sh DIR
# Layer 1: C library, what OpenRC links to, busybox with its commands. Layer 2: OpenRC, and whiteouts for the packages'
# documentation, which layer 1 still has. The same packages give the same bytes.
set -eu

layout=$1
packages_1="libc6 libgcc-s1 libcrypt1 libcap-ng0 libaudit1 libpam0g libpcre2-8-0 libselinux1 busybox-static"
packages_2="libpam-modules libeinfo1 librc1 insserv openrc"
created=2026-01-01T00:00:00Z
epoch=1767225600

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root="$work/root"
mkdir -p "$work/debs" "$root"

# Everything below /usr, as Debian has it, whatever path a package uses.
for name in bin sbin lib lib64; do
  mkdir -p "$root/usr/$name"
  ln -s "usr/$name" "$root/$name"
done

# A later Debian renamed some packages for 64-bit time_t.
download() {
  (cd "$work/debs" && { apt-get download -qq "$1" || apt-get download -qq "$1t64"; } >/dev/null 2>&1)
}

# A machine that was never asked for a package has no list of them.
update() {
  echo "base-image: apt-get update" >&2
  if [ "$(id -u)" = 0 ]; then apt-get update -qq >&2; else sudo apt-get update -qq >&2; fi
}

unpack() {
  for package in "$@"; do
    download "$package" || { update && download "$package"; } || {
      echo "base-image: the package $package cannot be downloaded" >&2
      exit 1
    }
    dpkg-deb --fsys-tarfile "$work/debs/$package"*_*.deb >"$work/package.tar"
    tar -x -C "$root" --keep-directory-symlink --no-same-owner -f "$work/package.tar"
  done
}

list() { (cd "$root" && find . -mindepth 1 | LC_ALL=C sort); }

pack() {
  tar --format=pax --pax-option=delete=atime,delete=ctime --owner=0 --group=0 --numeric-owner \
    --clamp-mtime --mtime="@$epoch" --no-recursion "$@"
}

# shellcheck disable=SC2086
unpack $packages_1
for applet in $("$root/bin/busybox" --list-full); do
  case $applet in
  linuxrc | */busybox) continue ;;
  esac
  target="$root/usr/${applet#usr/}"
  [ -e "$target" ] || [ -L "$target" ] || ln -s /bin/busybox "$target"
done
mkdir -p "$root/etc" "$root/root"
printf 'root:*:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\ntty:x:5:\nuucp:x:10:\nutmp:x:43:\n' >"$root/etc/group"
printf 'root:*:19000:0:99999:7:::\n' >"$root/etc/shadow"
chmod 640 "$root/etc/shadow"
chmod 700 "$root/root"
echo nex >"$root/etc/hostname"
: >"$root/etc/fstab"
list >"$work/list1"
pack -C "$root" -T "$work/list1" -cf "$work/layer1.tar"

# shellcheck disable=SC2086
unpack $packages_2
list >"$work/list2"
LC_ALL=C comm -13 "$work/list1" "$work/list2" | grep -v -e '^./usr/share/doc' -e '^./usr/share/man' >"$work/added"
mkdir -p "$work/whiteouts/usr/share"
: >"$work/whiteouts/usr/share/.wh.doc"
: >"$work/whiteouts/usr/share/.wh.man"
touch -d "@$epoch" "$work/whiteouts/usr/share/.wh.doc" "$work/whiteouts/usr/share/.wh.man"
pack -C "$root" -T "$work/added" -C "$work/whiteouts" -cf "$work/layer2.tar" usr/share/.wh.doc usr/share/.wh.man

# The image layout: blobs by digest, and three small documents.
new="$work/layout"
mkdir -p "$new/blobs/sha256"
digest() { sha256sum "$1" | cut -d' ' -f1; }
size() { stat -c %s "$1"; }
add() {
  hex=$(digest "$1")
  cp "$1" "$new/blobs/sha256/$hex"
  echo "$hex"
}
layers= diff_ids=
for layer in layer1 layer2; do
  gzip -n -6 -k "$work/$layer.tar"
  hex=$(add "$work/$layer.tar.gz")
  layers="$layers${layers:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:$hex\",\"size\":$(size "$work/$layer.tar.gz")}"
  diff_ids="$diff_ids${diff_ids:+,}\"sha256:$(digest "$work/$layer.tar")\""
done
architecture=$(dpkg --print-architecture)
printf '{"created":"%s","architecture":"%s","os":"linux","config":{"Cmd":["/sbin/init"]},"rootfs":{"type":"layers","diff_ids":[%s]},"history":[{"created":"%s","created_by":"packages %s"},{"created":"%s","created_by":"packages %s"}]}' \
  "$created" "$architecture" "$diff_ids" "$created" "$packages_1" "$created" "$packages_2" >"$work/config"
config=$(add "$work/config")
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[%s]}' \
  "$config" "$(size "$work/config")" "$layers" >"$work/manifest"
manifest=$(add "$work/manifest")
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"platform":{"architecture":"%s","os":"linux"},"annotations":{"org.opencontainers.image.ref.name":"latest"}}]}' \
  "$manifest" "$(size "$work/manifest")" "$architecture" >"$new/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$new/oci-layout"

mkdir -p "$(dirname "$layout")"
rm -rf "$layout"
mv "$new" "$layout"
cp "$root/bin/busybox" "$layout.agent"
