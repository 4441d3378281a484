#!/bin/sh
# Makes an OCI image layout of layers that are tar archives, lowest first; they become gzip blobs, as registries have them.
#   oci-layout.sh DIR LAYER.tar...
# The image is as young as this run, so that no build has to hold a file's time back.
set -eu

layout=$1
shift
architecture=$(dpkg --print-architecture)
created=$(date -u +%Y-%m-%dT%H:%M:%SZ)
new="$layout.new"
rm -rf "$new"
mkdir -p "$new/blobs/sha256"

hex() { sha256sum "$1" | cut -d' ' -f1; }

# descriptor TYPE FILE [MORE]: moves the file to its place and prints what points to it.
descriptor() {
  blob=$(hex "$2")
  printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%s%s}' \
    "$1" "$blob" "$(stat -c %s "$2")" "${3:-}"
  mv "$2" "$new/blobs/sha256/$blob"
}

layers= diff_ids=
for layer in "$@"; do
  gzip -n -1 -c "$layer" >"$new/blob"
  layers="$layers${layers:+,}$(descriptor layer.v1.tar+gzip "$new/blob")"
  diff_ids="$diff_ids${diff_ids:+,}\"sha256:$(hex "$layer")\""
done
printf '{"created":"%s","architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
  "$created" "$architecture" "$diff_ids" >"$new/config"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' \
  "$(descriptor config.v1+json "$new/config")" "$layers" >"$new/manifest"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}' \
  "$(descriptor manifest.v1+json "$new/manifest" ",\"platform\":{\"architecture\":\"$architecture\",\"os\":\"linux\"}")" \
  >"$new/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$new/oci-layout"
mv "$new" "$layout"
