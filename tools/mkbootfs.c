/*
 * mkbootfs - make a boot archive: a tree of files that GNU Mach's boot loader can put into memory.
 *
 * The loader loads ELF programs and nothing else, and it frees the pages of any module it cannot load. So the tree, a cpio archive
 * ("newc"), is wrapped as the one segment of an ELF program that never runs: the loader makes a suspended task whose memory is the
 * archive, and ACS, holding that task's port, takes the memory. The data of every regular file begins on a page boundary, so
 * that a file server can hand out the archive's own pages: the file's name is padded with NULs up to there, which the format
 * allows. A file's last page holds, after its end, the next file's header: who hands pages out reads all headers first, and
 * then clears these ends.
 *
 * usage: mkbootfs -o FILE [-c] [-M FILE] [-r DIR]... [-l LIST]... [-a HOSTPATH:GUESTPATH]...
 *     -c  only the cpio archive, no ELF     -M  write a make rule that says which host files went in
 *
 * A list has one entry a line; words are separated by blanks, '#' begins a comment line:
 *     dir PATH MODE       file PATH MODE HOSTPATH       link PATH TARGET       tree PATH HOSTPATH
 * HOSTPATH is looked for in the -r directories in turn unless it begins with '/'. A later entry replaces an earlier one with the
 * same path; missing parents are made with mode 755; all is owned by root.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096u
#define LOAD_ADDRESS	0x10000000u	/* where the archive is in its task; ACS does not depend on it */
#define ARCHIVE_MAX	0x40000000u	/* more would never fit a 32-bit guest */
#define NAME_SIZE_MAX	4096u		/* Linux ignores entries whose name field is larger */
#define CPIO_HEADER	110u

struct node {
	char		*n_path;	/* "bin/sh"; "." is the root */
	char		*n_data;	/* host path of a regular file, target of a link, or NULL */
	uint32_t	 n_mode;
	uint32_t	 n_rdev_major;
	uint32_t	 n_rdev_minor;
	uint32_t	 n_mtime;
	uint64_t	 n_size;
};

static struct node **entries;
static size_t entry_count;
static void *entry_tree;		/* tsearch: entries by path */
static const char *roots[16];
static size_t root_count;
static uint32_t now;

static FILE *out;
static const char *out_name;
static char *out_temp;			/* out_name with a suffix, until the archive is complete */
static uint64_t out_offset;		/* bytes of the archive written */

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void
die(const char *fmt, ...)
{
	va_list ap;

	fputs("mkbootfs: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (out_temp)
		unlink(out_temp);
	exit(1);
}

static void *
xalloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		die("out of memory");
	return p;
}

static char *
xprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		die("out of memory");
	va_end(ap);
	return s;
}

/* --- the tree --- */

static int
entry_compare(const void *a, const void *b)
{
	return strcmp(((const struct node *)a)->n_path, ((const struct node *)b)->n_path);
}

/* "/a//b/./" becomes "a/b", "/" becomes ".". The caller frees it. */
static char *
path_clean(const char *path)
{
	char *clean = xalloc(strlen(path) + 2), *end = clean;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && memcmp(path, "..", 2) == 0)
			die("guest path %s has a '..' in it; write it without", path);
		if (len > 0 && !(len == 1 && *path == '.')) {
			if (end != clean)
				*end++ = '/';
			memcpy(end, path, len);
			end += len;
		}
		path += len;
		path += strspn(path, "/");
	}
	if (end == clean)
		*end++ = '.';
	*end = '\0';
	return clean;
}

static struct node *entry_make(const char *path, uint32_t mode);

static void
parents_make(const char *clean)
{
	char *copy = xprintf("%s", clean), *slash = strrchr(copy, '/');
	struct node key = { 0 }, **found;

	if (slash)
		*slash = '\0';
	key.n_path = slash ? copy : (char *)".";
	found = tfind(&key, &entry_tree, entry_compare);
	if (!found)
		(void)entry_make(key.n_path, S_IFDIR | 0755);
	else if (!S_ISDIR((*found)->n_mode))
		die("/%s cannot be put below /%s, which is no directory", clean, key.n_path);
	free(copy);
}

