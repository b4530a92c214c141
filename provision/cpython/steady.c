/* What is different each time a process is run, made the same: preloaded into the interpreter that counts while it is
 * trained (vmbuild.mk, train.py). One interpreter that is told another time takes another way: a number has more digits, a
 * hash another place.
 *
 * Each look at a clock is a microsecond later than the one before, on all clocks. Who sleeps is told at once that the
 * time has passed. Chance is one sequence (xorshift64). Of what a file system says, what it chooses itself is held, such as
 * a file's number, since small numbers are made in another way than large ones; and names come sorted. Addresses are
 * `setarch -R`'s to hold, hashes PYTHONHASHSEED's.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

#define FILE_NUMBER(number) (((number) & 0x1fffffff) | 0x20000000)

/* Files stay as different as they are: device and number tell them apart. */
static int facts_of(int folder, const char *path, void *into, int flags)
{
    struct stat *facts = into;
    if (syscall(SYS_newfstatat, folder, path, facts, flags))
        return -1;
    facts->st_dev = 4240;
    facts->st_ino = FILE_NUMBER(facts->st_ino);
    facts->st_blksize = 4096;
    if (S_ISDIR(facts->st_mode))
        facts->st_size = 4096;
    facts->st_blocks = (facts->st_size + 511) / 512;
    return 0;
}

/* Programs that ask for large files call those with 64 in their names. */
#define LOOKS(bits)                                                                                       \
    int stat##bits(const char *restrict path, struct stat##bits *restrict into)                           \
    {                                                                                                     \
        return facts_of(AT_FDCWD, path, into, 0);                                                         \
    }                                                                                                     \
    int lstat##bits(const char *restrict path, struct stat##bits *restrict into)                          \
    {                                                                                                     \
        return facts_of(AT_FDCWD, path, into, AT_SYMLINK_NOFOLLOW);                                       \
    }                                                                                                     \
    int fstat##bits(int file, struct stat##bits *into)                                                    \
    {                                                                                                     \
        return facts_of(file, "", into, AT_EMPTY_PATH);                                                   \
    }                                                                                                     \
    int fstatat##bits(int folder, const char *restrict path, struct stat##bits *restrict into, int flags) \
    {                                                                                                     \
        return facts_of(folder, path, into, flags);                                                       \
    }

LOOKS()
LOOKS(64)

/* Stands for a DIR. Memory of its own, since the heap would show in which order names came. */
struct listing {
    int file;
    size_t count, next;
    struct dirent *entries[1 << 16];
    char room[1 << 22];
};

static int by_name(const void *one, const void *other)
{
    return strcmp((*(struct dirent *const *)one)->d_name, (*(struct dirent *const *)other)->d_name);
}

static int take(struct listing *listing)
{
    size_t used = 0;
    for (;;) {
        long more = syscall(SYS_getdents64, listing->file, listing->room + used, sizeof listing->room - used);
        if (more <= 0)
            return (int)more;
        for (size_t end = used + more; used < end;) {
            struct dirent *entry = (struct dirent *)(listing->room + used);
            if (listing->count == sizeof listing->entries / sizeof *listing->entries) {
                errno = ENOMEM;
                return -1;
            }
            listing->entries[listing->count++] = entry;
            used += entry->d_reclen;
            entry->d_ino = FILE_NUMBER(entry->d_ino);
        }
    }
}

DIR *fdopendir(int file)
{
    struct listing *listing =
        mmap(NULL, sizeof *listing, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (listing == MAP_FAILED)
        return NULL;
    listing->file = file;
    if (take(listing)) {
        munmap(listing, sizeof *listing);
        return NULL;
    }
    qsort(listing->entries, listing->count, sizeof *listing->entries, by_name);
    return (DIR *)listing;
}

DIR *opendir(const char *path)
{
    int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return NULL;
    DIR *listing = fdopendir(file);
    if (!listing) {
        int why = errno;
        close(file);
        errno = why;
    }
    return listing;
}

struct dirent *readdir(DIR *folder)
{
    struct listing *listing = (struct listing *)folder;
    return listing->next < listing->count ? listing->entries[listing->next++] : NULL;
}

struct dirent64 *readdir64(DIR *folder)
{
    return (struct dirent64 *)readdir(folder);
}

void rewinddir(DIR *folder)
{
    ((struct listing *)folder)->next = 0;
}

int dirfd(DIR *folder)
{
    return ((struct listing *)folder)->file;
}

int closedir(DIR *folder)
{
    struct listing *listing = (struct listing *)folder;
    int file = listing->file;
    munmap(listing, sizeof *listing);
    return close(file);
}
