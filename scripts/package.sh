# The Debian package, and its trial: installed, used and removed in a booted Debian of its own.
# shellcheck shell=bash

PACKAGES="$ROOT/build/packages"

# The names of what only packaging needs; the rest is in scripts/debian-packages.txt.
readonly kPackagingTools=(debhelper dpkg-dev lintian mmdebstrap systemd-container)

package_command() {
  case "${1:-}" in
    '') build_package ;;
    --check) build_package && check_package ;;
    --reproducible) build_package && compare_package ;;
    *) fail_usage "package knows --check and --reproducible, not '$1'" ;;
  esac
}

build_package() {
  install_deps "${kPackagingTools[@]}"
  local log="$STATE/package.log"
  heading "building the Debian package"
  rm -rf "$PACKAGES"
  DEB_BUILD_OPTIONS="parallel=$(build_jobs)" CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache \
    debian/rules clean binary >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    fail "the package could not be built" "the whole log is in ${log#"$ROOT"/}"
  }
  # As root it warns of that as well, on standard error.
  lintian --fail-on error,warning "$PACKAGES"/*.deb 2>/dev/null || fail "lintian finds fault with the package"
  good "$(cd "$ROOT" && echo build/packages/sluice_*.deb)"
}

# A second build from a copy of the tree in a deeper folder, without a cache, with another time zone and other rights of new files. What
# differs is told by its digest.
compare_package() {
  local log="$STATE/package-again.log" tree
  copy_of_tree=$(mktemp -d /var/tmp/sluice-package-again.XXXXXX)
  trap 'rm -rf --one-file-system "$copy_of_tree"' EXIT
  tree="$copy_of_tree/a/deeper/folder"
  mkdir -p "$tree"
  tracked | tar --create --files-from=- | tar --extract --directory="$tree"
  heading "building it again in another place"
  (cd "$tree" && umask 027 && TZ=Pacific/Chatham DEB_BUILD_OPTIONS="parallel=$(build_jobs)" debian/rules binary) >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    fail "the package could not be built again" "the whole log is in ${log#"$ROOT"/}"
  }
  diff <(cd "$PACKAGES" && sha256sum ./*.deb) <(cd "$tree/build/packages" && sha256sum ./*.deb) >&2 || {
    mkdir -p "$PACKAGES/again" && mv "$tree"/build/packages/*.deb "$PACKAGES/again"
    fail "the two builds differ" "diffoscope build/packages/NAME.deb build/packages/again/NAME.deb says in what"
  }
  good "the same to the byte: $(cd "$PACKAGES" && echo ./*.deb)"
}

# A Debian with systemd and PostgreSQL in a folder, booted in a container, in which tests/package/guest does what an operator does.
check_package() {
  [[ $EUID -eq 0 ]] || fail "a container can be booted by root alone" "sudo ./dev package --check"
  local log="$STATE/package-check.log" deb depends
  deb=$(echo "$PACKAGES"/sluice_*.deb)
  depends=$(dpkg-deb --field "$deb" Depends | sed 's/([^)]*)//g; s/|[^,]*//g; s/ //g')
  guest_root=$(mktemp -d /var/tmp/sluice-package.XXXXXX)
  trap 'rm -rf --one-file-system "$guest_root"' EXIT
  heading "making a Debian to try it in"
  # shellcheck disable=SC2016 # the hooks' $1 is the new root
  mmdebstrap --variant=minbase --include="systemd-sysv,dbus,sudo,postgresql,$depends" \
    --customize-hook="copy-in $deb tests/package/guest docs/operations.md examples/bookbot.json /opt" \
    --customize-hook="copy-in tests/package/sluice-trial.service /etc/systemd/system" \
    --customize-hook='systemctl --root="$1" enable sluice-trial.service' \
    --customize-hook='rm -f "$1/usr/sbin/policy-rc.d"' bookworm "$guest_root" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    fail "no Debian could be made" "the whole log is in ${log#"$ROOT"/}"
  }
  heading "installing, running and removing the package"
  local code=0
  systemd-nspawn --quiet --directory="$guest_root" --register=no --keep-unit --boot --console=pipe </dev/null >>"$log" 2>&1 || code=$?
  cat "$guest_root/opt/report" 2>/dev/null || true
  [[ $code -eq 0 ]] && good "the package works" && return
  tail -n 20 "$log" >&2
  fail "the trial of the package failed" "the whole log is in ${log#"$ROOT"/}"
}
