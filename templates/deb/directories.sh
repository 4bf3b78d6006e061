case $1 in
configure | abort-upgrade | abort-deconfigure | abort-remove)
  # systemd does the same at every boot
  if command -v systemd-tmpfiles >/dev/null; then
    systemd-tmpfiles ${DPKG_ROOT:+--root="$DPKG_ROOT"} --create {{ conf }} || true
  fi ;;
esac
