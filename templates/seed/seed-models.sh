#!/bin/sh
# seed-models PACKAGED STORE NOTES [MODE [PROGRAM ARGUMENT...]]: shows packaged models to a runtime with a store of its own
#
# Run as the service's user before every start; then becomes PROGRAM, if one is named. What the user pulled, made or removed is the
# user's. MODE: `link` (links to large files, copies of small ones), `copy`, `reflink` (copies that share blocks where the file
# system can). NOTES is for this program alone.
set -eu
packaged=$1 store=$2 notes=$3 mode=${4:-link}
mkdir -p "$store/blobs" "$store/manifests" "$notes/manifests"
before=$packaged
if [ -f "$notes/packaged" ]; then before=$(cat "$notes/packaged"); fi

same() { [ -f "$1" ] && [ -f "$2" ] && [ "$(cat "$1")" = "$(cat "$2")" ]; }
below() { if [ -d "$1" ]; then (cd "$1" && find . -type f | sed 's|^\./||'); fi; }
ours() { case $(readlink "$1") in "$packaged"/* | "$before"/*) return 0 ;; esac; return 1; }
# FROM TO: whole or not at all, a server may be looking
place() { cp "$1" "$notes/new"; mv -f "$notes/new" "$2"; }
place_large() {
  if [ "$mode" = reflink ] && cp --reflink=auto "$1" "$notes/new" 2>/dev/null; then
    mv -f "$notes/new" "$2"
  else
    place "$1" "$2"
  fi
}

# 1. links of ours that lead nowhere any more
for link in "$store"/blobs/sha256-*; do
  if [ -L "$link" ] && [ ! -e "$link" ] && ours "$link"; then rm -f "$link"; fi
done

# 2. content, before any manifest that names it
for blob in "$packaged"/blobs/sha256-*; do
  [ -f "$blob" ] || continue
  there=$store/blobs/${blob##*/}
  if [ -n "$(find "$blob" -size -128)" ]; then
    # under 64 KiB: templates and licences, which models of the user may share
    [ -e "$there" ] || place "$blob" "$there"
  elif [ "$mode" = link ]; then
    [ -e "$there" ] || ln -sf "$blob" "$there"
  elif [ ! -e "$there" ] || { [ -L "$there" ] && ours "$there"; }; then
    place_large "$blob" "$there"
  fi
done

# 3. manifests: new ones, and those of ours that nobody has changed since
below "$packaged/manifests" | while read -r name; do
  from=$packaged/manifests/$name to=$store/manifests/$name noted=$notes/manifests/$name
  if [ -e "$to" ]; then
    same "$to" "$noted" || continue   # the user pulled another version
    if same "$from" "$to"; then continue; fi
  elif same "$from" "$noted"; then
    continue                          # the user removed it
  fi
  mkdir -p "${to%/*}" "${noted%/*}"
  place "$from" "$to"
  place "$from" "$noted"
done

# 4. manifests whose package is gone
below "$notes/manifests" | while read -r name; do
  if [ -e "$packaged/manifests/$name" ]; then continue; fi
  if same "$notes/manifests/$name" "$store/manifests/$name"; then rm -f "$store/manifests/$name"; fi
  rm -f "$notes/manifests/$name"
done

if [ "$before" != "$packaged" ] || [ ! -f "$notes/packaged" ]; then printf '%s\n' "$packaged" >"$notes/packaged"; fi
if [ $# -gt 4 ]; then
  shift 4
  exec "$@"
fi
