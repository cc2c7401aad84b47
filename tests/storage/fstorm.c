/*
 * fstorm.c - random operations on files and names, compared with a model of what they must be.
 *
 * One half is about the contents of a file: reads and writes by call and through shared mappings, appends, truncation, holes; the other
 * about a tree: making, moving, linking and removing. Every answer is compared with the model, and from time to time everything. All that it
 * does follows from the seed.
 *
 * usage: fstorm DIR SEED SECONDS [plain]      plain: no links, owners or modes (FAT)
 * Says "fstorm: N operations" and exits 0, or tells the first difference and exits 1.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static uint64_t state;
static unsigned long operations;
static const char *doing = "start";
static bool plain;

static void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void
fail(const char *fmt, ...)
{
	va_list ap;

	printf("fstorm: operation %lu (%s): ", operations, doing);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	exit(1);
}

static uint32_t
rnd(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % n;
}

/* ---- Contents ---- */

#define FILE_MAX	(3u << 20)	/* bytes that the file may grow to */
#define PIECE_MAX	(200u << 10)

static const char *path = "contents";
static int fd, append_fd;
static uint8_t *model, *piece, *map;
static size_t size;

/* A range, sometimes on page boundaries, sometimes around the end. */
static void
range(size_t limit, size_t *at, size_t *n)
{
	*at = rnd((uint32_t)limit + 1);
	if (rnd(4) == 0)
		*at &= ~(size_t)4095;
	if (rnd(6) == 0)
		*at = size < limit ? size : limit;
	*n = 1 + rnd(rnd(3) == 0 ? PIECE_MAX : 5000);
	if (rnd(4) == 0)
		*n = (*n + 4095) & ~(size_t)4095;
	if (*n > limit - *at)
		*n = limit - *at;
}

static void
piece_fill(size_t n)
{
	uint8_t value = (uint8_t)rnd(256);

	for (size_t i = 0; i < n; i++)
		piece[i] = (uint8_t)(value + i * 7 + i / 4096);
}

static void
compare(const uint8_t *data, size_t at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (data[i] != model[at + i])
			fail("byte %lu is %02x, must be %02x (size %lu, range %lu+%lu)", (unsigned long)(at + i), data[i],
			     model[at + i], (unsigned long)size, (unsigned long)at, (unsigned long)n);
}

static void
model_write(size_t at, size_t n)
{
	memcpy(model + at, piece, n);
	if (at + n > size)
		size = at + n;
}

static void
size_check(int f)
{
	struct stat st;

	if (fstat(f, &st) < 0 || (size_t)st.st_size != size)
		fail("the size is %lld, must be %lu", (long long)st.st_size, (unsigned long)size);
}

static void
do_write(void)
{
	size_t at, n;

	range(FILE_MAX, &at, &n);
	piece_fill(n);
	if (n == 0)
		return;
	if (pwrite(fd, piece, n, (off_t)at) != (ssize_t)n)
		fail("pwrite: %s", strerror(errno));
	model_write(at, n);
}

static void
do_append(void)
{
	size_t n = 1 + rnd(9000);

	if (n > FILE_MAX - size)
		return;
	piece_fill(n);
	if (write(append_fd, piece, n) != (ssize_t)n)
		fail("append: %s", strerror(errno));
	model_write(size, n);
	if (lseek(append_fd, 0, SEEK_CUR) != (off_t)size)
		fail("append: the offset is not the end");
}

static void
do_read(void)
{
	size_t at, n, there;
	ssize_t got;

	range(FILE_MAX, &at, &n);
	there = at >= size ? 0 : n < size - at ? n : size - at;
	got = pread(fd, piece, n, (off_t)at);
	if (got != (ssize_t)there)
		fail("pread gave %ld bytes, must be %lu (size %lu, range %lu+%lu)", (long)got, (unsigned long)there, (unsigned long)size,
		     (unsigned long)at, (unsigned long)n);
	compare(piece, at, there);
}

static void
do_truncate(void)
{
	size_t to = rnd(5) == 0 ? 0 : rnd(FILE_MAX);

	if (rnd(3) == 0)
		to &= ~(size_t)4095;
	if ((rnd(2) ? ftruncate(fd, (off_t)to) : truncate(path, (off_t)to)) < 0)
		fail("truncate: %s", strerror(errno));
	if (to > size)
		memset(model + size, 0, to - size);
	else
		memset(model + to, 0, size - to);
	size = to;
	size_check(fd);
}

