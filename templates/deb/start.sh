case $1 in
configure | abort-upgrade | abort-deconfigure | abort-remove)
  if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
{%- if first == "" and again == "" %}
  fi ;;
{%- elif first == again %}
    deb-systemd-invoke {{ first }} {{ unit }} >/dev/null || true
  fi ;;
{%- elif first == "" %}
    if [ -n "${2:-}" ]; then
      deb-systemd-invoke {{ again }} {{ unit }} >/dev/null || true
    fi
  fi ;;
{%- else %}
    # $2 is the version upgraded from; "{{ again }}" also starts an enabled unit that does not run
    if [ -n "${2:-}" ]; then action={{ again }}; else action={{ first }}; fi
    deb-systemd-invoke $action {{ unit }} >/dev/null || true
  fi ;;
{%- endif %}
esac
