if [ "$1" = purge ] && [ -x "/usr/bin/deb-systemd-helper" ]; then
  deb-systemd-helper {{ user }}purge {{ unit }} >/dev/null || true
  deb-systemd-helper {{ user }}unmask {{ unit }} >/dev/null || true
fi
