#!/bin/sh
# Joins the parts of {{ comment }} and checks them: sh {{ called }} [FOLDER]
set -eu

name={{ name }}
size={{ size }}
sum={{ sum }}

fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

from=$(dirname -- "$0")
to=${1:-$from}
[ -d "$to" ] || fail "$to is no folder"
case $to in /* | ./* | ../*) ;; *) to=./$to ;; esac
case $from in /* | ./* | ../*) ;; *) from=./$from ;; esac

# The SHA-256 of what is read.
sha256() {
    if command -v sha256sum >/dev/null 2>&1; then
        set -- "$(sha256sum)"
    elif command -v shasum >/dev/null 2>&1; then
        set -- "$(shasum -a 256)"
    elif command -v openssl >/dev/null 2>&1; then
        set -- "$(openssl dgst -sha256 -r)"
    else
        fail 'there is no sha256sum, shasum or openssl'
    fi
    printf '%s\n' "${1%%[!0-9a-f]*}"
}

# Hands every part to a command: its name, length and digest.
parts() {
{%- for part in parts %}
    "$1" {{ part.name }} {{ part.size }} {{ part.sum }}
{%- endfor %}
}

check() {
    [ -f "$from/$1" ] || fail "$1 is missing"
    found=$(wc -c <"$from/$1")
    [ "$((found))" -eq "$2" ] || fail "$1 has $((found)) bytes and should have $2: get it again"
    [ "$(sha256 <"$from/$1")" = "$3" ] || fail "$1 is damaged: get it again"
}

append() {
    cat "$from/$1"
}

parts check

# `df -P`: the numbers stand before the only percent sign.
line=$(df -Pk "$to" | tail -n 1)
line=${line%\%*}
line=${line% *}
while [ "${line% }" != "$line" ]; do line=${line% }; done
free=${line##* }
case $free in
'' | *[!0-9]*) ;;
*) [ "$free" -ge "$((size / 1024 + 1))" ] ||
    fail "$to has $free KiB left, and $name needs $((size / 1024 + 1)) KiB" ;;
esac

new=$to/.$name.$$
trap 'rm -f -- "$new"' EXIT
trap 'exit 130' HUP INT TERM
parts append >"$new"
[ "$(sha256 <"$new")" = "$sum" ] || fail "$name was joined, and is damaged: try again"
mv -f -- "$new" "$to/$name"
trap - EXIT
printf '%s\n' "$to/$name"
