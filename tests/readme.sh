#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/readme.sh: what README.md, BUILDING.md, QMAIL.md and the manual pages say,
# held against the sources: make targets, files, variables; control files, texts,
# limits.
# Run it from the repository's folder, after make.

# Backquotes are Markdown's, programs are awk's; our names have no white space.
# shellcheck disable=SC2016,SC2086
set -u
export LC_ALL=C
page=man/qmail-remote.8
pages="$page man/mote-probe.8"
readme="README.md BUILDING.md"
both="$readme QMAIL.md"

# verdict NAME: standard input lists what is wrong
verdict() {
    found=$(cat)
    if [ -z "$found" ]; then
        echo "ok $1"
    else
        echo "not ok $1: $(echo "$found" | tr '\n' ';')"
    fi
}

# code FILE...: what is in backquotes or in an indented block, one a line
code() {
    awk '/^    / { sub(/^ +/, ""); print; next }
        { for (i = split($0, part, "`"); i > 1; i--) if (i % 2 == 0) print part[i] }' "$@"
}

targets() {
    sed -n 's/^\([a-z -]*\):\([^=].*\)\{0,1\}$/\1/p' Makefile tests/*.mk tests/*/*.mk packaging/*.mk bench/*.mk | tr ' ' '\n'
}

missing_targets() {
    code $both | sed -n 's/^\(make\|\.\/bootstrap\) \([a-z][a-z-]*\)$/\2/p' | sort -u |
        while read -r name; do
            targets | grep -qx "$name" || echo "no target $name in Makefile"
        done
}

# Links, and names with a slash or a suffix that are neither absolute nor below
# a qmail home.
missing_files() {
    {
        cat $both | sed 's/](/\n](/g' | sed -n 's/^](\([^)]*\)).*/\1/p'
        code $both | grep -Ex '[A-Za-z0-9_.][A-Za-z0-9_./-]*' | grep -E '/|\.(md|mk|sh|8)$' |
            grep -Ev '^(control|bin|queue)/'
    } | sort -u | while read -r name; do
        [ -e "$name" ] || echo "$name does not exist"
    done
}

unknown_variables() {
    code $readme | tr -s ' ,' '\n' | sed 's/=.*//' | grep -Ex '[A-Z][A-Z_]{1,}' | sort -u |
        while read -r name; do
            [ "$name" = QMAILREMOTE ] || grep -qw "$name" config.mk Makefile tests/*/*.mk packaging/*.mk bench/*.mk ||
                echo "$name means nothing to make"
        done
}

# The files of the page's section, of README, and those that are read at the start.
page_controls() {
    awk '/^\.Sh / { inside = /CONTROL FILES/ } inside && /^\.It Pa / { sub(/\/$/, "", $3); print $3 }' $page
}
loaded_controls() {
    grep -o '"control/[a-z0-9]*/\{0,1\}["]' src/load*.c | sed 's/.*"control\///; s/\/\{0,1\}"//' | sort -u
}
wrong_controls() {
    { page_controls && code $both | grep -o 'control/[a-z][a-z0-9]*' | sed 's/.*\///'; } | sort -u |
        while read -r name; do
            loaded_controls | grep -qx "$name" || echo "src/load*.c do not read $name"
        done
    for name in $(loaded_controls); do
        page_controls | grep -qx "$name" || echo "$page does not explain $name"
    done
}

# "CLASS TEXT (#CODE)" of each row of the table of faults, as the page puts it.
faults() {
    awk '/define FAULTS\(X\)/ { inside = 1; next }
        inside { sub(/[ \t]*\\$/, ""); rows = rows $0 }
        inside && /^$/ { exit }
        END {
            gsub(/" *"/, "", rows); gsub(/\\n/, " ", rows)
            gsub(/{ip}/, "IP", rows); gsub(/{host}/, "HOST", rows)
            gsub(/{why}/, "REASON", rows)
            count = split(rows, row, / X\(/)
            for (i = 2; i <= count; i++) {
                split(row[i], part, "\"")
                match(part[1], /\047.\047/)
                class = substr(part[1], RSTART + 1, 1)
                code = part[4] == "" ? "" : " (#" part[4] ")"
                if (part[2] != "") print class " " part[2] code
            }
        }' src/base/fault.h
}
missing_faults() {
    [ "$(faults | wc -l)" -gt 20 ] || echo 'src/base/fault.h cannot be read'
    faults | sed 's/too big for it: REASON/too big for it: N bytes, limit M/' |
        while read -r text; do
            grep -qxF ".It Sy \"$text\"" $page || echo "$page lacks: $text"
        done
}

# A comment names the constant, the next line has its value.
wrong_limits() {
    for one in $pages; do
        grep -q '^\.\\" [A-Z_]*_MAX$' "$one" || echo "$one names no limit"
        awk '/^\.\\" [A-Z_]+_MAX$/ { name = $2; getline; print name, $2 }' "$one" |
            while read -r name value; do
                grep -Eq "^ *$name = $value," src/limits.h || echo "$name is not $value"
            done
    done
}

# The words of the probe's objects: events, keys, and what stands for a sentence.
unknown_words() {
    awk '/^\.Sh /  { inside = 0 } /^\.Ss JSON/ { inside = 1 } inside' man/mote-probe.8 >"$words"
    [ "$(grep -c '^\.It Li' "$words")" -gt 15 ] || echo 'man/mote-probe.8 cannot be read'
    grep -ho '"[a-z][a-z0-9_]*"' src/probe*.c src/say.c src/qmail/tell.c | tr -d '"' | sort -u |
        grep -Evx 'matches|enforced|bounce|later' | # sentences of one word
        while read -r word; do
            grep -qw -- "$word" "$words" || echo "man/mote-probe.8 does not know $word"
        done
    rm -f "$words"
}
words=$(mktemp)

# The version that each page's foot has.
wrong_versions() {
    version=$(awk '/^[0-9]/ { print $1; exit }' CHANGES)
    for one in $pages man/mote-sts.8; do
        grep -qx "\.Os mote $version" "$one" || echo "$one is not of $version"
    done
}

# shellcheck disable=SC2086 # one word a page
bad_mdoc() { mandoc -T lint -W warning $pages man/mote-sts.8 2>&1 | head -n 5; }

missing_targets | verdict targets_exist
missing_files | verdict files_exist
unknown_variables | verdict variables_exist
wrong_controls | verdict control_files_are_read
missing_faults | verdict reports_are_explained
wrong_limits | verdict limits_are_right
unknown_words | verdict words_for_programs_are_told
wrong_versions | verdict pages_say_their_version
if command -v mandoc >/dev/null; then
    bad_mdoc | verdict mandoc_lint
else
    echo 'skip mandoc_lint: no mandoc'
fi
