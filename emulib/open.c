/*
 * open.c - open: one request to vfs, and a file of the right kind from its answer.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include "vfs.h"
#include "proc.h"
#include "io.h"

#define O_TMPFILE_BIT	020000000u
#define OPEN_KNOWN	(MX_O_ACCMODE | MX_O_CREAT | MX_O_EXCL | MX_O_NOCTTY | MX_O_TRUNC | MX_O_APPEND | MX_O_NONBLOCK | MX_O_SYNC | \
	MX_O_ASYNC | MX_O_DIRECT | MX_O_LARGEFILE | MX_O_DIRECTORY | MX_O_NOFOLLOW | MX_O_NOATIME | MX_O_CLOEXEC | MX_O_PATH | \
	O_TMPFILE_BIT)
#define OPEN_PATH	(MX_O_PATH | MX_O_DIRECTORY | MX_O_NOFOLLOW | MX_O_CLOEXEC)
#define OPEN_ONCE	(MX_O_CREAT | MX_O_EXCL | MX_O_NOCTTY | MX_O_TRUNC | MX_O_CLOEXEC)	/* not kept in the description */
#define SMALL_FILE_MAX	0x7fffffffu

/* What vfs_open answers. */
struct open_answer {
	uint32_t	oa_kind;
	mach_port_t	oa_io;
	struct mx_attr	oa_attr;
	uint32_t	oa_kept;	/* f_kept */
};

static int32_t
open_ask(const struct em_path *p, uint32_t flags, uint32_t mode, struct open_answer *oa)
{
	char data[MX_BLOB_MAX];
	mach_msg_type_number_t n = sizeof data;
	mach_port_t ctx = em_vfs();
	uint32_t own = em_file_changes();
	mx_stamp_t stamp;
	kern_return_t kr;
	int32_t err;

	kr = EM_INTERRUPTIBLE(ctx, tag, vfs_open(ctx, tag, em_proc()->p_pid, p->p_dir, p->p_name, p->p_len, flags, mode,
	    &oa->oa_kind, &oa->oa_io, &oa->oa_attr, &stamp, data, &n));
	err = em_errno(kr);
	if (err == 0)
		oa->oa_kept = em_kept_note(p, 0, ctx, own, &oa->oa_attr, &stamp);
	return err == EM_E(EINTR) ? EM_RESTARTSYS : err;
}

/* The object of an earlier open, if one is kept; or vfs is asked. */
static int32_t
open_get(const struct em_path *p, uint32_t flags, uint32_t mode, struct open_answer *oa)
{
	flags &= ~(uint32_t)(MX_O_CLOEXEC | MX_O_NOCTTY | MX_O_ASYNC);
	if ((flags & ~(uint32_t)MX_O_LARGEFILE) == MX_O_RDONLY) {
		oa->oa_kind = MX_KIND_FILE;
		oa->oa_io = em_kept_open(p, &oa->oa_attr, &oa->oa_kept);
		if (oa->oa_io != MACH_PORT_NULL)
			return 0;
	}
	return open_ask(p, flags, mode, oa);
}

/* /dev/tty: proc opens the controlling terminal. */
static int32_t
open_ctty(uint32_t flags, struct open_answer *oa)
{
	oa->oa_kind = MX_KIND_TTY;
	return EM_PROC(proc_ctty(em_proc()->p_port, MX_CTTY_OPEN, MACH_PORT_NULL, (int32_t)flags, &oa->oa_io));
}

/* A session leader without a controlling terminal gets the one it opens. */
static void
open_tty_adopt(mach_port_t tty, uint32_t flags)
{
	const volatile struct mx_sys_proc *sp = em_sys_proc();
	mach_port_t none = MACH_PORT_NULL;

	if (flags & (MX_O_NOCTTY | MX_O_PATH) || sp->sp_sid != sp->sp_pid || sp->sp_tty_pgrp != 0)
		return;
	/* It may be another session's: then it is only opened. */
	(void)EM_PROC(proc_ctty(em_proc()->p_port, MX_CTTY_ATTACH, tty, 0, &none));
}

/* A file for OA. Rights: its io port is the file's, or gone on error. */
static int32_t
open_file(const struct open_answer *oa, uint32_t flags, struct em_file **out)
{
	const struct em_class *cls = em_class_of(oa->oa_kind);
	struct em_file *f = NULL;
	int32_t err = 0;

	flags &= ~(uint32_t)OPEN_ONCE;
	if (oa->oa_kind == MX_KIND_FIFO)
		err = em_pipe_open_fifo(oa->oa_io, flags, &oa->oa_attr, &f);
	else if (cls == NULL)
		err = EM_E(ENXIO);
	else
		f = em_file_create(oa->oa_kind, cls, oa->oa_io, flags, &oa->oa_attr);
	if (f == NULL) {
		em_port_release(oa->oa_io);
		return err < 0 ? err : EM_E(ENOMEM);
	}
	if (oa->oa_kind == MX_KIND_STREAM) {
		uint32_t type = oa->oa_attr.at_mode & MX_S_IFMT;

		f->f_is_seekable = type == MX_S_IFREG || type == MX_S_IFBLK;
	}
	f->f_kept = oa->oa_kept;
	em_file_stat_fresh(f);
	*out = f;
	return 0;
}

