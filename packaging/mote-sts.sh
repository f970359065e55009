#!/bin/sh
# SPDX-License-Identifier: ISC
#
# packaging/mote-sts.sh [NAME ...]
#
# Installed as mote-sts: mote-sts(8). Fetches the policies of MTA-STS (RFC 8461)
# for the mail domains NAME, and for those whose policies are in control/mtasts of
# the qmail home already. Needs curl, and dig or kdig.

set -u
umask 022
export LC_ALL=C
size_max=65536
time_max_s=60
home=${QMAILHOME:-/var/qmail}
dig=${DIG:-$(command -v dig || command -v kdig)} || {
    echo 'mote-sts: neither dig nor kdig is installed' >&2
    exit 1
}
cd "$home/control/mtasts" || exit 1
failed=0

# complain NAME WHY
complain() {
    echo "mote-sts: $1: $2" >&2
    failed=1
}

# For each name NAME, the policy as it came; .NAME.id, one line: its id, and the
# second since 1970 at which it expires; .NAME.new, what is not whole yet.
id_of() { sed -n 's/ .*//p' ".$1.id" 2>/dev/null; }
end_of() { sed -n 's/.* \([1-9][0-9]\{0,11\}\)$/\1/p' ".$1.id" 2>/dev/null; }

# id_now NAME: the id of its only record; nothing: it has none
id_now() {
    "$dig" +short TXT "_mta-sts.$1" 2>/dev/null |
        sed 's/" "//g; s/^"//; s/"$//; s/\\;/;/g' |
        awk '/^v=STSv1;/ { count++; record = $0 }
            END {
                fields = split(record, field, /[ \t]*;[ \t]*/)
                for (i = 2; i <= fields; i++)
                    if (id == "" && field[i] ~ /^id=/) id = substr(field[i], 4)
                if (count == 1 && id ~ /^[0-9A-Za-z]+$/ && length(id) <= 32)
                    print id
            }'
}

# fetch NAME: .NAME.new; says what is wrong
fetch() {
    got=$(ulimit -f $((2 * size_max / 512)) &&
        curl -q -s -o ".$1.new" --proto =https --max-time $time_max_s -w '%{http_code} %{content_type}' \
            "https://mta-sts.$1/.well-known/mta-sts.txt") || {
        echo 'cannot be fetched'
        return
    }
    case $(printf '%s' "$got" | tr '[:upper:]' '[:lower:]') in
    '200 text/plain' | '200 text/plain;'* | '200 text/plain '*) ;;
    *) echo "is not there: $got" && return ;;
    esac
    [ "$(wc -c <".$1.new")" -le $size_max ] || echo 'longer than 64 KiB'
}

# judge FILE: max_age, or what is wrong, by the rules of qmail-remote
judge() {
    tr '\0' '\001' <"$1" | awk '
        function complain(text) { if (why == "") why = text }
        { sub(/[ \t\r]+$/, "") }
        $0 == "" { next }
        /\001/ { complain("contains a NUL byte") }
        !/:/ { complain("no line `key: value`"); next }
        {
            key = value = $0
            sub(/:.*/, "", key)
            sub(/^[^:]*:[ \t]*/, "", value)
            if (key == "mx") {
                count++
                sub(/^\*\./, "", value)
                sub(/\.$/, "", value)
                if (value !~ /^[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)*$/ ||
                    value !~ /[^0-9.]/ || length(value) > 253)
                    complain("mx must be a host name, or one behind *.")
                labels = split(value, label, ".")
                for (i = 1; i <= labels; i++)
                    if (length(label[i]) > 63) complain("mx is no host name")
            } else if (!(key in said)) {
                said[key] = value
            }
        }
        END {
            if (said["version"] != "STSv1") complain("version must be STSv1")
            if (said["mode"] !~ /^(enforce|testing|none)$/)
                complain("mode must be enforce, testing or none")
            age = said["max_age"]
            if (age !~ /^[0-9]+$/ || age + 0 > 31557600)
                complain("max_age must be a number up to 31557600")
            if (count == 0 && said["mode"] != "none") complain("no mx")
            if (count > 32) complain("too many mx")
            print why == "" ? age + 0 : why
        }'
}

# renew NAME: says what is wrong
renew() {
    id=$(id_now "$1")
    [ "$id" ] || {
        echo "no single TXT record v=STSv1 at _mta-sts.$1"
        return
    }
    age=no
    [ "$id" != "$(id_of "$1")" ] || [ ! -f "$1" ] || age=$(judge "$1")
    # A TXT record is anybody's word, and the same id no policy: its time counts
    # from when it was fetched, and in the second half of it it is again.
    case $age in
    *[!0-9]*) ;;
    *)
        left=$(($(end_of "$1") + 0 - $(date +%s)))
        [ $((2 * left)) -le "$age" ] || {
            touch "$1"
            return
        }
        ;;
    esac
    why=$(fetch "$1")
    [ -z "$why" ] || {
        echo "$why"
        return
    }
    age=$(judge ".$1.new")
    case $age in *[!0-9]*) echo "$age" && return ;; esac
    mv ".$1.new" "$1"
    echo "$id $(($(date +%s) + age))" >".$1.id"
}

expire() {
    end=$(end_of "$1")
    [ "$end" ] && [ "$end" -le "$(date +%s)" ] && rm -f "$1" ".$1.id"
}

names=$(printf '%s\n' "$@" * | tr '[:upper:]' '[:lower:]' | sort -u)
set -f
IFS='
'
for name in $names; do
    case $name in
    '*') continue ;;
    '' | [.-]* | *[!0-9a-z._-]* | *..* | *.)
        complain "$name" 'is no name of a mail domain, by its A-labels'
        continue
        ;;
    esac
    why=$(renew "$name")
    [ -z "$why" ] || complain "$name" "$why"
    rm -f ".$name.new"
    [ -z "$why" ] || expire "$name"
done
exit $failed
