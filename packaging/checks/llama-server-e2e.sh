#!/bin/sh
# A package whose service is a real llama-server with a real GGUF model, in a booted systemd.
#
#   llama-server-e2e.sh APP.deb MODEL.deb NEWER-MODEL.deb [--url URL] [--suite SUITE] [--from SUITE]
#
#   APP.deb             finds a llama-server: Debian's llama.cpp-tools is there, in /usr/bin
#   --url URL           where the service listens (default http://127.0.0.1:11611)
#   --suite SUITE       Debian release to boot (default trixie)
#   --from SUITE        where llama.cpp-tools comes from (default sid; it is in no stable release yet)
#
# Checks: the service comes up as a user of its own; /health; the model is listed; a completion with tokens counted; the same
# after a restart; after the newer model alone was installed the server has been restarted and serves that one; purge leaves
# nothing. About 10 s on 2 cores once the base root is there (making it: 2 to 3 min, 600 MB). Needs root.
# Exit: 0 passed, 1 failed, 2 usage, 77 cannot run on this machine.

# shellcheck disable=SC2016,SC2086  # lists of names are split on purpose
set -eu
. "$(dirname "$0")/systemd-boot-lib.sh"

packages='' url=http://127.0.0.1:11611 suite=trixie from=sid
services='' probe='' exec='' timeout=60
while [ $# -gt 0 ]; do
  case $1 in
    --url) url=$2; shift 2 ;;
    --suite) suite=$2; shift 2 ;;
    --from) from=$2; shift 2 ;;
    -*) usage ;;
    *) packages="$packages $1"; shift ;;
  esac
done
set -- $packages
[ $# = 3 ] || usage
need debootstrap:debootstrap systemd-nspawn:systemd-container nsenter:util-linux pgrep:procps curl:curl dpkg-deb:dpkg
need_root
names="$(dpkg-deb -f "$1" Package) $(dpkg-deb -f "$2" Package)"

make_base "$suite" systemd,systemd-sysv,dbus,init-system-helpers,ca-certificates "$from" llama.cpp-tools
open_root
note "llama.cpp-tools $(in_chroot "$ROOT" dpkg-query -W -f '${Version}' llama.cpp-tools)"
app=$(copy "$1") model=$(copy "$2") newer=$(copy "$3")
boot
listing "$RUN/before"

install_now() { inside dpkg -i "$@" >"$RUN/dpkg.log" 2>&1 || { tail -n 20 "$RUN/dpkg.log" >&2; fail "dpkg -i $*"; }; }

# completion: four tokens of whatever the model has to say
completion() {
  answer=$(http -f "$url/v1/completions" -H 'Content-Type: application/json' -d '{"prompt": "hello", "max_tokens": 4}') || fail 'no completion'
  tokens=$(printf %s "$answer" | sed -n 's/.*"completion_tokens": *\([0-9]*\).*/\1/p')
  [ "${tokens:-0}" -gt 0 ] || fail "no token was counted: $(printf %s "$answer" | head -c 300)"
  note "$tokens tokens"
}

# served: what the server says of its model
served() { http -f "$url/v1/models"; }

step "install $names"
install_now "$app" "$model"
services=$(inside dpkg -L ${names%% *} | sed -n 's|^/usr/lib/systemd/system/\([^/@]*\)\.service$|\1|p' | head -n 1)
[ -n "$services" ] || fail "no service in ${names%% *}"
wait_active "$services"
wait_http "$url/health"
case $BODY in *ok*) ;; *) fail "/health says $BODY" ;; esac
user=$(get "$services" User)
if [ -z "$user" ] || [ "$user" = root ]; then fail "$services runs as root"; fi
program=$(inside readlink "/proc/$(get "$services" MainPID)/exe")
[ "$program" = /usr/bin/llama-server ] || fail "$services is $program, not the llama-server of the system"
served | grep -q gguf || fail "the model is not listed: $(served)"
completion
pass "$services answers as user $user"
inside systemctl restart "$services"
wait_http "$url/health"
completion
pass 'a completion after a restart'

step "the newer model alone: ${newer##*/}"
old=$(pids) before=$(served)
install_now "$newer"
tries=0
while [ "$(pids)" = "$old" ] && [ "$tries" -lt 40 ]; do tries=$((tries + 1)); sleep 0.25; done
[ "$(pids)" != "$old" ] || fail "the newer model did not restart the service: $old"
wait_active "$services"
wait_http "$url/health"
completion
[ "$(served | grep -o '"id":"[^"]*"')" != "$(printf %s "$before" | grep -o '"id":"[^"]*"')" ] || fail "the old model is served: $before"
pass "$old-> $(pids), with the newer model"

step purge
pid=$(get "$services" MainPID)
inside dpkg -P $names >"$RUN/dpkg.log" 2>&1 || { tail "$RUN/dpkg.log" >&2; fail "dpkg -P $names"; }
[ "$pid" = 0 ] || ! inside test -d "/proc/$pid" || fail 'the server outlived its package'
listing "$RUN/after"
left=$(comm -13 "$RUN/before" "$RUN/after")
[ -z "$left" ] || { printf '%s\n' "$left" | head -n 20 >&2; fail "$(printf '%s\n' "$left" | wc -l) paths left after purge"; }
no_enablement_left
pass 'purge leaves nothing'
echo "all checks passed: $names"