/* Put a new file into the table. Rights: F's reference is the table's, or released. */
static int32_t
open_install(struct em_file *f, uint32_t flags)
{
	int32_t fd = em_fd_install(f, em_fd_cloexec(flags), 0);

	if (fd < 0)
		em_file_release(f);
	return fd;
}

static int32_t
open_new(const struct em_path *p, uint32_t flags, uint32_t mode)
{
	struct open_answer oa = { .oa_io = MACH_PORT_NULL, .oa_kept = 0 };
	struct em_file *f = NULL;
	int32_t err = em_fd_room();

	if (err == 0)
		err = open_get(p, flags, mode, &oa);
	if (err == 0 && flags & (MX_O_CREAT | MX_O_TRUNC))
		em_file_changed();
	if (err == 0 && oa.oa_kind == MX_KIND_CTTY)
		err = open_ctty(flags, &oa);
	if (err < 0)
		return err;
	if (oa.oa_kind == MX_KIND_FILE && oa.oa_attr.at_size > SMALL_FILE_MAX && !(flags & (MX_O_LARGEFILE | MX_O_PATH))) {
		em_port_release(oa.oa_io);
		return EM_E(EOVERFLOW);
	}
	if (oa.oa_kind == MX_KIND_TTY)
		open_tty_adopt(oa.oa_io, flags);
	err = open_file(&oa, flags, &f);
	return err < 0 ? err : open_install(f, flags);
}

/* ---- Opening what a descriptor of this process has open: /dev/fd/N ---- */

/* May a description with flags HAVE be used as one opened with WANT? */
static bool
open_mode_suffices(uint32_t have, uint32_t want)
{
	return (have & MX_O_ACCMODE) == MX_O_RDWR || (have & MX_O_ACCMODE) == (want & MX_O_ACCMODE);
}

/* What F has open, whether it has a name or not. Errors: -ENOENT it is no regular file, or one of a server that vfs does not know */
static int32_t
open_object(struct em_file *f, struct em_path *p, uint32_t flags)
{
	int32_t result;

	p->p_dir = f->f_port;
	p->p_len = 0;
	result = open_new(p, flags, 0);
	p->p_dir = MACH_PORT_NULL;		/* F's still */
	return result == EM_E(EBADF) ? EM_E(ENOENT) : result;
}

/* The same under the name that vfs knows. */
static int32_t
open_by_name(struct em_file *f, struct em_path *p, uint32_t flags)
{
	mach_msg_type_number_t n = sizeof p->p_name;
	int32_t err = EM_VFS(vfs_path_of(em_vfs(), f->f_port, p->p_name, &n));

	if (err < 0)
		return err;
	p->p_len = em_min(n, sizeof p->p_name - 1);
	return open_new(p, flags, 0);
}

/* The same description once more. */
static int32_t
open_duplicate(struct em_file *f, int32_t fd, uint32_t flags)
{
	if (!open_mode_suffices(em_file_flags(f), flags) || em_file_flags(f) & MX_O_PATH)
		return EM_E(EACCES);
	return em_fd_dup(fd, 0, em_fd_cloexec(flags));
}

/* A regular file or directory is opened anew, with the rights that the caller has now; anything else is the same description. */
static int32_t
open_again(int32_t fd, struct em_path *p, uint32_t flags)
{
	struct em_file *f = em_fd_get(fd);
	int32_t result = EM_E(ENOENT);

	if (f == NULL)
		return EM_E(ENOENT);
	flags &= ~(uint32_t)MX_O_CREAT;
	if (f->f_kind == MX_KIND_FILE || f->f_kind == MX_KIND_STREAM || f->f_kind == MX_KIND_PATH)
		result = open_object(f, p, flags);
	if (result == EM_E(ENOENT) && (f->f_kind == MX_KIND_DIR || f->f_kind == MX_KIND_PATH))
		result = open_by_name(f, p, flags);
	if (result == EM_E(ENOENT))
		result = open_duplicate(f, fd, flags);
	em_file_release(f);
	return result;
}

