#define _GNU_SOURCE
#include "CLinux.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk) {
  (void)status, (void)kind, (void)walk;
  remove(path);
  return 0;
}

// Opens a directory in another one, made accessible if need be.
static int enter(int directory, const char *name) {
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int entered = openat(directory, name, flags);
  if (entered < 0 && errno == EACCES && fchmodat(directory, name, 0700, 0) == 0) entered = openat(directory, name, flags);
  return entered;
}

// Removes what it can of a directory, and returns the first directory in it that has something in it, or NULL.
static char *remove_entries(int directory) {
  char *found = NULL;
  fchmod(directory, 0700);
  DIR *stream = fdopendir(dup(directory));
  if (stream == NULL) return NULL;
  rewinddir(stream);
  for (struct dirent *entry = readdir(stream); entry != NULL && found == NULL; entry = readdir(stream)) {
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || unlinkat(directory, name, 0) == 0) continue;
    if (unlinkat(directory, name, AT_REMOVEDIR) != 0 && (errno == ENOTEMPTY || errno == EEXIST)) found = strdup(name);
  }
  closedir(stream);
  return found;
}

// For what nftw leaves: trees whose paths are longer than PATH_MAX, and directories that their modes close. Needs two
// descriptors however deep the tree is, and gives up at the first directory that cannot be removed.
static void remove_deep_tree(const char *path) {
  int directory = enter(AT_FDCWD, path);
  char **names = NULL;
  size_t depth = 0;
  while (directory >= 0) {
    char *name = remove_entries(directory);
    int next = -1;
    if (name != NULL) {
      char **more = realloc(names, (depth + 1) * sizeof *names);
      if (more == NULL) {
        free(name);
        break;
      }
      names = more;
      names[depth++] = name;
      next = enter(directory, name);
    } else if (depth > 0) {
      next = openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      name = names[--depth];
      if (next >= 0 && unlinkat(next, name, AT_REMOVEDIR) != 0) {
        close(next);
        next = -1;
      }
      free(name);
    }
    close(directory);
    directory = next;
  }
  if (directory >= 0) close(directory);
  while (depth > 0) free(names[--depth]);
  free(names);
  rmdir(path);
}

void monorail_remove_tree(const char *path) {
  nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
  struct stat status;
  if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode)) remove_deep_tree(path);
}
