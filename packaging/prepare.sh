#!/bin/sh
# SPDX-License-Identifier: ISC
#
# packaging/prepare.sh [HOME]: mote-prepare
#
# Makes what mote uses if it is there, in the qmail home (HOME, QMAILHOME, or
# /var/qmail) below run/qmail-remote/: tcpto6, the time-outs of IPv6, and
# tlssessions, TLS that goes on where it was. What is there is kept. To be run by
# root; the delivery's user is qmailr (or QMAILR). With a second argument it is a
# package's: where there is no such home or user, nothing is to be done.

set -eu
home=${1:-${QMAILHOME:-/var/qmail}}
user=${QMAILR:-qmailr}

if [ ! -d "$home/control" ] || ! id "$user" >/dev/null 2>&1; then
    [ $# -lt 2 ] || exit 0
    echo "mote-prepare: no $home/control, or no user $user" >&2
    exit 1
fi
umask 022
mkdir -p "$home/run/qmail-remote"
chmod 755 "$home/run" "$home/run/qmail-remote" # as if made here
cd "$home/run/qmail-remote"

# make NAME MODE SIZE: whole, or not at all
make() {
    [ ! -e "$1" ] || return 0
    (umask 077 && head -c "$3" /dev/zero >"$1.new")
    chown "$user" "$1.new"
    chmod "$2" "$1.new"
    mv "$1.new" "$1"
}
make tcpto6 0644 1792       # 64 records of 28
make tlssessions 0600 65536 # its only size
