#define _GNU_SOURCE
#include "CLinux.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef MONORAIL_REVISION
#define MONORAIL_REVISION "development"
#endif

const char *monorail_revision(void) { return MONORAIL_REVISION; }

static int argument_count;
static char **arguments;

// The C library gives a constructor what it gives main.
__attribute__((constructor)) static void keep_arguments(int count, char **values) {
  argument_count = count;
  arguments = values;
}

const char *monorail_argument(int index) { return index < argument_count ? arguments[index] : NULL; }

const char *monorail_error_name(int error) { return strerrorname_np(error); }

const char *monorail_signal_name(int signal) { return sigabbrev_np(signal); }

int monorail_spawn_in_directory(posix_spawn_file_actions_t *actions, const char *path) {
  return posix_spawn_file_actions_addchdir_np(actions, path);
}

short monorail_spawn_flags(void) { return POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK; }

int monorail_open_unnamed_flag(void) { return O_TMPFILE; }

int monorail_open_path_flag(void) { return O_PATH; }

int monorail_make_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk) {
  (void)status, (void)kind, (void)walk;
  remove(path);
  return 0;
}

void monorail_remove_tree(const char *path) { nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS); }
