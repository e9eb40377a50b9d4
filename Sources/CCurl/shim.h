// libcurl's variadic functions, one inline function for each kind of argument.
#ifndef MONORAIL_CCURL_H
#define MONORAIL_CCURL_H

#include <curl/curl.h>
#include <sys/socket.h>

static inline CURLcode monorail_curl_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode monorail_curl_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode monorail_curl_set_string(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode monorail_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode monorail_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
  return curl_easy_setopt(handle, option, value);
}

typedef size_t (*monorail_curl_transfer)(char *buffer, size_t size, size_t count, void *context);

static inline CURLcode monorail_curl_set_transfer(CURL *handle, CURLoption option, monorail_curl_transfer function) {
  return curl_easy_setopt(handle, option, function);
}

typedef int (*monorail_curl_seek)(void *context, curl_off_t offset, int origin);

static inline CURLcode monorail_curl_set_seek(CURL *handle, monorail_curl_seek function) {
  return curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, function);
}

// A command that the agent starts must not inherit its connections.
static inline curl_socket_t monorail_curl_open_socket(void *context, curlsocktype purpose,
                                                      struct curl_sockaddr *address) {
  (void)context;
  (void)purpose;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static inline CURLcode monorail_curl_set_close_on_exec(CURL *handle) {
  return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, monorail_curl_open_socket);
}

static inline CURLcode monorail_curl_get_long(CURL *handle, CURLINFO info, long *value) {
  return curl_easy_getinfo(handle, info, value);
}

// The string stays libcurl's.
static inline CURLcode monorail_curl_get_string(CURL *handle, CURLINFO info, char **value) {
  return curl_easy_getinfo(handle, info, value);
}

static inline CURLcode monorail_curl_get_offset(CURL *handle, CURLINFO info, curl_off_t *value) {
  return curl_easy_getinfo(handle, info, value);
}

#endif
