if [ -d /run/systemd/system ]; then
  systemctl daemon-reload || :
{%- if units != "" %}
  if [ "$1" -ge 1 ]; then
    # what was stopped stays stopped
    systemctl try-restart {{ units }} || :
  fi
{%- endif %}
fi
