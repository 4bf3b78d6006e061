
# where things are; launchd expands nothing
if [ "$scope" = system ]; then
  jobs=${SERVICE_ROOT-}/Library/LaunchDaemons domain=system
  state="/Library/Application Support/{{ title }}" log="/Library/Logs/{{ title }}" cache="/Library/Caches/{{ title }}"
else
  : "${HOME:?is not set}"
  jobs=${SERVICE_ROOT-}$HOME/Library/LaunchAgents domain=gui/$uid
  state=${XDG_STATE_HOME:-$HOME/.local/state}/{{ package }} log=${XDG_STATE_HOME:-$HOME/.local/state}/{{ package }}/log
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/{{ package }}
fi
xml() { printf '%s' "$1" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'; }
in_image=$(xml "$image") in_state=$(xml "$state") in_log=$(xml "$log") in_cache=$(xml "$cache")
mark="<!-- by $me in $in_image -->"

manager_is_there() {
  command -v launchctl >/dev/null 2>&1 || fail 3 'there is no launchd here; start the programs of this folder by hand'
}
ours() { case $(sed -n '$p' "$1" 2>/dev/null) in "<!-- by $me in "*) return 0 ;; esac; return 1; }
is_loaded() { launchctl print "$domain/$label" >/dev/null 2>&1; }
unload() {
  is_loaded || return 0
  launchctl bootout "$domain/$label" >/dev/null 2>&1
  # it returns before the program has ended
  tries=0
  while is_loaded; do
    tries=$((tries + 1))
    [ "$tries" -lt 30 ] || fail 1 "$name does not stop"
    sleep 1
  done
}

account() { # USER HOME
  dscl . -read "/Users/$1" >/dev/null 2>&1 && return
  number=$(dscl . -list /Users UniqueID | awk '$2 > 200 && $2 < 500 { used[$2] = 1 } END { for (n = 499; n > 200; n--) if (!used[n]) { print n; exit } }')
  [ -n "$number" ] || fail 1 "no number is free for the user $1"
  dscl . -create "/Users/$1" && dscl . -create "/Users/$1" UniqueID "$number" &&
    dscl . -create "/Users/$1" PrimaryGroupID 20 && dscl . -create "/Users/$1" UserShell /usr/bin/false &&
    dscl . -create "/Users/$1" NFSHomeDirectory "$2" && dscl . -create "/Users/$1" IsHidden 1 || fail 1 "cannot make the user $1"
  say "made the user $1"
}

# facts of the service $name, and its job
facts() {
  owner=
  case $name in
{%- for service in services %}
  {{ service.name }}) label={{ service.label }} start={{ service.start }} ;;
{%- endfor %}
  esac
  case $name:$scope in
{%- for service in services %}
{%- if service.account != "" %}
  {{ service.name }}:system) owner={{ service.account }} ;;
{%- endif %}
{%- endfor %}
  esac
  file=$jobs/$label.plist
}
job() {
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
  say "$mark"
}

do_install() {
  facts
  if [ -e "$file" ] && ! ours "$file"; then
    fail 1 "$file is not from here: remove it first"
  fi
  [ -z "$owner" ] || account "$owner" "$state"
  mkdir -p "$jobs" "$state" "$log" "$cache" || fail 1 "cannot make $state"
  [ -z "$owner" ] || chown "$owner" "$state" "$log" "$cache" || fail 1 "cannot give $state to $owner"
  was=$(cat "$file" 2>/dev/null)
  job >"$file.new" && chmod 644 "$file.new" && mv -f "$file.new" "$file" || fail 1 "cannot write $file"
  if [ "$was" = "$(cat "$file")" ]; then
    say "$name: was installed already"
  else
    unload
    say "$name: installed as $file"
  fi
  [ "$start" = no ] || do_start
}
installed() { facts; [ -e "$file" ] || fail 1 "$name is not installed: $self install"; }
do_start() {
  installed
  if ! is_loaded; then launchctl bootstrap "$domain" "$file" || fail 1 "cannot load $file"; fi
  launchctl kickstart "$domain/$label" >/dev/null || fail 1 "cannot start $name: see $log/$name.log"
  say "$name: started"
}
do_stop() {
  installed
  unload
  say "$name: stopped"
}
do_status() {
  facts
  if [ ! -e "$file" ]; then
    say "$name: not installed"
    worst=4
  elif is_loaded; then
    say "$name: running"
  else
    say "$name: stopped"
    [ "$worst" != 0 ] || worst=3
  fi
}
do_uninstall() {
  facts
  if [ ! -e "$file" ]; then
    say "$name: is not installed"
    return
  fi
  ours "$file" || fail 1 "$file is not from here: it stays"
  unload
  rm -f "$file" || fail 1 "cannot remove $file"
  say "$name: uninstalled"
  if [ -d "$state" ]; then say "kept: $state"; fi
}