/* The mapping covers FILE_MAX; only what lies before the end of the file may be touched. */
static void
do_map_write(void)
{
	size_t at, n;

	if (size == 0)
		return;
	range(size, &at, &n);
	piece_fill(n);
	memcpy(map + at, piece, n);
	memcpy(model + at, piece, n);
	if (rnd(8) == 0 && msync(map, FILE_MAX, rnd(2) ? MS_SYNC : MS_ASYNC) < 0)
		fail("msync: %s", strerror(errno));
}

static void
do_map_read(void)
{
	size_t at, n, end = (size + 4095) & ~(size_t)4095;

	if (size == 0)
		return;
	range(size, &at, &n);
	compare(map + at, at, n);
	for (size_t i = size; i < end && rnd(4) == 0; i++)
		if (map[i] != 0)
			fail("byte %lu behind the end (%lu) is not zero", (unsigned long)i, (unsigned long)size);
}

static void
do_private(void)
{
	size_t at, n;
	uint8_t *p;

	if (size == 0)
		return;
	range(size, &at, &n);
	p = mmap(NULL, FILE_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	compare(p + at, at, n);
	memset(p + at, 0x5a, n);
	munmap(p, FILE_MAX);
}

static void
do_sync(void)
{
	if ((rnd(2) ? fsync(fd) : fdatasync(fd)) < 0)
		fail("fsync: %s", strerror(errno));
}

static void
do_punch(void)
{
	size_t at, n;

	range(size, &at, &n);
	if (n == 0)
		return;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)n) < 0) {
		if (errno != EOPNOTSUPP && errno != ENOSYS)
			fail("punch hole: %s", strerror(errno));
		return;
	}
	memset(model + at, 0, n);
}

static void
do_allocate(void)
{
	size_t at, n;
	int keep = rnd(2) ? FALLOC_FL_KEEP_SIZE : 0;

	range(FILE_MAX, &at, &n);
	if (n == 0)
		return;
	if (fallocate(fd, keep, (off_t)at, (off_t)n) < 0) {
		if (errno != EOPNOTSUPP && errno != ENOSYS)
			fail("fallocate: %s", strerror(errno));
		return;
	}
	if (!keep && at + n > size) {
		memset(model + size, 0, at + n - size);
		size = at + n;
	}
	size_check(fd);
}

/* What lies between data is zeros. */
static void
do_holes(void)
{
	off_t at = 0, data;

	while ((size_t)at < size) {
		data = lseek(fd, at, SEEK_DATA);
		if (data < 0 && errno == EINVAL)
			return;
		if (data < 0 && errno == ENXIO)
			data = (off_t)size;
		if (data < at)
			fail("SEEK_DATA: %s", strerror(errno));
		for (; at < data; at++)
			if (model[at] != 0)
				fail("byte %lu is in a hole and must be %02x", (unsigned long)at, model[at]);
		if ((size_t)at >= size)
			return;
		at = lseek(fd, data, SEEK_HOLE);
		if (at <= data || (size_t)at > size)
			fail("SEEK_HOLE from %lu gives %ld", (unsigned long)data, (long)at);
	}
}

static void
file_open(void)
{
	fd = open(path, O_RDWR | O_CREAT, 0600);
	append_fd = open(path, O_WRONLY | O_APPEND);
	if (fd < 0 || append_fd < 0)
		fail("open: %s", strerror(errno));
	map = mmap(NULL, FILE_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
}

static void
do_reopen(void)
{
	munmap(map, FILE_MAX);
	close(fd);
	close(append_fd);
	file_open();
	size_check(fd);
}

static void
do_whole(void)
{
	size_t done = 0;
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) != 0)
		fail("lseek: %s", strerror(errno));
	while ((n = read(fd, piece, PIECE_MAX)) > 0) {
		if (done + (size_t)n > size)
			fail("there is more to read than the size, %lu", (unsigned long)size);
		compare(piece, done, (size_t)n);
		done += (size_t)n;
	}
	if (n < 0 || done != size)
		fail("reading ended at %lu of %lu: %s", (unsigned long)done, (unsigned long)size, n < 0 ? strerror(errno) : "end of file");
}

/* ---- Names ---- */

#define NODES	300u		/* names at most */
#define DEPTH	6u

enum kind { FREE, DIRECTORY, REGULAR, LINK };

struct name {
	enum kind	kind;
	unsigned int	parent;	/* a directory; 0 is the top */
	char		name[80];
	unsigned int	file;	/* what it is a name of: names with the same number are hard links */
};

struct file {
	unsigned int	links;
	size_t		size;
	uint32_t	seed;	/* of its contents */
	mode_t		mode;
};

