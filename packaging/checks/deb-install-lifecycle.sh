#!/bin/sh
# Takes a .deb through its whole life with the real dpkg, in a throw-away root.
#
#   deb-install-lifecycle.sh PACKAGE.deb [OLD.deb]
#
#   OLD.deb   an older version: it is installed first and upgraded to PACKAGE; without it PACKAGE is installed over itself
#
# Checks: dpkg unpacks it (its own tar reader, not the system's); what is installed is what the package says, byte for byte;
# dpkg --verify; every file in /etc is a conffile; an edited conffile survives, with .dpkg-dist beside it when the default
# changed; a unit that is stopped on upgrade is started again; remove stops the units, keeps the conffiles and nothing
# else; installing again after remove keeps the edited conffile; purge leaves nothing. Dependencies are not resolved
# (apt-install.sh does that), services are not run (systemd-boot-deb.sh). The calls of the maintainer scripts are printed in a
# stable form: "STAGE: PROGRAM ARGUMENTS".
# Needs root. 1 s + unpacking four times. Exit: 0 passed, 1 failed, 2 usage, 77 cannot run on this machine.

set -eu
. "$(dirname "$0")/lib.sh"
case $# in 1 | 2) ;; *) usage ;; esac
need dpkg:dpkg dpkg-deb:dpkg busybox:busybox-static tar:tar
need_root
need_file "$@"
new=$(full_path "$1") old=$(full_path "${2:-$1}")
work_dir

for file in "$old" "$new"; do dpkg-deb -I "$file" >/dev/null 2>"$WORK/out" || fail_with "$WORK/out" "$file cannot be read"; done
field() { dpkg-deb -f "$1" "$2"; }
name=$(field "$new" Package)
[ "$(field "$old" Package)" = "$name" ] || fail "$2 is package $(field "$old" Package), not $name"
[ "$old" = "$new" ] || dpkg --compare-versions "$(field "$old" Version)" lt "$(field "$new" Version)" ||
  fail "$(field "$old" Version) is not older than $(field "$new" Version)"

ROOT=$WORK/root
mini_root "$ROOT"
listing "$ROOT" "$WORK/before"

# --path-include undoes path-exclude lines of the machine's own dpkg.cfg; --log keeps its log as it is
run() {
  DEBIAN_FRONTEND=noninteractive dpkg --root="$ROOT" --log="$WORK/dpkg.log" --path-include='*' --force-depends --force-confdef \
    --force-confold "$@" >"$WORK/out" 2>&1 || fail_with "$WORK/out" "dpkg $*"
}
state() { dpkg-query --admindir="$ROOT/var/lib/dpkg" -W -f '${Status}' "$name" 2>/dev/null || echo unknown; }
unpack() { mkdir "$2"; dpkg-deb --fsys-tarfile "$1" | tar -xpf - -C "$2" --numeric-owner --same-owner || fail "$1 cannot be unpacked"; }
control() { dpkg-deb --ctrl-tarfile "$1" | tar -xOf - "./$2" 2>/dev/null || :; }
conffiles() { control "$1" conffiles | sed 's/[[:space:]]*$//' | grep '^/' || :; }

for file in "$old" "$new"; do
  rm -rf "$WORK/want"
  unpack "$file" "$WORK/want"
  (cd "$WORK/want" && find etc -type f 2>/dev/null | sed 's|^|/|' | sort) >"$WORK/etc"
  conffiles "$file" | sort >"$WORK/conf"
  stray=$(comm -23 "$WORK/etc" "$WORK/conf")
  [ -z "$stray" ] || fail "in /etc but no conffile: $stray"
  lost=$(conffiles "$file" | while read -r conf; do [ -f "$WORK/want$conf" ] || echo "$conf"; done)
  [ -z "$lost" ] || fail "conffile that the package does not ship: $lost"
done
mv "$WORK/want" "$WORK/want.new"

step "install $(field "$old" Version)"
run -i "$old"
[ "$(state)" = 'install ok installed' ] || fail "state is '$(state)'"
if [ "$old" = "$new" ]; then ln -s want.new "$WORK/want.old"; else unpack "$old" "$WORK/want.old"; fi
same_tree "$WORK/want.old/." "$ROOT"
verify() {
  changed=$(dpkg --root="$ROOT" --verify "$name" 2>&1 | grep -v '^??5?????? c ' || :)
  [ -z "$changed" ] || fail "dpkg --verify: $changed"
}
verify
calls install
pass "installed as packed: $(wc -l <"$WORK/paths") paths"

