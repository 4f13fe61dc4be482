#!/usr/bin/env bash
# Installs what `make test` needs and this machine lacks:
#
#   redis-server    from the distribution (Debian, Ubuntu); tests start servers of their own from it
#   PostgreSQL      likewise
#   MariaDB         likewise
#   etcd            likewise
#   ZooKeeper       likewise
#   a C compiler    likewise; the race detector links with it
#   Java, Maven     likewise
#   Apache Kafka    from Maven Central into ~/.cache/cachet, as internal/kafkatest/kafka.xml says
#   Debezium        likewise, for Kafka Connect, as internal/kafkatest/debezium.xml says
#   golangci-lint   built into ./.bin, at the version pinned below
#
# It is silent where nothing is missing, so that every target may call it. With arguments it installs only
# what they name: redis, postgres, mariadb, etcd, zookeeper, kafka, connect, cc, lint.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

golangci_version=v2.15.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/cachet # as in internal/kafkatest/install.go

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
      postgresql) say "  PostgreSQL, version 14 or later, initdb on PATH (macOS: brew install postgresql@15). No service need run." ;;
      mariadb-server) say "  MariaDB, version 10.6 or later, mariadbd on PATH (macOS: brew install mariadb). No service need run." ;;
      etcd-server) say "  etcd, version 3.4 or later, on PATH (macOS: brew install etcd). No service need run." ;;
      zookeeper) say "  ZooKeeper, version 3.6 or later, its jars in /usr/share/java or \$ZOOKEEPER_HOME/lib. No service need run." ;;
      default-jre-headless) say "  Java, version 17 or later, on PATH (macOS: brew install openjdk@17)" ;;
      maven) say "  Maven, mvn on PATH (macOS: brew install maven)" ;;
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
  quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "$@" # somebody else may be installing

  if [ -n "$ours" ]; then
    as_root rm -f $policy
    trap - EXIT
  fi
  local package
  for package in "$@"; do
    case $package in
      redis-server | postgresql) as_root systemctl disable "$package" >/dev/null 2>&1 || true ;;
      mariadb-server) as_root systemctl disable mariadb >/dev/null 2>&1 || true ;;
      etcd-server) as_root systemctl disable etcd >/dev/null 2>&1 || true ;;
    esac
  done
}

# have_java reports whether java is on PATH and new enough for Kafka.
have_java() {
  local version
  version=$(java -version 2>&1 </dev/null | sed -n 's/.* version "\([0-9]*\).*/\1/p') || return 1
  [ "${version:-0}" -ge 17 ]
}

# have_server reports whether a server is on PATH or where Debian puts it.
have_server() { PATH="$PATH:/usr/sbin:$(printf '%s:' /usr/lib/postgresql/*/bin)" have "$1"; }

# have_zookeeper reports whether its jars are where package zktest looks.
have_zookeeper() { have java && [ -n "$(ls "${ZOOKEEPER_HOME:-/usr/share/java}"/{,lib/}zookeeper*.jar 2>/dev/null)" ]; }

# jars_dir prints where the jars of a POM belong, by its version, which is the first that it names.
jars_dir() {
  echo "$cache/$1-$(sed -n 's:.*<version>\(.*\)</version>.*:\1:p' "internal/kafkatest/$1.xml" | head -1)"
}

# have_jars reports whether they are there, by this very POM: its copy is written last.
have_jars() { cmp -s "internal/kafkatest/$1.xml" "$(jars_dir "$1")/pom.xml"; }

# jars fetches what a POM names. The directory appears at once and complete, since tests of another work tree may be
# looking at it.
jars() {
  local dir tmp pom=internal/kafkatest/$1.xml
  dir=$(jars_dir "$1")
  mkdir -p "$cache"
  exec 9>"$cache/$1.lock"
  ! have flock || flock 9
  ! have_jars "$1" || return 0
  say "fetching ${dir##*/}"
  tmp=$dir.part
  rm -rf "$tmp"
  quietly mvn -B -q -f "$pom" package -Dinto="$tmp"
  cp "$pom" "$tmp/pom.xml"
  rm -rf "$dir"
  mv "$tmp" "$dir"
}

# lint builds golangci-lint, which takes a minute or two the first time.
lint() {
  local tool=.bin/golangci-lint
  [ "v$($tool version --short 2>/dev/null || true)" != "$golangci_version" ] || return 0
  say "building golangci-lint $golangci_version"
  GOBIN="$PWD/.bin" GOWORK=off quietly go install \
    "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$golangci_version"
}

all=(redis postgres mariadb etcd zookeeper kafka connect cc lint)
[ $# -gt 0 ] || set -- "${all[@]}"
packages=()
poms=()
java= linter=
for what in "$@"; do
  case $what in
    redis) have redis-server || packages+=(redis-server) ;;
    postgres) have_server initdb || packages+=(postgresql) ;;
    mariadb) have_server mariadbd || packages+=(mariadb-server) ;;
    etcd) have etcd || packages+=(etcd-server) ;;
    zookeeper) have_zookeeper || packages+=(zookeeper default-jre-headless) ;;
    kafka | connect)
      java=yes
      have_jars kafka || poms+=(kafka)
      [ "$what" = kafka ] || have_jars debezium || poms+=(debezium)
      ;;
    cc) have "$(go env CC)" || packages+=(gcc libc6-dev) ;;
    lint) linter=yes ;;
    *) say "unknown tool: $what (known: ${all[*]})"; exit 2 ;;
  esac
done
[ -z "$java" ] || have_java || packages+=(default-jre-headless)
[ ${#poms[@]} -eq 0 ] || have mvn || packages+=(maven)
[ ${#packages[@]} -eq 0 ] || apt "${packages[@]}"
for pom in ${poms[@]+"${poms[@]}"}; do
  have_java || { say "Kafka needs Java 17 or later, java on PATH is older"; exit 1; }
  jars "$pom"
done
[ -z "$linter" ] || lint
