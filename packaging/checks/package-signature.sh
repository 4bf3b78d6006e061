#!/bin/sh
# Checks the signature of a .deb (debsig-verify, `_gpgorigin`) or .rpm (rpmkeys, header signature) with the real tools, and that a
# changed package is refused.
#
#   package-signature.sh PACKAGE KEY
#
#   KEY   the public key that must have signed, OpenPGP, armoured or binary
#
# Checks: the signature verifies with KEY and not without it; one changed byte in each signed part is refused: rpm header and
# payload; deb control.tar and data.tar. rpm: also that the package installs when %_pkgverify_level is `all`, the default of rpm 6.
# No root needed. 0.5 s + copying the package. Exit: 0 passed, 1 failed, 2 usage, 77 tools missing.

set -eu
. "$(dirname "$0")/lib.sh"
[ $# -eq 2 ] || usage
need_file "$@"
case $1 in
  *.deb) need debsig-verify:debsig-verify gpg:gpg dpkg-deb:dpkg ;;
  *.rpm) need rpmkeys:rpm rpm:rpm gpg:gpg ;;
  *) usage ;;
esac
package=$(full_path "$1") key=$(full_path "$2")
work_dir

# inside_member NAME: the offset of a byte in the middle of that member of the ar archive
inside_member() {
  at=8
  while [ "$at" -lt "$(stat -c %s "$package")" ]; do
    head=$(tail -c "+$((at + 1))" "$package" | head -c 60)
    size=$(printf '%s' "$head" | cut -c 49-58 | tr -d ' ')
    case $head in "$1"*) echo "$((at + 60 + size / 2))"; return ;; esac
    at=$((at + 60 + size + size % 2))
  done
  fail "no member $1"
}

# flip FILE OFFSET: changes one byte
flip() {
  _byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
  # shellcheck disable=SC2059  # the format is the byte
  printf "\\$(printf '%03o' "$(((_byte + 1) % 256))")" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

changed() { cp --reflink=auto "$package" "$WORK/changed"; flip "$WORK/changed" "$1"; }

case $package in
  *.deb)
    gpg --homedir "$WORK/home" --batch --quiet --no-autostart --dearmor <"$key" >"$WORK/key.gpg" 2>/dev/null || cp "$key" "$WORK/key.gpg"
    id=$(gpg --homedir "$WORK/home" --batch --quiet --with-colons --show-keys "$WORK/key.gpg" 2>/dev/null | awk -F: '$1 == "pub" { print $5; exit }')
    [ -n "$id" ] || fail "$2 holds no key"
    mkdir -p "$WORK/policies/$id" "$WORK/keyrings/$id" "$WORK/none/$id"
    cp "$WORK/key.gpg" "$WORK/keyrings/$id/debsig.gpg"
    : >"$WORK/none/$id/debsig.gpg"
    cat >"$WORK/policies/$id/origin.pol" <<END
<?xml version="1.0"?>
<!DOCTYPE Policy SYSTEM "https://www.debian.org/debsig/1.0/policy.dtd">
<Policy xmlns="https://www.debian.org/debsig/1.0/">
  <Origin Name="verify" id="$id" Description="verify"/>
  <Selection><Required Type="origin" File="debsig.gpg" id="$id"/></Selection>
  <Verification MinOptional="0"><Required Type="origin" File="debsig.gpg" id="$id"/></Verification>
</Policy>
END
    verify() { debsig-verify --policies-dir "$WORK/policies" --keyrings-dir "$WORK/$1" "$2" >"$WORK/out" 2>&1; }
    verify keyrings "$package" || fail_with "$WORK/out" 'debsig-verify refuses the package'
    pass "signed by $id"
    ! verify none "$package" || fail 'debsig-verify accepts the package without the key'
    for member in control.tar data.tar; do
      changed "$(inside_member "$member" "$package")"
      ! verify keyrings "$WORK/changed" || fail "a changed $member is accepted"
      pass "a changed $member is refused"
    done
    dpkg-deb -I "$package" >/dev/null || fail 'dpkg-deb cannot read the signed package' ;;
  *.rpm)
    # rpm wants the key armoured
    case $(head -c 5 "$key") in
      -----) cp "$key" "$WORK/key.asc" ;;
      *) gpg --homedir "$WORK/home" --batch --quiet --no-autostart --enarmor <"$key" 2>/dev/null | sed 's/ARMORED FILE/PUBLIC KEY BLOCK/; /^Comment/d' >"$WORK/key.asc" ;;
    esac
    for db in with without; do rpm --dbpath "$WORK/$db" --initdb; done
    rpmkeys --dbpath "$WORK/with" --import "$WORK/key.asc" || fail "rpmkeys cannot import $2"
    rpmkeys --dbpath "$WORK/with" -Kv "$package" >"$WORK/out" 2>&1 || fail_with "$WORK/out" 'rpmkeys refuses the package'
    grep -iE 'signature.*(OK|NOKEY)' "$WORK/out" | sed 's/^/  /'
    grep -qi 'signature.*OK' "$WORK/out" || fail_with "$WORK/out" 'no signature that verifies with the key'
    pass 'signed by the key'
    rpmkeys --dbpath "$WORK/without" -Kv "$package" >"$WORK/out" 2>&1 && ! grep -q NOKEY "$WORK/out" && fail 'verifies without the key'
    mkdir -p "$WORK/root/var/lib/rpm"
    install() {
      rpm --root "$WORK/root" --dbpath "$1" --define '_pkgverify_level all' --nodeps --justdb --noscripts -i "$package" >"$WORK/out" 2>&1
    }
    if [ "$(id -u)" = 0 ]; then
      cp -r "$WORK/with" "$WORK/root/with"; cp -r "$WORK/without" "$WORK/root/without"
      ! install /without || fail '%_pkgverify_level all accepts the package without the key'
      install /with || fail_with "$WORK/out" '%_pkgverify_level all refuses the package'
      pass 'installs where signatures are required'
    fi
    # lead 96 bytes; then the signature header (16 + 16 * entries + data, padded to 8), the main header, the payload
    u32() { od -An -tu4 --endian=big -j "$1" -N 4 "$package" | tr -d ' '; }
    signature=$((16 + 16 * $(u32 104) + $(u32 108)))
    header=$((96 + (signature + 7) / 8 * 8))
    payload=$((header + 16 + 16 * $(u32 $((header + 8))) + $(u32 $((header + 12)))))
    for part in "header $((payload - 40))" "payload $(((payload + $(stat -c %s "$package")) / 2))"; do
      changed "${part#* }"
      ! rpmkeys --dbpath "$WORK/with" -Kv "$WORK/changed" >"$WORK/out" 2>&1 || fail_with "$WORK/out" "a changed ${part% *} is accepted"
      pass "a changed ${part% *} is refused"
    done ;;
esac
echo "all checks passed: ${package##*/}"
