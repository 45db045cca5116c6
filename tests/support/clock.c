/* Owns the time that a process of a test reads: the machine's, moved by CLOCK_AHEAD seconds, and by as many as the file CLOCK_FILE says. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long ahead(void) {
    const char *own = getenv("CLOCK_AHEAD"), *file = getenv("CLOCK_FILE");
    char text[32] = {0};
    int from = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (from >= 0) {
        if (read(from, text, sizeof text - 1) < 0) text[0] = 0;
        close(from);
    }
    return (own ? atol(own) : 0) + atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = (int)syscall(SYS_clock_gettime, clock, now);
    if (!done && clock == CLOCK_REALTIME) now->tv_sec += ahead();
    return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
