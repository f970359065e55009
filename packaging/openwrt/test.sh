#!/bin/sh
# SPDX-License-Identifier: ISC
# What the feed's CI runs on the target: test.sh PACKAGE VERSION
[ "$1" = mote ] || exit 0
set -- /opt/qmail/bin/mote-probe "$2"
"$1" --version | grep -qxF "mote $2"
