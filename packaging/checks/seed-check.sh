#!/bin/sh
# Checks a program that shows packaged models to a runtime with a store of its own, against everything that happens to a store.
#
#   seed-check.sh [--copies] SEED [MODE]
#
#   SEED       called as `SEED PACKAGED STORE NOTES [MODE]`: the read-only store of a package, the store the runtime writes to, a
#              directory for its own notes. As often as it likes; it must change nothing when nothing changed.
#   --copies   no link may be in the store
#
# Checks: first start; a second start is silent; the user's own model; a new version of the packaged one; one the user updated;
# one the user removed; the package moved (AppImage) and removed; nothing foreign in the store; the packaged store untouched; the
# program behind it is run. Stores are made here: manifests and blobs as Ollama lays them out. Needs no root; a few seconds.
# Exit: 0 passed, 1 failed, 2 usage, 77 cannot run.

# shellcheck disable=SC2013,SC2143
set -eu
copies=
if [ "${1-}" = --copies ]; then copies=yes; shift; fi
[ $# = 1 ] || [ $# = 2 ] || { sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
seed=$(command -v "$1") || { echo "no such program: $1" >&2; exit 2; }
mode=${2:-link}
case $seed in /*) ;; *) seed=$PWD/$seed ;; esac
command -v sha256sum >/dev/null || { echo 'missing Debian packages: coreutils' >&2; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
cd "$dir"

pass() { printf 'ok %s\n' "$*"; }
fail() { printf 'FAIL %s\n' "$*" >&2; (cd "$dir" && find . ! -type d | sort | sed 's/^/     /') >&2; exit 1; }
sow() { "$seed" "$dir/${1:-package}" "$dir/state" "$dir/notes" "$mode" || fail "$seed exited with $?"; }

# blob STORE < CONTENT: puts it there, prints digest and size
blob() {
  mkdir -p "$1/blobs"
  cat >"$dir/content"
  digest=$(sha256sum "$dir/content" | cut -d' ' -f1)
  cp "$dir/content" "$1/blobs/sha256-$digest"
  printf 'sha256:%s %s' "$digest" "$(wc -c <"$dir/content")"
}
# layer TYPE DIGEST SIZE
layer() { printf '{"mediaType":"application/vnd.ollama.image.%s","digest":"%s","size":%s}' "$1" "$2" "$3"; }
# model STORE NAME TAG NUMBER: 200 KiB of weights that depend on the number, a template and a licence that do not
model() {
  # shellcheck disable=SC2046
  {
    weights=$(layer model $(yes "weights $4" | head -c 200000 | blob "$1"))
    template=$(layer template $(printf '{{ .Prompt }}' | blob "$1"))
    licence=$(layer license $(printf 'MIT' | blob "$1"))
    config=$(printf '{"model_format":"gguf","model_family":"llama","n":%s}' "$4" | blob "$1")
  }
  mkdir -p "$1/manifests/registry.ollama.ai/library/$2"
  printf '{"schemaVersion":2,"config":{"digest":"%s","size":%s},"layers":[%s,%s,%s]}' \
    "${config% *}" "${config#* }" "$weights" "$template" "$licence" >"$(tag "$1" "$2" "$3")"
}
tag() { printf '%s/manifests/registry.ollama.ai/library/%s/%s' "$1" "$2" "$3"; }
# whole NAME TAG: the manifest is there as a file of its own and every blob it names opens
whole() {
  file=$(tag state "$1" "$2")
  if [ ! -f "$file" ] || [ -L "$file" ]; then fail "$3: $1:$2 has no manifest of its own"; fi
  for digest in $(grep -o 'sha256:[0-9a-f]\{64\}' "$file"); do
    [ -r "state/blobs/sha256-${digest#*:}" ] || fail "$3: $1:$2 lacks blob $digest"
  done
}
tidy() { # what Ollama would delete, stumble over or follow to its harm
  [ -z "$(find state -type l ! -exec test -e {} \; -print)" ] || fail "$1: a link leads nowhere"
  [ -z "$(find state/blobs -mindepth 1 | grep -vE '/sha256-[0-9a-f]{64}$')" ] || fail "$1: foreign file in blobs/"
  [ -z "$(find state/manifests ! -type d | grep -vE '^state/manifests/[^/]+/[^/]+/[^/]+/[^/]+$')" ] || fail "$1: stray file in manifests/"
  [ -z "$(find state/manifests -type l)" ] || fail "$1: a manifest is a link: a pull would write through it"
  [ -z "$copies" ] || [ -z "$(find state -type l)" ] || fail "$1: a link, where copies were asked for"
}
stamp() { find "$@" -printf '%p %y %s %T@ %l\n' | sort; }

model package chat 1b 1
find package -exec touch -h -d 2024-01-01 {} +
chmod -R a-w package
stamp package >package.was
sow; whole chat 1b 'first start'; tidy 'first start'
pass 'first start'

stamp state notes >was; sow; stamp state notes >is
cmp -s was is || fail 'the second start changed something'
pass 'second start changes nothing'

if [ -z "$copies" ]; then
  for blob in state/blobs/*; do # what a disk that is gone, or a copied store, can leave behind
    digest=${blob##*/}; if [ -L "$blob" ]; then rm "$blob"; ln -s "/nowhere/$digest" "$blob"; fi
  done
  sow; whole chat 1b 'a foreign dead link'; tidy 'a foreign dead link'
  pass 'a dead link in the place of a packaged blob is replaced'
fi

model state mine latest 7
sow; whole mine latest "the user's own model"; tidy "the user's own model"
stamp package >is; cmp -s package.was is || fail 'the packaged store was written to'
pass "the user's own model stays; the packaged store is untouched"

chmod -R u+w package; rm -r package
model package chat 1b 2; model package code 3b 3
sow; whole chat 1b upgrade; whole code 3b upgrade; tidy upgrade
cmp -s "$(tag package chat 1b)" "$(tag state chat 1b)" || fail 'upgrade: the old manifest stayed'
pass 'a new version of the package brings its models'

rm "$(tag state chat 1b)"; model state chat 1b 8; cp "$(tag state chat 1b)" users
sow; cmp -s users "$(tag state chat 1b)" || fail 'a model the user updated was put back'
rm -r package; model package chat 1b 4; model package code 3b 3
sow; cmp -s users "$(tag state chat 1b)" || fail 'a package upgrade replaced a model the user updated'
whole chat 1b 'updated by the user'; tidy 'updated by the user'
pass 'a model the user updated stays'

rm "$(tag state code 3b)"
sow; [ ! -e "$(tag state code 3b)" ] || fail 'a model the user removed came back'
tidy 'removed by the user'
pass 'a model the user removed stays removed'

mv package elsewhere
sow elsewhere; whole chat 1b moved; tidy moved
model elsewhere late 1b 5; sow elsewhere; whole late 1b moved
mv elsewhere package; sow; whole late 1b 'moved back'; tidy 'moved back'
pass 'a store that is mounted elsewhere next time is followed'

rm -r package
sow
[ ! -e "$(tag state late 1b)" ] || fail 'package removed: its manifest stayed'
whole mine latest 'package removed'; whole chat 1b 'package removed (updated by the user)'; tidy 'package removed'
[ -z "$(find state -type l)" ] || fail 'package removed: links left'
pass "package removed: its models are gone, the user's are there"

ran=$("$seed" "$dir/package" "$dir/state" "$dir/notes" "$mode" printf '%s,' 'a b' '') || fail "$seed exited with $?"
[ "$ran" = 'a b,,' ] || fail "the program behind it got: $ran"
pass 'the program behind it is run with its arguments'
echo "all checks passed: $seed"
