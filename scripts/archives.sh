#!/bin/sh
# Sourced by scripts that need to know the package archives of this machine.

# Prints the archives of this machine's own release that its apt has, in the form $1 of archives.awk, which is in the
# directory $2; the release's name in suites replaced by $3. Nothing when apt has none. APT_ETC is another /etc/apt, for tests.
archives_of_apt() (
  form=$1 awk_file=$2/archives.awk wanted=${3-}
  etc=${APT_ETC:-/etc/apt}
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  set --
  for list in "$etc/sources.list" "$etc"/sources.list.d/*.list "$etc"/sources.list.d/*.sources; do
    [ ! -f "$list" ] || set -- "$@" "$list"
  done
  [ $# = 0 ] || awk -v codename="$codename" -v wanted="$wanted" -v form="$form" -f "$awk_file" "$@"
)
