#!/bin/sh
# Measures a cold build from a registry: nex-rootfs against skopeo copy, umoci unpack and mke2fs -d, in one run on
# one machine; prints ratios of medians. For make bench, which makes the images first.
#   PULL_RUNS=N      runs of each (default 3)
# Both start with empty caches of their own; the registry is Debian's docker-registry on loopback, its files in the
# page cache; layers are gzipped.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
bench="$top/.cache/bench"
nex_rootfs="$top/worker/nex-rootfs"
PATH="$PATH:/usr/sbin:/sbin"
runs=${PULL_RUNS:-3}
platform="linux/$(dpkg --print-architecture)"

work=$(mktemp -d "$bench/run.XXXXXX")
registry=
stop() {
  [ -z "$registry" ] || kill "$registry" 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' INT TERM

# A port that nobody has is found by asking for it.
port=5100
while :; do
  cat >"$work/registry.yml" <<END
version: 0.1
log:
  level: error
storage:
  filesystem:
    rootdirectory: $work/registry
http:
  addr: 127.0.0.1:$port
END
  OTEL_TRACES_EXPORTER=none docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
  registry=$!
  sleep 1
  if kill -0 "$registry" 2>/dev/null; then break; fi
  port=$((port + 1))
  [ "$port" -lt 5200 ] || { cat "$work/registry.log" >&2; exit 1; }
done
host="127.0.0.1:$port"

# timed WHAT COMMAND...: a command, its milliseconds and its peak memory in KiB.
timed() {
  what=$1
  shift
  start=$(date +%s%N)
  /usr/bin/time -f %M -o "$work/peak" "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
  end=$(date +%s%N)
  printf '%s\t%s\t%s\n' "$what" $(((end - start) / 1000000)) "$(tail -1 "$work/peak")" >>"$work/times"
}

median() {
  awk -F '\t' -v what="$1" -v column="$2" '$1 == what { print $column }' "$work/times" | sort -n |
    awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

# compare NAME LAYOUT SIZE
compare() {
  name=$1
  skopeo copy --quiet --dest-tls-verify=false "oci:$2" "docker://$host/$name:latest"
  : >"$work/times"
  round=0
  while [ "$round" -lt "$runs" ]; do
    rm -rf "$work/ours" "$work/theirs" "$work/bundle" "$work/image"
    sync
    timed ours "$nex_rootfs" build --image "$host/$name:latest" --plain-http "$host" --platform "$platform" \
      --guest plain --size "$3" --cache "$work/ours" --output "$work/image"
    rm -f "$work/image"
    sync
    timed skopeo skopeo copy --quiet --src-tls-verify=false "docker://$host/$name:latest" "oci:$work/theirs:latest"
    timed umoci umoci unpack --image "$work/theirs:latest" "$work/bundle"
    timed mke2fs mke2fs -q -F -t ext4 -b 4096 -d "$work/bundle/rootfs" "$work/image" "$3"
    round=$((round + 1))
  done
  printf '\n== A cold build of %s from a registry, %s runs, medians\n' "$name" "$runs"
  for what in ours skopeo umoci mke2fs; do
    printf '%-10s %8.0f ms %8.0f MiB at the most\n' "$what" "$(median $what 2)" "$(awk -v k="$(median $what 3)" 'BEGIN { print k / 1024 }')"
  done
  awk -v name="$name" -v ours="$(median ours 2)" -v a="$(median skopeo 2)" -v b="$(median umoci 2)" -v c="$(median mke2fs 2)" \
    -v memory="$(median ours 3)" -v s="$(median skopeo 3)" -v u="$(median umoci 3)" -v m="$(median mke2fs 3)" 'BEGIN {
      most = s > u ? s : u; if (m > most) most = m
      printf "%s: a cold build is %.2f times as fast as skopeo copy, umoci unpack and mke2fs -d (goal 3)\n", name, (a + b + c) / ours
      printf "%s: it takes %.2f times the memory of the largest of them (goal 1)\n", name, memory / most }'
}

compare minbase "$bench/minbase.image" 536870912
compare packages "$bench/image" 2147483648
