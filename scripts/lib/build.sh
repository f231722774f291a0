# shellcheck shell=bash
# Setting up and building the trees. Sourced after common.sh by scripts/build, scripts/test and scripts/demo.

prepare_packages() {
    if ! "$OQ_ROOT/scripts/setup" --check >/dev/null 2>&1; then
        "$OQ_ROOT/scripts/setup"
    fi
}

# prepare: packages and cross-built libraries; costs less than a second when all is there.
prepare() {
    prepare_packages
    "$OQ_ROOT/scripts/deps"
}

# build_tree PRESET [TARGET...]: configures the tree unless it is, and builds the targets (all of them when none is named).
build_tree() {
    local preset=$1
    run_step "built $preset" "$OQ_LOGS/build-$preset.log" bash "$OQ_ROOT/scripts/lib/build_tree.sh" "$@"
}
