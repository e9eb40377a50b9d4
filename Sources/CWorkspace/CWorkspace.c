#define _GNU_SOURCE
#include "CWorkspace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/loop.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

int monorail_unshare_mounts(void) { return unshare(CLONE_NEWNS); }

int monorail_exchange(int directory, const char *name, int other_directory, const char *other_name) {
  return renameat2(directory, name, other_directory, other_name, RENAME_EXCHANGE);
}

// Kernels before 5.8 take the image and the flags in two steps.
static int configure_in_steps(int device, int image, const struct loop_info64 *info) {
  if (ioctl(device, LOOP_SET_FD, image) != 0) return -1;
  if (ioctl(device, LOOP_SET_STATUS64, info) == 0) return 0;
  int error = errno;
  ioctl(device, LOOP_CLR_FD, 0);
  errno = error;
  return -1;
}

static int open_loop_device(int number) {
  char path[32];
  snprintf(path, sizeof path, "/dev/loop%d", number);
  int device = open(path, O_RDONLY | O_CLOEXEC);
  if (device >= 0 || errno != ENOENT) return device;
  // The kernel makes a device when it is wanted, and the /dev of a container does not get it.
  char name[32];
  snprintf(name, sizeof name, "/sys/block/loop%d/dev", number);
  FILE *file = fopen(name, "re");
  if (file == NULL) return -1;
  // The minor number is not always the device's: see loop.max_part.
  unsigned major_number = 0, minor_number = 0;
  int count = fscanf(file, "%u:%u", &major_number, &minor_number);
  fclose(file);
  if (count != 2) {
    errno = ENOENT;
    return -1;
  }
  if (mknod(path, S_IFBLK | 0600, makedev(major_number, minor_number)) != 0) return -1;
  device = open(path, O_RDONLY | O_CLOEXEC);
  int error = errno;
  unlink(path);
  errno = error;
  return device;
}

int monorail_loop_attach(int image, const char *name) {
  int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) return -1;
  int device = -1;
  // Another program may take the free device first.
  for (int attempt = 0; attempt < 64; attempt++) {
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) break;
    device = open_loop_device(number);
    if (device < 0) {
      // Going, or made and taken away by another program at this moment.
      if (errno == ENXIO || errno == EBUSY || errno == EEXIST || errno == ENOENT) continue;
      break;
    }
    struct loop_config config = {.fd = (unsigned)image};
    config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
    strncpy((char *)config.info.lo_file_name, name, LO_NAME_SIZE - 1);
    int result = ioctl(device, LOOP_CONFIGURE, &config);
    if (result != 0 && (errno == EINVAL || errno == ENOTTY)) result = configure_in_steps(device, image, &config.info);
    if (result == 0) break;
    int error = errno;
    close(device);
    device = -1;
    errno = error;
    if (error != EBUSY) break;
  }
  int error = errno;
  close(control);
  errno = error;
  return device;
}

static void report(const struct monorail_workspace *workspace, int step, int value) {
  struct monorail_workspace_report message = {.step = step, .value = value};
  while (write(workspace->report, &message, sizeof message) < 0 && errno == EINTR) {
  }
}

static int start_loopback(void) {
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int result = ioctl(descriptor, SIOCSIFFLAGS, &request);
  close(descriptor);
  return result;
}

static int enter_root(const char *root) {
  if (chdir(root) != 0) return -1;
  if (syscall(SYS_pivot_root, ".", ".") == 0) {
    // The old root lies over the new one now.
    if (umount2(".", MNT_DETACH) != 0) return -1;
  } else {
    // The root of a machine that runs from its initramfs cannot be pivoted.
    if (errno != EINVAL || mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0) return -1;
  }
  return chdir("/");
}

static int make_read_only(const char *path) {
  const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (mount(path, path, NULL, MS_BIND, NULL) != 0) return errno == ENOENT ? 0 : -1;
  return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL);
}

static int mount_proc(void) {
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) return -1;
  // What a package sets there would be set on this machine.
  static const char *const shared[] = {"/proc/sys",  "/proc/sysrq-trigger", "/proc/acpi", "/proc/bus", "/proc/driver",
                                       "/proc/fs",   "/proc/irq",           "/proc/mtrr", "/proc/scsi"};
  for (size_t index = 0; index < sizeof shared / sizeof *shared; index++) {
    if (make_read_only(shared[index]) != 0) return -1;
  }
  return 0;
}

// What belongs to this machine and not to the workspace.
static int drop_capabilities(void) {
  static const int dropped[] = {CAP_SYS_MODULE, CAP_SYS_BOOT, CAP_SYS_TIME, CAP_SYS_RAWIO};
  for (size_t index = 0; index < sizeof dropped / sizeof *dropped; index++) {
    if (prctl(PR_CAPBSET_DROP, dropped[index], 0, 0, 0) != 0) return -1;
  }
  return 0;
}

