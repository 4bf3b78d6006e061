# systemd does the same at every boot
if [ -x /usr/bin/systemd-tmpfiles ]; then
  systemd-tmpfiles --create {{ conf }} || :
fi
