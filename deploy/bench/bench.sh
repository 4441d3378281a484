#!/bin/sh
# Measures nex-rootfs against mke2fs -d, and against cat, in one run on one machine; prints ratios of medians.
#   RUNS=N           runs of each (default 5)
#   BENCH_OUTPUT=DIR where images are written, by everyone; a tmpfs takes the disk out of the picture (default .cache/bench)
# Everything that is read is in the page cache, and what an earlier run wrote is on the disk, before a run starts.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
bench="$top/.cache/bench"
nex_rootfs="$top/worker/nex-rootfs"
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
PATH="$PATH:/usr/sbin:/sbin"
runs=${RUNS:-5}
warm_ups=3
platform="linux/$(dpkg --print-architecture)"

if [ "$(id -u)" != 0 ]; then
  echo "bench: needs root: mke2fs -d has to read every file of a Debian" >&2
  exit 1
fi
sh "$top/deploy/bench/inputs.sh"

rm -rf "$bench"/run.* # of a run that was killed
work=$(mktemp -d "${BENCH_OUTPUT:-$bench}/run.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
times="$work/times" # a line for each measurement: what, a tab, milliseconds
image="$work/image.ext4"

step() { printf '\n== %s\n' "$*"; }

now() { date +%s%N; }

# measure WHAT COMMAND...: a run, which does not count in round 0.
measure() {
  what=$1
  shift
  rm -f "$image"
  sync
  start=$(now)
  "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
  end=$(now)
  [ "$round" = 0 ] || printf '%s\t%s\n' "$what" $(((end - start) / 1000000)) >>"$times"
}

# rounds TREE IMAGE SIZE: everyone in turn, so that a machine that is busy for a while is so for everyone.
rounds() {
  round=0
  while [ "$round" -le "$runs" ]; do
    measure peer peer "$1" "$3"
    measure process ours "$2" "$3"
    measure floor floor "$2"
    measure synced synced_floor "$2"
    round=$((round + 1))
  done
}

# figures WHAT: runs, least, median and most.
figures() {
  awk -F '\t' -v what="$1" '$1 == what { print $2 }' "$times" | sort -n |
    awk '{ v[NR] = $1 } END { print NR, v[1], (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2, v[NR] }'
}

heading() { printf '%-46s %5s %8s %8s %8s\n' "$1" runs min median max; }

# shellcheck disable=SC2046 # four figures
row() { printf '%-46s %5d %8d %8.0f %8d\n' "$2" $(figures "$1"); }

median() { figures "$1" | cut -d' ' -f3; }

# ratio A B: how many times as long A takes as B.
ratio() { awk -v a="$(median "$1")" -v b="$(median "$2")" 'BEGIN { printf "%.2f", a / b }'; }

# The decoded layers of an image, lowest first, by the diff_ids of its config.
layers() {
  for blob in "$1/blobs/sha256/"*; do
    [ "$(head -c 11 "$blob")" != '{"created":' ] ||
      sed 's/.*"diff_ids":\[\([^]]*\)\].*/\1/; s/"//g; s/,/\n/g; s/sha256://g' "$blob"
  done | sed "s|^|$bench/layers/layers/sha256/|"
}

peer() { mke2fs -q -F -t ext4 -b 4096 -d "$1" "$image" "$2"; }

ours() { "$nex_rootfs" build --image "oci:$1" --platform "$platform" --guest plain --size "$2" --cache "$bench/layers" --output "$image"; }

warm() {
  # shellcheck disable=SC2086 # several options in one variable
  LC_ALL=C.UTF-8 "$java" -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError ${NEX_ROOTFS_JAVA_OPTS:--Xmx256m} \
    -cp "$top/worker/target/test-classes:$top/worker/target/nex-rootfs.jar" dev.nexrootfs.bench.WarmBuild \
    "$1" "$platform" "$2" "$bench/layers" "$image" "$warm_ups" "$runs" >>"$times"
}

# shellcheck disable=SC2046 # paths of this checkout's cache, named by digests
floor() { cat $(layers "$1") >"$image"; }

synced_floor() { floor "$1" && sync "$image"; }

contents() {
  find "$1" -printf '%y %s\n' |
    awk '$1 == "f" { files++; bytes += $2 } END { printf "%d entries, %d of them files with %.2f GiB", NR, files, bytes / 2 ^ 30 }'
}

# memory IMAGE SIZE: the least heap that does, and the peak in KiB.
memory() {
  for heap in ${BENCH_HEAPS:-320m 400m 512m 640m 832m 1g}; do
    rm -f "$image"
    if NEX_ROOTFS_JAVA_OPTS="-Xmx$heap" /usr/bin/time -f %M -o "$work/peak" timeout 120 \
      "$nex_rootfs" build --image "oci:$1" --platform "$platform" --guest plain --size "$2" --cache "$bench/layers" \
      --output "$image" >"$work/log" 2>&1; then
      echo "$heap" "$(tail -1 "$work/peak")"
      return
    fi
  done
  cat "$work/log" >&2
  return 1
}

size=2147483648
minbase_size=536870912
million_size=6442450944
version=$(mke2fs -V 2>&1 | sed -n 's/^\(mke2fs [^ ]*\).*/\1/p')
echo "$version, $("$java" -version 2>&1 | sed -n 2p), $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg), images in $(dirname "$work")"

step "Debian's packages: $(contents "$bench/tree"), an image of $((size >> 20)) MiB"
rounds "$bench/tree" "$bench/image" "$size"
warm "$bench/image" "$size"
heading milliseconds
row peer "$version -d"
row warm "ours in a warm JVM"
for phase in resolve layers plan store; do row "warm phase $phase" "  phase $phase"; done
row merge "  merge alone"
row plan "  plan alone"
row render "  render alone, into nothing"
row digest "  SHA-256 alone, of as many bytes"
row process "ours as a new process"
row floor "floor: cat of the decoded layers"
row synced "floor, synced as all of the above are"
printf '\n'
echo "ours warm is $(ratio peer warm) times as fast as mke2fs -d (goal 15)"
echo "ours warm is $(ratio warm floor) times the floor (goal 2.5), $(ratio warm synced) times the floor synced"
echo "the plan alone takes $(median plan) ms (goal 300)"
echo "a new process is $(ratio peer process) times as fast as mke2fs -d"
echo "mke2fs -d is $(ratio peer floor) times the floor, $(ratio peer synced) times the floor synced"

rm -f "$times"
step "A Debian minbase: $(contents "$top/.cache/minbase"), an image of $((minbase_size >> 20)) MiB"
rounds "$top/.cache/minbase" "$bench/minbase.image" "$minbase_size"
heading milliseconds
row peer "$version -d"
row process "ours as a new process"
row floor "floor: cat of the decoded layers"
row synced "floor, synced as both of the above are"
printf '\n'
echo "minbase: a new process is $(ratio peer process) times as fast as mke2fs -d (goal 1)"
echo "minbase: a new process is $(ratio process floor) times the floor, $(ratio process synced) times the floor synced"

step "A million small files, an image of $((million_size >> 20)) MiB, as a new process"
memory "$bench/million.image" "$million_size" >"$work/memory"
awk '{ printf "a million files: peak memory %.0f MiB with -Xmx%s, %.2f times the goal (512 MiB)\n", $2 / 1024, $1, $2 / 1024 / 512 }' \
  "$work/memory"

sh "$top/deploy/bench/pull.sh"

step "Uploads of 150 MB, ours and the NATS client's own put in turns"
"$java" -cp "$top/worker/target/test-classes:$top/worker/target/nex-rootfs.jar" dev.nexrootfs.bench.UploadBench
