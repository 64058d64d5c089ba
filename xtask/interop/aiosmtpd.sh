#!/usr/bin/env bash
# aiosmtpd.sh DIR CA_DIR PORT...: see aiosmtpd.py; until standard input ends.
set -euo pipefail
trap '' INT # whoever started this closes standard input when it is interrupted
HERE=$(dirname "$0") D=$1
trap 'rm -rf "$D"' EXIT
mkdir -p "$D/mail"
"$TOOLS/aiosmtpd/bin/python" "$HERE/aiosmtpd.py" "$D/mail" "${@:2}"
