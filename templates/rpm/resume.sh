if [ -e {{ mark }} ]; then
  rm -f {{ mark }} || :
  systemctl daemon-reload || :
  systemctl start {{ unit }} || :
fi