static struct name names[NODES];
static struct file files[NODES];

static char *
path_of(unsigned int i, char *buf)
{
	char tail[1024], *p = tail + sizeof tail - 1;

	*p = '\0';
	for (; i != 0; i = names[i].parent) {
		size_t len = strlen(names[i].name);

		p -= len;
		memcpy(p, names[i].name, len);
		*--p = '/';
	}
	sprintf(buf, "tree%s", p);
	return buf;
}

static unsigned int
depth_of(unsigned int i)
{
	unsigned int d = 0;

	for (; i != 0; i = names[i].parent)
		d++;
	return d;
}

static bool
is_inside(unsigned int i, unsigned int dir)
{
	for (; i != 0; i = names[i].parent)
		if (i == dir)
			return true;
	return dir == 0;
}

static bool
is_empty(unsigned int dir)
{
	for (unsigned int i = 1; i < NODES; i++)
		if (names[i].kind != FREE && names[i].parent == dir)
			return false;
	return true;
}

/* A random name of KIND (FREE: any); 0: none was met. */
static unsigned int
pick(enum kind kind)
{
	for (unsigned int tries = 0; tries < 30; tries++) {
		unsigned int i = 1 + rnd(NODES - 1);

		if (names[i].kind != FREE && (kind == FREE || names[i].kind == kind))
			return i;
	}
	return 0;
}

static unsigned int
slot_free(void)
{
	for (unsigned int i = 1; i < NODES; i++)
		if (names[i].kind == FREE)
			return i;
	return 0;
}

static unsigned int
find(unsigned int dir, const char *name)
{
	for (unsigned int i = 1; i < NODES; i++)
		if (names[i].kind != FREE && names[i].parent == dir && strcmp(names[i].name, name) == 0)
			return i;
	return 0;
}

static void
name_make(char *name)
{
	sprintf(name, "n%u", rnd(60));
	if (rnd(3) == 0)
		strcat(name, "-with-a-longer-name-so-that-directories-fill-up.txt");
}

static uint8_t
byte_of(uint32_t seed, size_t at)
{
	return (uint8_t)(seed + at * 13 + (at >> 9));
}

