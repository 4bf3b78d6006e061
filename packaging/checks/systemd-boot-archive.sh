#!/bin/sh
# Registers the services of an unpacked archive in a booted systemd, with the control program that is in the archive.
#
#   systemd-boot-archive.sh ARCHIVE.tar.* [NEW.tar.*] [--probe URL] [--suite SUITE] [--timeout SECONDS]
#
#   NEW.tar.*   a newer version: unpacked beside the first, registered in its place
#   --probe     answers with HTTP 2xx while the first service runs (asked inside the container)
#
# Checks: install as root registers, makes the user, enables and starts; the service is stable and answers; a second install changes
# nothing; a newer folder takes over with a restart; stop, status and start; after a reboot of the manager it is enabled; the units
# lint; uninstall leaves nothing but state, and users. About 10 s once the base root is there.
# Needs root. Exit: 0 passed, 1 failed, 2 usage, 77 cannot run on this machine.

# shellcheck disable=SC2086  # lists of names are split on purpose
set -eu
. "$(dirname "$0")/systemd-boot-lib.sh"

archive='' new='' services='' probe='' exec='' timeout=60
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release | tr -d '"')
while [ $# -gt 0 ]; do
  case $1 in
    --probe) probe=$2; shift 2 ;;
    --suite) suite=$2; shift 2 ;;
    --timeout) timeout=$2; shift 2 ;;
    -*) usage ;;
    *) if [ -z "$archive" ]; then archive=$1; elif [ -z "$new" ]; then new=$1; else usage; fi; shift ;;
  esac
done
[ -n "$archive" ] || usage
need debootstrap:debootstrap systemd-nspawn:systemd-container nsenter:util-linux pgrep:procps curl:curl tar:tar
need_root
make_base "$suite" systemd,systemd-sysv,dbus,init-system-helpers
open_root

# unpack ARCHIVE: below /opt; prints the control program
unpack() {
  mkdir -p "$ROOT/opt"
  tar -xf "$1" -C "$ROOT/opt" --no-same-owner
  top=$(tar -tf "$1" | head -n 1); top=${top%%/*}
  for program in "$ROOT/opt/$top"/bin/*-service; do [ -x "$program" ] || fail "$1 has no control program"; done
  printf '%s\n' "${program#"$ROOT"}"
}
control=$(unpack "$archive")
boot
listing "$RUN/before"

step "$control install"
inside "$control" status >"$RUN/said" && fail 'status says that all run before anything is installed'
services=$(sed -n 's/: not installed$//p' "$RUN/said")
[ -n "$services" ] || { cat "$RUN/said" >&2; fail 'status names no service'; }
inside "$control" install >"$RUN/said" 2>&1 || { cat "$RUN/said" >&2; fail 'install'; }
up_again install
units=
for unit in $services; do
  [ "$(inside systemctl is-enabled "$unit")" = enabled ] || fail "$unit is not enabled"
  units="$units /etc/systemd/system/$unit.service"
  pass "$unit: enabled, active as user $(get "$unit" User), pid $(get "$unit" MainPID)"
  note "systemd-analyze security: $(inside systemd-analyze security "$unit" --no-pager 2>/dev/null | tail -n 1 | sed 's/^[^A-Za-z]*//')"
done
inside systemd-analyze verify --man=no $units >"$RUN/said" 2>&1 || { cat "$RUN/said" >&2; fail 'systemd-analyze verify'; }

step 'install again'
old=$(pids)
inside "$control" install >"$RUN/said" 2>&1 || { cat "$RUN/said" >&2; fail 'a second install'; }
[ "$(pids)" = "$old" ] || fail "a second install restarted the service: $old-> $(pids)"
pass 'a second install changes nothing'

if [ -n "$new" ]; then
  step "${new##*/} takes over"
  control=$(unpack "$new")
  inside "$control" install >"$RUN/said" 2>&1 || { cat "$RUN/said" >&2; fail 'install of the newer folder'; }
  up_again 'the newer folder'
  [ "$(pids)" != "$old" ] || fail "the service was not restarted: $old"
  for unit in $services; do
    inside systemctl show "$unit" -p ExecStart --value | grep -qF "${control%/bin/*}/" || fail "$unit does not run from ${control%/bin/*}"
  done
  pass "the newer folder runs: $old-> $(pids)"
fi

step 'stop, status, start'
inside "$control" stop >/dev/null || fail 'stop'
code=0; inside "$control" status >/dev/null || code=$?
[ "$code" = 3 ] || fail "status of a stopped service is $code"
inside "$control" start >/dev/null || fail 'start'
up_again start
inside "$control" status >/dev/null || fail 'status of a running service'
pass 'stop, status and start'

step uninstall
pids=$(pids)
inside "$control" uninstall >"$RUN/said" 2>&1 || { cat "$RUN/said" >&2; fail 'uninstall'; }
for pair in $pids; do
  ! inside test -d "/proc/${pair#*=}" || fail "process ${pair#*=} of ${pair%%=*} outlived the service"
done
inside "$control" uninstall >/dev/null || fail 'a second uninstall'
code=0; inside "$control" status >/dev/null || code=$?
[ "$code" = 4 ] || fail "status after uninstall is $code"
listing "$RUN/after"
left=$(comm -13 "$RUN/before" "$RUN/after" | grep -vE '^\./(opt|var/lib)/|^\./etc/(passwd|group|shadow|gshadow|subuid|subgid)-$' || :)
[ -z "$left" ] || { printf '%s\n' "$left" | head -n 20 >&2; fail 'paths left after uninstall'; }
no_enablement_left
grep '^kept: ' "$RUN/said" || :
pass 'uninstall leaves nothing but state'
echo "all checks passed: $(words "$services")"
