case $1 in
configure | abort-upgrade | abort-deconfigure | abort-remove)
  systemd-sysusers ${DPKG_ROOT:+--root="$DPKG_ROOT"} {{ conf }} ;;
esac
