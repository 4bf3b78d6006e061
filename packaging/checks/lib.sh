# shellcheck shell=sh
# What the checks of Linux packages have in common. Sourced, not run.
#
# They drive the real dpkg, apt, rpm and dnf in a throw-away root below mktemp: busybox as /bin/sh, and stand-ins for
# systemctl and friends that note every call. Nothing is installed on the machine and nothing outside the root is written.
# For a booted systemd see systemd-boot-*.sh.
#
# Exit codes: 0 all checks passed, 1 a check failed, 2 wrong use, 77 cannot run on this machine.

PATH=$PATH:/usr/sbin:/sbin
LC_ALL=C.UTF-8 TZ=UTC
export LC_ALL TZ
umask 022
WORK='' HTTPD='' CALLS=''

note() { printf '   %s\n' "$*"; }
pass() { printf 'ok %s\n' "$*"; }
step() { printf -- '-- %s\n' "$*"; }
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
fail() { printf 'FAIL %s\n' "$*" >&2; exit 1; }

# fail_with LOG MESSAGE: the end of the log first
fail_with() { tail -n 15 "$1" | sed 's/^/     /' >&2; shift; fail "$@"; }

# need COMMAND:DEBIAN-PACKAGE …
need() {
  _missing=
  for _pair in "$@"; do
    command -v "${_pair%%:*}" >/dev/null 2>&1 || _missing="$_missing ${_pair#*:}"
  done
  [ -z "$_missing" ] || { printf 'missing Debian packages:%s\n' "$_missing" >&2; exit 77; }
}

need_root() { [ "$(id -u)" = 0 ] || { echo 'needs root: package scripts run in a chroot' >&2; exit 77; }; }

# need_file FILE …
need_file() { for _file in "$@"; do [ -e "$_file" ] || { printf 'no such file: %s\n' "$_file" >&2; exit 2; }; done; }

