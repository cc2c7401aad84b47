/*
 * path.c - names: from the program's arguments to the file server's.
 *
 * A path goes to vfs as it is, with the directory it starts from. Only the names of the caller's own descriptors are caught here,
 * by their text, because no server knows what they stand for.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include "vfs.h"

#define MAJOR_SERIAL	4u
#define MINOR_SERIAL	64u
#define MAJOR_TTY	5u
#define MAJOR_PTS	136u

/* The directory behind DIRFD, for a relative path. */
static int32_t
path_dir(struct em_path *p, int32_t dirfd, bool any_kind)
{
	if (dirfd == MX_AT_FDCWD)
		return 0;
	p->p_file = em_fd_get(dirfd);
	if (p->p_file == NULL)
		return EM_E(EBADF);
	if (!any_kind && p->p_file->f_kind != MX_KIND_DIR && p->p_file->f_kind != MX_KIND_PATH) {
		em_file_release(p->p_file);
		p->p_file = NULL;
		return EM_E(ENOTDIR);
	}
	p->p_dir = p->p_file->f_port;
	return 0;
}

int32_t
em_path_get(struct em_path *p, int32_t dirfd, uint32_t path, uint32_t flags)
{
	int32_t len = em_copyin_str(p->p_name, path, sizeof p->p_name);

	p->p_dir = MACH_PORT_NULL;
	p->p_file = NULL;
	p->p_flags = len == 0 ? MX_AT_EMPTY_PATH : 0;
	if (len < 0)
		return len;
	p->p_len = (uint32_t)len;
	if (len == 0 && !(flags & MX_AT_EMPTY_PATH))
		return EM_E(ENOENT);
	if (len > 0 && p->p_name[0] == '/')
		return 0;
	return path_dir(p, dirfd, len == 0);
}

void
em_path_done(struct em_path *p)
{
	if (p->p_file != NULL)
		em_file_release(p->p_file);
}

int32_t
em_path_from_fd(struct em_path *p, int32_t fd)
{
	p->p_file = em_fd_get(fd);
	if (p->p_file == NULL)
		return EM_E(EBADF);
	p->p_dir = p->p_file->f_port;
	p->p_flags = MX_AT_EMPTY_PATH;
	p->p_len = 0;
	return 0;
}

int32_t
em_path_get_object(struct em_path *p, int32_t dirfd, uint32_t path, uint32_t flags)
{
	int32_t err = em_path_get(p, dirfd, path, flags), fd;

	if (err < 0 || flags & MX_AT_SYMLINK_NOFOLLOW)
		return err;
	fd = em_path_fd(p);
	return fd >= 0 && em_path_from_fd(p, fd) < 0 ? EM_E(ENOENT) : 0;
}

/* ---- Names of own descriptors ---- */

/* Past PREFIX at S, and past slashes and "./" after it; NULL when S is something else. */
static const char *
path_skip(const char *s, const char *prefix)
{
	while (*prefix != '\0')
		if (*s++ != *prefix++)
			return NULL;
	if (*s != '/' && *s != '\0')
		return NULL;
	while (*s == '/' || (*s == '.' && (s[1] == '/' || s[1] == '\0')))
		s++;
	return s;
}

/* A decimal number that ends the string at S; -1. */
static int32_t
path_number(const char *s)
{
	int32_t n = 0;

	if (*s == '\0')
		return -1;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (n > (INT32_MAX - 9) / 10)
			return -1;
		n = n * 10 + (*s - '0');
	}
	return *s == '\0' ? n : -1;
}

/* What follows /proc/self/ or /proc/thread-self/ or /proc/PID/ of this process at S; NULL. */
static const char *
path_self(const char *s)
{
	const char *rest;
	char digits[12];
	uint32_t n = 0;

	s = path_skip(s, "proc");
	if (s == NULL)
		return NULL;
	rest = path_skip(s, "self");
	if (rest == NULL)
		rest = path_skip(s, "thread-self");
	if (rest != NULL)
		return rest;
	while (n < sizeof digits - 1 && s[n] >= '0' && s[n] <= '9') {
		digits[n] = s[n];
		n++;
	}
	digits[n] = '\0';
	return path_number(digits) == em_proc()->p_pid ? path_skip(s, digits) : NULL;
}

