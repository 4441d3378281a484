#!/bin/sh
# Adds a user of users.conf to an account by nsc, with the rights that it has there, line by line:
#   nsc-user.sh USER [ACCOUNT]     USER: wfront, wstore, alice or node; ACCOUNT: NEX
# NAMESPACE=bob gives the rights of alice, or of node, to bob: in that namespace and with that inbox prefix.
set -eu

user=$1
account=${2:-NEX}
name=${NAMESPACE:-$user}
here=$(dirname "$(readlink -f "$0")")

# rights publish|subscribe: the lines of the user's list, separated by commas
rights() {
  awk -v user="$user" -v list="$1" '
    /\{ user: / { mine = index($0, "{ user: " user ",") }
    /(publish|subscribe): \{ allow: \[/ { open = mine && index($0, list ": {") }
    /^ *\] \}/ { open = 0 }
    open && /^ *"/ { gsub(/^ *"|" *$/, ""); print }
  ' "$here/users.conf" | sed "s/\([._]INBOX\.\|\.\)$user\(\.\|\$\)/\1$name\2/" | paste -sd, -
}

publish=$(rights publish)
if [ -z "$publish" ]; then
  echo "nsc-user.sh: users.conf has no user $user with rights; give wfront, wstore, alice or node" >&2
  exit 2
fi
nsc add user --account "$account" --name "$name" --allow-pub "$publish" --allow-sub "$(rights subscribe)"
