# shellcheck shell=sh disable=SC2154
# What the checks that boot a real Debian have in common. Sourced, not run: systemd-boot-deb.sh,
# systemd-boot-rpm.sh, apt-install.sh.
#
# A base root is made once by debootstrap and kept in $PKGGEN_VERIFY_CACHE; every run works on an overlay above it that is
# thrown away. The container is systemd-nspawn without a network of its own, so nothing it does reaches the machine.
# The Debian mirror is the one the machine's own /etc/apt names.
#
#   PKGGEN_VERIFY_CACHE    where base roots are kept        (default ~/.cache/pkggen-verify)
#   PKGGEN_VERIFY_MIRROR   take this mirror instead of the machine's
#
# Exit codes: 0 all checks passed, 1 a check failed, 2 wrong use, 77 cannot run on this machine.

PATH=$PATH:/usr/sbin:/sbin
PKGGEN_VERIFY_CACHE=${PKGGEN_VERIFY_CACHE:-$HOME/.cache/pkggen-verify}
RUN='' ROOT='' LEADER='' NSPAWN='' MOUNTED='' CHROOT_PROC='' JOURNAL_OF=''

note() { printf '   %s\n' "$*"; }
pass() { printf 'ok %s\n' "$*"; }
step() { printf -- '-- %s\n' "$*"; }
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }

# fail MESSAGE: the check that did not hold, what the service said last, exit 1
fail() {
  printf 'FAIL %s\n' "$*" >&2
  if [ -n "$LEADER" ] && [ -n "$JOURNAL_OF" ]; then
    inside journalctl -u "$JOURNAL_OF" -o cat --no-pager -n 15 2>/dev/null | sed 's/^/     journal: /' >&2 || :
  fi
  exit 1
}

# need COMMAND:DEBIAN-PACKAGE …
need() {
  missing=
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
  done
  [ -z "$missing" ] || { printf 'missing Debian packages:%s\n' "$missing" >&2; exit 77; }
}

need_root() { [ "$(id -u)" = 0 ] || { echo 'needs root: mounts an overlay and boots a container' >&2; exit 77; }; }

# The mirror of the machine's own release, whichever of the two source formats it is written in.
apt_uri() {
  [ -z "${PKGGEN_VERIFY_MIRROR:-}" ] || { printf '%s\n' "$PKGGEN_VERIFY_MIRROR"; return; }
  codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release | tr -d '"')
  {
    for list in /etc/apt/sources.list.d/*.sources; do
      [ -f "$list" ] && awk 'BEGIN { RS = ""; FS = "\n" }
        { uri = suites = ""; on = 1; deb = 0
          for (i = 1; i <= NF; i++) {
            key = tolower($i); sub(/:.*/, "", key); value = $i; sub(/^[^:]*:[ \t]*/, "", value)
            if (key == "enabled" && tolower(value) == "no") on = 0
            if (key == "types" && (" " value " ") ~ / deb /) deb = 1
            if (key == "uris") { split(value, part, /[ \t]+/); uri = part[1] }
            if (key == "suites") suites = value
          }
          n = split(suites, suite, /[ \t]+/)
          if (on && deb) for (j = 1; j <= n; j++) print suite[j], uri }' "$list"
    done
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
      [ -f "$list" ] && sed -n 's/\[[^]]*\]//; s/^deb[[:space:]]\{1,\}\([^[:space:]]*\)[[:space:]]\{1,\}\([^[:space:]]*\).*/\2 \1/p' "$list"
    done
    :
  } | awk -v codename="$codename" '$2 ~ /^(https?|file|copy):/ { if (!first) first = $2; if ($1 == codename && !own) own = $2 }
      END { if (own) print own; else if (first) print first; else exit 1 }' ||
    { echo 'no usable source in /etc/apt: set PKGGEN_VERIFY_MIRROR' >&2; exit 77; }
}

# in_chroot ROOT COMMAND…: with the machine's network; services are never started there
in_chroot() {
  in=$1; shift
  mkdir -p "$in/proc"; mount -t proc proc "$in/proc"; CHROOT_PROC=$in/proc
  cp -L /etc/resolv.conf "$in/etc/resolv.conf" 2>/dev/null || :
  status=0
  chroot "$in" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    "$@" || status=$?
  umount "$CHROOT_PROC"; CHROOT_PROC=
  return "$status"
}

