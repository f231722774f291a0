# shellcheck shell=bash
# What the scripts share: where the tree is, how they speak, how they show their steps. Sourced, never run.
# Uses OQ_ROOT (set here), writes only under build/ and out/.

OQ_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
OQ_BUILD=$OQ_ROOT/build
OQ_SCRIPT=$(basename "$0")
# shellcheck disable=SC2034  # read by the scripts that source this
OQ_DEPS_PREFIX=$OQ_BUILD/deps/x86_64-w64-mingw32
# shellcheck disable=SC2034
OQ_LOGS=$OQ_BUILD/logs
# shellcheck disable=SC2034
OQ_JOBS=${OQ_JOBS:-$(nproc 2>/dev/null || echo 2)}

# A test or demo must not depend on the language or the proxies of the user who runs it.
export LC_ALL=C.UTF-8

say() { printf '%s: %s\n' "$OQ_SCRIPT" "$*"; }
warn() { printf '%s: %s\n' "$OQ_SCRIPT" "$*" >&2; }
die() {
    warn "$*"
    exit 1
}

# usage_from_head FILE: prints the comment block at the head of a script, which is its --help.
usage_from_head() {
    awk 'NR == 1 { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$1"
}

# run_step TITLE LOG COMMAND...: runs the command with its output in LOG and prints one line with the time it took;
# when it fails, shows the end of the log and returns its status.
run_step() {
    local title=$1 log=$2 started rc=0
    shift 2
    mkdir -p "$(dirname "$log")"
    started=$SECONDS
    "$@" >"$log" 2>&1 || rc=$?
    if [ "$rc" -ne 0 ]; then
        warn "$title: FAILED (status $rc) after $((SECONDS - started)) s; the end of ${log#"$OQ_ROOT"/}:"
        tail -n "${OQ_LOG_TAIL:-40}" "$log" >&2
        return "$rc"
    fi
    say "$title ($((SECONDS - started)) s)"
}

# with_lock FILE COMMAND...: runs the command while nobody else holds FILE.
with_lock() {
    local file=$1
    shift
    mkdir -p "$(dirname "$file")"
    (
        flock 9
        "$@" 9>&-
    ) 9>"$file"
}
