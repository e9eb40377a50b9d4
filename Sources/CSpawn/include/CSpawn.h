// What Swift's Glibc module leaves out of spawn.h.
#ifndef MONORAIL_CSPAWN_H
#define MONORAIL_CSPAWN_H

#include <spawn.h>

// The new process closes this descriptor and all above (posix_spawn_file_actions_addclosefrom_np, a GNU extension).
int monorail_spawn_closing_from(posix_spawn_file_actions_t *actions, int descriptor);

#endif
