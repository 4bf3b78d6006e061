# dpkg would find out halfway; what is there already stays until the new files are
case $1 in
install | upgrade)
{%- for dir in dirs %}
  pkggen_free=$(df -Pk "${DPKG_ROOT:-}"{{ dir.path }} 2>/dev/null | awk 'NR == 2 { print $4 }')
  case $pkggen_free in
  '' | *[!0-9]*) ;; # nobody knows
  *)
    if [ "$pkggen_free" -lt {{ dir.needed }} ]; then
      echo {{ dir.message }} "$((pkggen_free / 1000)) MB are left" >&2
      exit 1
    fi ;;
  esac
{%- endfor %} ;;
esac
