#!/bin/sh
# Lints packages with Debian's own linter, lintian.
#
#   lint.sh [--allow TAG[,TAG…]] [--pedantic] PACKAGE.deb …
#
#   --allow      tags with a reason to be there (each belongs into a reasoned list in the tests)
#   --pedantic   informational findings fail, too
#
# Prints every finding. Fails on errors and warnings that are not allowed. Time: 2 to 5 s.
# No root needed. Exit: 0 clean, 1 findings, 2 usage, 77 tools missing.

set -eu
. "$(dirname "$0")/lib.sh"
allow='' kinds=EW
while [ $# -gt 0 ]; do
  case $1 in
    --allow) allow=$allow,$2; shift 2 ;;
    --pedantic) kinds=EWIP; shift ;;
    -*) usage ;;
    *) break ;;
  esac
done
[ $# -ge 1 ] || usage
need_file "$@"
need lintian:lintian
work_dir
bad=0
for file in "$@"; do
  lintian --no-cfg --allow-root --display-info --pedantic --tag-display-limit 0 "$file" >"$WORK/out" 2>"$WORK/err" ||
    [ -s "$WORK/out" ] || fail_with "$WORK/err" "lintian $file"
  # "E: package: tag detail"
  sed -nE 's/^([EWIP]): [^:]+: ([^ ]+)(.*)/\1 \2\3/p' "$WORK/out" | sort >"$WORK/findings"
  while read -r kind tag detail; do
    mark='  '
    case ,$allow, in
      *",$tag,"*) mark='a ' ;;
      *) case $kinds in *"$kind"*) mark='! '; bad=1 ;; esac ;;
    esac
    printf '   %s%s: %s %s\n' "$mark" "$kind" "$tag" "$detail"
  done <"$WORK/findings"
  note "$(wc -l <"$WORK/findings") findings in ${file##*/}"
done
[ "$bad" = 0 ] || fail 'findings marked with !'
pass 'nothing but allowed findings'
