#!/bin/sh
# Lints generated systemd files without booting anything and without root: units, sysusers.d, tmpfiles.d, presets.
#
#   unit-check.sh TREE      the files of a package, unpacked (dpkg-deb -x)
#
# systemd-analyze verify says what systemd itself dislikes (wrong keys, wrong values, bad syntax); programs need not exist on this
# machine, only in TREE. Then the traps that verify does not see, each of which has cost a real service its life:
#   relative or missing program · StateDirectory without a mode · group that nobody creates · 'm' lines (rpm) · no HOME ·
#   devices taken away from a service that wants a GPU · system unit wanted by default.target, user unit by multi-user.target
# Under a second. Exit: 0 passed, 1 failed, 2 usage, 77 no systemd-analyze (Debian package: systemd).

# shellcheck disable=SC2013,SC2015
set -eu
[ $# = 1 ] && [ -d "$1" ] || { sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
command -v systemd-analyze >/dev/null || { echo 'missing Debian packages: systemd' >&2; exit 77; }
tree=$(cd "$1" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
bad=0 count=0
complain() { printf 'FAIL %s\n' "$*" >&2; bad=1; }
remark() { printf '   %s\n' "$*"; }

# Programs are replaced by one that exists everywhere, so that only the text is judged. The file keeps its name.
find "$tree" -path '*/systemd/*' -type f \( -name '*.service' -o -name '*.socket' -o -name '*.timer' -o -name '*.path' \) >"$tmp/units"
mkdir "$tmp/system" "$tmp/user"
while read -r unit; do
  kind=system; case $unit in */systemd/user/*) kind=user ;; esac
  sed 's/^\(Exec[A-Za-z]*=[-@:+!|]*\)[^ ]\{1,\}/\1\/bin\/true/' "$unit" >"$tmp/$kind/${unit##*/}"
done <"$tmp/units"

while read -r unit; do
  count=$((count + 1))
  kind=system; case $unit in */systemd/user/*) kind=user ;; esac
  name=${unit##*/} short=${unit#"$tree"} flag=; [ $kind = system ] || flag=--user
  check=$tmp/$kind/$name
  case $name in *@.*) check=$tmp/$kind/${name%@.*}@x.${name##*.}; cp "$tmp/$kind/$name" "$check" ;; esac
  # shellcheck disable=SC2086
  if ! systemd-analyze verify $flag --man=no "$check" >"$tmp/lint" 2>&1 || grep -qF "$tmp/" "$tmp/lint"; then
    complain "$short: systemd-analyze verify"; sed "s|$tmp/[a-z]*/||g; s/^/     /" "$tmp/lint" >&2
  fi
  value() { sed -n "s/^$1=//p" "$unit" | tail -n 1; }
  for program in $(sed -n 's/^Exec[A-Za-z]*=[-@:+!|]*\([^ ]*\).*/\1/p' "$unit"); do
    case $program in
      /*) [ -e "$tree$program" ] || [ -L "$tree$program" ] || remark "$short: $program comes from another package" ;;
      *) complain "$short: $program is no absolute path" ;;
    esac
  done
  for what in State Logs Cache Configuration; do
    [ -z "$(value ${what}Directory)" ] || [ -n "$(value ${what}DirectoryMode)" ] ||
      complain "$short: ${what}Directory= without ${what}DirectoryMode= is 0755, whatever tmpfiles.d or the package say"
  done
  if [ $kind = system ] && grep -q '^ExecStart=' "$unit"; then
    [ -n "$(value User)$(value DynamicUser)" ] || complain "$short: runs as root: write User=root if that is meant"
    grep -q '^Environment=.*HOME=' "$unit" || remark "$short: no HOME= (unset under DynamicUser; Ollama does not start without)"
    ! grep -q '^WantedBy=default.target' "$unit" || complain "$short: a system unit is wanted by multi-user.target"
  fi
  [ $kind = system ] || ! grep -q '^WantedBy=multi-user.target' "$unit" || complain "$short: a user unit is wanted by default.target"
  if grep -qE '^(SupplementaryGroups=.*(render|video)|DeviceAllow=.*(nvidia|drm|dri|kfd))' "$unit" && [ "$(value PrivateDevices)" = yes ]; then
    complain "$short: PrivateDevices=yes hides the GPU it asks for"
  fi
  for group in $(value SupplementaryGroups) $(value Group); do
    grep -rqhE "^[gu] +$group( |\$)" "$tree"/usr/lib/sysusers.d 2>/dev/null ||
      complain "$short: no sysusers.d line creates group $group: where it is missing the service fails with 216/GROUP"
  done
  user=$(value User)
  case $user in '' | root | nobody | %* | [0-9]*) ;; *)
    [ -n "$(value DynamicUser)" ] || grep -rqhE "^u!? +$user( |\$)" "$tree"/usr/lib/sysusers.d 2>/dev/null ||
      complain "$short: no sysusers.d line creates user $user" ;;
  esac
done <"$tmp/units"

mkdir -p "$tmp/root/etc"
for file in "$tree"/usr/lib/sysusers.d/*.conf; do
  [ -f "$file" ] || continue
  systemd-sysusers --root="$tmp/root" --dry-run "$file" >"$tmp/out" 2>&1 || { complain "${file#"$tree"}: systemd-sysusers"; cat "$tmp/out" >&2; }
  ! grep -q '^m ' "$file" || remark "${file#"$tree"}: 'm' lines make rpm (4.20 with sysusers.sh) give the user the wrong primary group"
done
for file in "$tree"/usr/lib/tmpfiles.d/*.conf; do
  [ -f "$file" ] || continue
  awk '!/^(#|$)/ && ($1 !~ /^[a-zA-Z][-+!=~^$]*$/ || $2 !~ /^[\/%]/) { print FILENAME ": " $0; bad = 1 } END { exit bad }' "$file" >&2 ||
    complain "${file#"$tree"}"
done
[ "$count" -gt 0 ] || remark 'no units'
[ "$bad" = 0 ] || exit 1
echo "all checks passed: $count units in $1"
