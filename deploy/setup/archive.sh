#!/bin/sh
# Makes the class archive beside a jar: what a JVM has in memory of the classes that a start needs, for the next start.
#   archive.sh JAR    with the JVM that will run it: $JAVA_HOME, else java on the PATH
# The start that it is made from is a worker's that finds no server. The archive counts for this JVM and this jar, as
# they are now: a JVM that finds anything else goes on without.
set -eu

jar=$(readlink -f "$1")
archive="${jar%.jar}.jsa"
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The worker fails, as it should.
"$java" -XX:+UseSerialGC -Xmx256m -XX:ArchiveClassesAtExit="$work/archive" -Xlog:cds=off -Xlog:cds+dynamic=off -jar "$jar" \
  worker --no-context --server nats://127.0.0.1:1 --cache "$work/cache" >"$work/log" 2>&1 || true
if [ ! -s "$work/archive" ]; then
  cat "$work/log" >&2
  exit 1
fi
chmod 644 "$work/archive"
mv "$work/archive" "$archive"
