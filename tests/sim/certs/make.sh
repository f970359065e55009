#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/sim/certs/make.sh: makes the certificates beside it anew. They are
# committed, because a signature has another length each time it is made, and
# a seed must mean the same run on every machine.

set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT HUP INT TERM
unset OPENSSL_CONF
names='subjectAltName=DNS:*.sim.test'
for i in 10 11 12 13 14 15 16 17 18 19 20 21; do
    names="$names,IP:192.0.2.$i,IP:2001:db8::$i"
done
ca='basicConstraints=critical,CA:TRUE'

cat >"$work/conf" <<END
[req]
distinguished_name = any
[any]
[ca]
database = $work/index
new_certs_dir = $work
serial = $work/serial
default_md = sha256
policy = policy
unique_subject = no
[policy]
commonName = supplied
END
: >"$work/index"
echo 1000 >"$work/serial"

# sign NAME AUTHORITY KIND FROM TO EXTENSION: AUTHORITY - is NAME itself
sign() {
    case $3 in
    rsa) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.key" 2>/dev/null ||
        openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.key" 2>/dev/null ;;
    *) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" ;;
    esac
    openssl req -config "$work/conf" -new -key "$1.key" -subj "/CN=$1" -out "$work/csr"
    echo "$6" >"$work/ext"
    case $2 in
    -) by="-selfsign -keyfile $1.key" ;;
    *) by="-cert $2.pem -keyfile $2.key" ;;
    esac
    # shellcheck disable=SC2086 # several words
    openssl ca -batch -config "$work/conf" -name ca $by -in "$work/csr" -notext \
        -startdate "$4" -enddate "$5" -extfile "$work/ext" -out "$1.pem" 2>"$work/log" ||
        { cat "$work/log" >&2; exit 1; }
}

old=20000101000000Z since=20200101000000Z past=20200202000000Z until=21200101000000Z
sign root - ec $old $until "$ca"
sign stranger - ec $old $until "$ca"
sign middle root ec $old $until "$ca"
sign good middle ec $since $until "$names"
sign rsa root rsa $since $until "$names"
sign name root ec $since $until 'subjectAltName=DNS:other.example'
sign expired root ec $since $past "$names"
sign unknown stranger ec $since $until "$names"
sign second root ec $since $until 'subjectAltName=DNS:mx1.sim.test'
sign self - ec $since $until "$names"
sign client root ec $since $until 'extendedKeyUsage=clientAuth'
cat middle.pem >>good.pem
openssl x509 -in root.pem -noout -subject_hash >root.hash
# The private number of the client's key: 32 octets behind 36 others (RFC 5208,
# RFC 5915).
openssl pkcs8 -topk8 -nocrypt -in client.key -outform DER | tail -c +37 | head -c 32 >client.scalar
rm -f root.key stranger.key middle.key stranger.pem middle.pem
