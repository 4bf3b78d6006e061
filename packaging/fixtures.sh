#!/bin/sh
# Builds pkggen, the programs of the fixtures, and real packages of them.
#
#   packaging/fixtures.sh            packages of hello, service and llm below dist/; prints each
#   packaging/fixtures.sh programs   only the programs, fixtures/apps/*/target: what the tests need
#
# Needs Rust with a linker, nothing else; downloads nothing but pkggen's own crates. The programs are the same bytes wherever the
# sources lie.

set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=${here%/*}
apps=$root/fixtures/apps

triple=$(rustc -vV | sed -n 's/^host: //p')
case $triple in
  *-linux-*) ;;
  *) echo "fixtures.sh: the programs of the fixtures run on Linux, this is $triple" >&2; exit 2 ;;
esac
host=linux-${triple%%-*}

work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# rust SOURCE OUT [OPTION…]: one source file, one small program or library
rust() {
  source=$1 out=$2; shift 2
  mkdir -p "${out%/*}"
  rustc --edition 2024 -C opt-level=s -C panic=abort -C strip=symbols -C codegen-units=1 \
    --remap-path-prefix "${source%/*}=." "$@" -o "$out" "$source"
}

# service: two versions of one daemon
service() {
  for version in 1.0.0 1.1.0; do
    TALLYD_VERSION=$version rust "$apps/service/tallyd.rs" "$work/$host/$version/tallyd"
  done
}

# llm: a program, two shared libraries with their chains of links, a model
llm() {
  runtime=$work/$host/runtime
  library libtoygguf
  library libtoyllm
  rust "$apps/llm/toyllm.rs" "$runtime/toyllm" -L "$runtime" -C link-arg=-Wl,-rpath,'$ORIGIN'
  rust "$apps/llm/make_gguf.rs" "$work/.tools/make_gguf"
  "$work/.tools/make_gguf" "$work/toy-3m.gguf"
}

# library NAME: NAME.so -> NAME.so.1 -> NAME.so.1.0.0, which says it is NAME.so.1 and looks beside itself for others
library() {
  rust "$apps/llm/$1.rs" "$runtime/$1.so.1.0.0" --crate-type cdylib -L "$runtime" \
    -C link-arg=-Wl,-soname,"$1.so.1" -C link-arg=-Wl,-rpath,'$ORIGIN'
  chmod 644 "$runtime/$1.so.1.0.0"
  ln -s "$1.so.1.0.0" "$runtime/$1.so.1"
  ln -s "$1.so.1" "$runtime/$1.so"
}

# everywhere: a program of a few bytes for each target
everywhere() {
  rust "$apps/everywhere/make_programs.rs" "$work/.tools/make_programs"
  "$work/.tools/make_programs" "$work"
}

# make APP: runs the function of that name unless its results are newer than all sources; what did not change is not touched,
# so that a running build of packages sees no difference
make() {
  target=$apps/$1/target
  if [ -e "$target/.made" ] && [ -z "$(find "$apps/$1" "$0" -path "$target" -prune -o -type f -newer "$target/.made" -print)" ]; then
    return 0
  fi
  echo "building the programs of $1" >&2
  mkdir -p "$target"
  work=$target/.new.$$
  mkdir "$work"
  "$1"
  rm -rf "$work/.tools"
  (cd "$work" && find . ! -type d) | while IFS= read -r file; do
    mkdir -p "$target/${file%/*}"
    if [ -L "$work/$file" ] && [ -L "$target/$file" ]; then continue; fi
    cmp -s "$work/$file" "$target/$file" || mv -f "$work/$file" "$target/$file"
  done
  rm -rf "$work"
  work=
  : >"$target/.made"
}

make service
make llm
make everywhere
[ "${1-}" != programs ] || exit 0

cd "$root"
cargo build --locked
pkggen=${CARGO_TARGET_DIR:-$root/target}/debug/pkggen
for app in hello service llm; do
  "$pkggen" build -m "fixtures/apps/$app/pkggen.toml" --target "$triple" --out "dist/$app"
done
# the update that goes with it
"$pkggen" build deb rpm -m fixtures/apps/service/pkggen.toml --target "$triple" --out dist/service --set package.version=1.1.0
