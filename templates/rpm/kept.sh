if [ "$1" -eq 0 ]; then
{%- for dir in dirs %}
  [ ! -d {{ dir.path }} ] || echo {{ dir.message }}
{%- endfor %}
fi
