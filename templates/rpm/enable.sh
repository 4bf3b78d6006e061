if [ "$1" -eq 1 ] && [ -x /usr/bin/systemctl ]; then
  systemctl --no-reload {{ user }}enable {{ units }} || :
fi
