if [ "$1" -eq 1 ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload || :
{%- if preset %}
  if systemctl --quiet is-enabled {{ unit }}; then
    systemctl start {{ unit }} || :
  fi
{%- else %}
  systemctl start {{ unit }} || :
{%- endif %}
fi
