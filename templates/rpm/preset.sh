if [ "$1" -eq 1 ] && [ -x /usr/bin/systemctl ]; then
  # the distribution decides what is enabled
  systemctl --no-reload {{ user }}preset {{ units }} || :
fi
