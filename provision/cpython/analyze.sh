#!/bin/sh
# Compiles with GCC's analyzer, as far as memory goes. CPython's make takes it for the compiler:
#
#     CC="sh ./analyze.sh GB gcc"
#
# Findings go into SOURCE.sarif. GCC itself would leave the folder out of that name, and of CPython's several object.c and
# list.c only the last one's would be left.
#
# For code that a program wrote the analyzer may want more than a machine has: GCC 14 over 18 GB for 3.13's parser and as
# much for its syntax tree, and at most 4.5 GB (compile.c) for what people wrote. A file for which it wants more than GB is
# compiled without it, and its findings say so in SARIF's own way: that the invocation was not successful, and why.

limit_gb=$1
shift
source=
for word do
    case $word in *.c) source=$word ;; esac
done
[ -n "$source" ] || exec "$@"
findings=$source.sarif
(ulimit -v $((limit_gb * 1000000)) && exec "$@" -fanalyzer -fdiagnostics-format=sarif-file -dumpbase "$source") && exit
# It may also be that something is wrong with the source. Then this fails, too, and says so in words.
rm -f "$findings"
"$@" || exit
cat > "$findings" <<END
{"\$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
 "version": "2.1.0",
 "runs": [{"tool": {"driver": {"name": "gcc -fanalyzer"}},
           "invocations": [{"executionSuccessful": false, "toolExecutionNotifications": [
             {"level": "error", "message": {"text": "$source is not analyzed: that takes more than $limit_gb GB of memory"}}]}],
           "results": []}]}
END
