if [ -x /sbin/ldconfig ]; then
  /sbin/ldconfig || :
fi
