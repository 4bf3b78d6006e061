#!/bin/sh
# Lets the real apt update from a signed repository and install from it, in a throw-away root; then spoils copies of the
# repository and expects apt to refuse each.
#
#   apt-from-repo.sh REPOSITORY KEY PACKAGE … [options]
#
#   REPOSITORY           directory with dists/ and pool/
#   KEY                  public key, armoured (.asc) or binary (.gpg): Signed-By
#   --suite SUITE        default stable        --component NAME   default main
#   --arch ARCH          default the machine's
#   --sources FILE       use this .sources or .list file that we wrote; @REPO@ and @KEY@ in it are replaced
#   --assume NAME=VER    treat this package as installed (repeatable); packages of the machine that the repository's packages
#                        depend on are taken over by themselves, with their real versions
#   --quick              skip the spoiled copies (they copy dists/ only, never the pool)
#   --update             only update, over file: and over HTTP, and look for the packages
#
# Checks: apt-get update without warning, over file: and over HTTP; by-hash is used when Release announces it; what is installed
# comes from here; dpkg --verify; a newer version in the repository is an upgrade. Refused: Packages changed, InRelease
# changed, InRelease missing and Release unsigned, empty keyring, expired Valid-Until, changed .deb.
# Needs root. 6 to 10 s. Exit: 0 passed, 1 failed, 2 usage, 77 cannot run on this machine.

set -eu
. "$(dirname "$0")/lib.sh"
repo='' key='' packages='' suite=stable component=main arch='' sources='' assume='' spoil=1 only_update=
while [ $# -gt 0 ]; do
  case $1 in
    --suite) suite=$2; shift 2 ;;
    --component) component=$2; shift 2 ;;
    --arch) arch=$2; shift 2 ;;
    --sources) sources=$2; shift 2 ;;
    --assume) assume="$assume $2"; shift 2 ;;
    --quick) spoil=; shift ;;
    --update) only_update=1; shift ;;
    -*) usage ;;
    *) if [ -z "$repo" ]; then repo=$1; elif [ -z "$key" ]; then key=$1; else packages="$packages $1"; fi; shift ;;
  esac
done
[ -n "$packages" ] || usage
need apt-get:apt gpgv:gpgv dpkg:dpkg busybox:busybox-static python3:python3
need_root
need_file "$repo" "$key" "$repo/dists/$suite" ${sources:+"$sources"}
repo=$(cd "$repo" && pwd) key=$(full_path "$key") arch=${arch:-$(dpkg --print-architecture)}
[ -z "$sources" ] || sources=$(full_path "$sources")
work_dir
case $key in *.asc | *.gpg) ;; *) fail "apt wants a key file that ends in .asc or .gpg: $key" ;; esac
cp "$key" "$WORK/key.${key##*.}"
key=$WORK/key.${key##*.}

# apt reads through file: as user _apt only where it may; the repository may be in a private directory
ROOT=$WORK/root
mini_root "$ROOT"
mkdir -p "$ROOT/etc/apt/sources.list.d" "$ROOT/etc/apt/apt.conf.d" "$ROOT/etc/apt/preferences.d" "$ROOT/etc/apt/trusted.gpg.d" \
  "$ROOT/var/lib/apt/lists/partial" "$ROOT/var/cache/apt/archives/partial" "$ROOT/var/log/apt"
cat >"$WORK/apt.conf" <<END
Dir "$ROOT";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$ROOT/etc/apt/sources.list.d";
Dir::State::status "$ROOT/var/lib/dpkg/status";
Dir::Bin::dpkg "$(command -v dpkg)";
Dir::Bin::methods "$(apt-config dump Dir::Bin::methods --format '%v' 2>/dev/null || echo /usr/lib/apt/methods)";
Dir::Log "$ROOT/var/log/apt";
APT::Architecture "$arch";
APT::Architectures "$arch";
APT::Sandbox::User "root";
APT::Get::Assume-Yes "true";
Acquire::Languages "none";
Dpkg::Use-Pty "0";
#clear DPkg::Options;
DPkg::Options { "--root=$ROOT"; "--log=/dev/null"; "--path-include=*"; "--force-confdef"; "--force-confold"; };
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Post-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
# the machine's own apt settings stay out of it
apt() { tool=$1; shift; APT_CONFIG=$WORK/apt.conf DEBIAN_FRONTEND=noninteractive "apt-$tool" -o "Dir::Etc::main=/dev/null" -o "Dir::Etc::parts=/dev/null" "$@"; }

point_at() { # point_at URI
  rm -f "$ROOT"/etc/apt/sources.list.d/* "$ROOT"/var/lib/apt/lists/*_*
  if [ -n "$sources" ]; then
    sed "s|@REPO@|$1|g; s|@KEY@|$key|g" "$sources" >"$ROOT/etc/apt/sources.list.d/verify.${sources##*.}"
  else
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\nArchitectures: %s\nSigned-By: %s\n' "$1" "$suite" "$component" "$arch" "$key" \
      >"$ROOT/etc/apt/sources.list.d/verify.sources"
  fi
}
update() { apt get update >"$WORK/out" 2>&1 && ! grep -qE '^(W|E|N):' "$WORK/out"; }

# What the repository's packages depend on and the machine has: installed, in apt's eyes
{ find "$repo/dists/$suite" -name Packages -exec cat {} + 2>/dev/null
  find "$repo/dists/$suite" -name 'Packages.xz' -exec xz -dc {} + 2>/dev/null
  find "$repo/dists/$suite" -name 'Packages.gz' -exec gzip -dc {} + 2>/dev/null; } >"$WORK/all" || :
own=" $(sed -n 's/^Package: //p' "$WORK/all" | sort -u | tr '\n' ' ')"
taken=
for name in $(sed -nE 's/^(Pre-)?Depends: //p' "$WORK/all" | sed 's:[,|]:\n:g' | sed 's/[ (:].*//; s/^ *//' | awk '{ print $1 }' | sort -u); do
  case $own in *" $name "*) continue ;; esac
  case " $assume " in *" $name="*) continue ;; esac
  version=$(dpkg-query -W -f '${db:Status-Abbrev}${Version}' "$name" 2>/dev/null | sed -n 's/^ii //p') || :
  [ -z "$version" ] || { assume="$assume $name=$version"; taken="$taken $name"; }
