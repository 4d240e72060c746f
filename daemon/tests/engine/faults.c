// A disk that fails, as far as one process can tell: put before libc by LD_PRELOAD.
//
// It counts what the process does to files below FAULT_DIR: writes, syncs, cuts, creations, renames,
// removals. From the FAULT_AT-th on (FAULT_KIND full or broken), or at it alone (once), they fail; or
// the process ends there, as kill -9 ends it (kill). What is counted is appended to FAULT_LOG, one byte
// each, so that the one who looks knows how many there are.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long count;
static int log_fd = -2;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// Until a file of this name is there, nothing is counted: the process says when it is ready.
static int armed(void)
{
	static atomic_int is_armed;
	const char *gate = getenv("FAULT_GATE");
	if (!is_armed && (!gate || access(gate, F_OK) == 0))
		is_armed = 1;
	return is_armed;
}

static int fails(void)
{
	const char *at = getenv("FAULT_AT"), *kind = getenv("FAULT_KIND"), *log = getenv("FAULT_LOG");
	if (!at || !kind || !armed())
		return 0;
	long now = atomic_fetch_add(&count, 1) + 1, from = atol(at);
	if (log && log_fd == -2)
		log_fd = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd >= 0)
		REAL(write)(log_fd, ".", 1);
	if (from <= 0 || now < from || (!strcmp(kind, "once") && now != from))
		return 0;
	if (!strcmp(kind, "kill"))
		kill(getpid(), SIGKILL);
	errno = strcmp(kind, "full") ? EIO : ENOSPC;
	return 1;
}

static int below(const char *path)
{
	const char *dir = getenv("FAULT_DIR");
	return dir && path && !strncmp(path, dir, strlen(dir));
}

static int is_watched(int fd)
{
	char link[64], path[4096];
	int saved = errno;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof path - 1);
	errno = saved;
	if (length < 0)
		return 0;
	path[length] = 0;
	return below(path);
}

ssize_t write(int fd, const void *data, size_t size)
{
	return is_watched(fd) && fails() ? -1 : REAL(write)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
	return is_watched(fd) && fails() ? -1 : REAL(pwrite)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
	return is_watched(fd) && fails() ? -1 : REAL(pwrite64)(fd, data, size, at);
}

ssize_t writev(int fd, const struct iovec *parts, int number)
{
	return is_watched(fd) && fails() ? -1 : REAL(writev)(fd, parts, number);
}

ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *to_at, size_t size, unsigned flags)
{
	return is_watched(to) && fails() ? -1 : REAL(copy_file_range)(from, at, to, to_at, size, flags);
}

int fsync(int fd)
{
	return is_watched(fd) && fails() ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
	return is_watched(fd) && fails() ? -1 : REAL(fdatasync)(fd);
}

int ftruncate(int fd, off_t size)
{
	return is_watched(fd) && fails() ? -1 : REAL(ftruncate)(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
	return is_watched(fd) && fails() ? -1 : REAL(ftruncate64)(fd, size);
}

int fallocate(int fd, int mode, off_t at, off_t size)
{
	return is_watched(fd) && fails() ? -1 : REAL(fallocate)(fd, mode, at, size);
}

int fallocate64(int fd, int mode, off64_t at, off64_t size)
{
	return is_watched(fd) && fails() ? -1 : REAL(fallocate64)(fd, mode, at, size);
}

int posix_fallocate(int fd, off_t at, off_t size)
{
	return is_watched(fd) && fails() ? errno : REAL(posix_fallocate)(fd, at, size);
}

int posix_fallocate64(int fd, off64_t at, off64_t size)
{
	return is_watched(fd) && fails() ? errno : REAL(posix_fallocate64)(fd, at, size);
}

int rename(const char *from, const char *to)
{
	return below(to) && fails() ? -1 : REAL(rename)(from, to);
}

int unlink(const char *path)
{
	return below(path) && fails() ? -1 : REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode)
{
	return below(path) && fails() ? -1 : REAL(mkdir)(path, mode);
}

#define OPEN(name)                                                                    \
	int name(const char *path, int flags, ...)                                    \
	{                                                                             \
		mode_t mode = 0;                                                      \
		if (flags & (O_CREAT | O_TMPFILE)) {                                  \
			va_list more;                                                 \
			va_start(more, flags);                                        \
			mode = va_arg(more, mode_t);                                  \
			va_end(more);                                                 \
		}                                                                     \
		if ((flags & (O_CREAT | O_TRUNC)) && below(path) && fails())          \
			return -1;                                                    \
		return REAL(name)(path, flags, mode);                                 \
	}

OPEN(open)
OPEN(open64)
