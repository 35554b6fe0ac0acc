# What the project needs from outside: Debian packages and npm packages. Quick when nothing is missing.
# shellcheck shell=bash

# install_deps [PACKAGES...]: and those Debian packages
install_deps() {
  install_debian_packages "$@"
  fetch_program prometheus usr/bin/promtool
  install_node_packages examples
  install_node_packages tests/node
  install_node_packages console/page
  install_node_packages tests/console
}

as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "installing packages needs root" "run './dev deps' as root once, or install sudo"
  fi
}

has_node() {
  command -v npm >/dev/null && command -v node >/dev/null &&
    node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)'
}

wanted_packages() {
  local package
  while read -r package; do
    case "$package" in
      '' | '#'*) continue ;;
      nodejs | npm) has_node && continue ;;
    esac
    printf '%s\n' "$package"
  done < <(cat scripts/debian-packages.txt && printf '%s\n' "$@")
}

# The wanted packages that dpkg does not have in state "installed", half-installed ones included.
missing_packages() {
  local wanted installed
  mapfile -t wanted < <(wanted_packages "$@")
  installed=$(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null |
    awk '$2 == "installed" {print $1}' || true)
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort) <(printf '%s\n' "$installed" | sort -u)
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" </dev/null
}

# Debian starts a server on port 5432 when its PostgreSQL package arrives. Nobody asked for that one.
without_default_cluster() {
  [[ -e /etc/postgresql-common/createcluster.conf ]] && return
  as_root mkdir -p /etc/postgresql-common
  printf 'create_main_cluster = false\n' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
}

# Nor for PgBouncer on port 6432. One that somebody installed before is his, and is left alone.
without_default_pooler() {
  [[ -e /etc/pgbouncer || -e /etc/default/pgbouncer ]] && return
  as_root ln -sf /dev/null /etc/systemd/system/pgbouncer.service
  echo 'START=0 # where there is no systemd' | as_root tee /etc/default/pgbouncer >/dev/null
}

install_debian_packages() {
  command -v dpkg-query >/dev/null ||
    fail "this is no Debian: dpkg-query is missing" "the packages needed are named in scripts/debian-packages.txt"
  local missing log="$STATE/deps.log"
  mapfile -t missing < <(missing_packages "$@")
  [[ ${#missing[@]} -eq 0 ]] && return
  mkdir -p "$STATE"
  heading "installing ${#missing[@]} Debian packages"
  note "${missing[*]}"
  without_default_cluster
  without_default_pooler
  { apt update && apt install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 || {
    tail -n 15 "$log" >&2
    fail "apt-get could not install the packages" "the whole log is in ${log#"$ROOT"/}"
  }
  good "installed"
}

# One program out of a Debian package into .sluice/tools, where the whole package would start a server (docs/dependencies.md says which).
# fetch_program PACKAGE PATH-IN-PACKAGE
fetch_program() {
  local package=$1 path=$2 name=${2##*/} folder log="$STATE/deps.log"
  [[ -x "$STATE/tools/$name" ]] && return
  command -v "$name" >/dev/null && return
  mkdir -p "$STATE/tools"
  heading "fetching $name"
  folder=$(mktemp -d)
  (cd "$folder" && { apt-get -qq download "$package" || { apt update && apt-get -qq download "$package"; }; } &&
    dpkg-deb --fsys-tarfile "$package"_*.deb | tar -xO "./$path" >"$name") >"$log" 2>&1 || {
    rm -rf "$folder"
    tail -n 15 "$log" >&2
    fail "$name could not be fetched" "the whole log is in ${log#"$ROOT"/}"
  }
  install -m 755 "$folder/$name" "$STATE/tools/$name"
  rm -rf "$folder"
  good "fetched"
}

# npm ci leaves node_modules/.package-lock.json behind as its last act: older than the lock file, or absent, means not done.
install_node_packages() {
  local folder=$1 log="$STATE/npm.log"
  [[ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ]] && return
  mkdir -p "$STATE"
  heading "installing npm packages of $folder"
  (cd "$folder" && npm ci --no-audit --no-fund) >"$log" 2>&1 || {
    tail -n 15 "$log" >&2
    fail "npm could not install the packages of $folder" "the whole log is in ${log#"$ROOT"/}"
  }
  touch "$folder/node_modules/.package-lock.json"
}
