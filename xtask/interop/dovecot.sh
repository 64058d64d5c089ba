#!/usr/bin/env bash
# dovecot.sh DIR CA_DIR PORT...: a private Dovecot that takes submissions and relays them to a private smtp-sink, and
# LMTP, until standard input ends.  Needs root, and Dovecot 2.3.
# The ports, in this order:
#   starttls, implicit   TLS and AUTH are required (PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 XOAUTH2 OAUTHBEARER);
#                        up to 2000000 octets, up to 10 recipients
#   relay                smtp-sink
#   lmtp                 with STARTTLS or without TLS
# User user@example.test, password "s3cret pass"; user grüße,a=b@example.test, password "sécret,=n=字".
# Tokens for user@example.test, JWTs signed with a key of this run: DIR/token, DIR/token-expired, DIR/token-forged.
# It and one@, two@, full@ have mailboxes; full@'s is too small for any message.
# What arrives by submission is in DIR/mail, one file each: LF line ends; smtp-sink's and Dovecot's fields on top; an
# empty line below.  What arrives by LMTP is in DIR/home/ADDRESS/new: LF line ends; Return-Path, Received on top, and
# Delivered-To if there is one recipient.
set -euo pipefail
trap '' INT # whoever started this closes standard input when it is interrupted
. "$(dirname "$0")/listening.sh"
D=$1 CA=$2; shift 2
STARTTLS=$1 IMPLICIT=$2 RELAY=$3 LMTP=$4
PATH=$PATH:/usr/sbin
SINK=
stop() {
  dovecot -c "$D/dovecot.conf" stop >&2 || true
  [ -z "$SINK" ] || { kill "$SINK"; wait "$SINK"; } 2>/dev/null || true
  rm -rf "$D"
}
trap stop EXIT
mkdir -p "$D"/{run,state,mail,home}
chmod 755 "$D"; chown nobody "$D/mail" "$D/home"
cat > "$D/users" <<'U'
user@example.test:{PLAIN}s3cret pass::::::
grüße,a=b@example.test:{PLAIN}sécret,=n=字::::::
one@example.test:{PLAIN}other::::::
two@example.test:{PLAIN}other::::::
full@example.test:{PLAIN}other::::::userdb_quota_rule=*:bytes=1
U
KEY=$(openssl rand -hex 32)
mkdir -p "$D/keys/default/HS256"
printf %s "$KEY" | openssl base64 -A > "$D/keys/default/HS256/default"
cat > "$D/oauth2" <<C
introspection_mode = local
local_validation_key_dict = fs:posix:prefix=$D/keys/
username_attribute = sub
C
chgrp -R dovecot "$D"/{users,keys,oauth2}; chmod -R u=rwX,g=rX,o= "$D"/{users,keys,oauth2}

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d =; }
jwt() { # KEY EXPIRES
  local signed
  signed=$(printf '{"alg":"HS256","typ":"JWT"}' | base64url).$(printf \
    '{"sub":"user@example.test","iat":1500000000,"exp":%s}' "$2" | base64url)
  printf %s.%s "$signed" "$(printf %s "$signed" | openssl dgst -sha256 -hmac "$1" -binary | base64url)"
}
NOW=$(date +%s)
jwt "$KEY" $((NOW + 3600)) > "$D/token"
jwt "$KEY" $((NOW - 3600)) > "$D/token-expired"
jwt "another key" $((NOW + 3600)) > "$D/token-forged"

cat > "$D/dovecot.conf" <<C
base_dir = $D/run
state_dir = $D/state
log_path = $D/log
protocols = submission lmtp
listen = 127.0.0.1
hostname = mx.example.test
ssl = required
ssl_cert = <$CA/good.pem
ssl_key = <$CA/good.key
ssl_min_protocol = TLSv1.2
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer
auth_failure_delay = 0
# All there are.
auth_username_chars =
mail_location = maildir:~/
mail_plugins = quota
mail_uid = nobody
mail_gid = $(id -gn nobody)
first_valid_uid = 1
submission_relay_host = 127.0.0.1
submission_relay_port = $RELAY
submission_max_mail_size = 2000000
submission_max_recipients = 10
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $D/oauth2
}
passdb {
  driver = passwd-file
  mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256
  args = $D/users
}
userdb {
  driver = passwd-file
  args = $D/users
  default_fields = uid=nobody gid=$(id -gn nobody) home=$D/home/%u
}
plugin {
  quota = maildir:User quota
}
# Requiring TLS would be for all ways in.
protocol lmtp {
  ssl = yes
}
service lmtp {
  inet_listener lmtp {
    port = $LMTP
  }
}
service submission-login {
  inet_listener submission {
    port = $STARTTLS
  }
  inet_listener submissions {
    port = $IMPLICIT
    ssl = yes
  }
}
# Without it, each wrong password makes the next login wait for longer.
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
C

smtp-sink -u nobody -d "$D/mail/" "127.0.0.1:$RELAY" 256 >&2 < /dev/null &
SINK=$!
dovecot -c "$D/dovecot.conf" >&2 < /dev/null
listening "$STARTTLS" "$IMPLICIT" "$RELAY" "$LMTP"
echo ready
cat > /dev/null