done
for pair in $assume; do
  printf 'Package: %s\nStatus: install ok installed\nMaintainer: verify\nArchitecture: %s\nVersion: %s\nDescription: assumed\n\n' \
    "${pair%%=*}" "$arch" "${pair#*=}" >>"$ROOT/var/lib/dpkg/status"
  : >"$ROOT/var/lib/dpkg/info/${pair%%=*}.list"
done
[ -z "$assume" ] || note "assumed installed:$assume"

step 'update over file:'
point_at "file:$repo"
update || fail_with "$WORK/out" 'apt-get update'
for name in $packages; do
  apt cache policy "${name%%=*}" | grep -q "file:$repo" || fail "apt does not see ${name%%=*} in the repository"
done
pass 'update without a warning'

# serve: sets PORT; what each path was asked for is in WORK/requests
serve() {
  cat >"$WORK/httpd.py" <<'PY'
import http.server, sys, functools
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass
    def log_request(self, code='-', size='-'): print(code if isinstance(code, str) else int(code), self.path, file=log, flush=True)
log = open(sys.argv[2], 'w')
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Handler, directory=sys.argv[1]))
open(sys.argv[3], 'w').write(str(server.server_port))
server.serve_forever()
PY
  python3 "$WORK/httpd.py" "$repo" "$WORK/requests" "$WORK/port" &
  HTTPD=$!
  tries=0
  while [ ! -s "$WORK/port" ] && [ "$tries" -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
  PORT=$(cat "$WORK/port")
}

if [ -n "$only_update" ]; then
  step 'update over HTTP'
  serve
  point_at "http://127.0.0.1:$PORT"
  update || fail_with "$WORK/out" 'apt-get update over HTTP'
  for name in $packages; do
    (cd "$WORK" && apt get download "$name" >"$WORK/out" 2>&1) || fail_with "$WORK/out" "download $name over HTTP"
  done
  echo "updated: $packages"
  exit 0
fi

step 'install'
# shellcheck disable=SC2086  # names
apt get install --no-install-recommends $packages >"$WORK/out" 2>&1 || fail_with "$WORK/out" "apt-get install$packages"
calls install
for name in $packages; do
  name=${name%%=*}
  [ "$(dpkg-query --admindir="$ROOT/var/lib/dpkg" -W -f '${Status}' "$name")" = 'install ok installed' ] || fail "$name is not installed"
  changed=$(dpkg --root="$ROOT" --verify "$name" 2>&1 || :)
  [ -z "$changed" ] || fail "dpkg --verify $name: $changed"
  pass "$name $(dpkg-query --admindir="$ROOT/var/lib/dpkg" -W -f '${Version}' "$name")"
done
apt get check >"$WORK/out" 2>&1 || fail_with "$WORK/out" 'apt-get check: dependencies are broken'

for name in $packages; do
  name=${name%%=*}
  versions=$(apt cache madison "$name" | awk '{ print $3 }')
  oldest=$(printf '%s\n' "$versions" | tail -n 1)
  [ "$(printf '%s\n' "$versions" | wc -l)" -gt 1 ] || continue
  step "upgrade $name from $oldest"
  apt get install --allow-downgrades --no-install-recommends "$name=$oldest" >"$WORK/out" 2>&1 || fail_with "$WORK/out" "install $name=$oldest"
  apt get upgrade >"$WORK/out" 2>&1 || fail_with "$WORK/out" 'apt-get upgrade'
  now=$(dpkg-query --admindir="$ROOT/var/lib/dpkg" -W -f '${Version}' "$name")
  [ "$now" = "$(printf '%s\n' "$versions" | head -n 1)" ] || fail "upgrade stopped at $now"
  : >"$CALLS"
  pass "$oldest -> $now"
