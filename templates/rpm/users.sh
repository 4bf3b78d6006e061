# rpm makes these by itself from 4.19 on; before, files that belong to them would be root's
pkggen_missing=
{%- for group in groups %}
getent group {{ group.name }} >/dev/null 2>&1 || pkggen_missing=yes
{%- endfor %}
{%- for user in users %}
getent passwd {{ user.name }} >/dev/null 2>&1 || pkggen_missing=yes
{%- endfor %}
if [ -n "$pkggen_missing" ]; then
  # systemd-sysusers has known --replace since 238
  if ! systemd-sysusers --replace={{ conf }} - >/dev/null 2>&1 <<'{{ end }}'
{{ text }}
{{ end }}
  then
{%- for group in groups %}
    getent group {{ group.name }} >/dev/null 2>&1 || groupadd -r {{ group.options }}{{ group.name }} || :
{%- endfor %}
{%- for user in users %}
    getent passwd {{ user.name }} >/dev/null 2>&1 || useradd -r {{ user.options }}{{ user.name }} || :
{%- endfor %}
  fi
fi
