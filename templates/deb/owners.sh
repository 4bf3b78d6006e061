# dpkg unpacks before the user exists, so these get their owner now; an administrator's
# dpkg-statoverride wins
case $1 in
configure | abort-upgrade | abort-deconfigure | abort-remove)
{%- for file in files %}
  if ! dpkg-statoverride --list {{ file.path }} >/dev/null; then
    chown {{ file.owner }} "${DPKG_ROOT:-}"{{ file.path }}
    chmod {{ file.mode }} "${DPKG_ROOT:-}"{{ file.path }}
  fi
{%- endfor %} ;;
esac
