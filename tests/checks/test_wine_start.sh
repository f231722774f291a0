#!/bin/bash
# test_wine_start.sh - scripts/lib/wine.sh starts a program again that ended before its main function, and no other.
# Wine's place is taken by a script that leaves the mark, or not, and ends with a status, as the next line of a plan says.
set -euo pipefail

folder=${OQ_TEST_TMP:?}/wine_start
rm -rf "$folder"
mkdir -p "$folder/prefix"
export OQ_WINEPREFIX=$folder/prefix
root=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=scripts/lib/common.sh
. "$root/scripts/lib/common.sh"
# shellcheck source=scripts/lib/wine.sh
. "$root/scripts/lib/wine.sh"
OQ_LOGS=$folder/logs

cat >"$folder/stub" <<'STUB'
#!/bin/bash
# Takes a line of the plan, "mark STATUS" or "none STATUS".
read -r mark status <"${0%stub}plan"
sed -i 1d "${0%stub}plan"
echo start >>"${0%stub}starts"
mark_file=${OQ_MAIN_REACHED#Z:}
[ "$mark" = none ] || : >"${mark_file//\\//}"
exit "$status"
STUB
chmod +x "$folder/stub"
OQ_WINE=$folder/stub
echo "a program with OQ_MAIN_REACHED in it" >"$folder/marked.exe"
echo "a program without" >"$folder/plain.exe"

failures=0
# expect NAME PROGRAM PLAN STATUS STARTS AGAIN: runs PROGRAM by PLAN.
expect() {
    local name=$1 program=$2 status=0 seen said
    printf '%b' "$3" >"$folder/plan"
    rm -f "$folder/starts"
    mkdir -p "$OQ_LOGS"
    : >"$OQ_LOGS/started-again.log"
    run_program "$folder/$program" 2>"$folder/said" || status=$?
    said=$(grep -c 'STARTED AGAIN' "$folder/said" || true)
    seen="status $status, $(wc -l <"$folder/starts") starts, $said said, $(wc -l <"$OQ_LOGS/started-again.log") counted"
    if [ "$seen" = "status $4, $5 starts, $6 said, $6 counted" ]; then
        echo "ok   $name"
    else
        echo "FAIL $name: $seen"
        failures=1
    fi
}

expect "succeeds: once" marked.exe 'mark 0\n' 0 1 0
expect "fails by itself: once, with its status" marked.exe 'mark 5\nmark 0\n' 5 1 0
expect "ends before main: again, aloud" marked.exe 'none 66\nmark 0\n' 0 2 1
expect "ends before main, then fails by itself: that status" marked.exe 'none 66\nmark 3\n' 3 2 1
expect "ends before main twice: not a third time" marked.exe 'none 66\nnone 53\nmark 0\n' 53 2 1
expect "that knows no mark: never again" plain.exe 'none 66\nmark 0\n' 66 1 0
exit "$failures"
