#!/bin/sh
# Whether the worker of this container takes jobs: its /readyz, by what the image has. A JVM would be too much for it.
#   health.sh [PORT]
port=${1:-9090}
if command -v wget >/dev/null; then
  exec wget -q -O /dev/null "http://127.0.0.1:$port/readyz"
fi
exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/$0 && printf "GET /readyz HTTP/1.0\r\n\r\n" >&3 && grep -q "^ready" <&3' "$port"
