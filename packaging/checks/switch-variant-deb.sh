#!/bin/sh
# Switches between two variants of a package, one installed in place of the other, in a booted systemd.
#
#   switch-variant-deb.sh ONE.deb OTHER.deb --service NAME [--probe URL] [--also FILE.deb] [--suite SUITE]
#
#   --also FILE.deb     installed with the first and left alone: the model package that both use
#
# Checks: apt installs OTHER in place of ONE without asking; the service runs the new program and answers; the edited config,
# the state and the model package stay; purging what is left of ONE takes nothing from OTHER; the way back works with plain
# dpkg; purging the last variant leaves nothing. About 10 s on 2 cores. Needs root.
# Exit: 0 passed, 1 failed, 2 usage, 77 cannot run on this machine.

# shellcheck disable=SC2086  # lists of names are split on purpose
set -eu
. "$(dirname "$0")/systemd-boot-lib.sh"

one='' other='' services='' probe='' also='' exec='' timeout=60
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release | tr -d '"')
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
need debootstrap:debootstrap systemd-nspawn:systemd-container nsenter:util-linux pgrep:procps curl:curl dpkg-deb:dpkg
need_root
name_of() { dpkg-deb -f "$1" Package; }
first_name=$(name_of "$one") other_name=$(name_of "$other")

make_base "$suite" systemd,systemd-sysv,dbus,init-system-helpers
open_root
first=$(copy "$one") second=$(copy "$other") with=
for file in $also; do with="$with $(copy "$file")"; done
boot
listing "$RUN/before"

is() { inside dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || :; }
apt_now() {
  inside apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 -o APT::Sandbox::User=root \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" </dev/null >"$RUN/apt.log" 2>&1 ||
    { tail -n 20 "$RUN/apt.log" >&2; fail "apt-get $*"; }
}

step "install $first_name"
apt_now install "$first" $with
up_again install
conffiles=$(inside dpkg-query -W -f '${Conffiles}\n' "$first_name" | awk 'NF > 1 { print $1 }')
administrator_edits

step "$other_name in its place, by apt"
old=$(pids)
apt_now install "$second"
up_again 'the switch'
nothing_lost 'the switch'
[ "$(is "$other_name")" = installed ] || fail "$other_name is $(is "$other_name")"
case $(is "$first_name") in installed) fail "$first_name is still there" ;; esac
[ "$(pids)" != "$old" ] || fail "the old program runs on: $old"
for unit in $services; do
  [ "$(inside systemctl is-enabled "$unit" || :)" = enabled ] || fail "$unit is $(inside systemctl is-enabled "$unit")"
done
for file in $also; do [ "$(is "$(name_of "$file")")" = installed ] || fail "$(name_of "$file") went with $first_name"; done
pass "$first_name -> $other_name: $old-> $(pids)"

step "purge what is left of $first_name"
inside dpkg -P "$first_name" >"$RUN/dpkg.log" 2>&1 || { tail "$RUN/dpkg.log" >&2; fail "dpkg -P $first_name"; }
up_again "the purge of $first_name"
nothing_lost "the purge of $first_name"
for unit in $services; do
  [ "$(inside systemctl is-enabled "$unit" || :)" = enabled ] || fail "the purge of $first_name disabled $unit"
done
pass "it took nothing from $other_name"

step "back to $first_name, by dpkg"
old=$(pids)
inside dpkg --force-confdef --force-confold -i "$first" </dev/null >"$RUN/dpkg.log" 2>&1 || { tail -n 20 "$RUN/dpkg.log" >&2; fail "dpkg -i $first"; }
up_again 'the way back'
nothing_lost 'the way back'
case $(is "$other_name") in installed) fail "$other_name is still there" ;; esac
[ "$(pids)" != "$old" ] || fail "the old program runs on: $old"
pass "$other_name -> $first_name: $old-> $(pids)"

step "purge everything"
administrator_leaves
names="$first_name $other_name"
for file in $also; do names="$names $(name_of "$file")"; done
inside dpkg -P $names >"$RUN/dpkg.log" 2>&1 || { tail "$RUN/dpkg.log" >&2; fail "dpkg -P $names"; }
listing "$RUN/after"
left=$(comm -13 "$RUN/before" "$RUN/after")
[ -z "$left" ] || { printf '%s\n' "$left" | head -n 20 >&2; fail "$(printf '%s\n' "$left" | wc -l) paths left after purge"; }
no_enablement_left
pass 'purge leaves nothing'
echo "all checks passed: $names in $suite"
