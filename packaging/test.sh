#!/bin/sh
# Runs every test, the ones against the real tools included: dpkg, apt, rpm, dnf, lintian, GNU tar, bsdtar, unzip, 7z, a booted systemd.
#
#   packaging/test.sh          all but those of a payload of 5 GiB
#   packaging/test.sh large    only those: minutes, 6 GB of disk, an optimised build
#
# Installs the tools that are missing: Debian packages with apt (as root or through sudo), cargo-deb below target/tools. What cannot be
# installed is said, and its tests skip themselves by name; with CI set in the environment they fail instead.
# Ends with the summary of the test runner: cargo nextest when it is there, else cargo test.

set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

# command:package; a path is looked for as a file
tools='dpkg-deb:dpkg dpkg-shlibdeps:dpkg-dev lintian:lintian bsdtar:libarchive-tools unzip:unzip 7z:p7zip-full zstd:zstd xz:xz-utils busybox:busybox-static
  dash:dash shellcheck:shellcheck python3:python3 fakeroot:fakeroot setpriv:util-linux nsenter:util-linux pgrep:procps curl:curl strings:binutils
  rpm:rpm rpmbuild:rpm rpm2cpio:rpm2cpio rpmsign:rpm rpmkeys:rpm rpmlint:rpmlint cpio:cpio gpg:gnupg
  gpgv:gpgv debsig-verify:debsig-verify openssl:openssl
  debootstrap:debootstrap systemd-nspawn:systemd-container systemd-analyze:systemd
  apt-ftparchive:apt-utils gpg-agent:gpg-agent dnf:dnf createrepo_c:createrepo-c
  sqv:sqv sqop:sqop'

PATH=$PATH:/usr/sbin:/sbin
missing=
for pair in $tools; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
if [ -n "$missing" ]; then
  sudo=
  [ "$(id -u)" = 0 ] || sudo='sudo -n'
  if command -v apt-get >/dev/null 2>&1 && $sudo true 2>/dev/null; then
    echo "installing$missing" >&2
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2
    # shellcheck disable=SC2086  # names
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install $missing >&2
  else
    echo "skipped: tests that need$missing (Debian packages; installing them needs apt and root)" >&2
  fi
fi
[ "$(id -u)" = 0 ] || echo 'skipped: tests that need root: installing packages, booting systemd' >&2

PATH=$PATH:$root/target/tools/bin
export PATH
if ! command -v cargo-deb >/dev/null 2>&1; then
  echo 'building cargo-deb for the comparison with it' >&2
  cargo install --quiet --locked --root "$root/target/tools" cargo-deb >&2 ||
    echo 'skipped: the comparison with cargo-deb, which cannot be built here' >&2
fi

if [ "${1-}" = large ]; then
  exec cargo test --locked --release --test large -- --ignored --nocapture --test-threads 1
fi

sh packaging/fixtures.sh
cargo test --quiet --locked --doc
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --locked --no-fail-fast
else
  cargo test --locked --no-fail-fast --lib --bins --tests
fi
