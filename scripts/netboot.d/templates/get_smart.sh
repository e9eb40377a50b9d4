#!/bin/bash
# What smartctl says of each disk of <%=nodeId%>, as JSON text: one object a line.
for disk in $(lsblk -d -n -o NAME,TYPE | awk '$2 == "disk" { print $1 }'); do
  case $disk in loop* | ram* | zram*) continue ;; esac
  # The exit code is a set of bits: a disk without SMART is no failure of this script.
  smartctl --json=c --all "/dev/$disk" || :
  echo
done
