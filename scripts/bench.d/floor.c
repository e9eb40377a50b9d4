// The floors for scripts/bench: what each figure costs in plain C, with nothing around it.
//   floor spawn N          starts /bin/sh -c true and waits for it, N times; prints milliseconds for each
//   floor exchange PORT    sends a GET, then a POST, then a GET on one connection, each after the answer to the last
//   floor upload PORT N    runs the shell command of the benchmark, keeps its N bytes of output, and posts them
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static pid_t start(const char *command, posix_spawn_file_actions_t *actions) {
  char *arguments[] = {"sh", "-c", (char *)command, NULL};
  pid_t pid;
  if (posix_spawn(&pid, "/bin/sh", actions, NULL, arguments, environ) != 0) exit(1);
  return pid;
}

static int spawn(int count) {
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  for (int i = 0; i < count; i++) waitpid(start("true", NULL), NULL, 0);
  clock_gettime(CLOCK_MONOTONIC, &to);
  printf("%f\n", ((to.tv_sec - from.tv_sec) * 1e3 + (to.tv_nsec - from.tv_nsec) / 1e6) / count);
  return 0;
}

static int dial(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int one = 1, connection = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(connection, (struct sockaddr *)&address, sizeof address) != 0) exit(1);
  return connection;
}

static void send_all(int connection, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t sent = write(connection, bytes, count);
    if (sent <= 0) exit(1);
    bytes += sent;
    count -= sent;
  }
}

static void request(int connection, const char *method, const char *body, size_t count) {
  char head[200];
  int length = snprintf(head, sizeof head, "%s /api/current/tasks/floor HTTP/1.1\r\nHost: floor\r\nContent-Length: %zu\r\n\r\n", method, count);
  send_all(connection, head, length);
  send_all(connection, body, count);
}

static void answer(int connection) {
  char buffer[65536];
  if (read(connection, buffer, sizeof buffer) <= 0) exit(1);
}

static int exchange(int port) {
  int connection = dial(port);
  request(connection, "GET", "", 0);
  answer(connection);
  request(connection, "POST", "{}", 2);
  answer(connection);
  request(connection, "GET", "", 0);
  answer(connection);
  return 0;
}

static int upload(int port, size_t size, const char *command) {
  int connection = dial(port), ends[2];
  if (pipe(ends) != 0) return 1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  pid_t pid = start(command, &actions);
  close(ends[1]);
  char *output = malloc(size);
  size_t kept = 0;
  ssize_t count;
  while (kept < size && (count = read(ends[0], output + kept, size - kept)) > 0) kept += count;
  waitpid(pid, NULL, 0);
  request(connection, "POST", output, kept);
  answer(connection);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "spawn") == 0) return spawn(atoi(argv[2]));
  if (argc == 3 && strcmp(argv[1], "exchange") == 0) return exchange(atoi(argv[2]));
  if (argc == 5 && strcmp(argv[1], "upload") == 0) return upload(atoi(argv[2]), atol(argv[3]), argv[4]);
  return 2;
}
