# shellcheck shell=bash
# What the scripts share. Sourced, never run. Works in bash 3.2 (macOS) as well.
set -euo pipefail
export LC_ALL=C

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
local_dir=${FLIGHTDESK_LOCAL:-$root/.local}
mkdir -p "$local_dir"
local_dir=$(cd "$local_dir" && pwd -P)
me=$(basename "$0")

# The one set of features that checks and tests build with, so that nothing is built twice.
# shellcheck disable=SC2034
features=(--features fault-points)

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then
  dim=$'\033[2m' red=$'\033[31m' green=$'\033[32m' bold=$'\033[1m' plain=$'\033[0m'
else
  dim='' red='' green='' bold='' plain=''
fi

say() { printf '%s%s%s\n' "$dim" "$*" "$plain" >&2; }
die() { printf '%s%s:%s %s\n' "$red" "$me" "$plain" "$*" >&2; exit 1; }

# step NAME COMMAND…: says that it begins, shows the command's output, says how long it took.
step() {
  local name=$1 begun=$SECONDS status=0
  shift
  printf '%s▸ %s%s\n' "$bold" "$name" "$plain" >&2
  # Not in a condition: there `set -e` would sleep inside functions.
  set +e
  (set -e; "$@")
  status=$?
  set -e
  if [ "$status" = 0 ]; then
    printf '%s✓%s %s %s(%s s)%s\n' "$green" "$plain" "$name" "$dim" "$((SECONDS - begun))" "$plain" >&2
  else
    printf '%s✗%s %s failed after %s s\n' "$red" "$plain" "$name" "$((SECONDS - begun))" >&2
  fi
  return "$status"
}

is_root() { [ "$(id -u)" = 0 ]; }
as_root() {
  if is_root; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "this needs root, and there is no sudo here: $*"; fi
}

# want TEST APT BREW WORDS: notes a missing package, told apart by a shell test. Install with install_wanted.
wanted_apt='' wanted_brew='' wanted_words=''
want() {
  if eval "$1" >/dev/null 2>&1; then return 0; fi
  wanted_apt="$wanted_apt $2" wanted_brew="$wanted_brew $3"
  wanted_words="$wanted_words  - $4"$'\n'
}

# Installs what was wanted with the system's package manager, or says what is missing.
install_wanted() {
  [ -n "$wanted_words" ] || return 0
  local packages
  if command -v apt-get >/dev/null; then
    read -r -a packages <<<"$wanted_apt"
    say "installing ${packages[*]} with apt-get"
    apt_install "${packages[@]}" || die "apt-get could not install: ${packages[*]}"
  elif command -v brew >/dev/null; then
    read -r -a packages <<<"$wanted_brew"
    # `-` stands for what macOS has by itself or brew cannot give.
    local formulas=() package
    for package in "${packages[@]}"; do [ "$package" = - ] || formulas+=("$package"); done
    if [ "${#formulas[@]}" = 0 ]; then missing; fi
    say "installing ${formulas[*]} with brew"
    brew install "${formulas[@]}" >&2 || die "brew could not install: ${formulas[*]}"
  else
    missing
  fi
  wanted_apt='' wanted_brew='' wanted_words=''
}

missing() {
  printf '%s:%s this machine lacks, and this script cannot install here (it knows apt-get and brew):\n%s' "$red$me" "$plain" "$wanted_words" >&2
  exit 1
}

apt_install() {
  local policy=/usr/sbin/policy-rc.d made_policy=0 status=0
  case " $* " in *" postgresql "*)
    # Debian would create a cluster of its own, and start it.
    as_root mkdir -p /etc/postgresql-common
    grep -qs '^create_main_cluster' /etc/postgresql-common/createcluster.conf ||
      echo 'create_main_cluster = false' | as_root tee -a /etc/postgresql-common/createcluster.conf >/dev/null ;;
  esac
  # policy-rc.d: install, start nothing.
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
    as_root chmod +x $policy
    made_policy=1
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null >&2 || say "apt-get update failed; trying with the lists that are here"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o Dpkg::Options::=--force-confold "$@" </dev/null >&2 || status=$?
  if [ $made_policy = 1 ]; then as_root rm -f $policy; fi
  return $status
}

# Cargo and rustc, in a version that builds this.
need_rust() {
  if [ -f "${CARGO_HOME:-$HOME/.cargo}/env" ]; then
    # shellcheck disable=SC1091
    . "${CARGO_HOME:-$HOME/.cargo}/env"
  fi
  local least found
  least=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
  command -v cargo >/dev/null || die "Rust $least or newer is missing. Install it with
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
and start $me again."
  found=$(cd "$root" && cargo --version | sed 's/^cargo \([0-9]*\.[0-9]*\).*/\1/')
  if [ "$(printf '%s\n%s\n' "$least" "$found" | sort -t. -k1,1n -k2,2n | head -1)" != "$least" ]; then
    die "Rust $least or newer is needed, $found is here: rustup update stable"
  fi
}

# DATABASE_URL and REDIS_URL of the private services, kept up for as long as this script runs.
use_services() {
  "$root/scripts/services" start $$
  eval "$("$root/scripts/services" env)"
}
release_services() { "$root/scripts/services" stop $$; }
