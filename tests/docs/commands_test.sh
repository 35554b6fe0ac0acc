#!/usr/bin/env bash
# Every command in the documentation is run by a test, or, where it is named in passing (`sluice flow list --json`), is one that there is, with
# such options. Which test runs a block is told by its kind; a block of another kind, or on a page that its test does not read, is red.
# usage: commands_test.sh SLUICE PAGE_THAT_RUN_FOLLOWS..., from the project's folder
set -euo pipefail
sluice=$1
shift
followed=" $* "
bad=0
refuse() {
  echo "$1"
  bad=1
}

# is_run PAGE KIND: whether a test runs blocks of that kind on that page.
is_run() {
  case $2 in
    sql | sh | 'json '?*) [[ $followed == *" $1 "* ]] ;;                                      # tests/docs/run
    'sh package' | 'sh installed') [[ $1 == docs/operations.md && -e tests/package/guest ]] ;; # ./dev package --check: they need root and systemd
    'sh restore') [[ $1 == docs/operations.md && -e tests/system/restore_test.mjs ]] ;;        # two servers
    toml) ;;                                                                                   # below
    yaml) [[ $1 == docs/operations.md && -e tests/monitoring/run ]] ;;                         # promtool
    *) return 1 ;;
  esac
}

# exists COMMAND_LINE: whether sluice or ./dev has that command, and each option.
declare -A helps
helps[dev]=$(./dev help)
exists() {
  local words program name='' word
  read -ra words <<<"$1"
  program=${words[0]}
  [[ $program == sluice || $program == ./dev ]] || return 1
  words=("${words[@]:1}")
  while [[ ${#words[@]} -gt 0 && ${words[0]} =~ ^[a-z-]+$ && ${words[0]} != -* ]]; do
    name+="${name:+ }${words[0]}"
    words=("${words[@]:1}")
  done
  if [[ $program == ./dev ]]; then
    grep -qE "^  ${name%% *}( |\$)" <<<"${helps[dev]}" || return 1
    name=dev
  elif [[ ! -v helps["$name "] ]]; then
    # shellcheck disable=SC2086 # a word each
    helps["$name "]=$("$sluice" $name --help) || return 1
    name+=' '
  else
    name+=' '
  fi
  for word in "${words[@]}"; do
    [[ $word != --* && $word != '[--'* ]] && continue
    word=${word#[}
    word=${word%]}
    [[ $word == --help ]] || grep -qE -- "(^|[^a-z-])${word%%=*}([^a-z_.-]|\$)" <<<"${helps[$name]}" || return 1
  done
}

configuration=$(mktemp)
trap 'rm "$configuration"' EXIT
named=0
for page in README.md CONTRIBUTING.md docs/*.md docs/decisions/*.md; do
  while read -r kind; do
    is_run "$page" "$kind" || refuse "$page: no test runs its block of kind '$kind'"
  done < <(awk '/^```/ { inside = !inside; if (inside) print substr($0, 4) }' "$page")
  awk '/^```/ { inside = $0 == "```toml"; next } inside' "$page" >"$configuration"
  "$sluice" check-config --config "$configuration" >/dev/null || refuse "$page: sluice does not take its configuration"
  # The commands of the README's table are named, not run: ./dev run and ./dev test run the tests.
  while read -r line; do
    exists "${line%%  *}" || refuse "$page: a command in no block that a test runs: $line"
  done < <(awk '/^```/ { inside = !inside } !inside && /^    (\.\/dev|sluice|sudo|psql|pg_|createdb|curl|systemctl|journalctl|ctest|docker|apt)/' "$page")
  # shellcheck disable=SC2016 # the backquotes are Markdown's
  while read -r line; do
    named=$((named + 1))
    exists "$line" || refuse "$page: there is no '$line'"
  done < <(awk '/^```/ { inside = !inside } !inside' "$page" | grep -oE '`(sluice|\./dev) [a-z][^`]*`' | tr -d '`' | sort -u)
done
[[ $named -gt 50 ]] || refuse "hardly any command is named: $named"
exit "$bad"
