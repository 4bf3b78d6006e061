
# where things are; in units `%` starts a specifier
if [ "$scope" = system ]; then
  units=${SERVICE_ROOT-}/etc/systemd/system
  state=/var/lib/{{ package }} log=/var/log/{{ package }} cache=/var/cache/{{ package }}
else
  : "${HOME:?is not set}"
  units=${SERVICE_ROOT-}${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
  state=${XDG_STATE_HOME:-$HOME/.local/state}/{{ package }} log=${XDG_STATE_HOME:-$HOME/.local/state}/{{ package }}/log
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/{{ package }}
fi
case $image in
*\'*) fail 3 "systemd runs no program in a folder with a quote in its name: $image" ;;
esac
percent() { printf '%s' "$1" | sed 's/%/%%/g'; }
in_image=$(percent "$image") in_state=$(percent "$state") in_log=$(percent "$log") in_cache=$(percent "$cache")
mark="# by $me in $image"

manager() { if [ "$scope" = user ]; then systemctl --user "$@"; else systemctl "$@"; fi; }
manager_is_there() {
  if ! command -v systemctl >/dev/null 2>&1; then
    fail 3 'there is no systemd here; start the programs of this folder by hand'
  fi
  if ! manager daemon-reload; then
    [ "$scope" = user ] || fail 3 'systemd does not run here'
    fail 3 'no service manager of this user runs; log in, or: loginctl enable-linger'
  fi
}
ours() { case $(sed -n 1p "$1" 2>/dev/null) in "# by $me in "*) return 0 ;; esac; return 1; }
is_active() { manager is-active --quiet "$name.service"; }

account() { # USER HOME GROUP...
  account=$1 home=$2
  shift 2
  for group in "$@"; do
    getent group "$group" >/dev/null || groupadd -r "$group" || fail 1 "cannot make the group $group"
  done
  getent passwd "$account" >/dev/null && return
  useradd -r -d "$home" -s /usr/sbin/nologin "$account" || fail 1 "cannot make the user $account"
  say "made the user $account"
}

# facts of the service $name: enable, start, and its unit
facts() {
  case $name in
{%- for service in services %}
  {{ service.name }}) enable={{ service.enable }} start={{ service.start }} ;;
{%- endfor %}
  esac
}
unit() {
  say "$mark"
  case $name:$scope in
{%- for service in services %}
{%- for unit in service.units %}
  {{ service.name }}:{{ unit.scope }}) cat <<PKGGEN-END
{{ unit.text }}
PKGGEN-END
    ;;
{%- endfor %}
{%- endfor %}
  esac
}
prepare() {
  case $name:$scope in
{%- for service in services %}
{%- if service.account != "" %}
  {{ service.name }}:system) account {{ service.account }} ;;
{%- endif %}
{%- endfor %}
  *:user) mkdir -p "$state" "$log" "$cache" || fail 1 "cannot make $state" ;;
  esac
}

do_install() {
  if [ "$scope" = system ]; then
    case $image/ in
    /home/* | /root/* | /run/user/*) fail 3 "services of the machine do not see $image: move the folder to /opt, or use --user" ;;
    esac
  fi
  facts
  file=$units/$name.service
  if [ -e "$file" ] && ! ours "$file"; then
    fail 1 "$file is not from here: remove it first"
  fi
  prepare
  mkdir -p "$units" || fail 1 "cannot write to $units"
  was=$(cat "$file" 2>/dev/null)
  unit >"$file.new" && mv -f "$file.new" "$file" || fail 1 "cannot write $file"
  manager daemon-reload || fail 1 'systemd does not read its units again'
  if [ "$enable" = yes ]; then manager enable --quiet "$name.service" || fail 1 "cannot enable $name"; fi
  if [ "$was" = "$(cat "$file")" ]; then say "$name: was installed already"; else say "$name: installed as $file"; fi
  if [ "$start" = no ]; then return; fi
  if [ "$was" != "$(cat "$file")" ] && is_active; then
    manager restart "$name.service" || fail 1 "cannot restart $name: see $me status"
    say "$name: restarted"
  else
    do_start
  fi
}
installed() { [ -e "$units/$name.service" ] || fail 1 "$name is not installed: $self install"; }
do_start() {
  installed
  manager start "$name.service" || fail 1 "cannot start $name: see journalctl"
  say "$name: started"
}
do_stop() {
  installed
  manager stop "$name.service" || fail 1 "cannot stop $name"
  say "$name: stopped"
}
do_status() {
  if [ ! -e "$units/$name.service" ]; then
    say "$name: not installed"
    worst=4
  elif is_active; then
    say "$name: running"
  else
    say "$name: stopped"
    [ "$worst" != 0 ] || worst=3
  fi
}
do_uninstall() {
  file=$units/$name.service
  if [ ! -e "$file" ]; then
    say "$name: is not installed"
    return
  fi
  ours "$file" || fail 1 "$file is not from here: it stays"
  manager disable --quiet --now "$name.service" || fail 1 "cannot stop $name"
  rm -f "$file" || fail 1 "cannot remove $file"
  manager daemon-reload || fail 1 'systemd does not read its units again'
  say "$name: uninstalled"
  if [ -d "$state" ]; then say "kept: $state"; fi
}
