{% if key %}sudo install -d -m 755 /etc/apt/keyrings
sudo curl -fsSLo {{ key }} {{ key_url }}
{% endif %}sudo tee {{ file }} >/dev/null <<'END'
{{ sources }}END
sudo apt update