/* The entry for guest path PATH, made with its parents if it is new, of type and mode MODE. */
static struct node *
entry_make(const char *path, uint32_t mode)
{
	struct node key = { 0 }, *e, **found;

	key.n_path = path_clean(path);
	found = tfind(&key, &entry_tree, entry_compare);
	if (found) {
		free(key.n_path);
		e = *found;
		if (S_ISDIR(e->n_mode) && !S_ISDIR(mode))
			die("/%s is a directory already", e->n_path);
		free(e->n_data);
		e->n_data = NULL;
		e->n_size = 0;
	} else {
		if (strcmp(key.n_path, ".") != 0)
			parents_make(key.n_path);
		e = xalloc(sizeof *e);
		e->n_path = key.n_path;
		if (!tsearch(e, &entry_tree, entry_compare))
			die("out of memory");
		if ((entry_count & (entry_count - 1)) == 0) {
			entries = realloc(entries, (entry_count ? 2 * entry_count : 1) * sizeof *entries);
			if (!entries)
				die("out of memory");
		}
		entries[entry_count++] = e;
	}
	e->n_mode = mode;
	e->n_mtime = now;
	return e;
}

static void
link_add(const char *path, const char *target)
{
	struct node *e = entry_make(path, S_IFLNK | 0777);

	e->n_data = xprintf("%s", target);
	e->n_size = strlen(target);
}

static void
file_add(const char *path, const char *host, const struct stat *st, uint32_t mode)
{
	struct node *e = entry_make(path, S_IFREG | mode);

	if (access(host, R_OK) != 0)
		die("cannot read %s: %s", host, strerror(errno));
	e->n_data = xprintf("%s", host);
	e->n_size = (uint64_t)st->st_size;
	e->n_mtime = (uint32_t)st->st_mtime;
}

static void tree_add(const char *path, const char *host, bool follow);

static void
directory_add(const char *path, const char *host)
{
	DIR *dir = opendir(host);
	struct dirent *d;

	if (!dir)
		die("cannot read directory %s: %s", host, strerror(errno));
	while ((d = readdir(dir)) != NULL) {
		char *sub_path, *sub_host;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		sub_path = xprintf("%s/%s", path, d->d_name);
		sub_host = xprintf("%s/%s", host, d->d_name);
		tree_add(sub_path, sub_host, false);
		free(sub_path);
		free(sub_host);
	}
	closedir(dir);
}

/* Put the host's file or directory HOST at PATH, modes kept. FOLLOW: if HOST is a symbolic link, take what it points to. */
static void
tree_add(const char *path, const char *host, bool follow)
{
	char target[PATH_MAX];
	struct node *e;
	struct stat st;
	ssize_t len;

	if ((follow ? stat : lstat)(host, &st) != 0)
		die("cannot add %s: %s", host, strerror(errno));
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		file_add(path, host, &st, st.st_mode & 07777);
		break;
	case S_IFDIR:
		e = entry_make(path, S_IFDIR | (st.st_mode & 07777));
		e->n_mtime = (uint32_t)st.st_mtime;
		directory_add(path, host);
		break;
	case S_IFLNK:
		len = readlink(host, target, sizeof target - 1);
		if (len < 0)
			die("cannot read the symbolic link %s: %s", host, strerror(errno));
		target[len] = '\0';
		link_add(path, target);
		break;
	default:
		e = entry_make(path, st.st_mode);
		e->n_rdev_major = major(st.st_rdev);
		e->n_rdev_minor = minor(st.st_rdev);
		e->n_mtime = (uint32_t)st.st_mtime;
		break;
	}
}

/* --- lists --- */

/* The host path that NAME of a list means. The caller frees it. Errors: dies when there is no such file. */
static char *
host_find(const char *name)
{
	for (size_t i = 0; name[0] != '/' && i < root_count; i++) {
		char *host = xprintf("%s/%s", roots[i], name);

		if (access(host, F_OK) == 0)
			return host;
		free(host);
	}
	if (access(name, F_OK) != 0)
		die("there is no host file %s", name);
	return xprintf("%s", name);
}

static uint32_t
mode_parse(const char *text, const char *where)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (*text == '\0' || *end || mode > 07777)
		die("%s: %s is no octal mode", where, text);
	return (uint32_t)mode;
}

