if [ "$1" -ge 2 ] && [ -d /run/systemd/system ]; then
  case $(systemctl is-active {{ unit }} 2>/dev/null) in
  active | activating | reloading)
    # started again when the transaction is over
    : >{{ mark }} || :
    systemctl stop {{ unit }} || : ;;
  esac
fi
