if [ "$1" -eq 0 ] && [ -x /usr/bin/systemctl ]; then
{%- if user == "" %}
  if [ -d /run/systemd/system ]; then
    systemctl --no-reload disable --now {{ units }} || :
  else
    systemctl --no-reload disable {{ units }} || :
  fi
{%- else %}
  systemctl --no-reload {{ user }}disable {{ units }} || :
{%- endif %}
fi