done

step 'update and download over HTTP'
# the proof that by-hash was used is what was asked for
serve
point_at "http://127.0.0.1:$PORT"
update || fail_with "$WORK/out" 'apt-get update over HTTP'
if grep -q '^Acquire-By-Hash: yes' "$repo/dists/$suite/InRelease"; then
  grep -q '^200 .*/by-hash/' "$WORK/requests" || fail "Release announces by-hash, but apt did not get an index that way: $(tr '\n' ' ' <"$WORK/requests")"
  pass "index fetched by hash: $(sed -n 's|^200 .*/\(by-hash/[A-Z0-9]*\)/.*|\1|p' "$WORK/requests" | sort -u | tr '\n' ' ')"
fi
! grep -E '^404' "$WORK/requests" | grep -vE 'i18n|/by-hash/|Components|Contents|icons' || note 'apt asked for files that are not there'
for name in $packages; do
  (cd "$WORK" && apt get download "${name%%=*}" >"$WORK/out" 2>&1) || fail_with "$WORK/out" "download ${name%%=*} over HTTP"
done
kill "$HTTPD" 2>/dev/null || :
HTTPD=
pass 'download over HTTP'
[ -n "$spoil" ] || exit 0

# the pool is linked, dists/ is copied
copy() { rm -rf "$WORK/copy"; mkdir "$WORK/copy"; cp -R "$repo/dists" "$WORK/copy/dists"; for entry in "$repo"/*; do [ "${entry##*/}" = dists ] || ln -s "$entry" "$WORK/copy/"; done; }
dist=$WORK/copy/dists/$suite
refused() { # refused WHAT
  point_at "file:$WORK/copy"
  ! update || fail "apt accepts $1"
  apt get download "${packages##* }" >/dev/null 2>&1 && fail "apt downloads from $1"
  pass "refused: $1 ($(grep -E '^(E|W):' "$WORK/out" | head -n 1 | sed "s|$WORK||g" | cut -c 1-90))"
}
step 'spoiled copies'
copy
find "$dist" -type f -path "*binary-*" \( -name 'Packages*' -o -path '*/by-hash/*' \) | while read -r file; do printf '\n' >>"$file"; done
refused 'changed Packages'
copy
sed -i 's/^Date: \(.*\)1\(.*\)/Date: \12\2/; s/^Suite: .*/Suite: other/' "$dist/InRelease"
rm -f "$dist/Release.gpg"
refused 'changed InRelease'
copy
rm -f "$dist/InRelease" "$dist/Release.gpg"
refused 'an unsigned Release'
copy
saved=$key
: >"$WORK/empty.gpg"
key=$WORK/empty.gpg
refused 'a repository whose key is not known'
key=$saved
if grep -q '^Valid-Until:' "$dist/InRelease"; then
  copy
  point_at "file:$WORK/copy"
  apt get update -o Acquire::Max-ValidTime=1 >"$WORK/out" 2>&1 && ! grep -qE '^[EW]:' "$WORK/out" && fail 'apt accepts an expired Release'
  pass 'refused: an expired Release'
fi
filename=$(awk -v name="${packages##* }" -v RS= '$0 ~ "Package: " name "\n"' "$WORK/all" | sed -n 's/^Filename: //p' | head -n 1)
if [ -n "$filename" ] && [ "$(stat -c %s "$repo/$filename")" -lt 100000000 ]; then
  copy
  rm -f "$WORK/copy/${filename%%/*}"
  mkdir -p "$WORK/copy/${filename%/*}"
  cp "$repo/$filename" "$WORK/copy/$filename"
  flip "$WORK/copy/$filename" "$(($(stat -c %s "$repo/$filename") - 20))"
  point_at "file:$WORK/copy"
  update || fail_with "$WORK/out" 'apt-get update'
  (cd "$WORK" && rm -f ./*.deb && apt get download "${packages##* }=$(awk -v name="${packages##* }" -v RS= '$0 ~ "Package: " name "\n"' "$WORK/all" | sed -n 's/^Version: //p' | head -n 1)" >"$WORK/out" 2>&1) &&
    fail 'apt takes a changed .deb'
  grep -qiE 'hash sum|size' "$WORK/out" || fail_with "$WORK/out" 'the changed .deb was refused for another reason'
  pass 'refused: a changed .deb'
fi
echo "all checks passed:$packages"
