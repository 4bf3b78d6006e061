#!/bin/sh
# Takes an .rpm through its whole life with the real rpm, in a throw-away root.
#
#   rpm-lifecycle.sh [--calls EXPECTED] PACKAGE.rpm [OLD.rpm]
#
#   OLD.rpm   an older version: it is installed first and upgraded to PACKAGE; without it PACKAGE is reinstalled over itself
#
# Checks: rpmkeys -K (digests of header and payload); install; rpm --verify (size, digest, mode, owner, time, link of every file);
# an edited %config(noreplace) stays, with .rpmnew when the default changed; an edited %config is replaced and kept as .rpmsave;
# upgrade, reinstall and downgrade do not stop or disable a unit for good; erase stops the units and keeps only edited configuration
# as .rpmsave; nothing else is left. Dependencies are not resolved, services are not run (systemd-boot-rpm.sh). The calls of the
# scriptlets are printed as "STAGE: PROGRAM ARGUMENTS"; with --calls they must be the lines of the file EXPECTED.
# Needs root. 2 s + unpacking three times. Exit: 0 passed, 1 failed, 2 usage, 77 cannot run on this machine.

set -eu
. "$(dirname "$0")/lib.sh"
expected=
if [ "${1-}" = --calls ]; then
  [ $# -ge 2 ] || usage
  expected=$(full_path "$2"); shift 2
fi
case $# in 1 | 2) ;; *) usage ;; esac
need rpm:rpm rpmkeys:rpm busybox:busybox-static
need_root
need_file "$@"
new=$(full_path "$1") old=$(full_path "${2:-$1}")
work_dir

for file in "$old" "$new"; do rpm -qp --nosignature "$file" >"$WORK/out" 2>&1 || fail_with "$WORK/out" "$file cannot be read"; done
field() { rpm -qp --nosignature --qf "%{$2}" "$1" 2>/dev/null; }
name=$(field "$new" NAME)
[ "$(field "$old" NAME)" = "$name" ] || fail "$2 is package $(field "$old" NAME), not $name"

ROOT=$WORK/root
mini_root "$ROOT"
mkdir -p "$ROOT/var/lib/rpm"
db() { rpm --root "$ROOT" --dbpath /var/lib/rpm "$@"; }
db --initdb
listing "$ROOT" "$WORK/before"
run() { db --nodeps --nosignature --noplugins "$@" >"$WORK/out" 2>&1 || fail_with "$WORK/out" "rpm $*"
  ! grep -qE '^(error|warning):.*scriptlet' "$WORK/out" || fail_with "$WORK/out" "rpm $*: scriptlet"; }
verify() {
  changed=$(db --nodeps -V "$name" 2>&1 | grep -vE '^[.5STM]{9}  c ' || :)
  [ -z "$changed" ] || fail "rpm --verify: $changed"
}
# an upgrade that stops a unit must start it again; try-restart does not start what was stopped
stays_up() {
  for unit in $(units '^systemctl (.* )?(stop|disable .*--now|disable) ' "$1"); do
    grep -qE "^systemctl (.* )?(start|restart|enable --now) .*$unit" "$WORK/calls.$1" || fail "$1 stops or disables $unit and never starts it: a scriptlet that does not look at \$1?"
  done
}

step 'digests'
for file in "$old" "$new"; do
  rpmkeys --dbpath "$WORK/none" -K --nosignature "$file" >"$WORK/out" 2>&1 || fail_with "$WORK/out" "rpmkeys -K ${file##*/}"
done
pass 'header and payload'
db --test --nosignature -U "$new" >"$WORK/out" 2>&1 || sed -n 's/^[[:space:]]*\(.* is needed by .*\)/   needs: \1/p' "$WORK/out" | sed 's/ is needed by.*//'

step "install $(field "$old" EVR)"
run -i "$old"
verify
calls install
pass "installed as packed: $(db -ql "$name" | wc -l) paths"

step 'edit the configuration'
mkdir "$WORK/edited"
db -q --qf '[%{FILEFLAGS:fflags} %{FILENAMES}\n]' "$name" | sed -n 's/^\([a-z]*c[a-z]*\) /\1 /p' >"$WORK/conf"
while read -r flags conf; do
  case $flags in *g*) continue ;; esac
  [ -f "$ROOT$conf" ] || continue
  printf '\nedited\n' >>"$ROOT$conf"
  mkdir -p "$WORK/edited${conf%/*}"
  cp "$ROOT$conf" "$WORK/edited$conf"
