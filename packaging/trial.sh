#!/bin/sh
# SPDX-License-Identifier: ISC
#
# packaging/trial.sh [PROGRAM]         look, and send nothing
# packaging/trial.sh --mail ADDRESS    put one message into the queue
#
# On a machine with qmail, as root: what QMAIL.md tells to check before and
# after PROGRAM becomes its qmail-remote. Without an argument PROGRAM is what
# QMAILREMOTE says or else bin/qmail-remote of the qmail home (QMAILHOME, or
# /var/qmail). PROGRAM is run where it lies, as qmailr (or QMAILR), in ways in
# which it sends no mail. Each line begins with ok, look (decide for yourself) or
# bad; with a bad one the exit code is 1. Needs no more than a POSIX shell with
# its usual tools, BusyBox for example, and one of setpriv, setuidgid, chpst, su.

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
    case $way in
    none) "$@" ;;
    setpriv) setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@" ;;
    setuidgid) setuidgid "$user" "$@" ;;
    chpst) chpst -u "$user" "$@" ;;
    su)
        # One word, for each su takes options of its own out of more.
        command='exec'
        for word; do command="$command '$word'"; done
        su -s /bin/sh "$user" -c "$command"
        ;;
    esac
}

# Sets way. Not every setpriv has the options, nor will every su do it.
find_way() {
    way=none
    [ "$(id -un)" != "$user" ] || return 0
    for way in setpriv setuidgid chpst su; do
        [ "$(as_user id -u 2>/dev/null </dev/null)" != "$(id -u "$user")" ] || return 0
    done
    return 1
}

# run MESSAGE COMMAND...: what it says, one line
run() {
    message=$1
    shift
    (cd / && as_user env - PATH=/bin:/usr/bin "$@" <"$message" 2>&1) | tr '\0\n' '  '
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
        look 'control/ipme is missing or empty: put the addresses of this machine there:' \
            "$(addresses)"
    fi
    [ -e "$home/queue/lock/tcpto" ] ||
        look 'queue/lock/tcpto is missing: no time-outs will be remembered'
    look_at_sessions
    look_at_timeouts
    look_at_anchors
    look_at_dane
    look_at_policies
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

look_at_timeouts() {
    for table in queue/lock/tcpto run/qmail-remote/tcpto6; do
        [ ! -e "$home/$table" ] || as_user test -r "$home/$table" -a -w "$home/$table" ||
            look "$user cannot read and write $home/$table: no time-out is remembered there"
    done
}

addresses() {
    ip addr 2>/dev/null | awk '
        $1 ~ /^inet6?$/ && $2 !~ /^(127|::1|fe80)/ { sub("/.*", "", $2); print $2 }' |
        tr '\n' ' '
}

look_at_anchors() {
    anchors=$(first_line "$home/control/trustanchors")
    strictness=$(first_line "$home/control/tlsstrictness")
    case $anchors:$strictness in
    :2) bad 'control/tlsstrictness is 2 without control/trustanchors: all mail will wait' ;;
    :*) look 'control/trustanchors is missing: mail goes out in clear' ;;
    *)
        # shellcheck disable=SC2016 # the inner shell's
        if (cd "$home" && as_user sh -c 'test -r "$1"' sh "$anchors"); then
            ok "$user can read $anchors"
        elif [ "$strictness" = 2 ]; then
            bad "$user cannot read $anchors: all mail will wait"
        else
            ok "STARTTLS is on; $anchors cannot be read, nor is it below strictness 2"
        fi
        ;;
    esac
}

# Policies that are obeyed, and need anchors for it.
look_at_policies() {
    [ ! -d "$home/control/mtasts" ] || [ "$anchors" ] ||
        look 'control/mtasts is there without control/trustanchors: mail to its hosts waits'
}

# Only a name server of this machine, or one that is trusted, is believed.
look_at_dane() {
    [ "$(first_line "$home/control/dane")" = 1 ] || return 0
    far=$(awk '$1 == "nameserver" && $2 !~ /^(127\.|::1$)/ { far = $2 }
        $1 == "options" && / trust-ad( |$)/ { trusted = 1 }
        END { if (!trusted) print far }' /etc/resolv.conf 2>/dev/null)
    [ -z "$far" ] ||
        look "control/dane has no effect: the name server $far is not on this machine," \
            'and /etc/resolv.conf does not say "options trust-ad"'
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
    # shellcheck disable=SC2012 # POSIX has nothing else that says it
    case $(ls -l "$program" | awk '{ print $1, $3, $4 }') in
    -rwx--x--x*' root qmail') ok "$program is 0711, of root and qmail" ;;
    *) look "$program is not 0711, of root and qmail: $(ls -l "$program")" ;;
    esac
    if [ -e "$program.stock" ]; then
        ok "$program.stock is there to go back to"
    else
        look "there is no $program.stock to go back to"
    fi
}

# ---- what it does ----

look_at_program() {
    printf 'Subject: trial\n\nThis one has not its end.' >"$work/partial"
    report=$(run /dev/null "$program")
    case $report in
    *'(qmail-remote) was invoked improperly. (#5.3.5)'*) ok "$user can start it" ;;
    *) bad "$user cannot start it where it lies: $report" && return ;;
    esac
    look_at_control
    look_at_names
}

# Refused before any connection, but after every control file was read. Without
# QMAILHOME, which qmail does not set: it has to know its home.
look_at_control() {
    set -- "$program" mote-trial.invalid '' x@mote-trial.invalid
    partial='DSMTP cannot transfer messages with partial final lines. (#5.6.2)'
    report=$(run "$work/partial" "$@")
    case $report in
    "$partial"*)
        ok "$user can read all control files, and they are understood"
        return
        ;;
    esac
    told=$(run "$work/partial" QMAILHOME="$home" "$@")
    case $told in
    "$partial"*) bad "it was built for another qmail home than $home, and looks there" ;;
    *) bad "control files: ${told#?}" ;;
    esac
}

# Asks the DNS for what does not exist, without the routes around the DNS; the
# probe says MAIL to nobody, whatever the answer. The qmail home made for it is
# entered here, for $user may not pass the folders above it.
look_at_names() {
    probe=$(dirname "$program")/mote-probe
    if ! [ -x "$probe" ]; then
        look "there is no $probe, so the name servers are not tried"
        return
    fi
    mkdir -p "$work/bare/control"
    echo trial.invalid >"$work/bare/control/me"
    echo 20 >"$work/bare/control/timeoutdns"
    chmod -R a+rX "$work/bare"
    said=$(cd "$work/bare" && as_user env - PATH=/bin:/usr/bin QMAILHOME=. \
        "$probe" x@mote-trial.invalid </dev/null 2>&1 | tail -n 1)
    case $said in
    *'(#5.1.2)'*) ok 'the name servers answer' ;;
    *'(#4.1.2)'*) look "the name servers do not answer; only routes to addresses work: $said" ;;
    *) look "the name servers answer for a name that cannot exist: $said" ;;
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
find_way || { bad "no way to become $user: no setpriv, setuidgid, chpst or su that can" && exit 1; }
case $program in
/*) ;;
*) program=$(pwd)/$program ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if grep -q qmail-remote/tcpto6 "$program"; then
    ok "$program is mote"
    look_at_program
else
    look "$program is not mote: it is not run"
fi
look_at_files
look_at_ways
exit $failed
