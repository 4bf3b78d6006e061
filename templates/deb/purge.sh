if [ "$1" = purge ]; then
{%- for path in dirs %}
  rm -rf "${DPKG_ROOT:-}"{{ path }}
{%- endfor %}
{%- for path in files %}
  rm -f "${DPKG_ROOT:-}"{{ path }}
{%- endfor %}
{%- for path in parents %}
  rmdir "${DPKG_ROOT:-}"{{ path }} 2>/dev/null || true
{%- endfor %}
fi
