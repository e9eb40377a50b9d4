#!/bin/sh
# shellcheck disable=SC2154  # $program, $output, $inputs and $stamp are the caller's
# What build-base-image and build-initrd have in common. Sourced by them, with $program set.

say() { echo "$program: $*" >&2; }
die() { say "$*"; exit 1; }

# Runs this script anew, with --inside and the arguments, in mount and process namespaces of its own: whatever happens to
# it, also SIGKILL, its mounts and its processes end with it, and nobody else sees them.
confined() {
  [ "$(id -u)" = 0 ] || die "must be root, for mounts and chroot: run it again with sudo"
  make_staging
  setpriv --pdeathsig KILL -- unshare --mount --propagation private --pid --fork --kill-child -- \
    "$0" --inside "$@" </dev/null &
  child=$!
  trap 'kill -KILL "$child" 2>/dev/null || :; interrupted' HUP INT TERM
  status=0
  wait "$child" || status=$?
  trap - HUP INT TERM
  rm -rf "$MONORAIL_STAGING"
  return "$status"
}

interrupted() {
  wait "$child" 2>/dev/null || :
  rm -rf "$MONORAIL_STAGING"
  say "interrupted: nothing new is in $output"
  exit 1
}

# Makes $MONORAIL_STAGING, a directory of this run in $output, and removes those of runs that were killed. Each run holds
# a lock on its own for as long as it lives.
make_staging() {
  for staging in "$output/.$program".*; do
    if [ ! -d "$staging" ] || [ -L "$staging" ]; then continue; fi
    (exec 9<"$staging" && flock -n 9 && rm -rf "$staging") 2>/dev/null || :
  done
  while :; do
    MONORAIL_STAGING=$(mktemp -d "$output/.$program.XXXXXX")
    # Another run may have found it before it was locked, and have removed it.
    if command exec 9<"$MONORAIL_STAGING" && flock -n 9 && [ -d "$MONORAIL_STAGING" ]; then break; fi
  done
  export MONORAIL_STAGING
}

# Makes $work, a directory in memory, within a namespace. It lies over one that nothing else is in: all inputs stay in
# sight, and $output too.
make_workspace() {
  work=$MONORAIL_STAGING/work
  mkdir "$work"
  mount -t tmpfs -o size=90%,mode=0755 "$program" "$work"
  mkdir "$work/tmp"
  export TMPDIR="$work/tmp"
}

# The few devices and file systems that programs in the root $1 need.
furnish() {
  mkdir -p "$1/proc" "$1/sys" "$1/dev"
  mount -t proc -o nosuid,noexec,nodev proc "$1/proc"
  mount -t tmpfs -o nosuid,mode=0755 dev "$1/dev"
  for device in null zero full random urandom tty; do
    : >"$1/dev/$device"
    mount --bind "/dev/$device" "$1/dev/$device"
  done
  ln -s /proc/self/fd "$1/dev/fd"
  mkdir "$1/dev/pts" "$1/dev/shm"
}

unfurnish() { umount --recursive "$1/dev" && umount "$1/proc"; }

# Runs a program in the root $1, with nothing of this machine's environment but its proxies.
inside_root() {
  root=$1
  shift
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive \
    ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
    chroot "$root" "$@"
}

# Prints the SHA-256 of what comes in.
hash_of_input() { sha256sum | cut -d ' ' -f 1; }

# Prints names, modes and contents below each directory, or of each file, in an order that depends on nothing else.
contents_of() {
  for place; do
    if [ -d "$place" ]; then
      (cd "$place" && find . -printf '%P %m %y %l\n' | LC_ALL=C sort && find . -type f -print0 | LC_ALL=C sort -z |
        xargs -0r sha256sum)
    else
      sha256sum <"$place"
    fi
  done
}

# Publishes $2… of the directory $1 in $output: complete files appear under their names, each with its .sha256 beside it,
# and last the stamp $stamp, which says with which inputs. One run publishes at a time. While a file is replaced it has no
# .sha256: nobody sees one that belongs to another file.
publish() {
  from=$1
  shift
  new=$MONORAIL_STAGING/new
  mkdir "$new"
  for made; do
    case $made in *.manifest) ;; *) (cd "$from" && sha256sum "$made" >"$made.sha256") ;; esac
    for file in "$from/$made" "$from/$made.sha256"; do
      [ ! -e "$file" ] || cp "$file" "$new/"
    done
  done
  { echo "$inputs" && cd "$from" && sha256sum -- "$@" *.sha256; } >"$new/.stamp"
  exec 8<"$output"
  flock 8
  for made; do
    rm -f "$output/$made.sha256"
    mv -f "$new/$made" "$output/"
    [ ! -e "$new/$made.sha256" ] || mv -f "$new/$made.sha256" "$output/"
  done
  mv -f "$new/.stamp" "$output/$stamp"
  exec 8<&-
}

# Is there what the stamp $stamp lists, whole, and made of the inputs $inputs?
is_published() {
  [ -f "$output/$stamp" ] && [ "$(head -n 1 "$output/$stamp")" = "$inputs" ] &&
    (cd "$output" && tail -n +2 "$stamp" | sha256sum --check --status 2>/dev/null)
}