// Keeps what packages need to install files for root and other users. Without the others, nothing can be mounted, no device
// can be used, and no file can be opened by its handle: the ways by which root leaves a workspace.
static int keep_few_capabilities(void) {
  static const int kept[] = {CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,     CAP_FSETID,           CAP_KILL,
                             CAP_SETGID, CAP_SETUID,       CAP_SETPCAP,    CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT,
                             CAP_MKNOD,  CAP_SETFCAP,      CAP_AUDIT_WRITE};
  struct __user_cap_data_struct sets[2] = {{0}};
  for (size_t index = 0; index < sizeof kept / sizeof *kept; index++) {
    sets[CAP_TO_INDEX(kept[index])].permitted |= CAP_TO_MASK(kept[index]);
  }
  for (int capability = 0; capability < 64; capability++) {
    if (sets[CAP_TO_INDEX(capability)].permitted & CAP_TO_MASK(capability)) continue;
    // The kernel has fewer than 64.
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL) return -1;
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // A container may have given its root fewer.
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct own[2];
  if (syscall(SYS_capget, &header, own) != 0) return -1;
  for (int word = 0; word < 2; word++) {
    sets[word].permitted &= own[word].permitted;
    sets[word].effective = sets[word].permitted;
  }
  return (int)syscall(SYS_capset, &header, sets);
}

// A system call that fails for what runs in a confined workspace: always, or only when its first argument has one of some
// bits, or is a value. Bits and value are 0 when the argument does not matter; at most one of them is not 0.
struct refused_call {
  unsigned number;
  int error;
  unsigned bits;
  unsigned value;
};

enum { MOST_INSTRUCTIONS = 160 };

struct call_filter {
  struct sock_filter instructions[MOST_INSTRUCTIONS];
  unsigned short length;
};

static void append(struct call_filter *filter, struct sock_filter instruction) {
  filter->instructions[filter->length++] = instruction;
}

// See seccomp(2) for the language: a jump counts the instructions that it leaves out.
static void append_rules(struct call_filter *filter, unsigned architecture, unsigned number_mask,
                         const struct refused_call *calls, size_t count) {
  append(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
  unsigned short begin = filter->length;
  append(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 0, 0));
  for (size_t index = 0; index < count; index++) {
    const struct refused_call *call = calls + index;
    int has_condition = call->bits != 0 || call->value != 0;
    append(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    append(filter, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, number_mask));
    append(filter,
           (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call->number, 0, has_condition ? 3 : 1));
    if (has_condition) {
      append(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])));
      append(filter, call->value != 0
                         ? (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call->value, 0, 1)
                         : (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, call->bits, 0, 1));
    }
    append(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)call->error));
  }
  append(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  filter->instructions[begin].jf = (unsigned char)(filter->length - begin - 1);
}

// What no namespace divides: root's keys, and sockets to the hypervisor, which io_uring makes as well. And namespaces of
// users, in which root has all capabilities again, and could mount the machine's control groups. The calls fail as in a
// kernel that has no such thing; the C library then takes clone instead of clone3.
#define RULES(add, request, control, socket_call, clone_call, unshare_call)                                        \
  {add, ENOSYS, 0, 0}, {request, ENOSYS, 0, 0}, {control, ENOSYS, 0, 0}, {socket_call, EAFNOSUPPORT, 0, AF_VSOCK}, \
      {clone_call, EPERM, CLONE_NEWUSER, 0}, {unshare_call, EPERM, CLONE_NEWUSER, 0}, {435, ENOSYS, 0, 0},         \
  {425, ENOSYS, 0, 0}

