#!/bin/bash
# tests/support/testca.sh - makes a throw-away certificate authority and certificates for the HTTPS tests.
#
# usage: tests/support/testca.sh DIR
#
# Leaves in DIR, all in PEM form:
#   ca.pem                      the authority that the service has to trust (CaFile)
#   server.pem, server.key      signed by it, for localhost, 127.0.0.1 and two hosts behind a proxy
#   wrongname.pem, .key         signed by it, for elsewhere.invalid
#   expired.pem, .key           signed by it, for localhost and 127.0.0.1, valid for one day of the year 2020
#   unknown.pem, .key           for localhost and 127.0.0.1, signed by itself: must be refused
# Does nothing when they are there and stay valid for a week. The keys protect nothing: they never leave DIR.
set -euo pipefail

if [ $# -ne 1 ]; then
    awk 'NR == 1 { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$0" >&2
    exit 2
fi
dir=$1
mkdir -p "$dir"

if [ -e "$dir/complete" ] && openssl x509 -in "$dir/server.pem" -noout -checkend 604800 >/dev/null 2>&1; then
    exit 0
fi
rm -f "$dir/complete"
work=$(mktemp -d "$dir/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

key() { openssl genrsa -out "$1" 2048 2>/dev/null; }

key "$work/ca.key"
openssl req -x509 -new -key "$work/ca.key" -days 90 -subj "/O=OpenQMGR tests/CN=OpenQMGR test authority" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -out "$dir/ca.pem"

# issue NAME ALTERNATIVE-NAMES [ca option...]: a server certificate signed by the authority.
issue() {
    local name=$1 alternatives=$2
    shift 2
    key "$dir/$name.key"
    openssl req -new -key "$dir/$name.key" -subj "/O=OpenQMGR tests/CN=$name" -out "$work/$name.csr"
    printf '%s\n' "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature,keyEncipherment" \
        "extendedKeyUsage=serverAuth" "subjectAltName=$alternatives" >"$work/$name.ext"
    : >"$work/index.txt"
    mkdir -p "$work/new"
    cat >"$work/ca.cnf" <<CNF
[ca]
default_ca = own
[own]
database = $work/index.txt
new_certs_dir = $work/new
rand_serial = yes
default_md = sha256
policy = any
[any]
organizationName = optional
commonName = supplied
CNF
    openssl ca -batch -notext -config "$work/ca.cnf" -cert "$dir/ca.pem" -keyfile "$work/ca.key" -in "$work/$name.csr" \
        -extfile "$work/$name.ext" -out "$dir/$name.pem" "$@" 2>"$work/log" || {
        cat "$work/log" >&2
        return 1
    }
}

issue server "DNS:localhost,DNS:proxied.invalid,DNS:proxy-503.invalid,IP:127.0.0.1" -days 60
issue wrongname "DNS:elsewhere.invalid" -days 60
issue expired "DNS:localhost,IP:127.0.0.1" -startdate 20200101000000Z -enddate 20200102000000Z

key "$dir/unknown.key"
openssl req -x509 -new -key "$dir/unknown.key" -days 60 -subj "/O=OpenQMGR tests/CN=localhost" \
    -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" -out "$dir/unknown.pem"

: >"$dir/complete"