full_path() { case $1 in /*) printf '%s\n' "$1" ;; *) printf '%s/%s\n' "$PWD" "$1" ;; esac; }

# work_dir: sets WORK, which is gone when the script ends; other users may read it (apt's download user)
work_dir() {
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/pkggen-verify.XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT TERM
  chmod 755 "$WORK"
  mkdir -m 700 "$WORK/home"
  HOME=$WORK/home
  export HOME
}

clean_up() {
  code=$?
  trap - EXIT INT TERM
  [ -z "$HTTPD" ] || kill "$HTTPD" 2>/dev/null || :
  if command -v gpgconf >/dev/null 2>&1; then
    find "$WORK" -xdev -name 'private-keys-v1.d' -type d 2>/dev/null | while read -r dir; do
      gpgconf --homedir "${dir%/*}" --kill all 2>/dev/null || :
    done
  fi
  rm -rf --one-file-system "$WORK"
  # wrong use is found before there is a WORK: another code is a command that failed on the way
  case $code in 0 | 1 | 77 | 130) ;; *) echo "FAIL a command ended with $code" >&2; code=1 ;; esac
  exit "$code"
}

# mini_root DIR: a root in which maintainer scripts and scriptlets can run. Sets CALLS to its log of calls.
mini_root() {
  CALLS=$1/var/log/calls
  mkdir -p "$1/bin" "$1/sbin" "$1/usr/bin" "$1/usr/sbin" "$1/usr/lib" "$1/usr/share" "$1/usr/libexec" "$1/etc" "$1/dev" \
    "$1/run/systemd/system" "$1/var/log" "$1/var/cache" "$1/var/lib/verify/enabled" "$1/tmp" "$1/root" \
    "$1/var/lib/dpkg/info" "$1/var/lib/dpkg/updates" "$1/var/lib/dpkg/triggers" "$1/var/lib/dpkg/alternatives" "$1/var/lib/dpkg/parts"
  chmod 1777 "$1/tmp"
  # directories of other packages: dpkg removes what becomes empty, rpm leaves what the package does not own
  for _dir in usr/sbin usr/lib usr/lib64 usr/libexec usr/share etc etc/opt opt var/log var/cache var/lib var/opt var/tmp usr/lib/systemd/system \
    usr/lib/systemd/user usr/lib/systemd/system-preset usr/lib/systemd/user-preset usr/lib/sysusers.d usr/lib/tmpfiles.d usr/lib/udev/rules.d \
    usr/share/doc usr/share/licenses usr/share/man/man1 usr/share/man/man5 usr/share/man/man8 usr/share/applications usr/share/metainfo \
    usr/share/icons/hicolor usr/share/bash-completion/completions usr/share/zsh/site-functions usr/share/fish/vendor_completions.d \
    usr/share/lintian/overrides; do
    mkdir -p "$1/$_dir"
    : >"$1/$_dir/.other"
  done
  : >"$1/var/lib/dpkg/status"
  : >"$1/var/lib/dpkg/available"
  : >"$CALLS"
  mknod -m 666 "$1/dev/null" c 1 3 2>/dev/null || { : >"$1/dev/null"; chmod 666 "$1/dev/null"; }
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n' >"$1/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$1/etc/group"
  cp "$(command -v busybox)" "$1/bin/busybox"
  chroot "$1" /bin/busybox true 2>/dev/null ||
    { echo 'busybox is not static; missing Debian packages: busybox-static' >&2; exit 77; }
  for _tool in $("$1/bin/busybox" --list); do
    [ "$_tool" = busybox ] || [ -e "$1/bin/$_tool" ] || ln -s busybox "$1/bin/$_tool"
  done
  printf '#!/bin/sh\nexec /bin/sh "$@"\n' >"$1/bin/bash"
  cp "$1/bin/bash" "$1/usr/bin/bash"
  for _tool in sh env; do [ -e "$1/usr/bin/$_tool" ] || ln -s ../../bin/busybox "$1/usr/bin/$_tool"; done
  cat >"$1/var/lib/verify/stand-in" <<'STUB'
#!/bin/sh
# Notes the call; remembers what scripts may ask for later.
name=${0##*/} all=$*
echo "$name $all" >>/var/log/calls
known=/var/lib/verify/enabled
add_group() { grep -q "^$1:" /etc/group || echo "$1:x:$((700 + $(wc -l </etc/group))):" >>/etc/group; }
add_user() { add_group "$1"; grep -q "^$1:" /etc/passwd || echo "$1:x:$((700 + $(wc -l </etc/passwd))):$(grep "^$1:" /etc/group | cut -d: -f3)::/nonexistent:/bin/false" >>/etc/passwd; }
last() { for word; do :; done; echo "$word"; }
case $name in
  deb-systemd-helper)
    while case ${1-} in -*) : ;; *) false ;; esac; do shift; done
    verb=${1-}; shift
    case $verb in
      debian-installed) for unit; do [ ! -e "$known/$unit" ] || exit 0; done; exit 1 ;;
      enable | update-state) for unit; do : >"$known/$unit"; done ;;
      purge) for unit; do rm -f "$known/$unit"; done ;;
    esac ;;
  systemd-sysusers)
    { cat /usr/lib/sysusers.d/*.conf 2>/dev/null; case " $all " in *' - '*) cat ;; esac; } |
      while read -r kind user rest; do
        case $kind in u | u!) add_user "$user" ;; g) add_group "$user" ;; esac
      done ;;
  useradd | adduser) add_user "$(last "$@")" ;;
  groupadd | addgroup) add_group "$(last "$@")" ;;
  getent) grep "^$2:" "/etc/$1" || exit 2 ;;
esac
exit 0
STUB
  chmod 755 "$1/var/lib/verify/stand-in" "$1/bin/bash" "$1/usr/bin/bash"
  for _tool in systemctl deb-systemd-helper deb-systemd-invoke systemd-sysusers systemd-tmpfiles systemd-run journalctl udevadm \
    update-rc.d invoke-rc.d service update-alternatives dpkg-divert dpkg-trigger dpkg-statoverride dpkg-maintscript-helper ldconfig update-desktop-database gtk-update-icon-cache update-mime-database mandb useradd \
    groupadd adduser addgroup usermod getent restorecon setcap; do
    rm -f "$1/bin/$_tool"
    ln -s ../../var/lib/verify/stand-in "$1/usr/bin/$_tool"
  done
}

# listing ROOT FILE: what a package could leave behind
listing() {
  (cd "$1" && find . -xdev \( -path ./var/lib/dpkg -o -path ./var/lib/rpm -o -path ./var/lib/verify \
    -o -path ./var/lib/apt -o -path ./var/cache -o -path ./var/log/calls -o -path ./dev -o -path ./tmp -o -path ./root \
    -o -path ./etc/passwd -o -path ./etc/group \) -prune -o -print) | sort >"$2"
}

# calls STAGE: prints and keeps what the scripts of this stage called, then starts a new log
calls() {
  cp "$CALLS" "$WORK/calls.$1"
  sed "s/^/   $1: /" "$CALLS"
  : >"$CALLS"
}

# units VERB-PATTERN STAGE: the units of the noted calls whose text matches, one per line
units() {
  { grep -E "$1" "$WORK/calls.$2" || :; } | tr ' ' '\n' | grep -E '\.(service|socket|timer|path|target|mount)$' | sort -u
}

# same_tree WANT ROOT [SKIP]: every path of WANT is in ROOT: type, mode, owner, link target, and for files size, time and
# content. SKIP is a file of absolute paths to leave out.
same_tree() {
  (cd "$1" && find . -mindepth 1 -printf '/%P\n' | sort) >"$WORK/paths"
  [ -z "${3:-}" ] || { sort "$3" | comm -23 "$WORK/paths" - >"$WORK/paths.some"; mv "$WORK/paths.some" "$WORK/paths"; }
  while IFS= read -r _path; do
    [ -e "$2$_path" ] || [ -L "$2$_path" ] || fail "$_path was not installed"
    _format='%y %m %U:%G %l'
    [ -d "$1$_path" ] && [ ! -L "$1$_path" ] || _format="$_format %s %T@"
    _want=$(find "$1$_path" -maxdepth 0 -printf "$_format") _got=$(find "$2$_path" -maxdepth 0 -printf "$_format")
    [ "$_want" = "$_got" ] || fail "$_path: package says '$_want', installed is '$_got'"
    if [ -f "$1$_path" ] && [ ! -L "$1$_path" ]; then cmp -s "$1$_path" "$2$_path" || fail "$_path has another content"; fi
  done <"$WORK/paths"
}

# flip FILE OFFSET: changes one byte
flip() {
  _byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
  # shellcheck disable=SC2059  # the format is the byte
  printf "\\$(printf '%03o' "$(((_byte + 1) % 256))")" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
