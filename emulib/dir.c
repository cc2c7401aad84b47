/*
 * dir.c - entries of directories.
 *
 * A directory's position is the server's cookie of the entry to read next; it lies in the description as a file's position does.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include "io.h"

#define DIR_HEADER	20u	/* of struct mx_dirent, and not less than those of Linux's entries */

struct linux_dirent64 { uint64_t d_ino, d_off; uint16_t d_reclen; uint8_t d_type; char d_name[]; } __attribute__((packed));
struct linux_dirent { uint32_t d_ino, d_off; uint16_t d_reclen; char d_name[]; } __attribute__((packed));

_Static_assert(sizeof(struct linux_dirent64) == 19 && sizeof(struct linux_dirent) == 10, "Linux's directory entries");

/* One entry in Linux's form at OUT, at most as long as struct mx_dirent is. Answers its length. */
typedef uint32_t dir_form(char *out, const struct mx_dirent *de);

static uint32_t
dir_form64(char *out, const struct mx_dirent *de)
{
	struct linux_dirent64 *d = (struct linux_dirent64 *)out;
	uint32_t len = (sizeof *d + de->de_namelen + 1 + 7) & ~7u;

	*d = (struct linux_dirent64){ .d_ino = de->de_ino, .d_off = de->de_cookie, .d_reclen = (uint16_t)len,
		.d_type = de->de_type };
	__builtin_memcpy(d->d_name, de->de_name, de->de_namelen);
	for (uint32_t i = sizeof *d + de->de_namelen; i < len; i++)
		out[i] = 0;
	return len;
}

static uint32_t
dir_form32(char *out, const struct mx_dirent *de)
{
	struct linux_dirent *d = (struct linux_dirent *)out;
	uint32_t len = (sizeof *d + de->de_namelen + 2 + 3) & ~3u;

	*d = (struct linux_dirent){ .d_ino = (uint32_t)de->de_ino, .d_off = (uint32_t)de->de_cookie, .d_reclen = (uint16_t)len };
	__builtin_memcpy(d->d_name, de->de_name, de->de_namelen);
	for (uint32_t i = sizeof *d + de->de_namelen; i < len; i++)
		out[i] = 0;
	out[len - 1] = (char)de->de_type;
	return len;
}

/* Is what lies at OFF of N bytes an entry? */
static bool
dir_entry_is_sound(const char *data, uint32_t off, uint32_t n)
{
	const struct mx_dirent *de = (const struct mx_dirent *)(data + off);

	return n - off >= DIR_HEADER && de->de_reclen >= DIR_HEADER + de->de_namelen + 1u && de->de_reclen % 8 == 0 &&
	    de->de_reclen <= n - off && de->de_namelen > 0;
}

/* Turn N bytes of entries at DATA into Linux's form, in place: no entry becomes longer. Answers the length, -EIO. */
static int32_t
dir_convert(char *data, uint32_t n, dir_form *form, uint64_t *cookie)
{
	union { struct mx_dirent de; char bytes[MX_DIRENT_NAME + 256 + 8]; } entry;
	uint32_t out = 0;

	for (uint32_t off = 0; off < n; ) {
		if (!dir_entry_is_sound(data, off, n))
			return EM_E(EIO);
		uint32_t len = ((const struct mx_dirent *)(data + off))->de_reclen;

		__builtin_memcpy(entry.bytes, data + off, em_min(len, sizeof entry.bytes));
		out += form(data + out, &entry.de);
		*cookie = entry.de.de_cookie;
		off += len;
	}
	return (int32_t)out;
}

/* Locks: the description's. */
static int32_t
dir_fetch(struct em_file *f, uint32_t buf, uint32_t size, dir_form *form)
{
	union { uint64_t align; char data[MX_DATA_MAX]; } u;
	mach_msg_type_number_t n = sizeof u;
	uint64_t cookie = f->f_desc->d_offset;
	int32_t len;

	len = EM_IO(io_getdents(f->f_port, cookie, em_min(size, MX_DATA_MAX), u.data, &n));
	if (len < 0)
		return len;
	if (n > em_min(size, MX_DATA_MAX))
		return EM_E(EIO);
	len = dir_convert(u.data, n, form, &cookie);
	if (len > 0 && em_copyout(buf, u.data, (size_t)len) < 0)
		return EM_E(EFAULT);
	if (len > 0)
		f->f_desc->d_offset = cookie;
	return len;
}

/* Errors: -EBADF, -ENOTDIR, -EINVAL (not even one entry fits), -EFAULT, -ENOENT (removed), -EIO */
static int32_t
dir_getdents(uint32_t fd, uint32_t buf, uint32_t size, dir_form *form)
{
	struct em_file *f = em_fd_get_io((int32_t)fd);
	int32_t n;

	if (f == NULL)
		return EM_E(EBADF);
	if (f->f_kind != MX_KIND_DIR) {
		em_file_release(f);
		return EM_E(ENOTDIR);
	}
	em_desc_lock(f->f_desc);
	n = dir_fetch(f, buf, em_min(size, INT32_MAX), form);
	em_desc_unlock(f->f_desc);
	em_file_release(f);
	return n;
}

int32_t
sys_getdents64(uint32_t fd, uint32_t buf, uint32_t size, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return dir_getdents(fd, buf, size, dir_form64);
}

int32_t
sys_getdents(uint32_t fd, uint32_t buf, uint32_t size, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return dir_getdents(fd, buf, size, dir_form32);
}

/* The oldest call of all: one entry at a time. 1, 0 at the end. */
static int32_t
dir_read_one(struct em_file *f, uint32_t out)
{
	union { struct mx_dirent de; char bytes[MX_DIRENT_NAME + 256 + 8]; } u;
	struct { uint32_t ino, offset; uint16_t namelen; char name[256]; } __attribute__((packed)) old;
	mach_msg_type_number_t n = sizeof u;
	int32_t err = EM_IO(io_getdents(f->f_port, f->f_desc->d_offset, sizeof u, u.bytes, &n));

	if (err < 0 || n == 0)
		return err;
	if (n > sizeof u || !dir_entry_is_sound(u.bytes, 0, n))
		return EM_E(EIO);
	old.ino = (uint32_t)u.de.de_ino;
	old.offset = (uint32_t)f->f_desc->d_offset;
	old.namelen = u.de.de_namelen;
	__builtin_memcpy(old.name, u.de.de_name, u.de.de_namelen);
	old.name[u.de.de_namelen] = '\0';
	if (em_copyout(out, &old, 10 + old.namelen + 1u) < 0)
		return EM_E(EFAULT);
	f->f_desc->d_offset = u.de.de_cookie;
	return 1;
}

int32_t
sys_readdir(uint32_t fd, uint32_t out, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_file *f = em_fd_get_io((int32_t)fd);
	int32_t n = EM_E(ENOTDIR);

	(void)c, (void)d, (void)e, (void)x;
	if (f == NULL)
		return EM_E(EBADF);
	if (f->f_kind == MX_KIND_DIR) {
		em_desc_lock(f->f_desc);
		n = dir_read_one(f, out);
		em_desc_unlock(f->f_desc);
	}
	em_file_release(f);
	return n;
}
