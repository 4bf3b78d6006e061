pkggen_file=$(mktemp)
cat >"$pkggen_file" <<'{{ end }}'
{{ text }}
{{ end }}
{{ interpreter }} "$pkggen_file" "$pkggen_word"
pkggen_status=$?
rm -f "$pkggen_file"
{%- if undo != "" %}
if [ "$pkggen_status" -ne 0 ]; then
  # rpm goes no further with this package: what was stopped for it serves on
{{ undo }}
fi
{%- endif %}
[ "$pkggen_status" -eq 0 ] || exit "$pkggen_status"
