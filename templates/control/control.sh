#!/bin/sh
# {{ program }}: services of this folder, registered with the system's service manager
#
#   {{ program }} install|start|stop|status|uninstall [{{ scopes }}] [SERVICE...]
#
#   install     registers the services of this folder, or registers them anew after it was moved or updated; starts them
#   start stop  as it says
#   status      0: all run, 3: one is stopped, 4: one is not installed
#   uninstall   stops and forgets them; what they wrote is kept, and where that is, is said
{%- if system %}
#
#   --system    for the whole machine, as root (what these services are meant for)
#   --user      for the user who runs this
{%- endif %}
#
# Exit: 0 done, 1 failed, 2 usage, 3 this machine cannot (and 3, 4 of status).

set -u
me={{ program }}
all='{{ names }}'
say() { printf '%s\n' "$*"; }
fail() { printf '%s: %s\n' "$me" "$2" >&2; exit "$1"; }
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$self" >&2; exit 2; }

self=$0
case $self in
*/*) ;;
*) if [ -f "./$self" ]; then self=./$self; else self=$(command -v "$self"); fi ;;
esac
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in
  /*) self=$link ;;
  *) self=${self%/*}/$link ;;
  esac
done
image=$(CDPATH='' cd -P "${self%/*}/{{ up }}" && pwd -P) || fail 1 'cannot find the folder it came in'
image=${image%/}

[ $# -gt 0 ] || usage
action=$1
shift
scope={{ scope }}
names=
for word in "$@"; do
  case $word in
{%- if system %}
  --user) scope=user ;;
  --system) scope=system ;;
{%- endif %}
  -*) usage ;;
  *)
    case " $all " in
    *" $word "*) names="$names $word" ;;
    *) fail 2 "there is no service $word here, but $all" ;;
    esac ;;
  esac
done
names=${names:-$all}

uid=$(id -u)
if [ "$scope" = system ] && [ "$uid" != 0 ] && [ "$action" != status ]; then
  fail 3 "$action for the whole machine needs root: sudo $self $action{% if system %}, or $me $action --user{% endif %}"
fi
case $image in
*[\"\\\$\`]* | *'
'*) fail 3 "no service manager takes the name of the folder it lies in: $image" ;;
esac
{{ body }}

each() { for name in $names; do "$1"; done; }
case $action in
install | start | stop | uninstall)
  manager_is_there
  each "do_$action" ;;
status)
  worst=0
  each do_status
  exit "$worst" ;;
*) usage ;;
esac
