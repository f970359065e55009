#!/bin/sh
# SPDX-License-Identifier: ISC
#
# packaging/trial.sh [PROGRAM]         look, and send nothing
# packaging/trial.sh --mail ADDRESS    put one message into the queue
#
# On a machine with qmail, as root: what QMAIL.md tells to check before and
# after PROGRAM becomes its qmail-remote. Without an argument PROGRAM is what
# QMAILREMOTE says or else bin/qmail-remote of the qmail home (QMAILHOME, or
# /var/qmail). PROGRAM is run three times as qmailr (or QMAILR), in ways in which
# it connects to no mail server. Each line begins with ok, look (decide for
# yourself) or bad; with a bad one the exit code is 1.

set -u
umask 022
export LC_ALL=C
home=${QMAILHOME:-/var/qmail}
user=${QMAILR:-qmailr}
failed=0

ok() { printf 'ok    %s\n' "$*"; }
look() { printf 'look  %s\n' "$*"; }
bad() {
    printf 'bad   %s\n' "$*"
    failed=1
}

first_line() { [ ! -r "$1" ] || sed 's/[[:space:]]*$//;q' "$1"; }

# as_user COMMAND...: as qmail-rspawn would start it
as_user() {
    if [ "$(id -un)" = "$user" ]; then
        "$@"
    else
        setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
    fi
}

# run HOME MESSAGE ARGUMENT...: the report of PROGRAM, one line
run() {
    place=$1 message=$2
    shift 2
    (cd / && as_user env - PATH=/bin:/usr/bin QMAILHOME="$place" "$copy" "$@" \
        <"$message" 2>&1) | tr '\0\n' '  '
}

# ---- what is there ----

look_at_files() {
    [ -d "$home/control" ] || bad "$home/control does not exist"
    if [ -z "$(first_line "$home/control/me")$(first_line "$home/control/helohost")" ]; then
        bad 'control/me and control/helohost are missing or empty'
    fi
    if [ -s "$home/control/ipme" ]; then
        ok 'control/ipme lists addresses of this machine'
    else
        look 'control/ipme is missing: put the addresses of this machine there:' \
            "$(hostname -I 2>/dev/null)"
    fi
    [ -e "$home/queue/lock/tcpto" ] ||
        look 'queue/lock/tcpto is missing: no time-outs will be remembered'
    look_at_sessions
    look_at_anchors
    look_at_secrets
    look_at_strangers
    look_at_outgoing outgoingip
    look_at_outgoing outgoingip6
}

# Passwords in lists that everybody may read; lines that are no routes.
look_at_secrets() {
    for list in smtproutes authsenders; do
        file=$home/control/$list
        [ -f "$file" ] || continue
        # shellcheck disable=SC2012 # POSIX has nothing else that says it
        case $(ls -ld "$file" | cut -c8-10) in
        ---) ;;
        *)
            ! sed -n '/^#/d; /:.*[| ][^| ]*[| ] *[^<| ]/p' "$file" | grep -q . ||
                look "control/$list has a password and others can read it:" \
                    'chgrp qmail, chmod 640'
            ;;
        esac
    done
    file=$home/control/authsenders
    [ ! -f "$file" ] || ! sed '/^#/d; /^[ ]*$/d' "$file" | grep -qv : ||
        look 'control/authsenders has a line without a colon: it is not used'
}

# Files that other programs of that name read, and what to write instead.
look_at_strangers() {
    while IFS=: read -r name instead; do
        [ ! -e "$home/control/$name" ] || look "control/$name is not used; write $instead"
    done <<END
tlshosts:"NAME:2" into control/tlspolicy
notlshosts:"NAME:none" into control/tlspolicy
tlsdestinations:"NAME:2" into control/tlspolicy
domaincerts:paths into control/clientcert and clientkey
clientcert.pem:its path into control/clientcert and clientkey
END
}

# It does not count as an address of this machine by itself.
look_at_outgoing() {
    address=$(first_line "$home/control/$1")
    case $address in
    '' | 0.0.0.0 | ::) ;;
    *)
        grep -qxF "$address" "$home/control/ipme" 2>/dev/null ||
            look "control/$1 is $address, which control/ipme does not list"
        ;;
    esac
}

