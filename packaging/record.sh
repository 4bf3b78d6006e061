#!/bin/sh
# Records docs/demo.txt: a plan, a build with its progress, an error, in a real terminal.
#
#   packaging/record.sh PKGGEN >docs/demo.txt
#
# Needs script(1) and python3. Frames of a progress bar follow each other as lines; only some of them are kept.

set -eu
pkggen=$(realpath "$1")
root=$(cd "$(dirname "$0")/.." && pwd)
sh "$root/packaging/fixtures.sh" programs >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R "$root/fixtures/apps/llm" "$work/toyllm"
mkdir "$work/bin"
ln -s "$pkggen" "$work/bin/pkggen"
PATH=$work/bin:$PATH XDG_CACHE_HOME=$work/cache
export PATH XDG_CACHE_HOME
cd "$work/toyllm"

show() {
  printf '$ %s\n' "$*"
  script -qec "stty cols 110; $*" /dev/null </dev/null || :
  echo
}

{
  show pkggen
  show pkggen plan deb rpm --target linux-x86_64
  show pkggen build deb rpm --target linux-x86_64 -j 1
  show pkggen inspect dist/toyllm_1.0.0_amd64.deb --files
  sed 's/toy-3m.gguf/toy-3b.gguf/; s/^license /licence /' pkggen.toml >broken.toml
  show pkggen check -m broken.toml
} | sed "s|$work|/home/ana|g" | python3 -c '
import re, sys
for line in sys.stdin.buffer.read().decode().replace("\r\n", "\n").split("\n"):
    frames = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame).rstrip() for frame in line.split("\r")]
    seen = {}
    for frame in [frame for frame in frames if frame] or [""]:
        bar = frame.split(" [")[0] if " [" in frame and "B/" in frame else None
        seen[bar] = seen.get(bar, 0) + 1
        if not bar or seen[bar] in (2, 4):
            print(frame)
'
