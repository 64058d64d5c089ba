#!/usr/bin/env bash
# sink.sh DIR CA_DIR PORT...: one smtp-sink on each port, until standard input ends.  No TLS.
# Their personalities are in the order of xtask/src/interop/sink.rs.
# What arrives on a port is in DIR/mail/PORT, one file each: LF line ends; smtp-sink's fields on top; an empty line below.
set -euo pipefail
trap '' INT # whoever started this closes standard input when it is interrupted
. "$(dirname "$0")/listening.sh"
D=$1; shift 2
PORTS=("$@")
PATH=$PATH:/usr/sbin
PIDS=()
stop() { kill "${PIDS[@]}" 2>/dev/null || true; wait; rm -rf "$D"; }
trap stop EXIT
mkdir -p "$D/mail"
user=()
if [ "$(id -u)" = 0 ]; then user=(-u nobody); chown nobody "$D/mail"; fi

next=0
while read -r options; do
  port=${PORTS[next]}; next=$((next + 1))
  eval "words=($options)" # for the quotes in it
  smtp-sink "${user[@]}" -d "$D/mail/$port/" "${words[@]}" "127.0.0.1:$port" 256 >&2 < /dev/null &
  PIDS+=($!)
done <<'P'

-e
-f EHLO
-p
-P
-w 2 -8 -a -E -N
-W .:3
-f MAIL
-r MAIL
-f RCPT
-r RCPT
-r RCPT -b "452 4.5.3 too many"
-f DATA
-r DATA
-f .
-r .
-A 1
-Q MAIL
-Q RCPT
-Q DATA
-Q .
-q MAIL
-q RCPT
-q DATA
-q .
-q QUIT
-Q QUIT
-q CONNECT
-Q CONNECT
-f CONNECT
-q EHLO
-f EHLO,HELO
-L
-L -f .
P
[ "$next" = "${#PORTS[@]}" ]
listening "${PORTS[@]}"
echo ready
cat > /dev/null
