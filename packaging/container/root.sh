#!/bin/sh
# SPDX-License-Identifier: ISC
#
# packaging/container/root.sh FOLDER BUNDLE [PROGRAM]
#
# Makes FOLDER, all that a container, a chroot or a jail needs: the program, one
# PEM file of trust anchors (BUNDLE, where the system keeps its own, for example
# /etc/ssl/certs/ca-certificates.crt), empty files where a container's name
# servers and host table are mounted, and the directories. What is in it is in
# the list `files`. Needs no root. Ready for a root file system that is mounted
# read-only: without queue/lock/tcpto no time-outs are remembered.

set -eu
umask 022
[ $# -ge 2 ] || { sed -n '4p' "$0" >&2; exit 1; }
root=$1 bundle=$2 program=${3:-build/qmail-remote}

mkdir -p "$root/etc/ssl/certs" "$root/var/qmail/bin" "$root/var/qmail/control"
# The names of container runtimes' mount points, made here because a root that
# is read-only cannot be given them later.
mkdir -p "$root/dev" "$root/proc" "$root/sys"
: >"$root/etc/resolv.conf"
cp "$bundle" "$root/etc/ssl/certs/ca-certificates.crt"
cp "$program" "$root/var/qmail/bin/qmail-remote"
chmod 0644 "$root/etc/resolv.conf" "$root/etc/ssl/certs/ca-certificates.crt"
chmod 0755 "$root/var/qmail/bin/qmail-remote"
mkdir -p "$root/usr/share/doc/mote"
for licence in LICENSE LICENSES/Apache-2.0.txt third_party/COPYRIGHT.musl; do
    cp "$(dirname "$0")/../../$licence" "$root/usr/share/doc/mote/"
    chmod 0644 "$root/usr/share/doc/mote/${licence##*/}"
done
ln -sf qmail-remote "$root/var/qmail/bin/mote-probe"
