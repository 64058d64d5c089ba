#!/usr/bin/env bash
# ca.sh DIR: a throw-away authority and certificates of servers, for one run of the interop suite.
#   ca.pem, other-ca.pem             the authority; one that has signed nothing
#   good, rsa (.key, .pem)           for localhost, with an ECDSA and an RSA key
#   expired, wrongname, selfsigned   what a client must refuse
set -euo pipefail
cd "$1"
quiet() { "$@" 2>openssl.log || { cat openssl.log >&2; return 1; }; }
EC=(ec -pkeyopt ec_paramgen_curve:P-256)

authority() { # NAME SUBJECT
  quiet openssl req -x509 -newkey "${EC[@]}" -nodes -days 30 -keyout "$1.key" -out "$1.pem" -subj "/CN=$2" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# `openssl ca` and not `openssl x509 -req`, which cannot make expired certificates.
mkdir issued; : > issued/index; echo 1000 > issued/serial
cat > ca.cnf <<X
[ca]
default_ca = throwaway
[throwaway]
database = issued/index
serial = issued/serial
new_certs_dir = issued
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
X

leaf() { # NAME NAMES KEY... -- DATES...
  local name=$1 names=$2 key=(); shift 2
  while [ "$1" != -- ]; do key+=("$1"); shift; done
  shift
  quiet openssl req -newkey "${key[@]}" -nodes -keyout "$name.key" -out "$name.csr" -subj "/CN=$name"
  printf '%s\n' basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature,keyEncipherment \
    extendedKeyUsage=serverAuth authorityKeyIdentifier=keyid "subjectAltName=$names" > "$name.ext"
  quiet openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -in "$name.csr" -out "$name.crt" \
    -extfile "$name.ext" -notext "$@"
  cat "$name.crt" ca.pem > "$name.pem"
}

authority ca 'Interop Test CA'
authority other-ca 'Another CA'
HERE=DNS:localhost,IP:127.0.0.1,IP:::1
leaf good $HERE "${EC[@]}" -- -days 30
leaf rsa $HERE rsa:2048 -- -days 30
leaf wrongname DNS:other.invalid "${EC[@]}" -- -days 30
leaf expired $HERE "${EC[@]}" -- -startdate 20200101000000Z -enddate 20210101000000Z
quiet openssl req -x509 -newkey "${EC[@]}" -nodes -days 30 -keyout selfsigned.key -out selfsigned.pem \
  -subj /CN=localhost -addext subjectAltName=$HERE
