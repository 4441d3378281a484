#!/bin/sh
# Builds the image with whichever of docker, podman and buildah answers: make image
#   BUILDER=PROGRAM      that one
#   JRE=IMAGE            the base; else the Containerfile's, from a registry
#   TARGET=script-worker with the tools for setup scripts (default: worker)
#   TAG=NAME             what it is called (default: localhost/nex-rootfs:VERSION, or …:VERSION-script)
#   BUILD_FLAGS          further flags of the program
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
version=$(sed -n 's|^ *<version>\(.*\)</version>.*|\1|p' "$top/pom.xml" | head -n 1)
target=${TARGET:-worker}
case $target in
worker) tag=${TAG:-localhost/nex-rootfs:$version} ;;
script-worker) tag=${TAG:-localhost/nex-rootfs:$version-script} ;;
*)
  echo "build.sh: TARGET is worker or script-worker, not $target" >&2
  exit 2
  ;;
esac

builder=${BUILDER:-}
for program in docker podman buildah; do
  [ -n "$builder" ] || ! "$program" info >/dev/null 2>&1 || builder=$program
done
if [ -z "$builder" ]; then
  echo "build.sh: none of docker, podman and buildah answers; on Debian: apt-get install buildah" >&2
  exit 1
fi
# Docker's format keeps the health check; isolation in a chroot asks nothing of the kernel.
case $(basename "$builder") in
docker) set -- build ;;
*) set -- build --format docker --isolation chroot --network host ;;
esac
echo "building $tag with $builder" >&2
cd "$top"
# shellcheck disable=SC2086 # several flags in one variable
exec "$builder" "$@" ${JRE:+--build-arg JRE="$JRE"} --target "$target" -t "$tag" ${BUILD_FLAGS:-} \
  -f deploy/container/Containerfile .
