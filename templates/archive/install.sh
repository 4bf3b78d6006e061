#!/bin/sh
# Installs {{ comment }} from this folder, or upgrades it: sh install.sh --help
set -eu
umask 022
export LC_ALL=C

name={{ name }}
version={{ version }}
# KiB that the files take.
need={{ need }}
# The program that registers the services, if there are some.
service={{ service }}
# Whether they are meant for the whole machine.
machine={{ machine }}

usage() {
    cat <<'END'
Usage: sh install.sh [--prefix FOLDER] [--bin FOLDER] [--no-links] [--no-service]

  --prefix FOLDER  where the files go: /opt/{{ plain }} for root, ~/.local/opt/{{ plain }} for others
  --bin FOLDER     where links to the programs go: /usr/local/bin, or ~/.local/bin
  --no-links       no links to the programs
  --no-service     services are not registered

Edited configuration is kept: what is new goes beside it as FILE.new. uninstall.sh takes it all away.
END
}

# Folders, outermost first: mode and path.
folders() {
{%- for dir in dirs %}
    "$1" {{ dir.mode }} {{ dir.path }}
{%- endfor %}
    :
}

# Files: mode and path.
files() {
{%- for file in files %}
    "$1" {{ file.mode }} {{ file.path }}
{%- endfor %}
    :
}

# Configuration: mode and path.
configs() {
{%- for file in configs %}
    "$1" {{ file.mode }} {{ file.path }}
{%- endfor %}
    :
}

# Links: path and target.
symlinks() {
{%- for link in symlinks %}
    "$1" {{ link.path }} {{ link.target }}
{%- endfor %}
    :
}

# Programs, by their names in bin.
programs() {
{%- for program in programs %}
    "$1" {{ program }}
{%- endfor %}
    :
}

# Services: name, and what an upgrade does with them.
services() {
{%- for service in services %}
    "$1" {{ service.name }} {{ service.upgrade }}
{%- endfor %}
    :
}

fail() {
    printf 'install.sh: %s\n' "$1" >&2
    exit 1
}

say() {
    printf '%s\n' "$1"
}

prefix='' bin='' links=yes
while [ $# -gt 0 ]; do
    case $1 in
    --prefix | --bin)
        [ $# -gt 1 ] && [ -n "$2" ] || fail "$1 needs a folder"
        case $1 in --prefix) prefix=$2 ;; *) bin=$2 ;; esac
        shift
        ;;
    --prefix=?*) prefix=${1#*=} ;;
    --bin=?*) bin=${1#*=} ;;
    --no-links) links=no ;;
    --no-service) service='' ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) fail "$1 is no option; --help lists them" ;;
    esac
    shift
done

from=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if [ "$(id -u)" -eq 0 ]; then
    : "${prefix:=/opt/$name}" "${bin:=/usr/local/bin}"
else
    if [ -z "$prefix" ] || { [ -z "$bin" ] && [ "$links" = yes ]; }; then
        [ -n "${HOME:-}" ] || fail 'HOME is not set; --prefix and --bin name folders'
    fi
    : "${prefix:=${HOME:-}/.local/opt/$name}" "${bin:=${HOME:-}/.local/bin}"
