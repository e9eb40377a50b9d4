// The parts of the C library and of Linux that Swift cannot import: macros, variadic functions, and headers that its
// Glibc module leaves out.
#ifndef MONORAIL_CLINUX_H
#define MONORAIL_CLINUX_H

#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <sys/xattr.h>

// The git revision this build was made from, or "development".
const char *monorail_revision(void);

// The program's argument of that index, 0 being its own name, or NULL. Swift's CommandLine reads /proc, which need not be
// there.
const char *monorail_argument(int index);

// The symbol of an errno value, `ENOSPC`, or NULL.
const char *monorail_error_name(int error);

// The name of a signal without its SIG, `KILL`, or NULL.
const char *monorail_signal_name(int signal);

// How a command is started.
struct monorail_command {
  char *const *arguments;    // the first one is the program's path; ended by NULL
  char *const *environment;  // ended by NULL
  const char *directory;     // where it begins
  int input;                 // its stdin
  const char *output;        // its stdout: a named pipe that is opened for reading and writing
  const char *errors;        // its stderr, likewise
  const char *note;          // a file that the process appends its /proc/self/stat to (proc(5)) before it runs the program
};

// Starts a command in a session of its own, with default signal handling and no signal blocked. It inherits no descriptor that
// closes on exec. posix_spawn(3) cannot do this: here the new process itself notes who it is, so there is no moment in which it
// runs and nobody knows it, even if its starter is killed right now.
// Returns 0, or the errno of the step that failed.
int monorail_start(const struct monorail_command *command, pid_t *process);

// O_TMPFILE, a GNU extension: a file without a name in the directory that is opened.
int monorail_open_unnamed_flag(void);

// O_PATH, a GNU extension: a file only to start from, which need not be readable.
int monorail_open_path_flag(void);

// AT_EMPTY_PATH, a GNU extension: with an empty path, a call is about the open file itself.
int monorail_empty_path_flag(void);

// Both ends of a pipe, reading first, that no other program inherits, not even one that another thread starts right now
// (pipe2, a GNU extension).
int monorail_make_pipe(int ends[2]);

// Waits for a thread's end, so many milliseconds at most (pthread_clockjoin_np, a GNU extension).
void monorail_join_thread(pthread_t thread, int milliseconds);

// Opens a directory below another one in one call, to start from, following no symlink; -1 where there is no such directory
// or no such call (before Linux 5.6).
int monorail_open_beneath(int directory, const char *path);

// Renames a file in a directory to a name that nothing has yet. Returns 0, or -1 with errno, which is EEXIST when there is
// something of that name.
int monorail_rename_new(int directory, const char *from, const char *to);

// Removes what is in a directory, and then its name in another directory, unless that name stands for something else by
// then. Both are open descriptors, and names in them are reached one by one: nobody can lead this elsewhere with a symlink
// or a directory that is exchanged meanwhile. Other file systems that are mounted inside are left alone.
// Returns 0 when all is gone, else -1: something could not be removed, or was made meanwhile.
int monorail_remove_tree(int parent, const char *name, int directory);

// Whether a process that has ended was ended by a signal; its exit code or signal.
static inline int monorail_was_signaled(int status) { return WIFSIGNALED(status); }
static inline int monorail_exit_code(int status) { return WEXITSTATUS(status); }
static inline int monorail_signal(int status) { return WTERMSIG(status); }

#endif
