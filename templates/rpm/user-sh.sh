(
set -- "$pkggen_word"
# ---- the package's own script, as it is in the manifest: in a subshell, so that its `exit` ends nothing else
{{ text }}
# ---- end of the package's own script
)
pkggen_status=$?
{%- if undo != "" %}
if [ "$pkggen_status" -ne 0 ]; then
  # rpm goes no further with this package: what was stopped for it serves on
{{ undo }}
fi
{%- endif %}
[ "$pkggen_status" -eq 0 ] || exit "$pkggen_status"
