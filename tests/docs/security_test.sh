#!/usr/bin/env bash
# Every test that docs/security.md and docs/reliability.md name is there. usage: security_test.sh, from the project's folder
set -euo pipefail
missing=0
for page in docs/security.md docs/reliability.md; do
  # shellcheck disable=SC2016 # the backquotes are Markdown's
  names=$(sed '/^### /,$d' "$page" | grep '^|' | awk -F'|' '{print $(NF - 1)}' | grep -o '`[^`]*`' | tr -d '`' | sort -u)
  [[ $(wc -l <<<"$names") -gt 20 ]] || { echo "$page names hardly any test"; exit 1; }
  while read -r name; do
    case $name in
      './dev '*) ./dev help | grep -q "^  $(cut -d' ' -f2 <<<"$name") " && continue ;;
      *'*'*) compgen -G "$name" >/dev/null && continue ;;
      */*) [[ -e $name ]] && continue ;;
      *.sql | *.cpp) [[ -n $(find tests -name "$name") ]] && continue ;;
      *.*) grep -rqE "^TEST(_F|_P)?\(${name%.*}, ${name#*.}\)" tests && continue ;;
      *) grep -rqE "^TEST(_F|_P)?\($name," tests && continue ;;
    esac
    echo "$page names the test $name, which is not there"
    missing=1
  done <<<"$names"
done
exit "$missing"
