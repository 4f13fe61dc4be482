#!/usr/bin/env bash
# Installs what `make test` needs and this machine lacks:
#
#   redis-server    from the distribution (Debian, Ubuntu); tests start servers of their own from it
#   a C compiler    likewise; the race detector links with it
#   golangci-lint   built into ./.bin, at the version pinned below
#
# It is silent where nothing is missing, so that every target may call it. With arguments it installs only
# what they name: redis, cc, lint.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

golangci_version=v2.15.0

say() { printf 'install-tools: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

if ! have go; then
  say "go is not on PATH. Install the version that go.mod names, from https://go.dev/dl/."
  exit 1
fi

# by_hand tells what to install where this script cannot, and gives up. Its arguments are packages of Debian.
by_hand() {
  say "cannot install packages here: $reason. Please install by hand, then run this again:"
  local package
  for package in "$@"; do
    case $package in
      redis-server) say "  redis-server, version 7 or later, on PATH (macOS: brew install redis). No service need run." ;;
      gcc) say "  gcc, or another C compiler with CC set to it (macOS: xcode-select --install)." ;;
      libc6-dev) ;; # comes with the compiler elsewhere
    esac
  done
  exit 1
}

# can_apt reports whether packages can be installed with apt-get, and sets reason if not.
can_apt() {
  local like
  # shellcheck source=/dev/null
  like=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${ID_LIKE:-}" || true)
  case " $like " in
    *" debian "* | *" ubuntu "*) ;;
    *) reason="neither Debian nor Ubuntu"; return 1 ;;
  esac
  have apt-get || { reason="apt-get is missing"; return 1; }
  [ "$(id -u)" -eq 0 ] || have sudo || { reason="neither root nor sudo"; return 1; }
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# quietly runs a command and shows its output only if it fails.
quietly() {
  local out
  if ! out=$("$@" 2>&1 </dev/null); then
    printf '%s\n' "$out" >&2
    say "failed: $*"
    return 1
  fi
}

# apt installs packages without letting any of them start a service: Debian's redis-server would start one on
# port 6379 now and at every boot, where it has no part in the tests and could be taken for somebody's own.
apt() {
  can_apt || by_hand "$@"
  say "installing $*"
  local policy=/usr/sbin/policy-rc.d ours=
  if [ ! -e $policy ]; then
    ours=yes
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
    as_root chmod 755 $policy
  fi

  quietly as_root apt-get update -q
  quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"

  if [ -n "$ours" ]; then
    as_root rm -f $policy
    trap - EXIT
  fi
  case " $* " in
    *" redis-server "*) ! have systemctl || as_root systemctl disable redis-server >/dev/null 2>&1 || true ;;
  esac
}

# lint builds golangci-lint, which takes a minute or two the first time.
lint() {
  local tool=.bin/golangci-lint
  [ "v$($tool version --short 2>/dev/null || true)" != "$golangci_version" ] || return 0
  say "building golangci-lint $golangci_version"
  GOBIN="$PWD/.bin" GOWORK=off quietly go install \
    "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$golangci_version"
}

[ $# -gt 0 ] || set -- redis cc lint
packages=()
linter=
for what in "$@"; do
  case $what in
    redis) have redis-server || packages+=(redis-server) ;;
    cc) have "$(go env CC)" || packages+=(gcc libc6-dev) ;;
    lint) linter=yes ;;
    *) say "unknown tool: $what (known: redis, cc, lint)"; exit 2 ;;
  esac
done
[ ${#packages[@]} -eq 0 ] || apt "${packages[@]}"
[ -z "$linter" ] || lint
