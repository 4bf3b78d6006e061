#!/bin/sh
# Lets the real apt install a .deb file with its dependencies, in a throw-away copy of a Debian root, and take it away again.
#
#   apt-install.sh PACKAGE.deb [NEW.deb] [--exec COMMAND] [--suite SUITE]
#
#   NEW.deb          upgraded to, the way a user does it: apt install ./NEW.deb
#   --exec COMMAND   runs in the root after every install; must succeed
#   --suite SUITE    release (default: the machine's own)
#
# Checks: apt resolves the dependencies and installs the file without a question or a warning; dpkg -V; upgrade; services are
# not started in a chroot; remove; purge leaves no file of the package. A booted system: systemd-boot-deb.sh.
# Needs root. About 10 s once the base root is there. Exit: 0 passed, 1 failed, 2 usage, 77 cannot run on this machine.

# shellcheck disable=SC2086  # APT is a command with options
set -eu
. "$(dirname "$0")/systemd-boot-lib.sh"
package='' new='' exec=''
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release | tr -d '"')
while [ $# -gt 0 ]; do
  case $1 in
    --exec) exec=$2; shift 2 ;;
    --suite) suite=$2; shift 2 ;;
    -*) usage ;;
    *) if [ -z "$package" ]; then package=$1; elif [ -z "$new" ]; then new=$1; else usage; fi; shift ;;
  esac
done
[ -n "$package" ] || usage
need debootstrap:debootstrap dpkg-deb:dpkg
need_root
name=$(dpkg-deb -f "$package" Package)

make_base "$suite" systemd,systemd-sysv,dbus,init-system-helpers
open_root
printf '#!/bin/sh\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"; chmod 755 "$ROOT/usr/sbin/policy-rc.d"

apt() { in_chroot "$ROOT" $APT -y --no-install-recommends "$@" >"$RUN/apt.log" 2>&1; }
# install FILE: the package lists of the base root may be old
install() {
  file=$(copy "$1")
  if ! apt install "$file"; then
    in_chroot "$ROOT" $APT update >/dev/null 2>&1 || :
    apt install "$file" || { tail -n 15 "$RUN/apt.log" >&2; fail "apt-get install ${1##*/}"; }
  fi
  ! grep -E '^(W|E|N): |warning' "$RUN/apt.log" >&2 || fail "apt-get install ${1##*/} warns"
  version=$(in_chroot "$ROOT" dpkg-query -W -f '${Status} ${Version}' "$name")
  [ "$version" = "install ok installed $(dpkg-deb -f "$1" Version)" ] || fail "$name is '$version'"
  changed=$(in_chroot "$ROOT" dpkg -V "$name" || :)
  [ -z "$changed" ] || fail "installed files differ from the package: $changed"
  [ -z "$exec" ] || in_chroot "$ROOT" sh -c "$exec" || fail "after installing ${1##*/}: $exec"
  pass "${1##*/}: apt installs it, files match"
}

step "install ${package##*/}"
install "$package"
if [ -n "$new" ]; then
  step "upgrade to ${new##*/}"
  install "$new"
fi
files=$(in_chroot "$ROOT" dpkg -L "$name")
step 'remove and purge'
apt remove "$name" || { tail -n 15 "$RUN/apt.log" >&2; fail "apt-get remove $name"; }
# without configuration files nothing is left that apt would know
! in_chroot "$ROOT" dpkg-query -W "$name" >/dev/null 2>&1 || apt purge "$name" || { tail -n 15 "$RUN/apt.log" >&2; fail "apt-get purge $name"; }
printf '%s\n' "$files" | while IFS= read -r file; do
  [ -d "$ROOT$file" ] && [ ! -L "$ROOT$file" ] || { [ ! -e "$ROOT$file" ] && [ ! -L "$ROOT$file" ]; } || echo "$file"
done >"$RUN/left"
[ ! -s "$RUN/left" ] || { cat "$RUN/left" >&2; fail 'left after purge'; }
pass 'purge leaves no file'
echo "all checks passed: $name by apt in $suite"
