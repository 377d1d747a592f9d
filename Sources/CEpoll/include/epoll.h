// System calls of an event loop, with the error in the result: a negative `errno`, as the kernel itself gives it.
//
// Nothing of the system is included, so that no declaration of the C library comes to Swift by way of this module.
#ifndef FAREBOX_EPOLL_H
#define FAREBOX_EPOLL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __linux__

extern const uint32_t farebox_epoll_in;
extern const uint32_t farebox_epoll_out;
extern const uint32_t farebox_epoll_peer_ended;
extern const uint32_t farebox_epoll_hang_up;
extern const uint32_t farebox_epoll_error;
extern const uint32_t farebox_epoll_edge;

// What epoll_wait(2) says of one descriptor.
struct farebox_event {
    uint32_t flags;
    uint64_t token;
};

// As `struct iovec` lies in memory.
struct farebox_piece {
    const void *bytes;
    size_t count;
};

int farebox_epoll_create(void);
int farebox_event_create(void);
int farebox_event_signal(int event);
int farebox_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t token);
int farebox_epoll_change(int epoll, int descriptor, uint32_t events, uint64_t token);
int farebox_epoll_remove(int epoll, int descriptor);
int farebox_epoll_wait(int epoll, struct farebox_event *events, int count, int milliseconds);
int farebox_socket(int family);
int farebox_make_nonblocking(int descriptor);
int farebox_accept(int listener, void *address, uint32_t *length);
int farebox_connect(int descriptor, const void *address, uint32_t length);
int farebox_local_address(int descriptor, void *address, uint32_t *length);
int farebox_set_option(int descriptor, int level, int name, int value);
// The error that waits on a socket, or 0; reading takes it off.
int farebox_take_error(int descriptor);
long farebox_receive(int descriptor, void *bytes, size_t count);
long farebox_send(int descriptor, const void *bytes, size_t count);
long farebox_send_pieces(int descriptor, const struct farebox_piece *pieces, size_t count);
int farebox_shutdown_output(int descriptor);
int farebox_shutdown_input(int descriptor);
// Closed whatever the result (close(2)).
void farebox_close(int descriptor);
void farebox_name_thread(const char *name);

#endif
#endif
