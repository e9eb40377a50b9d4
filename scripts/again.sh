#!/bin/sh
# Sourced by scripts that ask package archives for something.

# Runs a command until it succeeds, four times at most: archives have bad moments.
again() {
  for pause in 5 10 20; do
    "$@" && return
    sleep "$pause"
  done
  "$@"
}
