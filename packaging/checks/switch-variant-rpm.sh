#!/bin/sh
# Switches between two variants of a package with the real dnf, in a booted systemd.
#
#   switch-variant-rpm.sh ONE.rpm OTHER.rpm --service NAME [--probe URL] [--also FILE.rpm] [--suite SUITE]
#
#   --also FILE.rpm     installed with the first and left alone: the model package that both use
#
# Checks: dnf refuses both together; `dnf swap` replaces one by the other in one transaction, there and back; the service stays
# enabled, runs the new program and answers; the edited config and the state stay; removing the last variant leaves the edited
# config as .rpmsave and the state. What the packages require of a distribution is taken as given. Needs root.
# Exit: 0 passed, 1 failed, 2 usage, 77 cannot run on this machine.

# shellcheck disable=SC2086  # lists of names are split on purpose
set -eu
. "$(dirname "$0")/systemd-boot-lib.sh"

one='' other='' services='' probe='' also='' exec='' timeout=60 suite=trixie
while [ $# -gt 0 ]; do
  case $1 in
    --service) services="$services ${2%.service}"; shift 2 ;;
    --probe) probe=$2; shift 2 ;;
    --also) also="$also $2"; shift 2 ;;
    --suite) suite=$2; shift 2 ;;
    -*) usage ;;
    *) if [ -z "$one" ]; then one=$1; elif [ -z "$other" ]; then other=$1; else usage; fi; shift ;;
  esac
done
if [ -z "$other" ] || [ -z "$services" ]; then usage; fi
need debootstrap:debootstrap systemd-nspawn:systemd-container nsenter:util-linux pgrep:procps curl:curl
need_root

make_base "$suite" systemd,systemd-sysv,dbus,rpm,dnf,createrepo-c,ca-certificates
open_root
mkdir -p "$ROOT/usr/share/licenses" "$ROOT/usr/lib64" "$ROOT/usr/libexec"
mkdir -p "$ROOT/srv/pkggen/repo" "$ROOT/etc/yum.repos.d" "$ROOT/usr/lib/systemd/system-preset"
for file in "$one" "$other" $also; do cp "$file" "$ROOT/srv/pkggen/repo/"; done
query() { in_chroot "$ROOT" rpm -qp --nosignature "$@"; }
name_of() { query --qf '%{NAME}' "/srv/pkggen/repo/${1##*/}"; }
first=$(name_of "$one") second=$(name_of "$other") with=
for file in $also; do with="$with $(name_of "$file")"; done

# the distribution: what they need, but for what they have themselves
in_chroot "$ROOT" sh -c 'rpm -qp --nosignature --provides /srv/pkggen/repo/*.rpm' | sed 's/ .*//' | sort -u >"$RUN/own"
needs=$(in_chroot "$ROOT" sh -c 'rpm -qp --nosignature --requires /srv/pkggen/repo/*.rpm' | grep -v '^rpmlib(' |
  awk -v own="$RUN/own" 'BEGIN { while ((getline line < own) > 0) has[line] = 1 } !has[$1]' | sort -u | tr '\n' ',')
printf '%s\n' 'Name: host-stub' 'Version: 1' 'Release: 1' 'Summary: what the host provides' 'License: none' 'BuildArch: noarch' \
  "Provides: user(root) group(root)${needs:+ $(printf %s "$needs" | tr ',' ' ')}" '%description' 'Stands for the distribution.' '%files' \
  >"$ROOT/srv/pkggen/host-stub.spec"
in_chroot "$ROOT" sh -c 'rpmbuild -bb --quiet --define "_rpmdir /srv/pkggen" --define "_topdir /tmp/rb" /srv/pkggen/host-stub.spec &&
  rpm -i --nosignature /srv/pkggen/noarch/host-stub-1-1.noarch.rpm' >"$RUN/stub.log" 2>&1 || { tail "$RUN/stub.log" >&2; fail 'host stub'; }
printf '[pkggen]\nname=pkggen\nbaseurl=file:///srv/pkggen/repo\nenabled=1\ngpgcheck=0\nmetadata_expire=1\n' >"$ROOT/etc/yum.repos.d/pkggen.repo"
echo 'enable *' >"$ROOT/usr/lib/systemd/system-preset/10-verify.preset"
boot
inside createrepo_c -q /srv/pkggen/repo

dnf_now() {
  inside dnf -q -y --releasever=1 --setopt=clean_requirements_on_remove=False "$@" >"$RUN/dnf.log" 2>&1 ||
    { tail -n 20 "$RUN/dnf.log" >&2; fail "dnf $*"; }
  if grep -iE 'scriptlet|error' "$RUN/dnf.log" >&2; then fail "dnf $* complained"; fi
}

# one_of_them IS IS-NOT OLD-PIDS WHAT
one_of_them() {
  up_again "$4"
  nothing_lost "$4"
  inside rpm -q "$1" >/dev/null || fail "$1 is not installed"
  ! inside rpm -q "$2" >/dev/null || fail "$2 is still there"
  [ "$(pids)" != "$3" ] || fail "the old program runs on: $3"
  for unit in $services; do
    [ "$(inside systemctl is-enabled "$unit" || :)" = enabled ] || fail "$4: $unit is $(inside systemctl is-enabled "$unit")"
  done
  for name in $with; do inside rpm -q "$name" >/dev/null || fail "$name went with $2"; done
  saved=$(find "$ROOT/etc" -name '*.rpmsave')
  [ -z "$saved" ] || fail "$4 moved edited config aside: $saved"
  pass "$2 -> $1: $3-> $(pids)"
}

step "install $first"
dnf_now install "$first" $with
inside systemctl start $services
up_again install
conffiles=$(inside rpm -qc "$first" | grep '^/' || :)
administrator_edits
inside dnf -q -y --releasever=1 install "$second" >"$RUN/dnf.log" 2>&1 && fail "dnf installed $second beside $first"
grep -q conflict "$RUN/dnf.log" || { cat "$RUN/dnf.log" >&2; fail "dnf refused $second for another reason"; }
pass "dnf refuses $second beside $first"

step "dnf swap $first $second"
old=$(pids)
dnf_now swap "$first" "$second"
one_of_them "$second" "$first" "$old" 'the switch'
step "dnf swap $second $first"
old=$(pids)
dnf_now swap "$second" "$first"
one_of_them "$first" "$second" "$old" 'the way back'

step remove
pids=$(pids)
dnf_now remove "$first" $with
all_stopped "$pids"
administrator_leaves
no_enablement_left
for file in $conffiles; do [ -f "$ROOT$file.rpmsave" ] || fail "the edited $file was not kept as .rpmsave"; done
pass 'the last one stops the service and keeps edited config and state'
echo "all checks passed: $first $second with $(inside rpm --version)"