/* Open a name of emulib's own (with O_CREAT for everybody, as Linux's memory files are). A descriptor, or -errno. */
int32_t
em_open_own(const char *name, uint32_t len, uint32_t flags)
{
	struct em_path p;

	p.p_dir = MACH_PORT_NULL;
	p.p_file = NULL;
	p.p_flags = 0;
	p.p_len = len;
	__builtin_memcpy(p.p_name, name, len);
	p.p_name[len] = '\0';
	return open_new(&p, flags & OPEN_KNOWN, 0777);
}

/* ---- Calls ---- */

static int32_t
open_at(int32_t dirfd, uint32_t path, uint32_t flags, uint32_t mode)
{
	struct em_path p;
	int32_t result, fd;

	flags &= OPEN_KNOWN;
	if (flags & MX_O_PATH)
		flags &= OPEN_PATH;
	if (flags & O_TMPFILE_BIT)
		return EM_E(EOPNOTSUPP);
	if ((flags & (MX_O_CREAT | MX_O_DIRECTORY)) == (MX_O_CREAT | MX_O_DIRECTORY))
		return EM_E(EINVAL);
	result = em_path_get(&p, dirfd, path, 0);
	if (result < 0)
		return result;
	fd = flags & (MX_O_PATH | MX_O_NOFOLLOW) ? -1 : em_path_fd(&p);
	if (fd >= 0)
		result = (flags & (MX_O_CREAT | MX_O_EXCL)) == (MX_O_CREAT | MX_O_EXCL) ? EM_E(EEXIST) : open_again(fd, &p, flags);
	else
		result = open_new(&p, flags, flags & MX_O_CREAT ? mode & 07777 & ~em_proc()->p_umask : 0);
	em_path_done(&p);
	return result;
}

int32_t
sys_openat(uint32_t dirfd, uint32_t path, uint32_t flags, uint32_t mode, uint32_t e, uint32_t x)
{
	(void)e, (void)x;
	return open_at((int32_t)dirfd, path, flags, mode);
}

int32_t
sys_open(uint32_t path, uint32_t flags, uint32_t mode, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return open_at(MX_AT_FDCWD, path, flags, mode);
}

int32_t
sys_creat(uint32_t path, uint32_t mode, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return open_at(MX_AT_FDCWD, path, MX_O_CREAT | MX_O_WRONLY | MX_O_TRUNC, mode);
}

struct linux_open_how { uint64_t flags, mode, resolve; };

/* How a path may be resolved (RESOLVE_*) cannot be restricted yet: such a call is refused, never done without the restriction. */
int32_t
sys_openat2(uint32_t dirfd, uint32_t path, uint32_t how_at, uint32_t size, uint32_t e, uint32_t x)
{
	struct linux_open_how how;

	(void)e, (void)x;
	if (size < sizeof how)
		return EM_E(EINVAL);
	if (size > sizeof how)
		return EM_E(E2BIG);
	if (em_copyin(&how, how_at, sizeof how) < 0)
		return EM_E(EFAULT);
	if (how.flags & ~(uint64_t)OPEN_KNOWN || how.mode & ~(uint64_t)07777 || how.resolve != 0)
		return EM_E(EINVAL);
	if (how.mode != 0 && !(how.flags & (MX_O_CREAT | O_TMPFILE_BIT)))
		return EM_E(EINVAL);
	return open_at((int32_t)dirfd, path, (uint32_t)how.flags | MX_O_LARGEFILE, (uint32_t)how.mode);
}

#define MFD_CLOEXEC	1u

/* A file that no name leads to: made under one of emulib's own in /tmp, which goes at once. */
int32_t
sys_memfd_create(uint32_t name, uint32_t flags, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	static const char prefix[] = "/tmp/.memfd-";
	char text[256], path[64];
	uint32_t len = sizeof prefix - 1;
	int32_t fd = em_copyin_str(text, name, sizeof text);
	unsigned char random[16];

	(void)c, (void)d, (void)e, (void)x;
	if (flags & ~MFD_CLOEXEC || fd == EM_E(ENAMETOOLONG))
		return EM_E(EINVAL);
	if (fd < 0)
		return fd;
	em_random(random, sizeof random);
	__builtin_memcpy(path, prefix, len);
	for (uint32_t i = 0; i < sizeof random; i++) {
		path[len++] = (char)('a' + (random[i] & 15));
		path[len++] = (char)('a' + (random[i] >> 4));
	}
	path[len] = '\0';
	fd = em_open_own(path, len, MX_O_RDWR | MX_O_CREAT | MX_O_EXCL | MX_O_LARGEFILE | (flags & MFD_CLOEXEC ? MX_O_CLOEXEC : 0));
	if (fd >= 0)
		(void)EM_VFS(vfs_unlink(em_vfs(), em_proc()->p_pid, MACH_PORT_NULL, path, len, 0));
	return fd;
}