done <"$WORK/conf"

step "upgrade to $(field "$new" EVR)"
# the digests of the defaults, before and after
digests() { rpm -qp --nosignature --qf '[%{FILENAMES} %{FILEDIGESTS}\n]' "$1" 2>/dev/null | sort; }
if [ "$old" = "$new" ]; then run --reinstall "$new"; else run -U "$new"; fi
while read -r flags conf; do
  [ -f "$WORK/edited$conf" ] || continue
  was=$(digests "$old" | grep "^$conf ") || was=
  is=$(digests "$new" | grep "^$conf ") || continue
  if [ "$was" = "$is" ]; then
    cmp -s "$ROOT$conf" "$WORK/edited$conf" || fail "upgrade changed the edited $conf though its default is the same"
  else
    case $flags in
      *n*)
        cmp -s "$ROOT$conf" "$WORK/edited$conf" || fail "upgrade changed the edited $conf, which is noreplace"
        [ -f "$ROOT$conf.rpmnew" ] || fail "the new default of $conf is not beside it as .rpmnew"
        note "$conf.rpmnew holds the new default" ;;
      *)
        cmp -s "$ROOT$conf.rpmsave" "$WORK/edited$conf" || fail "the edited $conf was not kept as .rpmsave"
        note "$conf was replaced, .rpmsave holds the edited one" ;;
    esac
  fi
done <"$WORK/conf"
verify
calls upgrade
stays_up upgrade
if [ "$old" != "$new" ]; then # runs the new version's %preun and %postun as an upgrade
  run --reinstall "$new"
  calls reinstall
  stays_up reinstall
  run -U --oldpackage "$old"
  [ "$(db -q --qf '%{EVR}' "$name")" = "$(field "$old" EVR)" ] || fail 'not downgraded'
  calls downgrade
  stays_up downgrade
  run -U "$new"
  calls again
fi
pass 'upgrade, reinstall and downgrade keep edited configuration and stop nothing'

step erase
run -e "$name"
! db -q "$name" >/dev/null || fail 'still installed'
calls erase
for unit in $(units '^systemctl (.* )?(preset|enable|start) ' install); do
  grep -qE "^systemctl (.* )?(disable|stop) .*$unit" "$WORK/calls.erase" || fail "install enables or starts $unit, erase does not stop it"
done
while read -r flags conf; do
  [ -f "$WORK/edited$conf" ] || continue
  [ -f "$ROOT$conf.rpmsave" ] || fail "erase lost the edited $conf (no .rpmsave)"
  rm -f "$ROOT$conf.rpmsave" "$ROOT$conf.rpmnew" # the administrator's to remove
  dir=${conf%/*}
  while [ -n "$dir" ] && rmdir "$ROOT$dir" 2>/dev/null; do dir=${dir%/*}; done
done <"$WORK/conf"
listing "$ROOT" "$WORK/after"
left=$(comm -13 "$WORK/before" "$WORK/after")
[ -z "$left" ] || fail "left after erase (directories that the package does not own?): $(printf '%s' "$left" | head -n 20 | tr '\n' ' ')"
lost=$(comm -23 "$WORK/before" "$WORK/after")
[ -z "$lost" ] || fail "erase removed what was there before: $(printf '%s' "$lost" | head -n 20 | tr '\n' ' ')"
pass 'erase keeps edited configuration and nothing else'
if [ -n "$expected" ]; then
  for stage in install upgrade reinstall downgrade again erase; do
    [ ! -f "$WORK/calls.$stage" ] || sed "s/^/$stage: /" "$WORK/calls.$stage"
  done >"$WORK/called"
  cmp -s "$expected" "$WORK/called" || { diff "$expected" "$WORK/called" >&2 || :; fail 'the scriptlets call something else'; }
  pass 'the scriptlets call what is expected'
fi
echo "all checks passed: $name"
