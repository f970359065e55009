#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/promises.sh: every promise of the documents mote is built from has a
# test that passed or, on this machine, was skipped by name. tests/promises/*.tsv
# has a promise a line: where it is made, what must be true, and the cases that
# show it (PROGRAM:CASE ...), TAB between them. Reads what tests/run kept of this
# run, so it comes last.

set -u
logs=build/test/log

# check FILE: one line of result for each file
check() {
    awk -F '\t' -v logs="$logs" -v file="$1" '
        function ran(program, name, log_file, line, found) {
            if (!(program in seen)) {
                seen[program] = 1
                log_file = logs "/" program ".log"
                while ((getline line < log_file) > 0)
                    if (line ~ /^(ok|skip) /) {
                        sub(/^(ok|skip) /, "", line)
                        sub(/:.*/, "", line)
                        cases[program ":" line] = 1
                    }
                close(log_file)
            }
            return (program ":" name) in cases
        }
        function complain(why) {
            if (bad++ < 20)
                print "    line " FNR ": " why
        }
        /^#/ || /^$/ { next }
        {
            rows++
            if (NF != 3) { complain("not three columns"); next }
            count = split($3, tests, " ")
            if (count == 0) complain("no test for: " $2)
            for (i = 1; i <= count; i++) {
                split(tests[i], part, ":")
                if (!ran(part[1], part[2]))
                    complain(tests[i] " did not pass")
            }
        }
        END {
            name = file
            gsub(/.*\/|\.tsv$/, "", name)
            if (bad || !rows)
                print "not ok " name ": " bad + 0 " of " rows + 0 " promises not shown"
            else
                print "ok " name "_" rows "_promises"
        }' "$1"
}

for file in tests/promises/*.tsv; do
    check "$file"
done
