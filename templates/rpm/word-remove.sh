if [ "$1" -ge 1 ]; then pkggen_word=upgrade; else pkggen_word=remove; fi
