// An open-loop load generator for HTTP/1.1: requests start at a fixed rate, whether or not answers come, and a latency counts
// from the moment at which its request was due. A closed loop would wait for a slow server and not notice.
//
//     pace PORT TARGET REQUESTS-PER-SECOND SECONDS CONNECTIONS
//
// Prints the number of answers, of failures, and p50, p90, p99, p99.9 and the longest latency in microseconds.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 4096
#define ANSWER_BYTES 65536

struct connection {
    int fd;
    long long due;
    size_t got, expected;
    char answer[ANSWER_BYTES];
};

static struct connection *connections;
static int idle[MAX_CONNECTIONS], idle_count;
static long long *latencies;
static size_t latency_count, failures;
static char request[2048];
static size_t request_length;
static struct sockaddr_in address;

static long long now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void open_connection(int index, int queue) {
    struct connection *each = &connections[index];
    each->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (each->fd < 0 || connect(each->fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    int one = 1;
    setsockopt(each->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(each->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, each->fd, &event) < 0) fail("epoll_ctl");
    idle[idle_count++] = index;
}

static void start(long long due) {
    struct connection *each = &connections[idle[--idle_count]];
    each->due = due;
    each->got = each->expected = 0;
    // A request fits into an empty socket buffer.
    if (write(each->fd, request, request_length) != (ssize_t)request_length) fail("write");
}

// Returns the length of the whole answer once its head is there; answers are expected to have a Content-Length.
static size_t whole_length(struct connection *each) {
    char *end = memmem(each->answer, each->got, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = end - each->answer + 4;
    for (char *line = each->answer; line < end; line++) {
        if (line[0] == '\n' && strncasecmp(line + 1, "content-length:", 15) == 0) return head + strtoul(line + 16, NULL, 10);
    }
    fprintf(stderr, "an answer without a length\n");
    exit(1);
}

static void take(int index, int queue) {
    struct connection *each = &connections[index];
    ssize_t count = read(each->fd, each->answer + each->got, ANSWER_BYTES - each->got);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
        failures++;
        close(each->fd);
        open_connection(index, queue);
        return;
    }
    each->got += count;
    if (!each->expected) each->expected = whole_length(each);
    if (!each->expected || each->got < each->expected) return;
    latencies[latency_count++] = now_ns() - each->due;
    idle[idle_count++] = index;
}

static int ascending(const void *left, const void *right) {
    long long a = *(const long long *)left, b = *(const long long *)right;
    return a < b ? -1 : a > b;
}

static double quantile(double share) {
    if (!latency_count) return 0;
    size_t index = share * latency_count;
    return latencies[index < latency_count ? index : latency_count - 1] / 1000.0;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: pace PORT TARGET REQUESTS-PER-SECOND SECONDS CONNECTIONS\n");
        return 64;
    }
    double rate = atof(argv[3]);
    long long seconds = atoll(argv[4]);
    int count = atoi(argv[5]);
    if (rate <= 0 || seconds <= 0 || count <= 0 || count > MAX_CONNECTIONS) return 64;
    address.sin_family = AF_INET;
    address.sin_port = htons(atoi(argv[1]));
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    request_length = snprintf(request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: pace\r\nAccept: application/json, text/plain, */*\r\n"
        "Accept-Encoding: gzip, deflate, br\r\nCookie: sid=abcdef0123456789abcdef0123456789; theme=dark\r\n\r\n", argv[2]);
    connections = calloc(count, sizeof *connections);
    latencies = calloc((size_t)(rate * seconds) + 1, sizeof *latencies);
    int queue = epoll_create1(0);
    for (int index = 0; index < count; index++) open_connection(index, queue);

    long long begun = now_ns(), total = rate * seconds, started = 0;
    struct epoll_event events[256];
    // What is due waits here for an idle connection; its latency runs from when it was due all the same.
    while (latency_count + failures < (size_t)total && now_ns() - begun < (seconds + 5) * 1000000000LL) {
        long long due = begun + (long long)(started * 1e9 / rate), now = now_ns();
        while (started < total && due <= now && idle_count > 0) {
            start(due);
            started++;
            due = begun + (long long)(started * 1e9 / rate);
        }
        // The upstream shares this core, so the wait must be one, and exact to less than a millisecond.
        long long left = started < total && idle_count > 0 ? due - now_ns() : 100000000;
        struct timespec wait = {.tv_nsec = left < 0 ? 0 : left > 100000000 ? 100000000 : left};
        int ready = epoll_pwait2(queue, events, 256, &wait, NULL);
        for (int index = 0; index < ready; index++) take(events[index].data.u32, queue);
    }
    qsort(latencies, latency_count, sizeof *latencies, ascending);
    printf("%zu %zu %.1f %.1f %.1f %.1f %.1f\n", latency_count, failures, quantile(0.50), quantile(0.90), quantile(0.99),
        quantile(0.999), quantile(1));
    return 0;
}
