# another variant that took over goes on to use what they share
case $(cat {{ marker }} 2>/dev/null) in '' | {{ variant }})
{{ body }} ;;
esac
