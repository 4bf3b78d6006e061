if [ "$1" -eq 0 ] && [ -e {{ marker }} ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload || :
  # the variant that took over has the new program
  systemctl try-restart {{ units }} || :
fi
