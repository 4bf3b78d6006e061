#!/bin/sh
# launcher {{ name }} of {{ package }}: finds a program, sets its environment and becomes it

# a launcher above this one may have set library paths: they were for its own program
for pkggen_name in {{ libraries }}; do
  eval "pkggen_now=\${$pkggen_name-} pkggen_set=\${PKGGEN_SET_$pkggen_name-} pkggen_was=\${PKGGEN_WAS_$pkggen_name-}"
  [ -n "$pkggen_set" ] || continue
  unset "PKGGEN_SET_$pkggen_name" "PKGGEN_WAS_$pkggen_name"
  [ "$pkggen_now" = "$pkggen_set" ] || continue
  if [ -n "$pkggen_was" ]; then eval "$pkggen_name=\$pkggen_was"; else unset "$pkggen_name"; fi
done
{%- if up != "" %}

# the folder this came in, wherever it lies; links to the launcher are followed
pkggen_self=$0
case $pkggen_self in
*/*) ;;
*) if [ -f "./$pkggen_self" ]; then pkggen_self=./$pkggen_self; else pkggen_self=$(command -v "$pkggen_self"); fi ;;
esac
while [ -L "$pkggen_self" ]; do
  pkggen_link=$(readlink "$pkggen_self" && echo .)
  pkggen_link=${pkggen_link%??}
  case $pkggen_link in
  /*) pkggen_self=$pkggen_link ;;
  *) pkggen_self=${pkggen_self%/*}/$pkggen_link ;;
  esac
done
if ! pkggen_image=$(CDPATH='' cd -P "${pkggen_self%/*}/{{ up }}" && pwd -P && echo .); then
  printf '%s: cannot find the folder it came in\n' {{ shown }} >&2
  exit 126
fi
pkggen_image=${pkggen_image%??}
pkggen_image=${pkggen_image%/}
{%- endif %}
{%- for dir in dirs %}
{{ dir.0 }}={{ dir.1 }}
{%- endfor %}

pkggen_tried=
pkggen_note() {
  pkggen_tried="$pkggen_tried
  $1: $2"
}

# FILE: whether it is this launcher, or another copy of it
pkggen_same() {
  [ -r "$1" ] || return 1
  { IFS= read -r pkggen_line && [ "$pkggen_line" = '#!/bin/sh' ] && IFS= read -r pkggen_line; } <"$1" || return 1
  case $pkggen_line in
  '# launcher {{ name }} of {{ package }}: '*) return 0 ;;
  esac
  return 1
}

# FILE: whether it can be run; else why not
pkggen_check() {
  pkggen_program=$1
  case $1 in
  /*) ;;
  *) pkggen_program=./$1 ;;
  esac
  if [ -d "$pkggen_program" ]; then
    pkggen_why='a directory'
  elif [ ! -e "$pkggen_program" ]; then
    pkggen_why='no such file'
  elif [ ! -x "$pkggen_program" ]; then
    pkggen_why='not executable'
  elif pkggen_same "$pkggen_program"; then
    pkggen_why='this launcher itself'
  else
    return 0
  fi
  return 1
}
{%- if by_variable %}

# VARIABLE VALUE: what the user set, which is used or an error
pkggen_variable() {
  if [ -z "$2" ]; then
    pkggen_note "\$$1" 'not set'
    return 1
  fi
  pkggen_check "$2" && return 0
  printf '%s: $%s is `%s`: %s\n' {{ shown }} "$1" "$2" "$pkggen_why" >&2
  exit 126
}
{%- endif %}
{%- if by_path %}

# NAME: the first of that name on PATH
pkggen_path() {
  pkggen_rest=${PATH-}:
  while [ -n "$pkggen_rest" ]; do
    pkggen_dir=${pkggen_rest%%:*}
    pkggen_rest=${pkggen_rest#*:}
    pkggen_check "${pkggen_dir:-.}/$1" && return 0
  done
  pkggen_note "$1" 'not on PATH'
  return 1
}
{%- endif %}
{%- if by_file %}

pkggen_file() {
  pkggen_check "$1" && return 0
  pkggen_note "$1" "$pkggen_why"
  return 1
}
{%- endif %}

{% for try in tries %}pkggen_{{ try.kind }} {{ try.words }} ||
  {% endfor %}{
    printf '%s: found no program to run; tried%s\n' {{ shown }} "$pkggen_tried" >&2
    exit 127
  }
{%- for change in env %}
{%- if change.library %}
PKGGEN_WAS_{{ change.name }}={{ change.now }}
{%- endif %}
{%- if change.kind == "set" %}
{{ change.name }}={{ change.value }}
{%- elif change.kind == "default" %}
if [ -z "{{ change.there }}" ]; then {{ change.name }}={{ change.value }}; fi
{%- elif change.kind == "prefix" %}
if [ -n "{{ change.now }}" ]; then {{ change.name }}={{ change.value }}{{ change.separator }}${{ change.name }}; else {{ change.name }}={{ change.value }}; fi
{%- else %}
if [ -n "{{ change.now }}" ]; then {{ change.name }}=${{ change.name }}{{ change.separator }}{{ change.value }}; else {{ change.name }}={{ change.value }}; fi
{%- endif %}
{%- if change.library %}
PKGGEN_SET_{{ change.name }}=${{ change.name }}
export PKGGEN_SET_{{ change.name }} PKGGEN_WAS_{{ change.name }}
{%- endif %}
export {{ change.name }}
{%- endfor %}

exec "$pkggen_program"{{ arguments }} "$@"
