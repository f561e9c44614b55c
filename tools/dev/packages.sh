# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# packages.sh - the package list, apt, and what the machine's apt configuration says.

package_list ()
{
  sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$DEV_REPO/tools/dev/packages.txt"
}

package_hash ()
{
  package_list | sha256sum | cut -c1-16
}

# apt_quiet ARGS...: apt-get that never asks and gives up on a dead mirror
apt_quiet ()
{
  DEBIAN_FRONTEND=noninteractive LC_ALL=C \
    apt-get -y -q -o Acquire::Retries=3 -o Acquire::http::Timeout=30 \
            -o APT::Update::Error-Mode=any -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
            -o Dpkg::Options::=--force-unsafe-io -o APT::Install-Recommends=false "$@"
}

missing_packages ()
{
  local names
  mapfile -t names < <(package_list)
  dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${names[@]}" 2> /dev/null |
    sed -n 's/^installed //p' | sort | comm -13 - <(package_list | sort)
}

# apt_sources: every "URI SUITE" pair of the machine's own configuration
apt_sources ()
{
  local file entry='^[[:space:]]*deb[[:space:]]+(\[[^]]*\][[:space:]]*)?'
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ ! -f "$file" ] ||
      sed -nE "s/$entry([^[:space:]]+)[[:space:]]+([^[:space:]]+).*/\2 \3/p" "$file"
  done
  for file in /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$file" ] ||
      awk 'function flush () { if (uri != "" && on) print uri, suite; uri = suite = ""; on = 1 }
           BEGIN { on = 1 }
           /^[[:space:]]*$/ { flush () }
           tolower ($1) == "uris:" { uri = $2 }
           tolower ($1) == "suites:" { suite = $2 }
           tolower ($1) == "enabled:" && tolower ($2) == "no" { on = 0 }
           END { flush () }' "$file"
  done
}

# resolve_uri URI: follows mirror lists kept in a file, as Debian's cloud images have
resolve_uri ()
{
  case $1 in
    mirror+file:*) awk '!/^[[:space:]]*(#|$)/ { print $1; exit }' "${1#mirror+file:}" ;;
    *) echo "$1" ;;
  esac
}

# debian_mirror: where this machine gets its own release from
debian_mirror ()
{
  local codename uri suite
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  while read -r uri suite; do
    case $uri in *security* | cdrom:*) continue ;; esac
    case ${suite%/} in
      "$codename" | oldstable | stable | testing)
        resolve_uri "$uri"
        return ;;
    esac
  done < <(apt_sources)
  return 1
}

# apt_transport_settings: proxies, certificates and trust, wherever they were configured
apt_transport_settings ()
{
  apt-config dump |
    grep -E '^Acquire::(https?|ftp|tor|Check-|ForceIPv|Allow|Max-|By-Hash).*[^:] "[^"]+";$' |
    grep -v 'Auto-Detect'
  apt-config dump | grep -E '^APT::Get::AllowUnauthenticated'
  true
}

apt_proxy ()
{
  apt-config dump "Acquire::$1::Proxy" | sed -nE 's/.*"(.+)";$/\1/p' | head -n 1
}