APT='apt-get -qq -o Dpkg::Use-Pty=0 -o APT::Sandbox::User=root -o Acquire::Retries=3'

# make_base SUITE PACKAGE,PACKAGE… [OTHER-SUITE PACKAGE…]: sets BASE to a cached root with those packages;
# those after OTHER-SUITE come from there, the rest of that suite stays out of the way (priority 50)
make_base() {
  base_suite=$1 base_packages=$2; shift 2
  BASE=$PKGGEN_VERIFY_CACHE/base-$base_suite-$(printf '%s ' "$base_packages" "$@" | cksum | cut -d' ' -f1)
  mkdir -p "$PKGGEN_VERIFY_CACHE"
  exec 9>"$BASE.lock"; flock 9
  if [ ! -d "$BASE" ]; then
    base_mirror=$(apt_uri) || exit $?
    note "making base root $base_suite + $base_packages $* (once; kept in \$PKGGEN_VERIFY_CACHE)"
    rm -rf --one-file-system "$BASE.part"
    debootstrap --variant=minbase --include="$base_packages" "$base_suite" "$BASE.part" "$base_mirror" >"$BASE.log" 2>&1 ||
      { tail -n 15 "$BASE.log" >&2; fail "debootstrap $base_suite (log: $BASE.log)"; }
    # mirrors that need it are told so in the machine's own apt settings
    apt-config dump | grep -E '^Acquire::(https?::Proxy |Check-Valid-Until|Check-Date)' >"$BASE.part/etc/apt/apt.conf.d/90machine" || :
    printf '#!/bin/sh\nexit 101\n' >"$BASE.part/usr/sbin/policy-rc.d"; chmod 755 "$BASE.part/usr/sbin/policy-rc.d"
    if [ $# -gt 0 ]; then
      base_other=$1; shift
      printf 'deb %s %s main\n' "$base_mirror" "$base_other" >"$BASE.part/etc/apt/sources.list.d/other.list"
      printf 'Package: *\nPin: release n=%s\nPin-Priority: 50\n' "$base_other" >"$BASE.part/etc/apt/preferences.d/other"
    fi
    # shellcheck disable=SC2086  # APT is a command with options
    in_chroot "$BASE.part" $APT update >>"$BASE.log" 2>&1 || { tail -n 15 "$BASE.log" >&2; fail "apt-get update in the base root"; }
    if [ $# -gt 0 ]; then
      # shellcheck disable=SC2086
      in_chroot "$BASE.part" $APT -y --no-install-recommends -t "$base_other" install "$@" >>"$BASE.log" 2>&1 ||
        { tail -n 15 "$BASE.log" >&2; fail "install $* from $base_other (log: $BASE.log)"; }
    fi
    rm -f "$BASE.part/usr/sbin/policy-rc.d" "$BASE.part"/var/cache/apt/archives/*.deb
    mv "$BASE.part" "$BASE"
  fi
  exec 9>&-
}

# open_root: sets ROOT to a throw-away view of BASE
open_root() {
  RUN=$(mktemp -d "$PKGGEN_VERIFY_CACHE/run.XXXXXX")
  chmod 755 "$RUN"
  mkdir "$RUN/up" "$RUN/work" "$RUN/root"
  ROOT=$RUN/root
  if mount -t overlay pkggen-verify -o "lowerdir=$BASE,upperdir=$RUN/up,workdir=$RUN/work" "$ROOT" 2>/dev/null; then
    MOUNTED=1
  else
    note 'no overlay file system: copying the base root'
    cp -a --reflink=auto "$BASE/." "$ROOT"
  fi
}

# boot: starts systemd in ROOT and waits until it has settled
boot() {
  # A machine that runs systemd itself can give the container a scope of its own; elsewhere the caller's is kept.
  keep=--keep-unit; [ ! -d /run/systemd/system ] || keep=
  # shellcheck disable=SC2086
  systemd-nspawn --quiet -D "$ROOT" --register=no $keep --private-network --boot -M "pkggen-$$" \
    </dev/null >"$RUN/boot.log" 2>&1 &
  NSPAWN=$!
  state='' tries=0
  while :; do
    LEADER=$(pgrep -P "$NSPAWN" | head -n 1) || :
    if [ -n "$LEADER" ]; then
      state=$(inside systemctl is-system-running --wait 2>/dev/null) || :
      case $state in running | degraded) break ;; esac
    fi
    tries=$((tries + 1))
    if [ "$tries" -gt 150 ] || ! kill -0 "$NSPAWN" 2>/dev/null; then
      tail -n 20 "$RUN/boot.log" >&2; LEADER=; fail 'the container did not boot'
    fi
    sleep 0.2
  done
  [ "$state" = running ] || { inside systemctl --failed --no-legend >&2; fail 'units failed before anything was installed'; }
}

# inside COMMAND…: as root in the booted container
inside() {
  nsenter --target "$LEADER" --mount --uts --ipc --net --pid --cgroup --root --wd \
    /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    SYSTEMD_COLORS=0 SYSTEMD_PAGER= "$@"
}

# http …: the machine's curl in the container's network
http() { nsenter --target "$LEADER" --net curl -sS --noproxy '*' --max-time 10 "$@"; }

# get UNIT PROPERTY
get() { inside systemctl show "$1" -p "$2" --value; }

# wait_active UNIT [SECONDS]: active, and still the same process a second later
wait_active() {
  JOURNAL_OF=$1 waited=0
  while :; do
    state=$(get "$1" ActiveState)
    case $state in
      active) pid=$(get "$1" MainPID); sleep 1
              [ "$(get "$1" ActiveState) $(get "$1" MainPID)" != "active $pid" ] || return 0 ;;
      failed) fail "$1 failed: $(get "$1" Result), exit status $(get "$1" ExecMainStatus)" ;;
      inactive) if [ "$(get "$1" Type) $(get "$1" Result)" = 'oneshot success' ] &&
                   [ -n "$(get "$1" ExecMainExitTimestamp)" ]; then return 0; fi; sleep 0.5 ;;
      *) sleep 0.5 ;;
    esac
    waited=$((waited + 1))
    [ "$waited" -le "$((2 * ${2:-60}))" ] || fail "$1 is $state after ${2:-60} s"
  done
}

# wait_http URL [SECONDS]: sets BODY
wait_http() {
  waited=0
  until BODY=$(http -f "$1" 2>"$RUN/http.err"); do
    waited=$((waited + 1))
    [ "$waited" -le "$((4 * ${2:-60}))" ] || fail "no answer from $1: $(tail -n 1 "$RUN/http.err")"
    sleep 0.25
  done
}

# --- what the life-cycle recipes share; they set services, probe, exec, timeout and conffiles -------------------------------

words() { printf '%s' "$1" | tr -s '\n' ' '; }

# copy FILE: puts it where the container finds it, prints that path
copy() { mkdir -p "$ROOT/srv/pkggen"; cp "$1" "$ROOT/srv/pkggen/"; printf '/srv/pkggen/%s\n' "${1##*/}"; }

# pids: "unit=pid …" of the services
pids() { for unit in $services; do printf '%s=%s ' "$unit" "$(get "$unit" MainPID)"; done; }

# up_again WHAT: after a step that may restart, every service is active and the probe answers
up_again() {
  for unit in $services; do wait_active "$unit" "$timeout"; done
  if [ -n "$probe" ]; then wait_http "$probe" "$timeout"; note "$probe: $(printf '%s' "$BODY" | head -c 70 | head -n 1)"; fi
  [ -z "$exec" ] || inside sh -c "$exec" || fail "after $1: $exec"
}

# unit_checks UNIT-FILE …
unit_checks() {
  for unit in "$@"; do
    inside systemd-analyze verify --man=no "$unit" >"$RUN/lint" 2>&1 || { cat "$RUN/lint" >&2; fail "systemd-analyze verify $unit"; }
    ! grep -F "$unit" "$RUN/lint" >&2 || fail "systemd-analyze verify has remarks about $unit"
  done
}

# administrator_edits: config edited, a drop-in, data in the state directory; sets state_dirs
administrator_edits() {
  mkdir "$RUN/conf"
  for file in $conffiles; do
    [ -f "$ROOT$file" ] || fail "config file $file is not there"
    printf '\n' >>"$ROOT$file" # an empty line at the end hurts no syntax
    cp "$ROOT$file" "$RUN/conf/$(printf %s "$file" | tr / _)"
  done
  state_dirs=
  for unit in $services; do
    mkdir -p "$ROOT/etc/systemd/system/$unit.service.d"
    printf '[Service]\nEnvironment=PKGGEN_VERIFY=kept\n' >"$ROOT/etc/systemd/system/$unit.service.d/verify.conf"
    for dir in $(get "$unit" StateDirectory); do
      state_dirs="$state_dirs /var/lib/$dir"
      inside touch "/var/lib/$dir/verify-kept"
    done
  done
  inside systemctl daemon-reload
  note "config: $(words "${conffiles:-none}"); state: $(words "${state_dirs:-none}")"
}

# nothing_lost WHAT: none of the above is
nothing_lost() {
  for file in $conffiles; do
    cmp -s "$ROOT$file" "$RUN/conf/$(printf %s "$file" | tr / _)" || fail "$1 changed the edited $file"
  done
  for unit in $services; do
    case $(get "$unit" Environment) in *PKGGEN_VERIFY=kept*) ;; *) fail "$1: the drop-in of $unit is gone or not loaded" ;; esac
  done
  for dir in $state_dirs; do inside test -e "$dir/verify-kept" || fail "$1 removed data in $dir"; done
}

