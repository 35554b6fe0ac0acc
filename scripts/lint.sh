# Checks that need no server: formatting, layers, SQL, shell scripts, clang-tidy. All are run, then the verdict is given.
# shellcheck shell=bash

run_lint() {
  local scope=changed bad=0
  case "${1:-}" in
    '') ;;
    --all) scope=all ;;
    *) fail_usage "lint knows --all, not '$1'" ;;
  esac
  install_deps
  lint_step "layers" node scripts/layer_lint.mjs || bad=1
  lint_step "sql" node scripts/sql_lint.mjs || bad=1
  lint_step "shell" lint_shell || bad=1
  lint_step "format" lint_format || bad=1
  lint_step "cppcheck" lint_cppcheck || bad=1
  lint_step "clang-tidy ($scope)" lint_tidy "$scope" || bad=1
  [[ $bad -eq 0 ]] || fail "lint found something" "clang-format-19 -i FILE mends the format"
}

# lint_step NAME COMMAND...
lint_step() {
  local name=$1
  shift
  heading "$name"
  "$@" || return 1
  good "clean"
}

tracked() { git ls-files --cached --others --exclude-standard -- "$@"; }

# What differs from main, committed or not: nothing on main itself, when all is committed.
changed_sources() {
  local base
  base=$(git merge-base HEAD main 2>/dev/null || git rev-parse HEAD)
  { git diff --name-only --diff-filter=d "$base" -- '*.cpp'; git ls-files --others --exclude-standard -- '*.cpp'; } | sort -u
}

lint_shell() {
  local scripts
  mapfile -t scripts < <(
    tracked '*.sh'
    tracked | xargs -r -d '\n' grep -lsE '^#!.*\bbash' | grep -v '\.sh$'
  )
  shellcheck --external-sources "${scripts[@]}"
}

lint_format() { tracked '*.cpp' '*.h' | xargs -r -d '\n' clang-format-19 --dry-run --Werror; }

# The program alone, without the tests: GoogleTest's macros are beyond it.
lint_cppcheck() {
  cppcheck --quiet --error-exitcode=1 --language=c++ --std=c++20 --enable=warning,performance,portability -j "$(build_jobs)" -I . \
    --suppressions-list=scripts/cppcheck-suppressions.txt --template='{file}:{line}: {severity}: {message} [{id}]' \
    core listener workers notifier console cli sql
}

# Needs the compilation database and the generated headers, so it builds those first.
lint_tidy() {
  local sources
  configure dev
  ninja -C build sluice_sql_text >/dev/null
  if [[ $1 == all ]]; then
    mapfile -t sources < <(tracked '*.cpp')
  else
    mapfile -t sources < <(changed_sources)
  fi
  mapfile -t sources < <(printf '%s\n' "${sources[@]}" | while read -r source; do
    [[ -n $source ]] && grep -qF "\"file\": \"$ROOT/$source\"" build/compile_commands.json && echo "$source"
  done)
  if [[ ${#sources[@]} -eq 0 ]]; then
    note "no source differs from main, so none is looked at; ./dev lint --all looks at every one"
    return
  fi
  printf '%s\n' "${sources[@]}" | xargs -d '\n' -n 4 -P "$(build_jobs)" clang-tidy-19 -p build --quiet 2>/dev/null
}
