# shellcheck shell=bash
# Running Windows programs in prefixes of our own. Sourced after common.sh by scripts/wine, scripts/wine-stop and others.
# Everything Wine writes stays in the prefix: it gets a home folder there, no display, and no installers.

WINEPREFIX=${OQ_WINEPREFIX:-$OQ_BUILD/wine}
case $WINEPREFIX in
    /*) ;;
    *) WINEPREFIX=$PWD/$WINEPREFIX ;;
esac
export WINEPREFIX
export WINEARCH=win64
# Silent, but for why a program did not start.
export WINEDEBUG=${WINEDEBUG:--all,err+module}
# No Mono or Gecko installer, no menu entries in somebody's desktop.
export WINEDLLOVERRIDES=${WINEDLLOVERRIDES:-mscoree,mshtml=;winemenubuilder.exe=d}
unset DISPLAY WAYLAND_DISPLAY

# The DLLs for 32-bit programs, where scripts/wine32 has put them: Wine looks there beside its own folders.
oq_wine_kind=64
if [ -f "$OQ_BUILD/wine32/version" ]; then
    oq_wine_kind="64 and 32, $(cat "$OQ_BUILD/wine32/version")"
    export WINEDLLPATH=$OQ_BUILD/wine32
fi

oq_wine_home=$WINEPREFIX.home

# Sets OQ_WINE, WINESERVER and oq_wine_dlls, the folder that x86_64-windows is in.
find_wine() {
    local folder
    for folder in /usr/lib/wine /usr/lib/x86_64-linux-gnu/wine; do
        if [ -x "$folder/wine64" ]; then
            OQ_WINE=$folder/wine64
            export WINESERVER=$folder/wineserver64
            [ -x "$WINESERVER" ] || WINESERVER=$folder/wineserver
            find_wine_dlls
            return 0
        fi
    done
    OQ_WINE=$(command -v wine64 || command -v wine || true)
    WINESERVER=$(command -v wineserver || true)
    export WINESERVER
    if [ -z "$OQ_WINE" ] || [ -z "$WINESERVER" ]; then
        die "Wine is not installed: run scripts/setup"
    fi
    find_wine_dlls
}

find_wine_dlls() {
    local folder
    oq_wine_dlls=
    for folder in /usr/lib/x86_64-linux-gnu/wine "$(dirname "$OQ_WINE")/../lib/wine" "$(dirname "$OQ_WINE")/../lib64/wine" \
        /usr/lib/wine; do
        if [ -d "$folder/x86_64-windows" ]; then
            # shellcheck disable=SC2034  # read by scripts/wine32
            oq_wine_dlls=$folder
            return 0
        fi
    done
}

# Runs COMMAND with the environment of a prefix: a home folder of its own, so that nothing is written to the user's.
in_prefix() {
    HOME=$oq_wine_home XDG_CONFIG_HOME=$oq_wine_home/.config XDG_DATA_HOME=$oq_wine_home/.local/share \
        XDG_CACHE_HOME=$oq_wine_home/.cache "$@"
}

# wine_is_ready FOLDER: whether the prefix is made, and with the 32-bit half or without it, as Wine is now.
wine_is_ready() {
    [ -e "$1/openqmgr-ready" ] && [ "$(cat "$1/openqmgr-ready")" = "$oq_wine_kind" ]
}

# Making a prefix takes Windows' whole set-up, so it is done once, and every prefix is a copy of that one. What nobody
# writes to in place (Wine's own DLLs and programs, 700 MB, or 1.2 GB with the 32-bit ones) is linked, not copied.
oq_wine_template=$OQ_BUILD/wine-template
oq_wine_shared=(drive_c/windows/system32 drive_c/windows/syswow64 drive_c/windows/winsxs)

make_template() {
    local WINEPREFIX=$oq_wine_template oq_wine_home=$oq_wine_template.home
    wine_is_ready "$oq_wine_template" && return 0
    mkdir -p "$oq_wine_home" "$OQ_LOGS"
    rm -rf "${oq_wine_template:?}"
    if ! in_prefix timeout 180 "$OQ_WINE" wineboot --init >"$OQ_LOGS/wineboot.log" 2>&1; then
        in_prefix "$WINESERVER" -k || true
        warn "a Wine prefix could not be made, see build/logs/wineboot.log"
        return 1
    fi
    # The registry is written when the server ends.
    in_prefix timeout 60 "$WINESERVER" -w || in_prefix "$WINESERVER" -k || true
    echo "$oq_wine_kind" >"$oq_wine_template/openqmgr-ready"
}

make_prefix() {
    local folder exclude=()
    wine_is_ready "$WINEPREFIX" && return 0
    [ ! -d "$WINEPREFIX" ] || in_prefix "$WINESERVER" -k || true
    rm -rf "${WINEPREFIX:?}"
    mkdir -p "$WINEPREFIX" "$oq_wine_home" || return
    for folder in "${oq_wine_shared[@]}"; do
        exclude+=("--exclude=./$folder")
    done
    tar -C "$oq_wine_template" "${exclude[@]}" --exclude=./openqmgr-ready -cf - . | tar -C "$WINEPREFIX" -xf - || return
    for folder in "${oq_wine_shared[@]}"; do
        [ -d "$oq_wine_template/$folder" ] || continue
        cp -al "$oq_wine_template/$folder" "$WINEPREFIX/$folder" 2>/dev/null ||
            cp -a "$oq_wine_template/$folder" "$(dirname "$WINEPREFIX/$folder")/" || return
    done
    echo "$oq_wine_kind" >"$WINEPREFIX/openqmgr-ready"
}

# Several programs may ask for a prefix at once: one makes it, the others wait.
prepare_prefix() {
    wine_is_ready "$WINEPREFIX" && return 0
    with_lock "$oq_wine_template.lock" make_template || die "no Wine prefix"
    with_lock "$WINEPREFIX.lock" make_prefix || die "no Wine prefix $WINEPREFIX"
}

# keep_alive: starts a process that stays in the prefix, as a logged-on user would. Without one, Wine ends every service
# some seconds after the last program has left, and each program waits for the services to start again. It reads from
# a pipe that nobody writes to, and so ends only with the prefix (scripts/wine-stop).
keep_alive() {
    # The first program starts the server and the services; they must not hold the lock.
    in_prefix "$OQ_WINE" cmd /c exit </dev/null >/dev/null 2>&1 || return
    (
        flock -n 8 || exit 0 # there is one
        rm -f "$WINEPREFIX.pipe"
        mkfifo "$WINEPREFIX.pipe"
        exec 7<>"$WINEPREFIX.pipe"
        rm "$WINEPREFIX.pipe"
        in_prefix setsid "$OQ_WINE" cmd <&7 >/dev/null 2>&1 7>&- &
    ) 8>"$WINEPREFIX.keep" </dev/null >/dev/null 2>&1
}

# run_program PROGRAM ARGUMENT...: runs a Windows program.
#
# About one start in some thousands ends before the program's main function, without a word; why is not known. The programs
# of the tests leave a mark before they enter it (tests/support/reached.c). Such a program that fails without having left
# its mark is started once more; that is said and written down (scripts/test counts them). A program that reached its main
# function, or that knows no mark, is never started twice: its status is its own.
run_program() {
    local mark=$WINEPREFIX/openqmgr-reached.$BASHPID status=0
    rm -f "$mark"
    OQ_MAIN_REACHED=$(windows_path "$mark") in_prefix "$OQ_WINE" "$@" || status=$?
    if [ "$status" -ne 0 ] && [ ! -e "$mark" ] && grep -q OQ_MAIN_REACHED "$1" 2>/dev/null; then
        warn "$(basename "$1") ended with status $status before its main function: STARTED AGAIN"
        mkdir -p "$OQ_LOGS"
        echo "$(date -u +%FT%TZ) $1: status $status" >>"$OQ_LOGS/started-again.log"
        status=0
        OQ_MAIN_REACHED=$(windows_path "$mark") in_prefix "$OQ_WINE" "$@" || status=$?
    fi
    rm -f "$mark"
    return "$status"
}

# windows_path PATH: the Windows name of an existing or future file of this machine. (winepath says the same, but starts
# a Windows process to find out.)
windows_path() {
    local path
    path=$(realpath -ms "$1")
    printf 'Z:%s\n' "${path//\//\\}"
}