static int forbid_calls(void) {
  static const struct refused_call own[] = {
      RULES(SYS_add_key, SYS_request_key, SYS_keyctl, SYS_socket, SYS_clone, SYS_unshare)};
  struct call_filter filter = {.length = 0};
#if defined(__x86_64__)
  // 102 is socketcall, whose arguments no filter sees; 1 makes a socket.
  static const struct refused_call i386[] = {RULES(286, 287, 288, 359, 120, 310), {102, ENOSYS, 0, 1}};
  append_rules(&filter, AUDIT_ARCH_I386, ~0U, i386, sizeof i386 / sizeof *i386);
  // A bit in the number chooses the x32 calls, which have the same numbers.
  append_rules(&filter, AUDIT_ARCH_X86_64, ~0x40000000U, own, sizeof own / sizeof *own);
#elif defined(__aarch64__)
  static const struct refused_call arm[] = {RULES(309, 310, 311, 281, 120, 337)};
  append_rules(&filter, AUDIT_ARCH_ARM, ~0U, arm, sizeof arm / sizeof *arm);
  append_rules(&filter, AUDIT_ARCH_AARCH64, ~0U, own, sizeof own / sizeof *own);
#else
#error "this architecture's number for AUDIT_ARCH is needed"
#endif
  append(&filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  const struct sock_fprog program = {.len = filter.length, .filter = filter.instructions};
  // A kernel without seccomp builds, too.
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 || errno == EINVAL ? 0 : -1;
}

// The command's standard output and error are a pipe, and there is nothing to read.
static int take_output(int output) {
  int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing < 0) return -1;
  return dup2(nothing, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 ? -1 : 0;
}

static void close_others(int first) {
  if (syscall(SYS_close_range, first, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */) == 0) return;
  for (int descriptor = first; descriptor < 1024; descriptor++) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

static void close_from_to(unsigned first, unsigned last) {
  if (first > last || syscall(SYS_close_range, first, last, 0) == 0) return;
  for (unsigned descriptor = first; descriptor <= last && descriptor < 1024; descriptor++) close((int)descriptor);
}

// The first process lives as long as the command. What else the program has open, as a socket or a locked file, would stay
// open that long, after the program has closed it, too.
static void close_all_but(const struct monorail_workspace *workspace) {
  int kept[] = {workspace->alive, workspace->report, workspace->terminal};
  unsigned first = 3;
  for (;;) {
    int next = -1;
    for (size_t index = 0; index < sizeof kept / sizeof *kept; index++) {
      if (kept[index] >= (int)first && (next < 0 || kept[index] < next)) next = kept[index];
    }
    if (next < 0) break;
    if (next > (int)first) close_from_to(first, (unsigned)next - 1);
    first = (unsigned)next + 1;
  }
  close_from_to(first, ~0U);
}

static void forget_handlers(void) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  for (int signal = 1; signal < 65; signal++) {
    if (signal != SIGHUP) sigaction(signal, &action, NULL);
  }
}

// Where the program's own command line is.
static char *arguments_begin, *arguments_end;

__attribute__((constructor)) static void note_arguments(int count, char **arguments) {
  if (count == 0) return;
  arguments_begin = arguments[0];
  arguments_end = arguments[count - 1] + strlen(arguments[count - 1]);
}

static void run_command(const struct monorail_workspace *workspace) {
  // What has the program's terminal can type into it (TIOCSTI), for the shell that the program was started from.
  if (workspace->confined) setsid();
  if (workspace->terminal >= 0) {
    setpgid(0, 0);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTTOU);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    tcsetpgrp(workspace->terminal, getpid());
  }
  forget_handlers();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  close_others(3);
  umask(022);
  if (chdir(workspace->directory) != 0 && chdir("/") != 0) _exit(127);
  execvpe(workspace->command[0], workspace->command, workspace->environment);
  report(workspace, MONORAIL_STEP_COMMAND, errno);
  _exit(127);
}

static int prepare(const struct monorail_workspace *workspace) {
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return MONORAIL_STEP_PRIVATE_MOUNTS;
  if (workspace->offline && start_loopback() != 0) return MONORAIL_STEP_LOOPBACK;
  if (enter_root(workspace->root) != 0) return MONORAIL_STEP_ROOT;
  if (mount_proc() != 0) return MONORAIL_STEP_PROC;
  if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL) != 0)
    return MONORAIL_STEP_SYS;
  if (!workspace->confined) return drop_capabilities() == 0 ? -1 : MONORAIL_STEP_CAPABILITIES;
  // What asks for this machine's name gets the same name everywhere.
  if (sethostname("localhost", 9) != 0) return MONORAIL_STEP_NAME;
  // Without CAP_SYS_ADMIN a filter would take from all programs the rights that their files give.
  return forbid_calls() == 0 && keep_few_capabilities() == 0 ? -1 : MONORAIL_STEP_CAPABILITIES;
}

// The first process of the workspace: what is left when it ends is ended by the kernel (pid_namespaces(7)).
static int run_first_process(void *argument) {
  const struct monorail_workspace *workspace = argument;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It is a copy of the program: /proc/1 would show the command the program's file, environment and memory, and the pipe by
  // which its end is reported. The command itself is like any other program, since execve sets this back.
  prctl(PR_SET_DUMPABLE, 0);
  if (arguments_begin != NULL) memset(arguments_begin, 0, (size_t)(arguments_end - arguments_begin));
  // Those of the program would show its memory to a program of the workspace that explains crashes.
  forget_handlers();
  if (workspace->output >= 0 && take_output(workspace->output) != 0) {
    report(workspace, MONORAIL_STEP_OUTPUT, errno);
    _exit(1);
  }
  close_all_but(workspace);
  // The program may have died before that took effect.
  struct pollfd alive = {.fd = workspace->alive, .events = POLLIN};
  if (poll(&alive, 1, 0) != 0) _exit(1);
  int failed = prepare(workspace);
  if (failed >= 0) {
    report(workspace, failed, errno);
    _exit(1);
  }
  pid_t command = _Fork();
  if (command < 0) {
    report(workspace, MONORAIL_STEP_FORK, errno);
    _exit(1);
  }
  if (command == 0) run_command(workspace);
  for (;;) {
    int status;
    pid_t ended = waitpid(-1, &status, 0);
    if (ended == command) {
      report(workspace, MONORAIL_STEP_ENDED, status);
      _exit(0);
    }
    if (ended < 0 && errno != EINTR) _exit(1);
  }
}

pid_t monorail_workspace_start(const struct monorail_workspace *workspace) {
  // Not one for all threads: clone(2)'s wrapper puts the argument there, and another thread's argument would reach this child.
  char stack[256 << 10] __attribute__((aligned(16)));
  int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD;
  if (workspace->offline) flags |= CLONE_NEWNET;
  return clone(run_first_process, stack + sizeof stack, flags, (void *)workspace);
}
