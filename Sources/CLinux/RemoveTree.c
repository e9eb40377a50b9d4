#define _GNU_SOURCE
#include "CLinux.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// A directory that still has something in it: which one it is, and the name in it that was entered.
struct level {
  dev_t device;
  ino_t inode;
  char *name;
};

static bool is_same(const struct stat *status, dev_t device, ino_t inode) {
  return status->st_dev == device && status->st_ino == inode;
}

// Opens a directory of another one on the same file system, made accessible if need be.
static int enter(int directory, const char *name, dev_t device) {
  int entered = openat(directory, name, directory_flags);
  if (entered < 0 && errno == EACCES && fchmodat(directory, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
    entered = openat(directory, name, directory_flags);
  struct stat status;
  if (entered >= 0 && (fstat(entered, &status) != 0 || status.st_dev != device)) {
    close(entered);
    return -1;
  }
  return entered;
}

// Opens the directory above, if it is still the one that was left: somebody may have moved the lower one away.
static int leave(int directory, const struct level *level) {
  int above = openat(directory, "..", directory_flags);
  struct stat status;
  if (above >= 0 && (fstat(above, &status) != 0 || !is_same(&status, level->device, level->inode))) {
    close(above);
    return -1;
  }
  return above;
}

// Removes the files and the empty directories of a directory. Returns the name of the first directory that is not empty, or
// NULL. The caller frees it.
static char *remove_entries(int directory) {
  char *found = NULL;
  fchmod(directory, 0700);
  // Opened anew, so that reading begins at the first name.
  int reading = openat(directory, ".", directory_flags);
  DIR *stream = reading < 0 ? NULL : fdopendir(reading);
  if (stream == NULL) {
    if (reading >= 0) close(reading);
    return NULL;
  }
  for (struct dirent *entry = readdir(stream); entry != NULL && found == NULL; entry = readdir(stream)) {
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || unlinkat(directory, name, 0) == 0) continue;
    if (unlinkat(directory, name, AT_REMOVEDIR) != 0 && (errno == ENOTEMPTY || errno == EEXIST)) found = strdup(name);
  }
  closedir(stream);
  return found;
}

// Needs three descriptors however deep the tree is, and gives up at the first directory that cannot be removed.
static void empty(int top, dev_t device) {
  struct level *levels = NULL;
  size_t depth = 0, capacity = 0;
  int directory = fcntl(top, F_DUPFD_CLOEXEC, 3);
  while (directory >= 0) {
    char *name = remove_entries(directory);
    int next = -1;
    if (name != NULL) {
      if (depth == capacity) {
        capacity = 2 * capacity + 16;
        struct level *more = realloc(levels, capacity * sizeof *levels);
        if (more == NULL) {
          free(name);
          break;
        }
        levels = more;
      }
      struct stat status = {0};
      if (fstat(directory, &status) == 0) next = enter(directory, name, device);
      levels[depth++] = (struct level){.device = status.st_dev, .inode = status.st_ino, .name = name};
    } else if (depth > 0) {
      struct level *level = &levels[--depth];
      next = leave(directory, level);
      if (next >= 0 && unlinkat(next, level->name, AT_REMOVEDIR) != 0) {
        close(next);
        next = -1;
      }
      free(level->name);
    }
    close(directory);
    directory = next;
  }
  if (directory >= 0) close(directory);
  while (depth > 0) free(levels[--depth].name);
  free(levels);
}

int monorail_remove_tree(int parent, const char *name, int directory) {
  struct stat opened, named;
  if (fstat(directory, &opened) != 0) return -1;
  empty(directory, opened.st_dev);
  if (fstatat(parent, name, &named, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT ? 0 : -1;
  if (!is_same(&named, opened.st_dev, opened.st_ino)) return -1;
  return unlinkat(parent, name, AT_REMOVEDIR);
}
