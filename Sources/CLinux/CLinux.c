#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/openat2.h>
#include <signal.h>
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

// Appends what the kernel says of this process to a file; its number alone where there is no /proc.
static void note_process(const char *path) {
  char text[512];
  ssize_t count = 0;
  int source = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (source >= 0) {
    count = read(source, text, sizeof text);
    close(source);
  }
  if (count <= 0) {
    char *start = text + sizeof text;
    for (pid_t rest = getpid(); rest > 0; rest /= 10) *--start = (char)('0' + rest % 10);
    count = text + sizeof text - start;
    memmove(text, start, (size_t)count);
  }
  int note = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (note < 0) return;
  // Without the note a later agent goes by the command's pipes alone.
  if (write(note, text, (size_t)count) < 0) (void)0;
  close(note);
}

static int open_as(const char *path, int number) {
  int descriptor = open(path, O_RDWR | O_CLOEXEC);
  return descriptor < 0 ? -1 : dup2(descriptor, number);
}

int monorail_start(const struct monorail_command *command, pid_t *process) {
  sigset_t all, before, none;
  sigfillset(&all);
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // The new process shares this one's memory until it runs the program, and this thread waits until then.
  volatile int error = 0;
  pid_t child = vfork();
  if (child == 0) {
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    if (setsid() >= 0 && dup2(command->input, STDIN_FILENO) >= 0 && open_as(command->output, STDOUT_FILENO) >= 0 &&
        open_as(command->errors, STDERR_FILENO) >= 0 && chdir(command->directory) == 0) {
      note_process(command->note);
      sigprocmask(SIG_SETMASK, &none, NULL);
      execve(command->arguments[0], command->arguments, command->environment);
    }
    error = errno;
    _exit(127);
  }
  if (child < 0) error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (child > 0 && error != 0) waitpid(child, NULL, 0);
  *process = child;
  return error;
}

int monorail_open_unnamed_flag(void) { return O_TMPFILE; }

int monorail_open_path_flag(void) { return O_PATH; }

int monorail_empty_path_flag(void) { return AT_EMPTY_PATH; }

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
