case $1 in
configure | abort-upgrade | abort-deconfigure | abort-remove)
  deb-systemd-helper {{ user }}unmask {{ unit }} >/dev/null || true
  # true for a new installation; a unit that the administrator disabled stays disabled
  if deb-systemd-helper {{ user }}--quiet was-enabled {{ unit }}; then
    deb-systemd-helper {{ user }}enable {{ unit }} >/dev/null || true
  else
    deb-systemd-helper {{ user }}update-state {{ unit }} >/dev/null || true
  fi ;;
esac