static void
words_add(char **word, int count, const char *where)
{
	struct stat st;
	char *host;

	if (count == 3 && strcmp(word[0], "dir") == 0) {
		(void)entry_make(word[1], S_IFDIR | mode_parse(word[2], where));
	} else if (count == 4 && strcmp(word[0], "file") == 0) {
		host = host_find(word[3]);
		if (stat(host, &st) != 0 || !S_ISREG(st.st_mode))
			die("%s: %s is no regular file", where, host);
		file_add(word[1], host, &st, mode_parse(word[2], where));
		free(host);
	} else if (count == 3 && strcmp(word[0], "link") == 0) {
		link_add(word[1], word[2]);
	} else if (count == 3 && strcmp(word[0], "tree") == 0) {
		host = host_find(word[2]);
		tree_add(word[1], host, true);
		free(host);
	} else {
		die("%s: expected dir PATH MODE, file PATH MODE HOSTPATH, link PATH TARGET or tree PATH HOSTPATH", where);
	}
}

static void
list_read(const char *name)
{
	FILE *f = fopen(name, "r");
	char *line = NULL, *word[5], *save, *where;
	size_t size = 0;

	if (!f)
		die("cannot read the list %s: %s", name, strerror(errno));
	for (int number = 1; getline(&line, &size, f) > 0; number++) {
		int count = 0;

		for (char *w = strtok_r(line, " \t\n", &save); w && count < 5; w = strtok_r(NULL, " \t\n", &save))
			word[count++] = w;
		if (count == 0 || word[0][0] == '#')
			continue;
		where = xprintf("%s:%d", name, number);
		words_add(word, count, where);
		free(where);
	}
	free(line);
	fclose(f);
}

/* -a HOSTPATH:GUESTPATH; the last colon separates. */
static void
argument_add(char *arg)
{
	char *colon = strrchr(arg, ':');

	if (!colon || colon == arg || colon[1] != '/')
		die("'%s' should be HOSTPATH:GUESTPATH, with GUESTPATH beginning with '/'", arg);
	*colon = '\0';
	tree_add(colon + 1, arg, true);
}

/* --- the archive --- */

static void
bytes_write(const void *data, size_t size)
{
	if (fwrite(data, 1, size, out) != size)
		die("cannot write %s: %s", out_name, strerror(errno));
	out_offset += size;
}

static void
zeros_write(size_t size)
{
	static const char zeros[PAGE];

	for (size_t part; size > 0; size -= part) {
		part = size < sizeof zeros ? size : sizeof zeros;
		bytes_write(zeros, part);
	}
}

static void
header_write(const struct node *e, uint32_t inode, const char *name, uint32_t name_size)
{
	char header[CPIO_HEADER + 1];

	snprintf(header, sizeof header, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", inode, e->n_mode, 0u, 0u,
		S_ISDIR(e->n_mode) ? 2u : 1u, e->n_mtime, (uint32_t)e->n_size, 0u, 0u, e->n_rdev_major, e->n_rdev_minor, name_size, 0u);
	bytes_write(header, CPIO_HEADER);
	bytes_write(name, strlen(name));
	zeros_write(name_size - strlen(name));
	zeros_write(-out_offset & 3);
}

/* How large the name field of E must be so that what follows it begins on a page. */
static uint32_t
name_size_aligned(const struct node *e)
{
	uint32_t least = (uint32_t)strlen(e->n_path) + 1;
	uint32_t after = (uint32_t)((out_offset + CPIO_HEADER + least) % PAGE);

	return least + (PAGE - after) % PAGE;
}

static void
data_write(const struct node *e)
{
	static char buffer[1 << 16];
	uint64_t left = e->n_size;
	int fd = open(e->n_data, O_RDONLY);

	if (fd < 0)
		die("cannot open %s: %s", e->n_data, strerror(errno));
	while (left > 0) {
		ssize_t got = read(fd, buffer, left < sizeof buffer ? left : sizeof buffer);

		if (got < 0)
			die("cannot read %s: %s", e->n_data, strerror(errno));
		if (got == 0)
			die("%s became shorter while it was read", e->n_data);
		bytes_write(buffer, (size_t)got);
		left -= (uint64_t)got;
	}
	close(fd);
}

/* A directory entry may be repeated: it is what moves the next header when a name field would become too large. */
static void
root_repeat(void)
{
	static const struct node root = { .n_mode = S_IFDIR | 0755 };
	struct node e = root;

	e.n_mode = entries[0]->n_mode;
	e.n_mtime = entries[0]->n_mtime;
	header_write(&e, 1, ".", NAME_SIZE_MAX / 4);
}

