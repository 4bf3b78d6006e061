pkggen_word=
case $1:${2:+again} in
{%- for row in rows %}
{{ row.call }}) pkggen_word={{ row.word }} ;;
{%- endfor %}
esac