step 'edit the configuration'
mkdir "$WORK/edited"
conffiles "$old" >"$WORK/conf"
while IFS= read -r conf; do
  printf '\nedited\n' >>"$ROOT$conf"
  mkdir -p "$WORK/edited${conf%/*}"
  cp "$ROOT$conf" "$WORK/edited$conf"
done <"$WORK/conf"
still_edited() {
  while IFS= read -r conf; do
    cmp -s "$ROOT$conf" "$WORK/edited$conf" || fail "$1 changed the edited $conf"
  done <"$WORK/conf"
}

step "upgrade to $(field "$new" Version)"
run -i "$new"
[ "$(state)" = 'install ok installed' ] || fail "state is '$(state)'"
[ "$(dpkg-query --admindir="$ROOT/var/lib/dpkg" -W -f '${Version}' "$name")" = "$(field "$new" Version)" ] || fail 'not upgraded'
still_edited upgrade
while IFS= read -r conf; do
  [ -f "$WORK/want.new$conf" ] || continue
  if cmp -s "$WORK/want.old$conf" "$WORK/want.new$conf"; then
    [ ! -e "$ROOT$conf.dpkg-dist" ] || fail "$conf.dpkg-dist though the default did not change"
  else
    cmp -s "$ROOT$conf.dpkg-dist" "$WORK/want.new$conf" || fail "the new default of $conf is not beside it as .dpkg-dist"
    note "$conf.dpkg-dist holds the new default"
  fi
done <"$WORK/conf"
same_tree "$WORK/want.new/." "$ROOT" "$WORK/conf"
verify
started_again() {
  for unit in $(units '^(deb-systemd-invoke|systemctl) (.* )?stop ' "$1"); do
    grep -qE "(start|restart) .*$unit" "$WORK/calls.$1" || fail "$1 stops $unit and never starts it"
  done
}
calls upgrade
started_again upgrade
if [ "$old" != "$new" ]; then # runs the new version's prerm upgrade as well
  run -i "$new"
  still_edited reinstall
  calls reinstall
  started_again reinstall
fi
pass 'upgrade keeps edited configuration; every unit that is stopped is started again'

step remove
run -r "$name"
case $(state) in 'deinstall ok config-files' | 'unknown ok not-installed' | unknown) ;; *) fail "state is '$(state)'" ;; esac
still_edited remove
left=$(cd "$WORK/want.new" && find . -mindepth 1 \( -type f -o -type l \) | sed 's/^\.//' | sort | comm -23 - "$WORK/conf" |
  while IFS= read -r path; do if [ -e "$ROOT$path" ] || [ -L "$ROOT$path" ]; then echo "$path"; fi; done)
[ -z "$left" ] || fail "remove left $left"
calls remove
for unit in $(units '^deb-systemd-invoke .*start' install); do
  grep -q "stop .*$unit" "$WORK/calls.remove" || fail "install starts $unit, remove does not stop it"
done
pass 'remove keeps the configuration and nothing else'

if [ -s "$WORK/conf" ]; then
  step 'install again'
  run -i "$new"
  still_edited 'installing again'
  calls again
  run -r "$name"
  : >"$CALLS"
  pass 'the configuration survives remove and install'
fi

step purge
if [ "$(state)" != unknown ]; then run -P "$name"; fi
if grep -q '^dpkg: warning' "$WORK/out"; then grep '^dpkg: warning' "$WORK/out" | sed 's/^/   /'; fi
calls purge
for unit in $(units '^deb-systemd-helper (--[a-z]+ )*enable' install); do
  grep -qE "^deb-systemd-helper .*purge .*$unit" "$WORK/calls.purge" || fail "install enables $unit, purge does not forget it"
done
listing "$ROOT" "$WORK/after"
left=$(comm -13 "$WORK/before" "$WORK/after")
[ -z "$left" ] || fail "left after purge: $(printf '%s' "$left" | head -n 20 | tr '\n' ' ')"
lost=$(comm -23 "$WORK/before" "$WORK/after")
[ -z "$lost" ] || fail "purge removed what was there before: $(printf '%s' "$lost" | head -n 20 | tr '\n' ' ')"
pass 'purge leaves nothing'
echo "all checks passed: $name"