fi
# Who is not root registers for himself.
scope=''
[ "$machine" = no ] || [ "$(id -u)" -eq 0 ] || scope=--user
control() { "$prefix/$service" "$1" ${scope:+"$scope"} "$2"; }
case $prefix in /*) ;; *) prefix=$(pwd)/$prefix ;; esac
case $bin in /*) ;; *) bin=$(pwd)/$bin ;; esac
case $prefix$bin in
*'
'*) fail 'folders with line breaks in their names are not possible' ;;
esac
[ "$prefix" != "$from" ] || fail "$prefix is this folder itself"
record=$prefix/.installed-$name

# Everything that can go wrong is looked at before anything is touched.
complete() { [ -f "$from/$2" ] || fail "$2 is missing: unpack the archive again"; }
files complete
configs complete

old=no
if [ -f "$record/list" ] && grep -q '^f ' "$record/list"; then old=yes; fi
alone() {
    [ ! -e "$prefix/$2" ] && [ ! -L "$prefix/$2" ] ||
        fail "$prefix/$2 is there already and not of $name; --prefix names another folder"
}
alone_link() { alone - "$1"; }
if [ "$old" = no ]; then
    files alone
    symlinks alone_link
fi
free_name() {
    if [ -L "$bin/$1" ]; then
        [ "$(readlink "$bin/$1")" = "$prefix/bin/$1" ] && return
    elif [ ! -e "$bin/$1" ]; then
        return
    fi
    fail "$bin/$1 is there already and not of $name; --bin names another folder, --no-links makes none"
}
[ "$links" = no ] || programs free_name

existing() {
    there=$1
    while [ ! -d "$there" ]; do
        [ ! -e "$there" ] || fail "$there is no folder"
        there=$(dirname -- "$there")
    done
    [ -w "$there" ] || fail "you may not write to $there; run this as root, or name another folder"
}
[ "$links" = no ] || existing "$bin"
existing "$prefix"
# `df -P`: the numbers stand before the only percent sign.
line=$(df -Pk "$there" | tail -n 1)
line=${line%\%*}
line=${line% *}
while [ "${line% }" != "$line" ]; do line=${line% }; done
free=${line##* }
case $free in
'' | *[!0-9]*) ;;
*) [ "$free" -ge "$need" ] || fail "$there has $free KiB left, and $name needs $need KiB" ;;
esac

running='' stopped=''
before() {
    code=0
    control status "$1" >/dev/null 2>&1 || code=$?
    case $code in
    0)
        [ "$2" = keep ] || running="$running $1"
        [ "$2" != stop-first ] || control stop "$1"
        ;;
    3) stopped="$stopped $1" ;;
    esac
}
if [ "$old" = yes ] && [ -n "$service" ] && [ -x "$prefix/$service" ]; then services before; fi

# What is written down first can be taken away, whatever happens next.
mkdir -p "$record"
record_list() {
    list_dir() { printf 'd %s\n' "$2"; }
    list_file() { printf 'f %s\n' "$2"; }
    list_config() { printf 'c %s\n' "$2"; }
    list_link() { printf 'l %s\n' "$1"; }
    folders list_dir
    files list_file
    configs list_config
    symlinks list_link
}
record_list | sort -u >"$record/list.new"
touch "$record/list"
sort "$record/list" "$record/list.new" "$record/list.new" | uniq -u >"$record/list.gone"
sort -u "$record/list" "$record/list.new" >"$record/list.all"
mv -f "$record/list.all" "$record/list"
cp "$from/uninstall.sh" "$record/uninstall.sh"

unfinished=''
trap '[ -z "$unfinished" ] || rm -f -- "$unfinished"' EXIT
trap 'exit 130' HUP INT TERM

# One file at once: whoever runs the old one goes on with it.
put() {
    [ -L "$3" ] || [ ! -d "$3" ] || fail "$3 is a folder"
    unfinished=$3.part$$
    cp "$2" "$unfinished"
    chmod "$1" "$unfinished"
    mv -f "$unfinished" "$3"
    unfinished=''
}
put_dir() {
    [ -d "$prefix/$2" ] || { mkdir -p "$prefix/$2" && chmod "$1" "$prefix/$2"; }
}
put_file() { put "$1" "$from/$2" "$prefix/$2"; }
put_link() {
    [ -L "$prefix/$1" ] || [ ! -d "$prefix/$1" ] || fail "$prefix/$1 is a folder"
    rm -f "$prefix/$1"
    ln -s "$2" "$prefix/$1"
}
put_config() {
    default=$record/defaults/$2
    if [ -e "$prefix/$2" ] && ! cmp -s "$from/$2" "$prefix/$2"; then
        if [ -f "$default" ] && cmp -s "$default" "$prefix/$2"; then
            put "$1" "$from/$2" "$prefix/$2"
        elif [ ! -f "$default" ] || ! cmp -s "$default" "$from/$2"; then
            put "$1" "$from/$2" "$prefix/$2.new"
            say "$prefix/$2 was edited and is kept; the new one is $prefix/$2.new"
        fi
    elif [ ! -e "$prefix/$2" ]; then
        put "$1" "$from/$2" "$prefix/$2"
    fi
    mkdir -p "$(dirname "$default")"
    put 0644 "$from/$2" "$default"
}
put_name() {
    rm -f "$bin/$1"
    ln -s "$prefix/bin/$1" "$bin/$1"
}
folders put_dir
files put_file
symlinks put_link
configs put_config
if [ "$links" = yes ]; then
    mkdir -p "$bin"
    programs put_name
    link_of() { printf '%s\n' "$bin/$1"; }
    { [ ! -f "$record/links" ] || cat "$record/links"; programs link_of; } | sort -u >"$record/links.new"
    mv -f "$record/links.new" "$record/links"
fi

# What the version before had and this one has not.
while IFS= read -r line; do
    path=$prefix/${line#? }
    case $line in
    c\ *)
        default=$record/defaults/${line#? }
        if [ -f "$default" ] && cmp -s "$default" "$path"; then rm -f "$path"; fi
        rm -f "$default"
        ;;
    [fl]\ *) rm -f "$path" ;;
    esac
done <"$record/list.gone"
sort -r "$record/list.gone" | while IFS= read -r line; do
    case $line in d\ *) rmdir "$prefix/${line#d }" 2>/dev/null || : ;; esac
done
mv -f "$record/list.new" "$record/list"
rm -f "$record/list.gone"

say "$name $version is installed in $prefix"
case :${PATH:-}: in
*:"$bin":*) ;;
*) [ "$links" = no ] || say "$bin is not in PATH" ;;
esac
say "sh $record/uninstall.sh takes it away"
[ -n "$service" ] || exit 0
if [ "$machine" = no ] && [ "$(id -u)" -eq 0 ]; then
    say "each user starts its services with $prefix/$service install"
    exit 0
fi
code=0
"$prefix/$service" install ${scope:+"$scope"} || code=$?
case $code in
0) ;;
3)
    say 'its services are not registered'
    exit 0
    ;;
*) fail 'its services could not be registered; everything else is installed' ;;
esac
for one in $running; do
    control stop "$one"
    control start "$one"
done
for one in $stopped; do control stop "$one"; done
