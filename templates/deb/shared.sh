# another variant that is installed goes on to use what they share
if [ ! -e "${DPKG_ROOT:-}"{{ marker }} ]; then
{{ body }}
fi
