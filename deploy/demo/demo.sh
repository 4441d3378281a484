#!/bin/sh
# The whole way once: a NATS server, two workers, a request, the image fetched and checked. Stops what it started.
#   IMAGE=REF takes another base image than the one that it makes from Debian's packages.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cache="$top/.cache/demo"
nex_rootfs="$top/worker/nex-rootfs"
PATH="$top/.cache/bin:$PATH:/usr/sbin:/sbin"
export XDG_CACHE_HOME="$top/.cache"
# The demo's own server only, whatever this user is set up for.
export XDG_CONFIG_HOME="$cache/config"
unset NATS_CONTEXT NATS_CREDS NATS_NKEY NATS_USER NATS_PASSWORD NATS_TOKEN NATS_CA NATS_CERT NATS_KEY

step() { printf '\n== %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; }

work=$(mktemp -d)
workers=
server=
stop() {
  status=$?
  # The workers first: leaving the service takes a server.
  for pid in $workers; do kill "$pid" 2>/dev/null || true; done
  for pid in $workers; do wait "$pid" 2>/dev/null || true; done
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  if [ "$status" != 0 ] && [ -d "$work" ]; then
    for log in "$work"/*.log; do
      echo "-- $(basename "$log")" >&2
      tail -20 "$log" >&2
    done
  fi
  rm -rf "$work"
  exit "$status"
}
trap stop EXIT
trap 'exit 1' INT TERM

if [ ! -f "$cache/base/index.json" ] || [ ! -f "$cache/base.agent" ]; then
  step "A base image from Debian's packages: busybox and OpenRC, two layers"
  sh "$top/deploy/demo/base-image.sh" "$cache/base"
fi
(cd "$cache/base" && tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$cache/base.tar" .)

step "A NATS server with JetStream, on a free loopback port"
"${NATS_SERVER:-nats-server}" -js -sd "$work/jetstream" -a 127.0.0.1 -p -1 --ports_file_dir "$work" \
  >"$work/nats-server.log" 2>&1 &
server=$!
i=0
url=
while [ -z "$url" ]; do
  for ports in "$work"/*.ports; do
    [ -f "$ports" ] && url=$(tr -d ' \n' <"$ports" | sed -n 's/.*"nats":\["\([^"]*\)".*/\1/p')
  done
  i=$((i + 1))
  [ "$i" -lt 100 ] || { echo "the NATS server did not start" >&2; exit 1; }
  [ -n "$url" ] || sleep 0.1
done
export NATS_URL="$url"
echo "$("${NATS_SERVER:-nats-server}" --version) on $url"

step "The buckets, and two workers"
show nex-rootfs setup
"$nex_rootfs" setup
for name in worker-1 worker-2; do
  "$nex_rootfs" worker --name "$name" >"$work/$name.log" 2>&1 &
  workers="$workers $!"
done
for name in worker-1 worker-2; do
  i=0
  until grep -q serves "$work/$name.log"; do
    i=$((i + 1))
    [ "$i" -lt 200 ] || { echo "$name did not start" >&2; exit 1; }
    sleep 0.1
  done
  sed -n 's/.* INFO *\(worker.*\)/\1/p' "$work/$name.log"
done

step "A request: base image, agent (busybox stands in for nex-agent), 150 MiB"
if [ -n "${IMAGE:-}" ]; then
  set -- --image "$IMAGE"
else
  set -- --image-file "$cache/base.tar"
fi
show nex-rootfs request "$@" --agent nex-agent --output rootfs.ext4 | sed "s|$top/||g"
cp "$cache/base.agent" "$work/nex-agent"
"$nex_rootfs" request "$@" --agent "$work/nex-agent" --output "$work/rootfs.ext4" >"$work/reply"
sed "s|$work/||g" "$work/reply"

if command -v nats >/dev/null && [ -z "${IMAGE:-}" ]; then
  step "The same request by the nats command line: the image is there already"
  base=$(sha256sum "$cache/base.tar" | cut -d' ' -f1)
  agent=$(sha256sum "$work/nex-agent" | cut -d' ' -f1)
  body="{\"image\":\"nats://NEXINPUTS/sha256-$base\",\"agent\":\"nats://NEXINPUTS/sha256-$agent\"}"
  show "nats req nex.rootfs.build '$body' --timeout 30s"
  nats req nex.rootfs.build "$body" --timeout 30s
fi

step "What e2fsck and debugfs say of it"
show e2fsck -fn rootfs.ext4
(cd "$work" && e2fsck -fn rootfs.ext4 2>&1)
show "debugfs -R 'ls -l /' rootfs.ext4"
(cd "$work" && debugfs -R 'ls -l /' rootfs.ext4 2>/dev/null)

step "Done; stopping the workers and the server"
