#ifdef __linux__

// For accept4(2) and pthread_setname_np(3).
#define _GNU_SOURCE

#include "epoll.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

// Events taken from the kernel in one call.
#define FAREBOX_EVENTS 256

const uint32_t farebox_epoll_in = EPOLLIN;
const uint32_t farebox_epoll_out = EPOLLOUT;
const uint32_t farebox_epoll_peer_ended = EPOLLRDHUP;
const uint32_t farebox_epoll_hang_up = EPOLLHUP;
const uint32_t farebox_epoll_error = EPOLLERR;
const uint32_t farebox_epoll_edge = EPOLLET;

static long farebox_result(long result) { return result < 0 ? -(long)errno : result; }

int farebox_epoll_create(void) { return (int)farebox_result(epoll_create1(EPOLL_CLOEXEC)); }

int farebox_event_create(void) { return (int)farebox_result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

int farebox_event_signal(int event) {
    uint64_t one = 1;
    return (int)farebox_result(write(event, &one, sizeof one));
}

int farebox_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    return (int)farebox_result(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event));
}

int farebox_epoll_change(int epoll, int descriptor, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    return (int)farebox_result(epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event));
}

int farebox_epoll_remove(int epoll, int descriptor) {
    return (int)farebox_result(epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, (struct epoll_event *)0));
}

int farebox_epoll_wait(int epoll, struct farebox_event *events, int count, int milliseconds) {
    struct epoll_event found[FAREBOX_EVENTS];
    int result = (int)farebox_result(epoll_wait(epoll, found, count < FAREBOX_EVENTS ? count : FAREBOX_EVENTS, milliseconds));
    for (int index = 0; index < result; index++) {
        events[index].flags = found[index].events;
        events[index].token = found[index].data.u64;
    }
    return result;
}

int farebox_socket(int family) {
    return (int)farebox_result(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

int farebox_make_nonblocking(int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    return flags < 0 ? -errno : (int)farebox_result(fcntl(descriptor, F_SETFL, flags | O_NONBLOCK));
}

int farebox_accept(int listener, void *address, uint32_t *length) {
    return (int)farebox_result(accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

int farebox_connect(int descriptor, const void *address, uint32_t length) {
    return (int)farebox_result(connect(descriptor, address, length));
}

int farebox_local_address(int descriptor, void *address, uint32_t *length) {
    return (int)farebox_result(getsockname(descriptor, address, length));
}

int farebox_set_option(int descriptor, int level, int name, int value) {
    return (int)farebox_result(setsockopt(descriptor, level, name, &value, sizeof value));
}

// The error that waits on a socket, or 0; reading takes it off.
int farebox_take_error(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}

long farebox_receive(int descriptor, void *bytes, size_t count) {
    ssize_t result;
    do result = recv(descriptor, bytes, count, 0);
    while (result < 0 && errno == EINTR);
    return farebox_result(result);
}

long farebox_send(int descriptor, const void *bytes, size_t count) {
    ssize_t result;
    do result = send(descriptor, bytes, count, MSG_NOSIGNAL);
    while (result < 0 && errno == EINTR);
    return farebox_result(result);
}

long farebox_send_pieces(int descriptor, const struct farebox_piece *pieces, size_t count) {
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = count};
    ssize_t result;
    do result = sendmsg(descriptor, &message, MSG_NOSIGNAL);
    while (result < 0 && errno == EINTR);
    return farebox_result(result);
}

int farebox_shutdown_output(int descriptor) {
    return (int)farebox_result(shutdown(descriptor, SHUT_WR));
}

int farebox_shutdown_input(int descriptor) { return (int)farebox_result(shutdown(descriptor, SHUT_RD)); }

// Closed whatever the result (close(2)).
void farebox_close(int descriptor) { (void)close(descriptor); }

void farebox_name_thread(const char *name) { (void)pthread_setname_np(pthread_self(), name); }

#endif
