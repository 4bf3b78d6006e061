#!/bin/sh
# What the triggers of an .rpm do, with the real rpm, in a throw-away root.
#
#   rpm-triggers.sh WATCHER.rpm OTHER.rpm NEWER.rpm EXPECTED
#
# Installs WATCHER, then OTHER, which it waits for, upgrades that to NEWER and erases it. The scripts of WATCHER note their calls in
# /var/log/calls; the notes, as "STAGE: NOTE", must be those of the file EXPECTED.
# Needs root. 2 s. Exit: 0 passed, 1 failed, 2 usage, 77 cannot run on this machine.

set -eu
. "$(dirname "$0")/lib.sh"
[ $# = 4 ] || usage
need rpm:rpm busybox:busybox-static
need_root
need_file "$@"
watcher=$(full_path "$1") other=$(full_path "$2") newer=$(full_path "$3") expected=$(full_path "$4")
work_dir

ROOT=$WORK/root
mini_root "$ROOT"
mkdir -p "$ROOT/var/lib/rpm"
db() { rpm --root "$ROOT" --dbpath /var/lib/rpm "$@"; }
db --initdb
run() {
  stage=$1; shift
  db --nodeps --nosignature --noplugins "$@" >"$WORK/out" 2>&1 || fail_with "$WORK/out" "rpm $*"
  ! grep -qE '^(error|warning):.*(scriptlet|trigger)' "$WORK/out" || fail_with "$WORK/out" "rpm $*: scriptlet"
  calls "$stage" >>"$WORK/notes"
}

run watch -i "$watcher"
run install -i "$other"
run upgrade -U "$newer"
run erase -e "$(rpm -qp --nosignature --qf '%{NAME}' "$newer" 2>/dev/null)"
sed 's/^   //' "$WORK/notes" >"$WORK/got"
cat "$WORK/got"
cmp -s "$expected" "$WORK/got" || { diff "$expected" "$WORK/got" >&2 || :; fail 'the triggers did something else'; }
pass 'triggers run as expected'
