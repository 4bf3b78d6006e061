if [ "$1" = triggered ] && [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
  # models came or went; what was stopped stays stopped
  deb-systemd-invoke try-restart {{ units }} >/dev/null || true
fi
