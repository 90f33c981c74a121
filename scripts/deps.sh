#!/bin/sh
# Installs the Debian packages that are missing for a purpose, and says nothing when none is.
#
#   scripts/deps.sh build|demo|test|bench|fuzz     each but the last includes the ones before it
#
# Only apache2-bin is asked for, httpd's program and modules: the package apache2, which starts a server on port 80,
# is not needed, and a server that runs already is left alone. Without "recommends" no other service comes along.
set -eu

build='gcc libc6-dev make pkg-config apache2-bin apache2-dev libcurl4-openssl-dev libxml2-dev libssl-dev libjansson-dev
       libxmlsec1-dev liblmdb-dev libhiredis-dev zlib1g-dev'
demo='ca-certificates media-types openssl perl python3 python3-cryptography python3-django-cas-server python3-pysaml2
      tzdata xmlsec1'
# simplesamlphp wants some web server and some way to run PHP in it, and would bring apache2 with mod_php along, which
# starts a server. micro-httpd, netcat (for an inetd) and php-cgi start nothing.
test='chromium chromium-driver curl faketime libapache2-mod-perl2 libcmocka-dev libhtml-parser-perl libhttp-date-perl
      libio-socket-ssl-perl liburi-perl libwww-perl micro-httpd netcat-traditional php-cgi php-cli php-sqlite3 php-xml
      python3-cryptography python3-lxml python3-xmlsec redis-tools simplesamlphp tidy valgrind'
bench='libapache2-mod-auth-cas libapache2-mod-auth-mellon wrk'
fuzz='clang libclang-rt-14-dev'

case "${1:-test}" in
build) wanted="$build" ;;
demo) wanted="$build $demo" ;;
test) wanted="$build $demo $test" ;;
bench) wanted="$build $demo $test $bench" ;;
fuzz) wanted="$build $fuzz" ;;
*)
    echo "usage: $0 build|demo|test|bench|fuzz" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "This is no Debian system. Install what these packages hold by its own means, then call make all:" >&2
    echo "$wanted" >&2
    exit 1
fi

missing=
for package in $wanted; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "Debian packages are missing, and only root can install them:" >&2
    echo "    sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

echo "Installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -q update || echo "apt-get update failed; trying with the package lists that are there." >&2
# shellcheck disable=SC2086 # a list of words
if ! apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends $missing; then
    echo "apt-get could not install:$missing" >&2
    exit 1
fi
