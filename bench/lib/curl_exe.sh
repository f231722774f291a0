#!/bin/bash
# curl_exe.sh - builds curl's own command line program for Windows, the peer that the benches compare with.
#
# usage: bench/lib/curl_exe.sh
#
# Prints the program's path. Made once, from the same Debian source package and with the same options as the libcurl that
# the service is linked with (scripts/deps), into build/bench; a later call costs nothing.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
. "$(dirname "$0")/../../scripts/lib/common.sh"

downloads=$OQ_BUILD/deps/downloads
work=$OQ_BUILD/bench/curl
program=$OQ_BUILD/bench/curl.exe

find_source() {
    local dsc found=''
    for dsc in "$downloads"/curl_*.dsc; do
        [ -f "$dsc" ] && found=$dsc
    done
    [ -n "$found" ] && printf '%s\n' "$found"
}

build() {
    find_source >/dev/null || "$OQ_ROOT/scripts/deps" --step fetch_sources
    rm -rf "$work"
    mkdir -p "$work"
    dpkg-source --no-check -x "$(find_source)" "$work/src"
    cmake -S "$work/src" -B "$work/build" -G Ninja -Wno-dev \
        -DCMAKE_TOOLCHAIN_FILE="$OQ_ROOT/cmake/mingw64.cmake" -DCMAKE_BUILD_TYPE=None \
        -DCMAKE_C_FLAGS="-O2 -fstack-protector-strong -D_WIN32_WINNT=0x0A00 -DNGHTTP2_STATICLIB" \
        -DCMAKE_EXE_LINKER_FLAGS="-static" \
        -DBUILD_SHARED_LIBS=OFF -DBUILD_CURL_EXE=ON -DBUILD_TESTING=OFF -DENABLE_MANUAL=OFF \
        -DHTTP_ONLY=ON -DCURL_DISABLE_LDAP=ON -DCURL_DISABLE_LDAPS=ON \
        -DCURL_USE_SCHANNEL=ON -DUSE_NGHTTP2=ON -DENABLE_UNICODE=ON -DENABLE_IPV6=ON \
        -DUSE_LIBIDN2=OFF -DUSE_WIN32_IDN=ON \
        -DCURL_USE_LIBSSH2=OFF -DCURL_ZLIB=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF \
        -DCURL_TARGET_WINDOWS_VERSION=0x0A00
    cmake --build "$work/build" -j "$OQ_JOBS" --target curl
    cp "$work/build/src/curl.exe" "$program.new"
    mv "$program.new" "$program"
    rm -rf "$work"
}

make_program() {
    [ ! -x "$program" ] || return 0
    run_step "curl.exe built" "$OQ_LOGS/bench-curl.log" "$0" --build >&2
}

case "${1:-}" in
    '')
        with_lock "$OQ_BUILD/bench/.curl.lock" make_program
        printf '%s\n' "$program"
        ;;
    --build) build ;;
    *)
        usage_from_head "$0"
        ;;
esac
