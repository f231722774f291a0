# shellcheck shell=bash
# A private apt: this machine's own Debian package sources with lists and downloads under build/, so that apt's own are not
# touched, no mirror is named here and no architecture is added to the machine. Sourced after common.sh by scripts/deps and
# scripts/wine32.

# release_name: the machine's Debian release, e.g. bookworm.
release_name() {
    # shellcheck source=/dev/null
    (. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
}

# write_private_apt FOLDER TYPE ARCHITECTURE...: a configuration FOLDER/apt.conf for packages of the TYPE (deb, deb-src) and
# these architectures.
write_private_apt() {
    local folder=$1 type=$2
    shift 2
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
    python3 "$OQ_ROOT/scripts/lib/debian_sources.py" --codename "$(release_name)" --type "$type" \
        /etc/apt/sources.list /etc/apt/sources.list.d >"$folder/debian.sources"
    cat >"$folder/apt.conf" <<CONF
Dir::Etc::sourcelist "$folder/debian.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$folder/lists/";
Dir::State::status "/dev/null";
Dir::Cache "$folder/cache/";
APT::Architectures { $(printf '"%s"; ' "$@")};
Acquire::Languages "none";
Acquire::Retries "3";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF
    # As root, apt would hand the downloading to a user who may not be able to read this folder.
    [ "$(id -u)" -ne 0 ] || echo 'APT::Sandbox::User "root";' >>"$folder/apt.conf"
}

# private_apt FOLDER TOOL ARGUMENT...: apt-get or apt-cache with that configuration.
private_apt() {
    local folder=$1 tool=$2
    shift 2
    "$tool" -q -c "$folder/apt.conf" "$@"
}