look_at_sessions() {
    sessions=$home/run/qmail-remote/tlssessions
    [ -e "$sessions" ] || return 0
    case $(stat -c '%a %s' "$sessions") in
    *0' 65536')
        if as_user test -r "$sessions" -a -w "$sessions"; then
            ok "$user keeps sessions of TLS in $sessions"
        else
            look "$user cannot read and write $sessions: no session of TLS is kept"
        fi
        ;;
    *' 65536') look "others can read $sessions: it is not used; chmod 600" ;;
    *) look "$sessions has not 65536 octets: it is not used" ;;
    esac
}

look_at_anchors() {
    anchors=$(first_line "$home/control/trustanchors")
    strictness=$(first_line "$home/control/tlsstrictness")
    case $anchors:$strictness in
    :2) bad 'control/tlsstrictness is 2 without control/trustanchors: all mail will wait' ;;
    :*) look 'control/trustanchors is missing: mail goes out in clear' ;;
    *)
        if (cd "$home" && as_user test -r "$anchors"); then
            ok "$user can read $anchors"
        elif [ "$strictness" = 2 ]; then
            bad "$user cannot read $anchors: all mail will wait"
        else
            ok "STARTTLS is on; $anchors cannot be read, nor is it below strictness 2"
        fi
        ;;
    esac
}

look_at_ways() {
    if grep -q QMAILREMOTE "$home/bin/qmail-rspawn" 2>/dev/null; then
        ok 'this qmail knows QMAILREMOTE'
    else
        look 'this qmail does not know QMAILREMOTE: replace the binary, or use PATH'
    fi
    if [ "$program" != "$home/bin/qmail-remote" ]; then
        return
    fi
    case $(stat -c '%a %U %G' "$program") in
    '711 root qmail') ok "$program is 0711, of root and qmail" ;;
    *) look "$program is $(stat -c '%a, of %U and %G' "$program"), not 0711, of root and qmail" ;;
    esac
    if [ -e "$program.stock" ]; then
        ok "$program.stock is there to go back to"
    else
        look "there is no $program.stock to go back to"
    fi
}

# ---- what it does ----

look_at_program() {
    # Where it lies now need not be where qmailr may look.
    copy=$work/qmail-remote
    cp "$program" "$copy" && chmod 755 "$copy"
    printf 'Subject: trial\n\nThis line has its end.\n' >"$work/whole"
    printf 'Subject: trial\n\nThis one has not.' >"$work/partial"
    report=$(run "$home" /dev/null)
    case $report in
    *'(qmail-remote) was invoked improperly. (#5.3.5)'*) ok 'it starts' ;;
    *) bad "it does not start: $report" && return ;;
    esac
    # Refused before any connection, but after every control file was read.
    report=$(run "$home" "$work/partial" mote-trial.invalid '' x@mote-trial.invalid)
    case $report in
    'DSMTP cannot transfer messages with partial final lines. (#5.6.2)'*)
        ok "$user can read all control files, and they are understood" ;;
    *) bad "control files: ${report#?}" ;;
    esac
    # Asks the DNS for what does not exist, without the routes around the DNS.
    mkdir -p "$work/bare/control"
    echo trial.invalid >"$work/bare/control/me"
    echo 20 >"$work/bare/control/timeoutdns"
    report=$(run "$work/bare" "$work/whole" mote-trial.invalid '' x@mote-trial.invalid)
    case $report in
    *'find any host named mote-trial.invalid. (#5.1.2)'*) ok 'the name servers answer' ;;
    Z*) look "the name servers do not answer; only routes to addresses work: ${report#?}" ;;
    *) bad "an unexpected answer: $report" ;;
    esac
}

mail() {
    stamp=$(date +%s).$$
    printf 'To: <%s>\nSubject: trial %s\n\nSent to try a new qmail-remote.\n' "$1" "$stamp" |
        "$home/bin/qmail-inject" "$1" || exit 1
    echo "queued as \"trial $stamp\"; now watch qmail's log for a line like"
    echo '  delivery 7: success: 192.0.2.1_accepted_message./Remote_host_said:_250_.../'
}

if [ "${1:-}" = --mail ]; then
    mail "${2:?an address}"
    exit 0
fi
program=${1:-${QMAILREMOTE:-$home/bin/qmail-remote}}
id "$user" >/dev/null 2>&1 || { bad "there is no user $user here" && exit 1; }
[ -f "$program" ] || { bad "there is no $program: mail bounces if that is qmail's" && exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
if grep -q qmail-remote/tcpto6 "$program"; then
    ok "$program is mote"
    look_at_program
else
    look "$program is not mote: it is not run"
fi
look_at_files
look_at_ways
exit $failed