static void
entry_write(const struct node *e, uint32_t inode)
{
	if (out_offset + e->n_size > ARCHIVE_MAX)
		die("the archive would be larger than %u MB", ARCHIVE_MAX >> 20);
	if (S_ISREG(e->n_mode) && e->n_size > 0) {
		while (name_size_aligned(e) > NAME_SIZE_MAX)
			root_repeat();
		header_write(e, inode, e->n_path, name_size_aligned(e));
		data_write(e);
	} else {
		header_write(e, inode, e->n_path, (uint32_t)strlen(e->n_path) + 1);
		if (S_ISLNK(e->n_mode))
			bytes_write(e->n_data, e->n_size);
	}
	zeros_write(-out_offset & 3);
}

/* The page before the archive: an ELF header and one loadable, writable segment of SIZE bytes. */
static void
elf_header_write(uint32_t size)
{
	static const Elf32_Ehdr ehdr_template = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_386, .e_version = EV_CURRENT, .e_entry = LOAD_ADDRESS,
		.e_phoff = sizeof(Elf32_Ehdr), .e_ehsize = sizeof(Elf32_Ehdr),
		.e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 1, .e_shentsize = sizeof(Elf32_Shdr),
	};
	Elf32_Phdr phdr = {
		.p_type = PT_LOAD, .p_offset = PAGE, .p_vaddr = LOAD_ADDRESS, .p_paddr = LOAD_ADDRESS,
		.p_filesz = size, .p_memsz = size, .p_flags = PF_R | PF_W, .p_align = PAGE,
	};

	rewind(out);
	bytes_write(&ehdr_template, sizeof ehdr_template);
	bytes_write(&phdr, sizeof phdr);
}

static void
archive_write(bool wrap)
{
	static const struct node trailer = { 0 };

	if (wrap)
		zeros_write(PAGE);
	out_offset = 0;
	for (size_t i = 0; i < entry_count; i++)
		entry_write(entries[i], (uint32_t)i + 1);
	header_write(&trailer, 0, "TRAILER!!!", sizeof "TRAILER!!!");
	zeros_write(-out_offset & (PAGE - 1));
	if (wrap)
		elf_header_write((uint32_t)out_offset);
}

/* For make: the archive depends on every file that is in it; a file that goes away must not stop make. */
static void
rule_write(const char *name)
{
	FILE *f = fopen(name, "w");

	if (!f)
		die("cannot write %s: %s", name, strerror(errno));
	fprintf(f, "%s:", out_name);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < entry_count; i++)
			if (S_ISREG(entries[i]->n_mode))
				fprintf(f, pass == 0 ? " \\\n\t%s" : "\n%s:", entries[i]->n_data);
	fputc('\n', f);
	if (fclose(f) != 0)
		die("cannot write %s: %s", name, strerror(errno));
}

static void
usage(void)
{
	fputs("usage: mkbootfs -o FILE [-c] [-M FILE] [-r DIR]... [-l LIST]... [-a HOSTPATH:GUESTPATH]...\n", stderr);
	exit(2);
}

int
main(int argc, char **argv)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH"), *rule = NULL;
	bool wrap = true;
	int option;

	now = epoch ? (uint32_t)strtoul(epoch, NULL, 10) : (uint32_t)time(NULL);
	(void)entry_make("/", S_IFDIR | 0755);
	while ((option = getopt(argc, argv, "o:cM:r:l:a:")) != -1) {
		switch (option) {
		case 'o':
			out_name = optarg;
			break;
		case 'c':
			wrap = false;
			break;
		case 'M':
			rule = optarg;
			break;
		case 'r':
			if (root_count == sizeof roots / sizeof *roots)
				die("too many -r directories");
			roots[root_count++] = optarg;
			break;
		case 'l':
			list_read(optarg);
			break;
		case 'a':
			argument_add(optarg);
			break;
		default:
			usage();
		}
	}
	if (!out_name || optind != argc)
		usage();
	out_temp = xprintf("%s.new", out_name);
	out = fopen(out_temp, "w");
	if (!out)
		die("cannot write %s: %s", out_temp, strerror(errno));
	archive_write(wrap);
	if (rule)
		rule_write(rule);
	if (fclose(out) != 0 || rename(out_temp, out_name) != 0)
		die("cannot write %s: %s", out_name, strerror(errno));
	return 0;
}
