#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/tidy.sh: the rules of style that a machine can check, one result a
# rule. Needs the objects of a build; run it from the repository's folder.

# shellcheck disable=SC2016 # the programs of scan are awk's
set -u
export LC_ALL=C
objects=build/obj/src
work=build/test/tidy
mkdir -p "$work"

file_lines_max=600
function_lines_max=70
level_max=3
parameter_max=5
header_comment_lines_max=15
makefile_lines_max=150

sources=$(find src tests/unit tests/fuzz tests/sim bench -name '*.[ch]' 2>/dev/null | sort)
ours=$(echo "$sources" | grep '^src/')
configs='^src/tls/(mbedtls|psa)_config\.h'
engines='base dns policy qmail smtp'

# verdict RULE: standard input lists what breaks it, FILE:LINE first
verdict() {
    found=$(cat)
    if [ -z "$found" ]; then
        echo "ok $1"
        return
    fi
    echo "not ok $1: $(echo "$found" | head -n 1)"
    echo "$found" | sed 1d | sed 's/^/    /'
}

# scan FILES PROGRAM: awk over the files. Lines are in "code", without comments
# and the contents of strings; complain(text) reports the place.
scan() {
    [ -n "$1" ] || return 0
    # shellcheck disable=SC2086 # one word a file
    awk -v function_lines_max=$function_lines_max -v level_max=$level_max \
        -v parameter_max=$parameter_max -v lines_max=$header_comment_lines_max '
        function complain(text) { print FILENAME ":" FNR ": " text }
        function bare(line, before, out) {
            out = ""
            while (line != "") {
                if (in_comment) {
                    if (!match(line, /\*\//)) return out
                    line = substr(line, RSTART + 2); in_comment = 0
                } else if (match(line, /\/[*\/]|"|\047/)) {
                    before = substr(line, RSTART, 1)
                    out = out substr(line, 1, RSTART - 1)
                    line = substr(line, RSTART)
                    if (line ~ /^\/\//) return out
                    if (before == "/") { in_comment = 1; line = substr(line, 3) }
                    else if (before == "\"" && match(line, /^"([^"\\]|\\.)*"/)) {
                        out = out "\"\""; line = substr(line, RLENGTH + 1)
                    } else if (match(line, /^\047([^\047\\]|\\.)*\047/)) {
                        out = out "0"; line = substr(line, RLENGTH + 1)
                    } else { out = out before; line = substr(line, 2) }
                } else { out = out line; line = "" }
            }
            return out
        }
        FNR == 1 { in_comment = 0 }
        { code = bare($0) }
        '"$2" $1
}

# ---- the text of each file ----

format() {
    formatter=
    for name in clang-format-14 clang-format; do
        $name --version 2>/dev/null | grep -q 'version 14\.' && formatter=$name && break
    done
    if [ -z "$formatter" ]; then
        echo 'skip clang_format: no clang-format 14'
        return
    fi
    echo "$sources" | xargs "$formatter" --dry-run 2>&1 |
        awk -F : '/warning:/ && !seen[$1]++ { print $1 ":" $2 ": not as " formatter }' \
            formatter="$formatter" | verdict clang_format
}

licence() {
    # shellcheck disable=SC2046,SC2086 # one word a file
    awk -v mark='SPDX-License-''Identifier: ISC' '
        function finish() { if (file != "" && !said) print file ":1: no SPDX line" }
        FNR == 1 { finish(); file = FILENAME; said = 0 }
        $0 == (file ~ /\.[ch]$/ ? "/* " mark " */" : "# " mark) { said = 1 }
        FNR == (file ~ /\.[ch]$/ ? 1 : 2) { nextfile }
        END { finish() }' $sources Makefile config.mk $(scripts)
}

length() {
    # shellcheck disable=SC2086 # one word a file
    wc -l $sources | awk -v max=$file_lines_max \
        '$2 != "total" && $1 > max { print $2 ":" $1 ": more than " max " lines" }'
    wc -l Makefile | awk -v max=$makefile_lines_max \
        '$1 > max { print $2 ":" $1 ": more than " max " lines" }'
}

# Definitions have their type, their name and their braces at the margin.
functions() {
    scan "$sources" '
        FNR == 1 { from = 0; signature = "" }
        code ~ /^[a-z_][a-z_0-9]*\(/ { from = FNR; signature = "" }
        from && code ~ /^}/ {
            if (FNR - from + 1 > function_lines_max)
                complain(FNR - from + 1 " lines in " name)
            from = 0
        }
        from && signature != "done" { signature = signature code }
        from && code ~ /;$/ && signature != "done" { from = 0 }
        from && code ~ /^{/ {
            name = signature; sub(/\(.*/, "", name)
            sub(/^[^(]*\(/, "", signature)
            while (sub(/\([^()]*\)/, "", signature)) ;
            if (gsub(/,/, ",", signature) + 1 > parameter_max)
                complain("more than " parameter_max " parameters in " name)
            signature = "done"
        }'
}

# clang-format sets the indent: 4 columns a level.
nesting() {
    scan "$sources" '
        code ~ /^ *(} )?(if|else if|for|while|switch|do) ?[({]/ && code !~ /\\$/ {
            match(code, /^ */)
            if (RLENGTH / 4 > level_max) complain("level " RLENGTH / 4)
        }'
}

# ---- the language ----

conditionals() {
    files=$(echo "$ours" | grep -Ev "^src/os/|$configs")
    scan "$files" '
        FNR == 1 {
            guard = toupper(FILENAME); sub(/^SRC\//, "", guard)
            gsub(/[\/.]/, "_", guard)
            guarded = FILENAME !~ /\.h$/
        }
        code ~ /^ *# *ifndef/ && !guarded {
            if ($2 != guard) complain("the guard is not " guard)
            guarded = 1; next
        }
        code ~ /^ *# *(if|ifdef|ifndef|elif)/ { complain($0) }'
}

words() {
    scan "$sources" '
        code ~ /(^|[^a-z_0-9])(typedef|alloca|goto)([^a-z_0-9]|$)/ { complain($0) }
        code ~ /(^|[^a-z_0-9])(setjmp|longjmp|strcpy|strcat|sprintf|gets) *\(/ {
            complain($0)
        }'
    scan "$sources" '
        /^ *# *define/ || /\\$/ {
            if (code ~ /(^|[^a-z_])return([^a-z_]|$)/ && FILENAME ~ /^src/)
                complain("a macro that returns")
        }'
}

# A literal after a declared name; an index after a used one is none.
array_sizes() {
    files=$(echo "$ours" | grep -v '^src/limits\.h$')
    scan "$files" '
        code ~ /(^|[ (,])[a-z_][a-z_0-9]* +\**[a-z_][a-z_0-9]*(\[[^]]*\])*\[(static )?(0x)?[0-9]/ &&
        code !~ /(^|[^a-z_0-9])(return|else|case|sizeof) +\**[a-z_][a-z_0-9]*(\[[^]]*\])*\[[0-9]/ {
            complain($0)
        }'
}

# ---- the layout ----

# Which folders a file of a folder may include, and which headers of the
# system. Everything else is the shell, src/*.c, which may include all.
includes() {
    scan "$ours" '
        FNR == 1 {
            count = split(FILENAME, part, "/")
            folder = count == 3 ? part[2] : "shell"
            engine = folder ~ /^(base|dns|policy|qmail|smtp|tls)$/
        }
        !/^ *# *include/ { next }
        /"/ {
            name = $0; sub(/^[^"]*"/, "", name); sub(/".*/, "", name)
            if (name == "limits.h" || folder == "shell") next
            if (name !~ /\//) { complain(name " is not FOLDER/NAME.h"); next }
            sub(/\/.*/, "", name)
            if (name != folder && name != "base")
                complain(folder " includes " name)
            next
        }
        { name = $0; sub(/^[^<]*</, "", name); sub(/>.*/, "", name) }
        engine && name ~ /^(assert|stdalign|stdarg|stdbool|stddef|stdint|string)\.h$/ { next }
        folder == "tls" && (name ~ /^(mbedtls|psa)\// || name == "time.h") { next }
        engine { complain("an engine includes <" name ">") }
        folder == "shell" && name ~ /^(sys|netinet|arpa|net|linux)\/|^(unistd|fcntl|errno|poll|signal|time|stdio|stdlib)\.h$/ {
            complain("<" name "> outside os/")
        }'
}

# Each source has its header, each test what it tests.
pairs() {
    for file in $ours; do
        case $file in
        src/main.c | src/os/*.c) ;;
        *.c) [ -f "${file%c}h" ] || echo "$file:1: has no ${file%c}h" ;;
        esac
    done
    for file in tests/unit/*_test.c; do
        [ -f "$file" ] || continue
        tested=$(basename "$file" _test.c)
        case $tested in
        shell_*) tested=src/${tested#shell_}.c ;;
        *) tested=src/${tested%%_*}/${tested#*_}.c ;;
        esac
        # What is too long for one file goes on in NAME_PART_test.c.
        [ -f "$tested" ] || [ -f "${tested%_*}.c" ] ||
            echo "$file:1: there is no $tested"
    done
}

# A header says what it is before anything else.
contracts() {
    files=$(echo "$ours" | grep '\.h$' | grep -Ev "$configs")
    scan "$files" '
        function finish() {
            if (last == "") return
            for (i = 1; i <= 4; i++)
                if (!(word[i] in said))
                    print last ":1: the opening comment has no line \"" word[i] "\""
            if (lines > lines_max)
                print last ":1: " lines " lines in the opening comment"
        }
        BEGIN { split("in out bound fault", word, " ") }
        FNR == 1 {
            finish(); last = FILENAME
            split("", said); lines = 0; state = "before"
        }
        FNR > 1 && state == "before" && /^\/\*/ { state = "within" }
        state == "before" && code ~ /^ *#/ { state = "after" }
        state == "within" {
            if ($0 !~ /^ ?\/\*$|^ \*\/$/) lines++
            if ($1 == "*") said[$2] = 1
            if (/\*\//) state = "after"
        }
        END { finish() }'
}

# ---- the objects ----

# Engines call memory and string functions, their own folder and base/.
purity() {
    allowed='memcpy memmove memset memcmp memchr strlen
        __stack_chk_fail'
    for folder in $engines; do
        [ -d "$objects/$folder" ] || continue
        nm --defined-only "$objects"/base/*.o "$objects/$folder"/*.o | awk -v allowed="$allowed" '
            BEGIN { count = split(allowed, word, /[ \n]+/)
                    for (i = 1; i <= count; i++) print word[i] }
            NF == 3 { print $3 }' >"$work/known"
        nm -A -u "$objects/$folder"/*.o | awk '
            NR == FNR { known[$1] = 1; next }
            !($NF in known) { file = $1; sub(/^build\/obj\//, "", file); print file " calls " $NF }' \
            "$work/known" -
    done
}

# Direct calls among our functions, as the compiler left them, have no cycle.
# A static function is called FILE:NAME, for others may have its name.
recursion() {
    find "$objects" -name '*.o' -exec objdump -t -dr --no-show-raw-insn {} + |
        awk '/file format/ { file = $1; sub(/:$/, "", file); split("", static) }
            $2 == "l" && $3 == "F" { static[$NF] = 1 }
            function full(name) { return name in static ? file ":" name : name }
            /^[0-9a-f]+ <.*>:$/ { from = $2; gsub(/[<>:]/, "", from) }
            /\tcall / { calling = 1; next }
            calling && / R_[^ \t]*(PLT32|PC32)/ {
                to = $NF; sub(/[-+]0x[0-9a-f]+$/, "", to); sub(/^\.text\./, "", to)
                print full(from), full(to)
            }
            { calling = 0 }' | sort -u >"$work/calls"
    [ -s "$work/calls" ] || echo "$objects: no calls to look at"
    awk '$1 == $2 { print $1 ": calls itself" }' "$work/calls"
    tsort "$work/calls" 2>&1 >/dev/null | sed 's/^tsort: *//'
}

# ---- everything that is kept in the repository ----

tracked() {
    git ls-files -co --exclude-standard -- . ':!third_party/mbedtls' ':!tests/fuzz/corpus' 2>/dev/null ||
        find . -name .git -prune -o -path ./build -prune -o \
            -path ./third_party/mbedtls -prune -o -path ./tests/fuzz/corpus -prune -o \
            -type f -print
}

# The patterns are spelt so that they do not find themselves.
places() {
    tracked | xargs grep -nIE -e '/(w[o]rk|f[a]rm|r[o]ot|h[o]me/[a-z]+|tmp/b[a]sh_jobs)/' \
        -e "(^|[^a-z.])$(pwd)/" 2>/dev/null | cut -c 1-100
    tracked | xargs grep -nIiE '(d[e]b|s[e]curity|s[n]apshot)\.debian\.org|npmj[s]' \
        2>/dev/null | cut -c 1-100
}

unfinished() {
    tracked | grep -E '^(\./)?(src|tests|Makefile|bootstrap)' |
        xargs grep -nIwE '(TO[D]O|FIX[M]E|XX[X]|HA[C]K)' 2>/dev/null | cut -c 1-100
}

# Inputs of fuzzers that nobody would replay.
unpacked_corpora() {
    find tests/fuzz/corpus -mindepth 1 ! -name '*.pack' -printf '%p: run tests/fuzz/pack\n' -prune
}

scripts() {
    # Not what is tracked and gone.
    tracked | xargs ls -d 2>/dev/null | xargs awk 'FNR == 1 && /^#!\/bin\/sh/ { print FILENAME } { nextfile }'
}

shell_scripts() {
    if ! command -v shellcheck >/dev/null; then
        echo 'skip shellcheck: no shellcheck'
        return
    fi
    # Each version has an opinion of its own; this one decides.
    version=$(shellcheck --version | sed -n 's/^version: //p')
    case $version in
    0.9.*) ;;
    *) echo "skip shellcheck: $version, not 0.9" && return ;;
    esac
    scripts | xargs shellcheck -f gcc | verdict shellcheck
}

format
licence | verdict spdx_lines
length | verdict file_length
functions | verdict function_length_and_parameters
nesting | verdict nesting
conditionals | verdict no_conditional_compilation
words | verdict no_typedef_goto_or_hidden_return
array_sizes | verdict array_sizes_in_limits_h
includes | verdict include_direction
pairs | verdict pairs_of_files
contracts | verdict header_contracts
purity | verdict engines_are_pure
recursion | verdict no_recursion
places | verdict no_machine_paths_or_hosts
unfinished | verdict nothing_left_open
unpacked_corpora | verdict corpora_are_packed
shell_scripts
