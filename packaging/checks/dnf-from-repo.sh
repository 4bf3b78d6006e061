#!/bin/sh
# Lets the real dnf install from a signed repository (gpgcheck=1 repo_gpgcheck=1), upgrade and remove, in a throw-away root; then
# spoils copies of the repository and expects dnf to refuse each.
#
#   dnf-from-repo.sh REPOSITORY KEY PACKAGE … [options]
#
#   REPOSITORY         directory with repodata/
#   KEY                public key, armoured, of packages and repository
#   --repo FILE        use this .repo file that we wrote; @REPO@ and @KEY@ in it are replaced
#   --releasever VER   default 1
#   --provide NAME     treat this capability as provided by the system (repeatable)
#   --quick            skip the spoiled copies
#   --metadata         only read the metadata, with its signature, and look for the packages
#
# A package `host` stands for the system: /bin/sh, systemd, and what the machine's own C, C++, GCC and loader libraries provide, in
# rpm's words (elfdeps), so that library requirements are really resolved.
# Checks: metadata is accepted; install with scriptlets; rpm --verify; a newer version in the repository is an upgrade; remove.
# Refused: repomd.xml changed, repomd.xml.asc missing, a metadata file changed, a package changed, another key.
# Needs root. 15 s. Exit: 0 passed, 1 failed, 2 usage, 77 cannot run on this machine.

set -eu
. "$(dirname "$0")/lib.sh"
repo='' key='' packages='' given='' releasever=1 provide='' spoil=1 only_metadata=
while [ $# -gt 0 ]; do
  case $1 in
    --repo) given=$2; shift 2 ;;
    --releasever) releasever=$2; shift 2 ;;
    --provide) provide="$provide
Provides: $2"; shift 2 ;;
    --quick) spoil=; shift ;;
    --metadata) only_metadata=1; shift ;;
    -*) usage ;;
    *) if [ -z "$repo" ]; then repo=$1; elif [ -z "$key" ]; then key=$1; else packages="$packages $1"; fi; shift ;;
  esac
done
[ -n "$packages" ] || usage
need dnf:dnf rpm:rpm rpmbuild:rpm createrepo_c:createrepo-c gpg:gpg busybox:busybox-static
need_root
need_file "$repo/repodata/repomd.xml" "$key" ${given:+"$given"}
repo=$(cd "$repo" && pwd) key=$(full_path "$key")
[ -z "$given" ] || given=$(full_path "$given")
work_dir
cp "$key" "$WORK/key.asc"
key=$WORK/key.asc

ROOT=$WORK/root
mini_root "$ROOT"
# cachedir, persistdir and logdir are below the root; rpm: one place for the database, whatever this machine's rpm was built with
printf '%%_dbpath /var/lib/rpm\n%%_keyring rpmdb\n' >"$HOME/.rpmmacros"

# the stand-in for the system
stand_in() {
  mkdir -p "$WORK/host"
  elfdeps=$(rpm -E '%{_rpmconfigdir}')/elfdeps
  {
    printf 'Name: host\nVersion: 1\nRelease: 1\nSummary: stand-in\nLicense: none\nBuildArch: noarch\nAutoReqProv: no\n'
    printf 'Provides: %s\n' /bin/sh /usr/bin/sh /bin/bash /usr/bin/bash /usr/bin/env systemd shadow-utils ca-certificates 'rtld(GNU_HASH)' 'user(root)' 'group(root)'
    printf 'Provides: /%s/%s\n' usr/bin systemctl usr/bin systemd-sysusers usr/bin systemd-tmpfiles
    # shellcheck disable=SC2046  # one path per library
    for library in $(ldconfig -p 2>/dev/null | awk '/lib(c|m|dl|rt|pthread|util|resolv|gcc_s|stdc\+\+|gomp|z|ssl|crypto)\.so\.|ld-linux/ { print $NF }' | sort -u); do
      "$elfdeps" --provides "$(readlink -f "$library")"
    done 2>/dev/null | sort -u | sed 's/^/Provides: /'
    printf '%s\n%%description\nstand-in\n%%files\n' "$provide"
  } >"$WORK/host.spec"
  rpmbuild -bb --define "_topdir $WORK/host" "$WORK/host.spec" >"$WORK/out" 2>&1 || fail_with "$WORK/out" 'rpmbuild of the stand-in'
  createrepo_c --quiet "$WORK/host/RPMS/noarch"
}
[ -n "$only_metadata" ] || stand_in

mkdir -p "$WORK/repos.d"
cat >"$WORK/repos.d/host.repo" <<END
[host]
name=host
baseurl=file://$WORK/host/RPMS/noarch
gpgcheck=0
END
cat >"$WORK/dnf.conf" <<END
[main]
gpgcheck=1
repo_gpgcheck=0
reposdir=$WORK/repos.d
cachedir=/var/cache/dnf
persistdir=/var/lib/dnf
logdir=/var/log
plugins=0
install_weak_deps=0
best=1
assumeyes=1
clean_requirements_on_remove=0
END
point_at() { # point_at DIRECTORY
  rm -rf "$ROOT/var/cache/dnf" # holds the repository's key ring, too
  if [ -n "$given" ]; then sed "s|@REPO@|file://$1|g; s|@KEY@|file://$key|g" "$given" >"$WORK/repos.d/verify.repo"; else
    printf '[verify]\nname=verify\nbaseurl=file://%s\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=file://%s\n' "$1" "$key" >"$WORK/repos.d/verify.repo"
  fi
}
dnf_in() { root=$1; shift; dnf -c "$WORK/dnf.conf" --installroot="$root" --releasever="$releasever" --setopt=reposdir="$WORK/repos.d" --disableplugin='*' "$@" >"$WORK/out" 2>&1; }
db() { rpm --root "$ROOT" "$@"; }

