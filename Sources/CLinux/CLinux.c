#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
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

int monorail_spawn_closing_from(posix_spawn_file_actions_t *actions, int descriptor) {
  return posix_spawn_file_actions_addclosefrom_np(actions, descriptor);
}

int monorail_spawn_in_directory(posix_spawn_file_actions_t *actions, const char *path) {
  return posix_spawn_file_actions_addchdir_np(actions, path);
}

short monorail_spawn_flags(void) { return POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK; }

int monorail_open_unnamed_flag(void) { return O_TMPFILE; }

int monorail_open_path_flag(void) { return O_PATH; }

int monorail_make_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

void monorail_join_thread(pthread_t thread, int milliseconds) {
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  long nanoseconds = end.tv_nsec + (milliseconds % 1000) * 1000000L;
  end.tv_sec += milliseconds / 1000 + nanoseconds / 1000000000L;
  end.tv_nsec = nanoseconds % 1000000000L;
  pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &end);
}

int monorail_open_beneath(int directory, const char *path) {
  struct open_how how = {
      .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
  };
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int monorail_rename_new(int directory, const char *from, const char *to) {
  if (syscall(SYS_renameat2, directory, from, directory, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  // The file system, or a kernel before 3.15, does not know this.
  return linkat(directory, from, directory, to, 0) == 0 ? unlinkat(directory, from, 0) : -1;
}
