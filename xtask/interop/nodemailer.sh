#!/usr/bin/env bash
# nodemailer.sh DIR CA_DIR PORT...: see nodemailer.js; until standard input ends.
set -euo pipefail
trap '' INT # whoever started this closes standard input when it is interrupted
HERE=$(dirname "$0") D=$1
trap 'rm -rf "$D"' EXIT
mkdir -p "$D/mail"
NODE_PATH=$TOOLS/nodemailer/node_modules node "$HERE/nodemailer.js" "$D/mail" "${@:2}"
