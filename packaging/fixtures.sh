#!/bin/sh
# Builds pkggen, the programs of the fixtures, and real packages of them.
#
#   packaging/fixtures.sh            packages of hello, service, llm, offgrid and novahub below dist/; prints each
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

# everything OUT: the same, as building blocks of other fixtures
everything() {
  rust "$apps/everywhere/make_programs.rs" "$work/.tools/make_programs"
  "$work/.tools/make_programs" "$1"
}

# offgrid: a program and a server with its backend in four variants; real ones for this machine
offgrid() {
  everything "$work/.tools/all"
  for system in linux-x86_64 linux-aarch64 macos-x86_64 macos-aarch64 windows-x86_64 windows-aarch64; do
    case $system in windows-*) exe=.exe ;; *) exe= ;; esac
    folder=$work/$(printf %s "$system" | sed 's/macos/darwin/; s/x86_64/amd64/; s/aarch64/arm64/')
    for variant in cpu cuda rocm vulkan; do
      mkdir -p "$folder/llama/$variant"
      if [ "$system" = "$host" ]; then server; else cp "$work/.tools/all/$system/everywhere$exe" "$folder/llama/$variant/llama-server$exe"; fi
    done
    if [ "$system" = "$host" ]; then
      OFFGRID_VERSION=0.1.0 rust "$apps/offgrid/offgrid.rs" "$folder/offgrid"
    else
      cp "$work/.tools/all/$system/everywhere$exe" "$folder/offgrid$exe"
    fi
  done
  rust "$apps/llm/make_gguf.rs" "$work/.tools/make_gguf"
  "$work/.tools/make_gguf" "$work/toy-3m.gguf"
  rust "$apps/offgrid/make_icon.rs" "$work/.tools/make_icon"
  "$work/.tools/make_icon" "$work/icon.png"
}

# server: llama-server and libggml.so -> libggml.so.0 -> libggml.so.0.1.0 of one variant
server() {
  runtime=$folder/llama/$variant
  BACKEND=$variant rust "$apps/offgrid/libggml.rs" "$runtime/libggml.so.0.1.0" --crate-type cdylib -C link-arg=-Wl,-soname,libggml.so.0
  chmod 644 "$runtime/libggml.so.0.1.0"
  ln -s libggml.so.0.1.0 "$runtime/libggml.so.0"
  ln -s libggml.so.0 "$runtime/libggml.so"
  rust "$apps/offgrid/llama_server.rs" "$runtime/llama-server" -L "$runtime" -C link-arg=-Wl,-rpath,'$ORIGIN'
}

# novahub: a program for each of 11 platforms, archives of a runtime for those that have one, an Ollama store with one model
novahub() {
  everything "$work/.tools/all"
  mkdir -p "$work/bin" "$work/ollama"
  for pair in linux-x86_64:linux-x64 linux-aarch64:linux-arm64 linux-armv7:linux-armv7 linux-i686:linux-x86 linux-riscv64:linux-riscv64 \
    linux-powerpc64le:linux-ppc64le macos-x86_64:darwin-x64 macos-aarch64:darwin-arm64 windows-x86_64:windows-x64 \
    windows-aarch64:windows-arm64 freebsd-x86_64:freebsd-x64; do
    case $pair in windows-*) exe=.exe ;; *) exe= ;; esac
    cp "$work/.tools/all/${pair%:*}/everywhere$exe" "$work/bin/novahub-${pair#*:}$exe"
  done
  for arch in x86_64:amd64 aarch64:arm64; do
    folder=$work/.tools/linux-${arch#*:}
    mkdir -p "$folder/bin" "$folder/lib/ollama"
    if [ "linux-${arch%:*}" = "$host" ]; then
      rust "$apps/novahub/ollama.rs" "$folder/bin/ollama"
    else
      cp "$work/.tools/all/linux-${arch%:*}/everywhere" "$folder/bin/ollama"
    fi
    cp "$work/.tools/all/linux-${arch%:*}/everywhere" "$folder/lib/ollama/libggml-base.so.0.0.0"
    ln -s libggml-base.so.0.0.0 "$folder/lib/ollama/libggml-base.so.0"
    pack "$folder" "ollama-linux-${arch#*:}.tar.gz" bin lib
  done
  mkdir "$work/.tools/darwin"
  cp "$work/.tools/all/macos-universal/everywhere" "$work/.tools/darwin/ollama"
  pack "$work/.tools/darwin" ollama-darwin.tgz ollama
  rust "$apps/novahub/make_zip.rs" "$work/.tools/make_zip"
  for arch in x86_64:amd64 aarch64:arm64; do
    "$work/.tools/make_zip" "$work/ollama/ollama-windows-${arch#*:}.zip" \
      "ollama.exe=$work/.tools/all/windows-${arch%:*}/everywhere.exe" "lib/ollama/README=$work/.tools/all/windows-${arch%:*}/README"
  done
  store
}

# pack FOLDER ARCHIVE NAME…: the same bytes every time
pack() {
  from=$1 archive=$2; shift 2
  find "$from" -exec touch -h -d @315532800 {} +
  (cd "$from" && tar --format=ustar --sort=name --owner=0 --group=0 --numeric-owner -cf - "$@") | gzip -n >"$work/ollama/$archive"
}

# store: toy:3m as Ollama keeps it
store() {
  store=$work/store tools=$work/.tools
  mkdir -p "$store/blobs" "$store/manifests/registry.ollama.ai/library/toy"
  rust "$apps/llm/make_gguf.rs" "$tools/make_gguf"
  "$tools/make_gguf" "$tools/model"
  printf '{{ .Prompt }}' >"$tools/template"
  cp "$apps/novahub/LICENSE" "$tools/license"
  printf '{"model_format":"gguf","model_family":"llama","model_families":["llama"],"model_type":"3M","file_type":"Q8_0"}' >"$tools/config"
  {
    printf '{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":'
    blob "$tools/config" application/vnd.docker.container.image.v1+json
    printf ',"layers":['
    blob "$tools/model" application/vnd.ollama.image.model
    for kind in template license; do printf ,; blob "$tools/$kind" "application/vnd.ollama.image.$kind"; done
    printf ']}'
  } >"$store/manifests/registry.ollama.ai/library/toy/3m"
}

# blob FILE TYPE: puts it into the store, prints what a manifest says of it
blob() {
  digest=$(sha256sum <"$1")
  digest=${digest%% *}
  cp "$1" "$store/blobs/sha256-$digest"
  printf '{"mediaType":"%s","digest":"sha256:%s","size":%s}' "$2" "$digest" "$(($(wc -c <"$1")))"
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
make offgrid
make novahub
[ "${1-}" != programs ] || exit 0

cd "$root"
cargo build --locked
pkggen=${CARGO_TARGET_DIR:-$root/target}/debug/pkggen
for app in hello service llm; do
  "$pkggen" build -m "fixtures/apps/$app/pkggen.toml" --target "$triple" --out "dist/$app"
done
# a variant with its model; a bundle whose model comes out of an Ollama store
"$pkggen" build deb rpm tar.gz --variant cpu -m fixtures/apps/offgrid/pkggen.toml --target "$triple" --out dist/offgrid
"$pkggen" build deb rpm tar.zst -m fixtures/apps/novahub/pkggen.toml --target "$triple" --out dist/novahub \
  --ollama-models fixtures/apps/novahub/target/store
# the update that goes with it
"$pkggen" build deb rpm -m fixtures/apps/service/pkggen.toml --target "$triple" --out dist/service --set package.version=1.1.0
