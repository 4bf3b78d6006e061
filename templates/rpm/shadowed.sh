if [ -f /etc/systemd/system/{{ unit }} ] && [ ! -L /etc/systemd/system/{{ unit }} ]; then
  echo {{ message }} >&2
fi