/* /dev/... */
static int32_t
path_dev_fd(const char *s)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	const char *rest;

	s = path_skip(s, "dev");
	if (s == NULL)
		return -1;
	rest = path_skip(s, "fd");
	if (rest != NULL)
		return path_number(rest);
	for (int32_t i = 0; i < 3; i++) {
		rest = path_skip(s, names[i]);
		if (rest != NULL && *rest == '\0')
			return i;
	}
	return -1;
}

const char *
em_path_proc_self(const struct em_path *p)
{
	const char *s = path_skip(p->p_name, "");

	return p->p_name[0] == '/' && s != NULL ? path_self(s) : NULL;
}

int32_t
em_path_fd(const struct em_path *p)
{
	const char *s = path_skip(p->p_name, "");

	if (p->p_name[0] != '/' || s == NULL)
		return -1;
	if (*s == 'd')
		return path_dev_fd(s);
	if (*s != 'p')
		return -1;
	s = path_self(s);
	if (s != NULL)
		s = path_skip(s, "fd");
	return s != NULL ? path_number(s) : -1;
}

static uint32_t
path_print(char *to, uint32_t len, const char *text)
{
	while (*text != '\0')
		to[len++] = *text++;
	return len;
}

static uint32_t
path_print_number(char *to, uint32_t len, uint64_t number)
{
	char digits[20];
	uint32_t n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	while (n > 0)
		to[len++] = digits[--n];
	return len;
}

/* "PREFIX:[INO]" */
static uint32_t
path_print_ino(char *to, const char *prefix, uint64_t ino)
{
	uint32_t len = path_print(to, path_print(to, 0, prefix), ":[");

	return path_print(to, path_print_number(to, len, ino), "]");
}

/* The name that a terminal has by its number, when vfs has forgotten the one it was opened by; 0: none. */
static uint32_t
path_print_tty(char *to, const struct mx_attr *at)
{
	uint32_t major = at->at_rdev_major, minor = at->at_rdev_minor;

	if (major == MAJOR_PTS)
		return path_print_number(to, path_print(to, 0, "/dev/pts/"), minor);
	if (major == MAJOR_SERIAL && minor >= MINOR_SERIAL)
		return path_print_number(to, path_print(to, 0, "/dev/ttyS"), minor - MINOR_SERIAL);
	if (major == MAJOR_TTY)
		return path_print(to, 0, minor == 1 ? "/dev/console" : minor == 2 ? "/dev/ptmx" : "/dev/tty");
	return 0;
}

int32_t
em_path_of_file(struct em_file *f, char *name, uint32_t size)
{
	mach_msg_type_number_t n = size;
	char text[64];			/* the longest class name is short */
	uint32_t len = 0;
	struct mx_attr at;
	int32_t err;

	if (f->f_kind == EM_KIND_PIPE || f->f_kind == EM_KIND_SOCKET) {
		err = em_file_stat(f, &at);
		if (err < 0)
			return err;
		len = path_print_ino(text, f->f_kind == EM_KIND_PIPE ? "pipe" : "socket", at.at_ino);
	} else if (f->f_class->c_flags & EM_CLASS_SERVER) {
		err = EM_VFS(vfs_path_of(em_vfs(), f->f_port, name, &n));
		if (err == 0)
			return (int32_t)em_min(n, size);
		if (f->f_kind == MX_KIND_TTY && em_file_stat(f, &at) == 0)
			len = path_print_tty(text, &at);
		if (len == 0)
			return err;
	} else {
		len = path_print(text, 0, f->f_kind < EM_KIND_PIPE ? "/dev/" : "anon_inode:[");
		len = path_print(text, len, f->f_class->c_name);
		if (f->f_kind >= EM_KIND_PIPE)
			len = path_print(text, len, "]");
	}
	len = em_min(len, size);
	__builtin_memcpy(name, text, len);
	return (int32_t)len;
}
