if [ -n "$pkggen_word" ]; then
  (
set +e
set -- "$pkggen_word"
# ---- {{ name }}, as it is in the manifest: in a subshell, so that its `exit` ends nothing else
{{ text }}
# ---- end of {{ name }}
  )
fi
