case $1 in
configure | abort-upgrade | abort-deconfigure | abort-remove)
  # shipped disabled: enabled only if the administrator did so before
  if deb-systemd-helper {{ user }}debian-installed {{ unit }}; then
    deb-systemd-helper {{ user }}unmask {{ unit }} >/dev/null || true
    if deb-systemd-helper {{ user }}--quiet was-enabled {{ unit }}; then
      deb-systemd-helper {{ user }}enable {{ unit }} >/dev/null || true
    fi
  fi
  deb-systemd-helper {{ user }}update-state {{ unit }} >/dev/null || true ;;
esac
