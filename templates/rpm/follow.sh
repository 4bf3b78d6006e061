if [ -d /run/systemd/system ]; then
  # models came or went; what was stopped stays stopped
  systemctl try-restart {{ units }} || :
fi
