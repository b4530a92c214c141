/* What is different each time a process is run, made the same: preloaded into the interpreter that counts while it is
 * trained (vmbuild.mk, train.py). One interpreter that is told another time takes another way: a number has more digits, a
 * hash another place.
 *
 * Each look at a clock is a microsecond later than the one before, on all clocks. Who sleeps is told at once that the
 * time has passed. Chance is one sequence (xorshift64). Addresses are `setarch -R`'s to hold, hashes PYTHONHASHSEED's.
 */

#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull
#define LOOK 1000ull
/* 2024-01-01, the time of every file in an artifact. */
#define BEGIN (1704067200ull * SECOND)

/* Nanoseconds since the process began, plus one second: a monotonic clock never says 0. Threads share it. */
static uint64_t passed = SECOND;

static uint64_t pass(uint64_t nanoseconds)
{
    return __atomic_add_fetch(&passed, nanoseconds, __ATOMIC_RELAXED);
}

static uint64_t counted_from(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? BEGIN : 0;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    uint64_t now = counted_from(clock) + pass(LOOK);
    time->tv_sec = now / SECOND;
    time->tv_nsec = now % SECOND;
    return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    uint64_t now = BEGIN + pass(LOOK);
    (void)zone;
    time->tv_sec = now / SECOND;
    time->tv_usec = now % SECOND / 1000;
    return 0;
}

time_t time(time_t *into)
{
    time_t now = (BEGIN + pass(LOOK)) / SECOND;
    if (into)
        *into = now;
    return now;
}

clock_t clock(void)
{
    return pass(LOOK) / (SECOND / CLOCKS_PER_SEC);
}

clock_t times(struct tms *used)
{
    memset(used, 0, sizeof *used);
    return pass(LOOK) / (SECOND / sysconf(_SC_CLK_TCK));
}

int getrusage(__rusage_who_t who, struct rusage *used)
{
    (void)who;
    uint64_t now = pass(LOOK);
    memset(used, 0, sizeof *used);
    used->ru_utime.tv_sec = now / SECOND;
    used->ru_utime.tv_usec = now % SECOND / 1000;
    return 0;
}

int getloadavg(double averages[], int count)
{
    for (int i = 0; i < count; i++)
        averages[i] = 0.5;
    return count;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left)
{
    (void)left;
    uint64_t wanted = time->tv_sec * SECOND + time->tv_nsec;
    if (flags & TIMER_ABSTIME) {
        uint64_t now = counted_from(clock) + pass(LOOK);
        wanted = wanted > now ? wanted - now : 0;
    }
    pass(wanted);
    return 0;
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
    return clock_nanosleep(CLOCK_MONOTONIC, 0, time, left);
}

/* Names of temporary files have it in them. */
pid_t getpid(void)
{
    return 4242;
}

pid_t getppid(void)
{
    return 4241;
}

ssize_t getrandom(void *into, size_t length, unsigned flags)
{
    static uint64_t state = 0x9e3779b97f4a7c15ull;
    unsigned char *bytes = into;
    (void)flags;
    for (size_t i = 0; i < length; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = state >> 24;
    }
    return length;
}

int getentropy(void *into, size_t length)
{
    getrandom(into, length, 0);
    return 0;
}
