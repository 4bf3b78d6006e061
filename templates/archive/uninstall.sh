#!/bin/sh
# Takes {{ comment }} away: sh uninstall.sh --help
set -eu
export LC_ALL=C

name={{ name }}
service={{ service }}
machine={{ machine }}

usage() {
    cat <<'END'
Usage: sh uninstall.sh [--purge] [--prefix FOLDER]

  --purge          configuration and what the program has written, too
  --prefix FOLDER  where it was installed
END
}

fail() {
    printf 'uninstall.sh: %s\n' "$1" >&2
    exit 1
}

# What the program writes, as a service of the machine and as a program.
states() {
    if [ "$machine" = yes ] && [ "$(id -u)" -eq 0 ]; then
{%- for state in machine_states %}
        "$1" "${SERVICE_ROOT-}"{{ state }}
{%- endfor %}
        :
    fi
    [ -n "${HOME:-}" ] || return 0
{%- for state in states %}
    "$1" {{ state }}
{%- endfor %}
}

prefix='' purge=no
while [ $# -gt 0 ]; do
    case $1 in
    --purge) purge=yes ;;
    --prefix)
        [ $# -gt 1 ] && [ -n "$2" ] || fail '--prefix needs a folder'
        prefix=$2
        shift
        ;;
    --prefix=?*) prefix=${1#*=} ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) fail "$1 is no option; --help lists them" ;;
    esac
    shift
done

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if [ -z "$prefix" ] && [ -f "$here/list" ]; then
    prefix=$(dirname -- "$here")
elif [ -z "$prefix" ] && [ "$(id -u)" -eq 0 ]; then
    prefix=/opt/$name
elif [ -z "$prefix" ]; then
    prefix=${HOME:?}/.local/opt/$name
fi
case $prefix in /*) ;; *) prefix=$(pwd)/$prefix ;; esac
record=$prefix/.installed-$name
[ -f "$record/list" ] || fail "$name is not installed in $prefix; --prefix names another folder"
[ -w "$record" ] || fail "you may not write to $record"

scope=''
[ "$machine" = no ] || [ "$(id -u)" -eq 0 ] || scope=--user
if [ -n "$service" ] && [ -x "$prefix/$service" ]; then
    code=0
    "$prefix/$service" uninstall ${scope:+"$scope"} || code=$?
    # 3: there is no service manager here.
    [ "$code" -eq 0 ] || [ "$code" -eq 3 ] ||
        fail 'its services could not be stopped: nothing was taken away'
fi

if [ -f "$record/links" ]; then
    while IFS= read -r link; do
        if [ -L "$link" ] && [ "$(readlink "$link")" = "$prefix/bin/${link##*/}" ]; then
            rm -f "$link"
        fi
    done <"$record/links"
    rm -f "$record/links"
fi

: >"$record/list.kept"
while IFS= read -r line; do
    path=$prefix/${line#? }
    case $line in
    [fl]\ *) rm -f "$path" ;;
    c\ *)
        if [ "$purge" = yes ]; then
            rm -f "$path" "$path.new"
        elif [ -e "$path" ]; then
            printf '%s\n' "$line" >>"$record/list.kept"
            printf '%s is kept; --purge takes it away\n' "$path"
        fi
        ;;
    esac
done <"$record/list"
kept=no
if [ -s "$record/list.kept" ]; then
    kept=yes
    # Its folders are needed to take it away later.
    grep '^d ' "$record/list" >>"$record/list.kept" || :
fi
sort -r "$record/list" | while IFS= read -r line; do
    case $line in d\ *) rmdir "$prefix/${line#d }" 2>/dev/null || : ;; esac
done
remove() { rm -rf -- "$1"; }
[ "$purge" = no ] || states remove
if [ "$kept" = yes ]; then
    mv -f "$record/list.kept" "$record/list"
else
    rm -rf -- "$record"
    rmdir "$prefix" 2>/dev/null || :
fi
printf '%s is gone from %s\n' "$name" "$prefix"
