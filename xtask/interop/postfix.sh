#!/usr/bin/env bash
# postfix.sh DIR CA_DIR PORT...: a private Postfix with all its state in DIR, until standard input ends.  Needs root.
# The ports, in this order:
#   starttls, implicit   TLS and AUTH are required (PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256)
#   login                the same by STARTTLS, but TLS 1.2, an RSA certificate, and LOGIN alone
#   bare                 neither TLS nor AUTH nor PIPELINING, 8BITMIME, SMTPUTF8; messages of 20000 octets at most
#   selfsigned, expired, wrongname   STARTTLS with such a certificate
#   few                  as starttls, but up to 5 recipients
# User user@example.test, password "s3cret pass"; user grüße,a=b@example.test, password "sécret,=n=字".
# Refused: recipients bad@ 550, tmp@ 451, kill@ 421; sender badfrom@ 553.
# What arrives is in DIR/mail/all/new: LF line ends; Return-Path, X-Original-To, Delivered-To and Received on top.
set -euo pipefail
trap '' INT # whoever started this closes standard input when it is interrupted
D=$1 CA=$2; shift 2
STARTTLS=$1 IMPLICIT=$2 LOGIN=$3 BARE=$4 SELFSIGNED=$5 EXPIRED=$6 WRONGNAME=$7 FEW=$8
PATH=$PATH:/usr/sbin
stop() { postfix -c "$D/etc" stop >&2 || true; rm -rf "$D"; }
trap stop EXIT
mkdir -p "$D"/{etc/sasl,queue,data,mail}
chmod 755 "$D" "$D/etc"
chown nobody "$D/mail"; chown postfix "$D/data"
if grep -qs "^0\{31\}1 " /proc/net/if_inet6; then protocols=all; else protocols=ipv4; fi

cat > "$D/etc/main.cf" <<X
compatibility_level = 3.6
queue_directory = $D/queue
data_directory = $D/data
maillog_file = $D/log
maillog_file_prefixes = $D
myhostname = mx.example.test
mydestination =
inet_interfaces = loopback-only
inet_protocols = $protocols
mynetworks = 127.0.0.0/8 [::1]/128
alias_maps =
alias_database =
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:all/
virtual_mailbox_base = $D/mail
virtual_uid_maps = static:$(id -u nobody)
virtual_gid_maps = static:$(id -g nobody)
smtpd_tls_chain_files = $CA/good.key $CA/good.pem
smtpd_tls_security_level = encrypt
smtpd_tls_received_header = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = $D/etc/sasl
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access regexp:$D/etc/recipients, permit
smtpd_sender_restrictions = check_sender_access regexp:$D/etc/senders
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
# What a careless client would get away with otherwise.
smtpd_forbid_bare_newline = yes
smtpd_forbid_unauth_pipelining = yes
strict_rfc821_envelopes = yes
message_drop_headers =
local_header_rewrite_clients =
message_size_limit = 30000000
virtual_mailbox_limit = 0
header_size_limit = 1000000
X
cat > "$D/etc/recipients" <<'X'
/^bad@/ 550 5.1.1 no such user
/^tmp@/ 451 4.3.0 try later
/^kill@/ 421 4.3.2 shutting down
X
cat > "$D/etc/senders" <<'X'
/^badfrom@/ 553 5.1.8 sender refused
X

port() { # PORT OPTION...
  local p=$1; shift
  echo "127.0.0.1:$p inet n - n - - smtpd ${*/#/-o }"
  [ $protocols = ipv4 ] || echo "[::1]:$p inet n - n - - smtpd ${*/#/-o }"
}
{
  port "$STARTTLS"
  port "$IMPLICIT" smtpd_tls_wrappermode=yes
  port "$LOGIN" smtpd_tls_mandatory_protocols=TLSv1.2 smtpd_tls_chain_files="$CA/rsa.key,$CA/rsa.pem" \
    smtpd_sasl_mechanism_filter=login
  port "$BARE" smtpd_tls_security_level=none smtpd_sasl_auth_enable=no smtpd_relay_restrictions=permit_mynetworks,reject \
    message_size_limit=20000 smtpd_discard_ehlo_keywords=chunking,smtputf8,8bitmime,dsn,pipelining,enhancedstatuscodes
  for name in selfsigned:$SELFSIGNED expired:$EXPIRED wrongname:$WRONGNAME; do
    port "${name#*:}" smtpd_tls_chain_files="$CA/${name%:*}.key,$CA/${name%:*}.pem"
  done
  port "$FEW" smtpd_recipient_limit=5
  cat <<'X'
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
X
} > "$D/etc/master.cf"

cat > "$D/etc/sasl/smtpd.conf" <<X
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: $D/etc/sasl/sasldb2
mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256
X
user() { printf %s "$2" | saslpasswd2 -p -c -f "$D/etc/sasl/sasldb2" -u example.test "$1"; }
user user 's3cret pass'
user 'grüße,a=b' 'sécret,=n=字'
chgrp postfix "$D/etc/sasl/sasldb2"; chmod 640 "$D/etc/sasl/sasldb2"

postfix -c "$D/etc" start >&2
echo ready
cat > /dev/null
