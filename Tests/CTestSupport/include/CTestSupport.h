// GNU extensions that Swift's Glibc module leaves out. Not those of Sources/CLinux: tests share no code
// with the programs that they test.
#ifndef MONORAIL_CTESTSUPPORT_H
#define MONORAIL_CTESTSUPPORT_H

#include <spawn.h>

// Has the started program begin in a directory.
int test_spawn_in_directory(posix_spawn_file_actions_t *actions, const char *path);

// Leaves the started program none of the descriptors from that number on.
int test_spawn_closing_from(posix_spawn_file_actions_t *actions, int descriptor);

// Makes a file to append to, which no other program inherits, and fills in the name: mkostemp(3).
int test_make_file(char *name);

#endif