# all_stopped PIDS UNIT-FILE…: nothing of the services runs or is loaded after removal; state is still there
all_stopped() {
  for pair in $1; do
    pid=${pair#*=}
    [ "$pid" = 0 ] || ! inside test -d "/proc/$pid" || fail "process $pid of ${pair%%=*} outlived the package"
    [ "$(get "${pair%%=*}" ActiveState)" != active ] || fail "${pair%%=*} is still active"
  done
  shift
  for unit in "$@"; do [ ! -e "$ROOT$unit" ] || fail "$unit is still there"; done
  for dir in $state_dirs; do [ -e "$ROOT$dir/verify-kept" ] || fail "remove deleted data in $dir"; done
}

# administrator_leaves: takes back the drop-ins, which are the administrator's own
administrator_leaves() {
  for unit in $services; do
    rm -f "$ROOT/etc/systemd/system/$unit.service.d/verify.conf"
    rmdir "$ROOT/etc/systemd/system/$unit.service.d" 2>/dev/null || :
  done
}

# no_enablement_left: symlinks and state files named after the services
no_enablement_left() {
  for unit in $services; do
    left=$(find "$ROOT/var/lib/systemd" "$ROOT/etc/systemd" -name "*$unit*" -not -path '*/timers/*')
    [ -z "$left" ] || fail "left behind: $left"
  done
}

# listing FILE: every path of the system that a package could leave behind
listing() {
  (cd "$ROOT" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp -o -path ./var/tmp \
    -o -path ./var/log -o -path ./var/cache -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/lib/rpm \
    -o -path ./var/lib/dnf -o -path ./usr/lib/sysimage \
    -o -path ./root -o -path ./srv/pkggen -o -path ./var/lib/systemd \
    -o -name __pycache__ \) -prune -o -print) | sort >"$1"
}

shut_down() {
  if [ -n "$LEADER" ]; then
    kill -38 "$LEADER" 2>/dev/null || : # SIGRTMIN+4: power off
    tries=0
    while kill -0 "$NSPAWN" 2>/dev/null && [ "$tries" -lt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
  fi
  if [ -n "$NSPAWN" ]; then kill "$NSPAWN" 2>/dev/null || :; wait "$NSPAWN" 2>/dev/null || :; fi
  LEADER='' NSPAWN=''
}

clean_up() {
  code=$?
  trap - EXIT INT TERM
  set +e
  shut_down
  [ -z "$CHROOT_PROC" ] || umount "$CHROOT_PROC"
  if [ -n "$MOUNTED" ]; then umount "$ROOT" 2>/dev/null || umount -l "$ROOT"; fi
  [ -z "$RUN" ] || rm -rf --one-file-system "$RUN"
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