if [ -n "$only_metadata" ]; then
  step metadata
  point_at "$repo"
  dnf_in "$ROOT" --disablerepo=host makecache || fail_with "$WORK/out" 'dnf makecache'
  for name in $packages; do
    dnf_in "$ROOT" --disablerepo=host repoquery --qf 'FOUND %{evr}' "$name" || fail_with "$WORK/out" "dnf repoquery $name"
    grep -q '^FOUND ' "$WORK/out" || fail "dnf does not see $name"
  done
  echo "metadata read: $packages"
  exit 0
fi

dnf_in "$ROOT" install host || fail_with "$WORK/out" 'the stand-in for the system'
step 'metadata and install'
point_at "$repo"
# shellcheck disable=SC2086  # names
dnf_in "$ROOT" install $packages || fail_with "$WORK/out" "dnf install$packages"
if grep -iE 'scriptlet failed|non-fatal|error in .* scriptlet' "$WORK/out"; then fail 'a scriptlet failed'; fi
calls install
for name in $packages; do
  db -q "$name" >/dev/null || fail "$name is not installed"
  changed=$(db --nodeps -V "$name" 2>&1 || :)
  [ -z "$changed" ] || fail "rpm --verify $name: $changed"
  pass "$(db -q "$name")"
done
dnf_in "$ROOT" check --dependencies || fail_with "$WORK/out" 'dnf check: dependencies are broken'

for name in $packages; do
  dnf_in "$ROOT" repoquery --disablerepo=host --showduplicates --qf 'EVR %{evr}' "$name" || fail_with "$WORK/out" repoquery
  [ "$(grep -c '^EVR ' "$WORK/out")" -gt 1 ] || continue
  newest=$(db -q --qf '%{EVR}' "$name")
  oldest=$(sed -n 's/^EVR //p' "$WORK/out" | grep -vxF "${newest#0:}" | head -n 1)
  step "upgrade $name from $oldest"
  dnf_in "$ROOT" downgrade "$name-$oldest" || fail_with "$WORK/out" "dnf downgrade $name-$oldest"
  : >"$CALLS"
  dnf_in "$ROOT" upgrade || fail_with "$WORK/out" 'dnf upgrade'
  [ "$(db -q --qf '%{EVR}' "$name")" = "$newest" ] || fail "upgrade stopped at $(db -q "$name")"
  calls upgrade
  pass "$oldest -> $newest"
done

step remove
# shellcheck disable=SC2086
dnf_in "$ROOT" remove $packages || fail_with "$WORK/out" "dnf remove$packages"
calls remove
for name in $packages; do ! db -q "$name" >/dev/null || fail "$name is still installed"; done
pass 'removed'
[ -n "$spoil" ] || exit 0

# packages are linked, repodata/ is copied
copy() { rm -rf "$WORK/copy"; mkdir "$WORK/copy"; cp -R "$repo/repodata" "$WORK/copy/repodata"; for entry in "$repo"/*; do [ "${entry##*/}" = repodata ] || ln -s "$entry" "$WORK/copy/"; done; }
refused() { # refused WHAT
  point_at "$WORK/copy"
  # shellcheck disable=SC2086
  ! dnf_in "$ROOT" install $packages || fail "dnf accepts $1"
  for name in $packages; do ! db -q "$name" >/dev/null || fail "dnf installed from $1"; done
  pass "refused: $1 ($(grep -iE 'error|fail|not signed|bad|gpg' "$WORK/out" | grep -v '^Last' | tail -n 1 | sed "s|$WORK||g" | cut -c 1-100))"
}
step 'spoiled copies'
copy
sed -i 's/<revision>.*<\/revision>/<revision>1<\/revision>/' "$WORK/copy/repodata/repomd.xml"
refused 'a changed repomd.xml'
copy
rm "$WORK/copy/repodata/repomd.xml.asc"
refused 'an unsigned repomd.xml'
copy
for file in "$WORK"/copy/repodata/*primary.xml*; do flip "$file" "$(($(stat -c %s "$file") / 2))"; done
refused 'changed metadata'
location=$(find "$repo/repodata" -name '*primary.xml*' | while read -r file; do
  case $file in *.gz) gzip -dc "$file" ;; *.zst) zstd -dqc "$file" ;; *.xz) xz -dc "$file" ;; *.xml) cat "$file" ;; esac
done | sed -n 's/.*<location .*href="\(.*\.rpm\)".*/\1/p' | tail -n 1)
if [ -n "$location" ] && [ "$(stat -c %s "$repo/$location")" -lt 100000000 ]; then
  copy
  top=${location%%/*}
  rm -f "$WORK/copy/$top"
  mkdir -p "$WORK/copy/$(dirname "$location")"
  for file in "$repo/$(dirname "$location")"/*.rpm; do cp "$file" "$WORK/copy/$(dirname "$location")/"; flip "$WORK/copy/$(dirname "$location")/${file##*/}" "$(($(stat -c %s "$file") - 8))"; done
  refused 'changed packages'
fi
cat >"$WORK/batch" <<'END'
%no-protection
Key-Type: EDDSA
Key-Curve: ed25519
Name-Real: somebody else
%commit
END
if gpg --homedir "$HOME" --batch --quiet --gen-key "$WORK/batch" 2>/dev/null; then
  gpg --homedir "$HOME" --batch --quiet --armor --export >"$WORK/other.asc"
  saved=$key
  key=$WORK/other.asc
  db -e --allmatches gpg-pubkey >/dev/null 2>&1 || :
  copy
  refused 'a repository of another key'
  key=$saved
fi
echo "all checks passed:$packages"
