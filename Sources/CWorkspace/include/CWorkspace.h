// What must run between the start of a workspace's first process and the command in it, where no Swift code may run, and
// the parts of Linux that Swift cannot import.
#ifndef MONORAIL_CWORKSPACE_H
#define MONORAIL_CWORKSPACE_H

#include <stdint.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/xattr.h>

struct monorail_workspace {
  // Where the root of the workspace is mounted.
  const char *root;
  // Both end with NULL; the command's name is looked for in its PATH.
  char *const *command;
  char *const *environment;
  // Where the command begins.
  const char *directory;
  // A pipe to which only the program holds the writing end: it reads as ended when the program is gone.
  int alive;
  // Takes one monorail_workspace_report.
  int report;
  // The terminal to hand to the command, or -1.
  int terminal;
  // Without any network but a loopback interface.
  int offline;
  // Without what root could use to leave the workspace: most capabilities, and the program's terminal.
  int confined;
  // What the command gets as its standard output and error, or -1 for the program's own.
  int output;
};

enum monorail_workspace_step {
  MONORAIL_STEP_PRIVATE_MOUNTS,
  MONORAIL_STEP_LOOPBACK,
  MONORAIL_STEP_ROOT,
  MONORAIL_STEP_PROC,
  MONORAIL_STEP_SYS,
  MONORAIL_STEP_OUTPUT,
  MONORAIL_STEP_NAME,
  MONORAIL_STEP_CAPABILITIES,
  MONORAIL_STEP_FORK,
  // The workspace stood, but there is no such command, or it is none.
  MONORAIL_STEP_COMMAND,
  // The command ended; the value is its status as waitpid gives it.
  MONORAIL_STEP_ENDED,
};

// The value is an errno unless the step says otherwise.
struct monorail_workspace_report {
  int32_t step;
  int32_t value;
};

// Starts the first process of a workspace, in namespaces of its own, which starts the command. It dies with the thread that
// calls this, and every process of the workspace with it. Returns its number, or -1 with errno.
pid_t monorail_workspace_start(const struct monorail_workspace *workspace);

// Gives the calling thread a mount namespace of its own. Returns 0, or -1 with errno.
int monorail_unshare_mounts(void);

// Binds an image read-only to a free loop device, which goes with its last user. Returns the device's descriptor, open for
// reading, or -1 with errno. The device may have no name in /dev.
int monorail_loop_attach(int image, const char *name);

// Exchanges two names in open directories on one file system. Returns 0, or -1 with errno.
int monorail_exchange(int directory, const char *name, int other_directory, const char *other_name);

#endif