static void
contents_write(const char *p, struct file *f)
{
	int d = open(p, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	f->size = rnd(4) == 0 ? rnd(60000) : rnd(600);
	f->seed = rnd(256);
	for (size_t i = 0; i < f->size; i++)
		piece[i] = byte_of(f->seed, i);
	if (d < 0 || write(d, piece, f->size) != (ssize_t)f->size || close(d) < 0)
		fail("writing %s: %s", p, strerror(errno));
}

static void
contents_check(const char *p, const struct file *f)
{
	int d = open(p, O_RDONLY);
	ssize_t n;

	if (d < 0 || (n = read(d, piece, PIECE_MAX)) < 0)
		fail("reading %s: %s", p, strerror(errno));
	close(d);
	if ((size_t)n != f->size)
		fail("%s has %ld bytes, must have %lu", p, (long)n, (unsigned long)f->size);
	for (size_t i = 0; i < f->size; i++)
		if (piece[i] != byte_of(f->seed, i))
			fail("%s: byte %lu is %02x, must be %02x", p, (unsigned long)i, piece[i], byte_of(f->seed, i));
}

/* CALL's answer R must be 0, or -1 with errno E when E is not 0. */
static void
expect(int r, int e, const char *what, const char *p)
{
	if (r < 0 && errno != e)
		fail("%s %s: %s, must be: %s", what, p, strerror(errno), e ? strerror(e) : "success");
	if (r == 0 && e != 0)
		fail("%s %s succeeds, must be: %s", what, p, strerror(e));
}

static void
do_create(void)
{
	unsigned int dir = rnd(3) ? pick(DIRECTORY) : 0, i = slot_free(), there;
	enum kind kind = rnd(3) == 0 ? DIRECTORY : rnd(5) == 0 && !plain ? LINK : REGULAR;
	char name[80], p[1200], target[64];

	name_make(name);
	there = find(dir, name);
	if (i == 0 || depth_of(dir) >= DEPTH)
		return;
	names[i] = (struct name){ .kind = kind, .parent = dir, .file = i };
	strcpy(names[i].name, name);
	path_of(i, p);
	if (kind == DIRECTORY) {
		expect(mkdir(p, 0755), there ? EEXIST : 0, "mkdir", p);
	} else if (kind == LINK) {
		sprintf(target, "target-%u", i);
		expect(symlink(target, p), there ? EEXIST : 0, "symlink", p);
	} else if (there) {
		int d = open(p, O_WRONLY | O_CREAT | O_EXCL, 0640);

		expect(d < 0 ? -1 : 0, EEXIST, "open exclusively", p);
	}
	if (there) {
		names[i].kind = FREE;
		return;
	}
	files[i] = (struct file){ .links = 1, .mode = 0640 };
	if (kind == REGULAR)
		contents_write(p, &files[i]);
}

static void
name_drop(unsigned int i)
{
	names[i].kind = FREE;
	/* The other names keep the number, so it stays taken until the last is gone: move the file to one of them. */
	for (unsigned int j = 1; j < NODES; j++) {
		if (names[j].kind == REGULAR && names[j].file == i && j != i) {
			files[j] = files[i];
			for (unsigned int k = 1; k < NODES; k++)
				if (names[k].kind == REGULAR && names[k].file == i)
					names[k].file = j;
			files[j].links--;
			return;
		}
	}
}

static void
name_remove(unsigned int i)
{
	unsigned int f = names[i].file;

	if (names[i].kind == REGULAR && f != i)
		files[f].links--, names[i].kind = FREE;
	else
		name_drop(i);
}

static void
do_remove(void)
{
	unsigned int i = pick(FREE);
	char p[1200];

	if (i == 0)
		return;
	path_of(i, p);
	if (names[i].kind == DIRECTORY) {
		int e = is_empty(i) ? 0 : ENOTEMPTY;

		if (rnd(8) == 0) {
			expect(unlink(p), EISDIR, "unlink", p);
			return;
		}
		expect(rmdir(p), e, "rmdir", p);
		if (e == 0)
			names[i].kind = FREE;
		return;
	}
	if (rnd(8) == 0) {
		expect(rmdir(p), ENOTDIR, "rmdir", p);
		return;
	}
	expect(unlink(p), 0, "unlink", p);
	name_remove(i);
}

static void
do_rename(void)
{
	unsigned int i = pick(FREE), dir = rnd(2) ? pick(DIRECTORY) : 0, over;
	char name[80], from[1200], to[1200];
	int e = 0;

	if (i == 0)
		return;
	name_make(name);
	over = find(dir, name);
	if (depth_of(dir) >= DEPTH || (names[i].kind == DIRECTORY && depth_of(dir) + 2 >= DEPTH))
		return;
	path_of(i, from);
	if (names[i].kind == DIRECTORY && is_inside(dir, i))
		e = EINVAL;
	else if (over != 0 && over != i) {
		if (names[i].kind == DIRECTORY && names[over].kind != DIRECTORY)
			e = ENOTDIR;
		else if (names[i].kind != DIRECTORY && names[over].kind == DIRECTORY)
			e = EISDIR;
		else if (names[over].kind == DIRECTORY && !is_empty(over))
			e = ENOTEMPTY;
	}
	path_of(dir, to);
	strcat(to, "/");
	strcat(to, name);
	if (over != 0 && over != i && is_inside(i, over))
		e = ENOTEMPTY;
	expect(rename(from, to), e, "rename", to);
	if (e != 0 || over == i)
		return;
	/* Two names of the same file: both stay. */
	if (over != 0 && names[i].kind == REGULAR && names[over].kind == REGULAR && names[over].file == names[i].file)
		return;
	if (over != 0)
		name_remove(over);
	strcpy(names[i].name, name);
	names[i].parent = dir;
}

static void
do_link(void)
{
	unsigned int i = pick(REGULAR), dir = rnd(2) ? pick(DIRECTORY) : 0, j = slot_free(), there;
	char name[80], from[1200], to[1200];

	if (i == 0 || j == 0 || plain || depth_of(dir) >= DEPTH)
		return;
	name_make(name);
	there = find(dir, name);
	path_of(i, from);
	path_of(dir, to);
	strcat(to, "/");
	strcat(to, name);
	expect(link(from, to), there ? EEXIST : 0, "link", to);
	if (there)
		return;
	names[j] = (struct name){ .kind = REGULAR, .parent = dir, .file = names[i].file };
	strcpy(names[j].name, name);
	files[names[i].file].links++;
}

static void
do_rewrite(void)
{
	unsigned int i = pick(REGULAR);
	char p[1200];

	if (i == 0)
		return;
	path_of(i, p);
	contents_check(p, &files[names[i].file]);
	contents_write(p, &files[names[i].file]);
}

static void
do_chmod(void)
{
	unsigned int i = pick(REGULAR);
	mode_t mode = (mode_t)(0400 | rnd(0400));
	char p[1200];

	if (i == 0 || plain)
		return;
	mode |= 0600;
	expect(chmod(path_of(i, p), mode), 0, "chmod", p);
	files[names[i].file].mode = mode;
}

static void
node_check(unsigned int i)
{
	char p[1200], target[64], should[64];
	struct file *f = &files[names[i].file];
	struct stat st;
	ssize_t n;

	path_of(i, p);
	if (lstat(p, &st) < 0)
		fail("%s: %s", p, strerror(errno));
	if (names[i].kind == DIRECTORY) {
		if (!S_ISDIR(st.st_mode))
			fail("%s is no directory", p);
	} else if (names[i].kind == LINK) {
		sprintf(should, "target-%u", names[i].file);
		n = readlink(p, target, sizeof target);
		if (n < 0 || (size_t)n != strlen(should) || memcmp(target, should, (size_t)n) != 0)
			fail("%s points elsewhere", p);
	} else {
		if (!S_ISREG(st.st_mode) || (size_t)st.st_size != f->size)
			fail("%s has %lld bytes, must have %lu", p, (long long)st.st_size, (unsigned long)f->size);
		if (!plain && (st.st_nlink != f->links || (st.st_mode & 07777) != f->mode))
			fail("%s has %lu links and mode %o, must have %u and %o", p, (unsigned long)st.st_nlink,
			     (unsigned int)st.st_mode & 07777, f->links, (unsigned int)f->mode);
		contents_check(p, f);
	}
}

static void
directory_check(unsigned int dir)
{
	char p[1200];
	unsigned int there = 0, should = 0;
	struct dirent *de;
	DIR *d = opendir(path_of(dir, p));

	if (d == NULL)
		fail("opening %s: %s", p, strerror(errno));
	while ((de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (find(dir, de->d_name) == 0)
			fail("%s/%s must not be there", p, de->d_name);
		there++;
	}
	closedir(d);
	for (unsigned int i = 1; i < NODES; i++)
		should += names[i].kind != FREE && names[i].parent == dir;
	if (there != should)
		fail("%s lists %u names, must list %u", p, there, should);
}

static void
do_tree(void)
{
	directory_check(0);
	for (unsigned int i = 1; i < NODES; i++) {
		if (names[i].kind == FREE)
			continue;
		node_check(i);
		if (names[i].kind == DIRECTORY)
			directory_check(i);
	}
}

/* ---- */

static const struct {
	const char	*name;
	void		(*run)(void);
	unsigned int	weight;
} acts[] = {
	{ "write", do_write, 40 }, { "append", do_append, 15 }, { "read", do_read, 40 }, { "truncate", do_truncate, 12 },
	{ "map write", do_map_write, 25 }, { "map read", do_map_read, 25 }, { "private map", do_private, 4 }, { "sync", do_sync, 3 },
	{ "punch", do_punch, 6 }, { "allocate", do_allocate, 4 }, { "holes", do_holes, 2 }, { "reopen", do_reopen, 3 },
	{ "whole file", do_whole, 2 },
	{ "create", do_create, 40 }, { "remove", do_remove, 25 }, { "rename", do_rename, 20 }, { "link", do_link, 10 },
	{ "rewrite", do_rewrite, 15 }, { "chmod", do_chmod, 5 }, { "whole tree", do_tree, 1 },
};

static void
act(void)
{
	unsigned int n = 0, i;

	for (i = 0; i < sizeof acts / sizeof *acts; i++)
		n += acts[i].weight;
	n = rnd(n);
	for (i = 0; n >= acts[i].weight; i++)
		n -= acts[i].weight;
	doing = acts[i].name;
	operations++;
	acts[i].run();
}

int
main(int argc, char **argv)
{
	time_t end;

	if (argc < 4 || chdir(argv[1]) < 0) {
		fprintf(stderr, "usage: fstorm DIR SEED SECONDS [plain]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	state = strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15ull | 1;
	plain = argc > 4;
	umask(0);
	model = calloc(1, FILE_MAX + PIECE_MAX);
	piece = malloc(PIECE_MAX + 4096);
	if (model == NULL || piece == NULL || mkdir("tree", 0755) < 0)
		fail("cannot begin: %s", strerror(errno));
	file_open();
	for (end = time(NULL) + atoi(argv[3]); time(NULL) < end;)
		for (unsigned int i = 0; i < 20; i++)
			act();
	doing = "the end";
	do_whole();
	do_tree();
	printf("fstorm: %lu operations\n", operations);
	return 0;
}
