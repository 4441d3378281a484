#!/bin/sh
# Installs what a make target needs and this machine lacks, and says what.
#   install.sh build|demo|test|bench
# Debian and its derivatives, as root or with sudo. Go programs go to .cache/bin of this checkout.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
bin="$top/.cache/bin"
NATS_SERVER_VERSION=v2.12.0   # where the distribution has none
CURRENT_NATS_SERVER_VERSION=v2.15.2
NATSCLI_VERSION=v0.5.1
GO_TOOLCHAIN=1.26.0           # for a machine whose Go is too old to fetch its own
KUSTOMIZE_VERSION=v5.7.1
KUBERNETES_VALIDATE_VERSION=1.37.0
KEDA_VERSION=v2.17.2
CURRENT_SUITE=testing         # Debian's, which has a current e2fsprogs

vm="$top/.cache/vm"
PATH=$PATH:/usr/sbin:/sbin

say() { echo "setup: $*" >&2; }

has() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif has sudo; then sudo "$@"; else
    say "needs root or sudo for: $*"
    return 1
  fi
}

updated=
apt_update() {
  [ -n "$updated" ] && return
  as_root apt-get update -qq >&2 || return 1
  updated=yes
}

apt_install() {
  if ! has apt-get; then
    say "cannot install $*: this is no Debian; install it by hand"
    return 1
  fi
  apt_update || return 1
  say "installing $* by apt-get"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# need COMMAND PACKAGE: installs the package where the command is missing.
need() { has "$1" || apt_install "$2"; }

# like need, for tools without which some tests skip themselves by name
want() { has "$1" || apt_install "$2" || say "going on without $1"; }

java_major() {
  "${JAVA_HOME:+$JAVA_HOME/bin/}javac" -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p'
}

need_jdk() {
  major=$(java_major)
  if ! has javac || [ "${major:-0}" -lt 17 ]; then apt_install default-jdk-headless; fi
  need mvn maven
}

go_command() {
  if has go && go version | grep -qE 'go1\.(2[1-9]|[3-9][0-9])'; then
    echo go
    return
  fi
  # Old Go cannot choose its toolchain, but it can fetch one: toolchains are modules.
  has go || apt_install golang-go || return 1
  say "fetching a newer Go toolchain"
  dir=$(cd / && GOFLAGS=-modcacherw go mod download -json "golang.org/toolchain@v0.0.1-go$GO_TOOLCHAIN.linux-$(dpkg --print-architecture)" |
    sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  [ -n "$dir" ] || return 1
  chmod -R u+x "$dir/bin" "$dir/pkg/tool"
  echo "$dir/bin/go"
}

# go_install COMMAND MODULE: installs into .cache/bin
go_install() {
  [ -x "$bin/$1" ] && return
  go=$(go_command) || return 1
  say "installing $2 by go install into .cache/bin"
  mkdir -p "$bin"
  GOBIN="$bin/new" "$go" install "$2"
  mv "$bin/new/"* "$bin/$1"
}

need_nats_server() {
  [ -n "${NATS_SERVER:-}" ] && return
  has nats-server && return
  apt_install nats-server || go_install nats-server "github.com/nats-io/nats-server/v2@$NATS_SERVER_VERSION"
}

# apt_current DIRECTORY ARGUMENTS: apt-get for Debian's current suite on this machine's own mirror. The
# directory has its sources and its state, the machine's are not touched.
apt_current() {
  state=$1
  shift
  apt-get -qq -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state" \
    -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o APT::Sandbox::User=root "$@" >&2
}

# A current e2fsprogs beside the machine's: e2fsck-current and others in .cache/bin. What it is linked to comes
# from the same suite, because the machine's C library may be older.
need_current_e2fsprogs() {
  root="$top/.cache/e2fsprogs-current"
  [ -x "$bin/e2fsck-current" ] && [ -d "$root" ] && return
  has apt-get && apt_update || return 1
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 'Component: main' |
    head -n 1)
  [ -n "$mirror" ] || return 1
  say "fetching e2fsprogs of Debian's $CURRENT_SUITE into .cache/e2fsprogs-current"
  new="$root.new"
  rm -rf "$root" "$new"
  mkdir -p "$bin" "$new/lists/partial" "$new/archives/partial" "$new/root"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $CURRENT_SUITE main" >"$new/sources.list"
  : >"$new/status" # nothing is installed, so that apt fetches the libraries too
  apt_current "$new" update && apt_current "$new" install -y --no-install-recommends --download-only e2fsprogs ||
    return 1
  for package in "$new/archives/"*.deb; do
    dpkg-deb -x "$package" "$new/root" || return 1
  done
  loader=$(cd "$new/root" && find usr -name 'ld-linux*.so.*' | head -n 1)
  libraries=$(cd "$new/root" && dirname "$(find usr -name libext2fs.so.2)")
  mv "$new/root" "$root" && rm -rf "$new" || return 1
  for tool in dumpe2fs debugfs mke2fs e2fsck; do
    cat >"$bin/$tool-current" <<END
#!/bin/sh
# Debian's current $tool, with the C library that it is linked to.
root=\$(dirname "\$0")/../e2fsprogs-current
MKE2FS_CONFIG=\$root/etc/mke2fs.conf exec "\$root/$loader" --argv0 "\$0" \\
  --library-path "\$root/$libraries" "\$root/usr/sbin/$tool" "\$@"
END
    chmod +x "$bin/$tool-current"
  done
  if ! version=$("$bin/e2fsck-current" -V 2>&1); then
    rm "$bin/e2fsck-current"
    return 1
  fi
  say "e2fsck-current is $(echo "$version" | head -n 1)"
}

# unpack PACKAGE NAME: a package's files in .cache/vm/NAME, not installed here
unpack() {
  [ -d "$vm/$2" ] && return
  say "fetching $1 into .cache/vm/$2"
  new="$vm/$2.new"
  rm -rf "$new"
  mkdir -p "$new/root"
  (cd "$new" && apt-get download -qq -o APT::Sandbox::User=root "$1" >&2 && dpkg-deb -x ./*.deb root) || return 1
  mv "$new/root" "$vm/$2" && rm -rf "$new"
}

# The user of the tests that scripts run for without privileges, with ids of its own.
need_script_user() {
  id nexscript >/dev/null 2>&1 && grep -q '^nexscript:' /etc/subuid && return
  say "adding the system user nexscript, with subordinate ids"
  id nexscript >/dev/null 2>&1 ||
    as_root useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin nexscript || return 1
  grep -q '^nexscript:' /etc/subuid ||
    as_root usermod --add-subuids 200000-265535 --add-subgids 200000-265535 nexscript
}

# What guests of the tests boot: a kernel, and a busybox that needs no libraries.
need_guest_kernel() {
  [ -d "$vm/kernel" ] && [ -d "$vm/busybox" ] && return
  has apt-get && apt_update || return 1
  kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p' | head -n 1)
  [ -n "$kernel" ] && unpack "$kernel" kernel && unpack busybox-static busybox
}

# The disk with the programs that guests of the tests run.
need_guest_tools() {
  [ -f "$vm/tools.ext4" ] && return
  has debootstrap || return 1
  say "making .cache/vm/tools.ext4, a small Debian with e2fsprogs and stress-ng"
  mkdir -p "$vm"
  log="$vm/tools.log"
  as_root rm -rf --one-file-system "$vm/tools" "$vm/tools.new" || return 1
  as_root debootstrap --variant=minbase --include=e2fsprogs,stress-ng stable "$vm/tools" >"$log" 2>&1 &&
    as_root rm -rf "$vm/tools/var/cache/apt" "$vm/tools/var/lib/apt" &&
    as_root mke2fs -q -t ext4 -d "$vm/tools" "$vm/tools.new" 1G >>"$log" 2>&1 || return 1
  as_root rm -rf --one-file-system "$vm/tools" && as_root mv "$vm/tools.new" "$vm/tools.ext4"
}

# guest_base NAME PACKAGES: a Debian of those packages as an image layout, .cache/vm/NAME.image. What no guest
# needs is left out, for these boot in an emulator.
guest_base() {
  [ -d "$vm/$1.image" ] && return
  has debootstrap || return 1
  say "making .cache/vm/$1.image, a small Debian with $2, as a base for guests"
  mkdir -p "$vm"
  log="$vm/$1.log"
  root="$vm/$1.root"
  as_root rm -rf --one-file-system "$root" "$vm/$1.tar" || return 1
  as_root debootstrap --variant=minbase --include="$2" stable "$root" >"$log" 2>&1 &&
    as_root tar --format=pax --pax-option=delete=atime,delete=ctime --sort=name --numeric-owner --xattrs \
      --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
      --exclude='./usr/share/zoneinfo/*' --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' \
      -C "$root" -cf "$vm/$1.tar" . 2>>"$log" &&
    sh "$top/deploy/bench/oci-layout.sh" "$vm/$1.image" "$vm/$1.tar" >>"$log" 2>&1
  made=$?
  as_root rm -rf --one-file-system "$root" "$vm/$1.tar"
  return "$made"
}

# The bases that tests boot: OpenRC and systemd of Debian, and OpenRC under busybox's init as Alpine has it.
need_guest_bases() {
  guest_base openrc openrc && guest_base systemd systemd-sysv || return 1
  [ -d "$vm/busybox-openrc.image" ] && return
  say "making .cache/vm/busybox-openrc.image"
  sh "$top/deploy/demo/base-image.sh" "$vm/busybox-openrc.image"
}

# What holds the manifests of deploy/kubernetes against the published schemas: see validate.py there.
need_kubernetes_schemas() {
  [ -d "$top/.cache/kubernetes/crds" ] && return
  go_install kustomize "sigs.k8s.io/kustomize/kustomize/v5@$KUSTOMIZE_VERSION" || return 1
  python3 -c 'import venv, ensurepip' 2>/dev/null || apt_install python3-venv || return 1
  say "installing kubernetes-validate $KUBERNETES_VALIDATE_VERSION into .cache/kubernetes"
  python3 -m venv "$top/.cache/kubernetes" &&
    "$top/.cache/kubernetes/bin/pip" install -q "kubernetes-validate==$KUBERNETES_VALIDATE_VERSION" >&2 || return 1
  say "fetching KEDA's resource definitions $KEDA_VERSION from its Go module"
  go=$(go_command) || return 1
  dir=$(cd / && GOFLAGS=-modcacherw "$go" mod download -json "github.com/kedacore/keda/v2@$KEDA_VERSION" |
    sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  cp -r "$dir/config/crd/bases" "$top/.cache/kubernetes/crds"
}

# Prometheus, unpacked: installed it would serve.
need_prometheus() {
  has promtool && has prometheus && return
  apt_update && unpack prometheus prometheus || return 1
  for tool in prometheus promtool; do
    ln -sf "../vm/prometheus/usr/bin/$tool" "$bin/$tool"
  done
}

# Containers.
need_containers() {
  want podman podman
  want buildah buildah
  want podman-compose podman-compose
  want runc runc
  [ -e /usr/lib/podman/netavark ] || apt_install netavark aardvark-dns
}

# A base for containers that needs no registry.
need_container_base() {
  [ -f "$top/.cache/container/base.tar" ] && return
  has debootstrap || return 1
  say "making .cache/container/base.tar, a small Debian with a JRE"
  mkdir -p "$top/.cache/container"
  as_root "$top/deploy/container/debian-base.sh" "$top/.cache/container/base.tar" >"$top/.cache/container/base.log" 2>&1
}

case "${1:-}" in
build)
  need_jdk
  ;;
demo)
  need_jdk
  need_nats_server
  need e2fsck e2fsprogs
  need dpkg-deb dpkg
  ;;
test)
  need_jdk
  need_nats_server
  need e2fsck e2fsprogs
  want umoci umoci
  want docker-registry docker-registry
  want openssl openssl
  want skopeo skopeo
  want debootstrap debootstrap
  want setfattr attr
  want zstd zstd
  want losetup mount
  want 7z p7zip-full
  want fls sleuthkit
  want grub-fstest grub-common
  want getfacl acl
  want bwrap bubblewrap
  want newuidmap uidmap
  want unshare util-linux
  need_script_user || say "going on without the user nexscript"
  want qemu-system-x86_64 qemu-system-x86
  go_install nats "github.com/nats-io/natscli/nats@$NATSCLI_VERSION" || say "going on without the nats command"
  go_install nats-server-current "github.com/nats-io/nats-server/v2@$CURRENT_NATS_SERVER_VERSION" ||
    say "going on without a current nats-server"
  need_current_e2fsprogs || say "going on without a current e2fsprogs"
  need_guest_kernel || say "going on without a kernel for guests"
  want systemd-analyze systemd
  want systemd-nspawn systemd-container
  need_prometheus || say "going on without prometheus"
  need_containers || say "going on without containers"
  # Each of these keeps one core busy for a minute or two, and they share nothing.
  need_guest_tools &
  tools=$!
  need_guest_bases &
  bases=$!
  need_container_base &
  base=$!
  need_kubernetes_schemas || say "going on without the schemas of Kubernetes"
  wait "$tools" || say "going on without the guests' tools"
  wait "$bases" || say "going on without bases for guests"
  wait "$base" || say "going on without a base for containers"
  ;;
bench)
  need_jdk
  need mke2fs e2fsprogs
  need dpkg-deb dpkg
  need debootstrap debootstrap
  need skopeo skopeo
  need umoci umoci
  need docker-registry docker-registry
  # The shell's own time, which command -v finds too, does not measure memory.
  [ -x /usr/bin/time ] || apt_install time
  ;;
*)
  echo "usage: install.sh build|demo|test|bench" >&2
  exit 2
  ;;
esac
