sudo tee {{ file }} >/dev/null <<'END'
{{ repo }}END
