if [ "$1" = configure ] && [ -f "${DPKG_ROOT:-}"/etc/systemd/system/{{ unit }} ] && [ ! -L "${DPKG_ROOT:-}"/etc/systemd/system/{{ unit }} ]; then
  echo {{ message }} >&2
fi
