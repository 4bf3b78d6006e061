if [ -n "$pkggen_word" ]; then
  pkggen_file=$(mktemp)
  cat >"$pkggen_file" <<'{{ end }}'
{{ text }}
{{ end }}
  pkggen_status=0
  {{ interpreter }} "$pkggen_file" "$pkggen_word" || pkggen_status=$?
  rm -f "$pkggen_file"
  [ "$pkggen_status" = 0 ] || exit "$pkggen_status"
fi
