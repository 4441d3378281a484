#!/usr/bin/env bash
# Runs Jazzer on one target of dev.nexrootfs.fuzz for some seconds; what it learns stays in .cache/fuzz.
#   fuzz.sh TARGET SECONDS
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$1
seconds=$2
work="$PWD/.cache/fuzz/$target"
mkdir -p "$work/corpus" "$work/seeds" "$work/findings"

classpath="$PWD/.cache/fuzz/classpath"
mvn -B -q -ntp -Pfuzz -pl worker -am test-compile dependency:build-classpath -Dmdep.outputFile="$classpath" \
  -Dmdep.includeScope=test >&2

case "$target" in
LayerFuzz)
  # Archives of each of GNU tar's formats.
  tree=$(mktemp -d)
  mkdir "$tree/d"
  echo content >"$tree/d/file"
  ln "$tree/d/file" "$tree/d/second"
  ln -s d/file "$tree/link"
  mkfifo "$tree/fifo"
  truncate -s 1M "$tree/sparse"
  echo end >>"$tree/sparse"
  touch "$tree/d/.wh.gone" "$tree/$(printf '%0200d' 1)"
  for format in v7 ustar gnu pax; do
    tar -C "$tree" --sort=name --sparse --format=$format -cf "$work/seeds/$format.tar" . 2>/dev/null || true
  done
  for version in 0.0 0.1 1.0; do
    tar -C "$tree" --sparse --sparse-version=$version --format=pax -cf "$work/seeds/sparse-$version.tar" sparse
  done
  rm -rf "$tree"
  ;;
ManifestFuzz)
  printf '%s\0%s\0%s' \
    '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"@","size":1,"platform":{"os":"linux","architecture":"arm","variant":"v7"}}]}' \
    '{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"@","size":1},"layers":[]}' \
    '{"os":"linux","architecture":"arm","created":"2020-01-02T03:04:05Z","rootfs":{"type":"layers","diff_ids":[]}}' \
    >"$work/seeds/index"
  printf 'registry.example:5000/a/b:tag@sha256:%064d' 0 >"$work/seeds/reference"
  ;;
esac

exec java -Xmx512m -cp "worker/target/test-classes:worker/target/classes:protocol/target/classes:$(cat "$classpath")" \
  com.code_intelligence.jazzer.Jazzer --target_class="dev.nexrootfs.fuzz.$target" \
  --instrumentation_includes='dev.nexrootfs.**' --reproducer_path="$work/findings" \
  -artifact_prefix="$work/findings/" -max_total_time="$seconds" -max_len=16384 -rss_limit_mb=2048 -timeout=10 \
  "$work/corpus" "$work/seeds"
