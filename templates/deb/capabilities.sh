case $1 in
configure | abort-upgrade | abort-deconfigure | abort-remove)
{%- for file in files %}
  # not every file system has capabilities: the program then needs another way to its rights
  if command -v setcap >/dev/null; then
    setcap {{ file.capabilities }} "${DPKG_ROOT:-}"{{ file.path }} || echo {{ file.warning }} >&2
  fi
{%- endfor %} ;;
esac
