if [ "$1" -ge 2 ]; then pkggen_word=upgrade; else pkggen_word=install; fi
