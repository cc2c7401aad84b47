/*
 * lock.c - advisory locks: fcntl on ranges (POSIX's and of descriptions), flock on files.
 *
 * The file's server keeps them. POSIX wants all locks of a process on a file to go when it closes any descriptor of that file, so it is
 * noted here which files the process ever locked.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include "fcntl_cmd.h"
#include "io.h"

#define LOCK_SH		1u
#define LOCK_EX		2u
#define LOCK_NB		4u
#define LOCK_UN		8u
#define LOCK_FILES	16u
#define LOCK_OWNER_DESCRIPTION 0	/* owner of a range lock that belongs to the open file description */

struct linux_flock { int16_t l_type, l_whence; int32_t l_start, l_len, l_pid; };
struct linux_flock64 { int16_t l_type, l_whence; int64_t l_start, l_len; int32_t l_pid; } __attribute__((packed));

_Static_assert(sizeof(struct linux_flock) == 16 && sizeof(struct linux_flock64) == 24, "sizes of Linux/i386");

/* ---- Files that this process locked ---- */

static struct { uint64_t ino; uint32_t dev_major, dev_minor; } lock_files[LOCK_FILES];
static uint32_t lock_nfiles;		/* more than LOCK_FILES: any file may be */

static bool
lock_is_noted(const struct em_file *f)
{
	if (lock_nfiles > LOCK_FILES)
		return true;
	for (uint32_t i = 0; i < lock_nfiles; i++)
		if (lock_files[i].ino == f->f_attr.at_ino && lock_files[i].dev_major == f->f_attr.at_dev_major &&
		    lock_files[i].dev_minor == f->f_attr.at_dev_minor)
			return true;
	return false;
}

static void
lock_note(const struct em_file *f)
{
	em_lock(&em_file_lock);
	if (!lock_is_noted(f)) {
		if (lock_nfiles < LOCK_FILES) {
			lock_files[lock_nfiles].ino = f->f_attr.at_ino;
			lock_files[lock_nfiles].dev_major = f->f_attr.at_dev_major;
			lock_files[lock_nfiles].dev_minor = f->f_attr.at_dev_minor;
		}
		lock_nfiles++;
	}
	em_unlock(&em_file_lock);
}

/* A fork child has none of its parent's locks. */
void
em_lock_forked(void)
{
	lock_nfiles = 0;
}

bool
em_lock_any(void)
{
	return lock_nfiles > 0;
}

void
em_lock_assume(void)
{
	lock_nfiles = LOCK_FILES + 1;
}

void
em_lock_closed(struct em_file *f)
{
	int32_t type = MX_F_UNLCK, pid = 0;
	uint64_t start = 0, length = 0;

	if (f->f_kind == MX_KIND_FILE && lock_nfiles > 0 && lock_is_noted(f))
		(void)EM_IO(io_lock(f->f_port, 0, MX_LOCK_POSIX, MX_LOCK_SET, em_proc()->p_pid, &type, &start, &length, &pid));
}

void
em_file_exit(struct em_process *p)
{
	struct em_files *fs = p->p_files;

	for (uint32_t fd = 0; fd < fs->fs_size; fd++) {
		if (fs->fs_fd[fd].fd_file == NULL)
			continue;
		em_window_flush(fs->fs_fd[fd].fd_file);
		if (lock_nfiles != 0)
			em_lock_closed(fs->fs_fd[fd].fd_file);
	}
}

/* ---- fcntl ---- */

static int32_t
lock_copyin(uint32_t arg, bool is_64, struct linux_flock64 *fl)
{
	struct linux_flock narrow;

	if (is_64)
		return em_copyin(fl, arg, sizeof *fl);
	if (em_copyin(&narrow, arg, sizeof narrow) < 0)
		return EM_E(EFAULT);
	*fl = (struct linux_flock64){ .l_type = narrow.l_type, .l_whence = narrow.l_whence, .l_start = narrow.l_start,
		.l_len = narrow.l_len, .l_pid = narrow.l_pid };
	return 0;
}

static int32_t
lock_copyout(uint32_t arg, bool is_64, const struct linux_flock64 *fl)
{
	struct linux_flock narrow = { .l_type = fl->l_type, .l_whence = fl->l_whence, .l_start = (int32_t)fl->l_start,
		.l_len = (int32_t)fl->l_len, .l_pid = fl->l_pid };

	if (is_64)
		return em_copyout(arg, fl, sizeof *fl);
	if (fl->l_start != narrow.l_start || fl->l_len != narrow.l_len)
		return EM_E(EOVERFLOW);
	return em_copyout(arg, &narrow, sizeof narrow);
}

/* What FL says, as bytes from the beginning of the file; LENGTH 0: to the end. */
static int32_t
lock_range(struct em_file *f, const struct linux_flock64 *fl, uint64_t *start, uint64_t *length)
{
	int64_t base = 0, from, len = fl->l_len;
	struct mx_attr attr;
	int32_t err = 0;

	if (fl->l_whence == 1)
		base = (int64_t)f->f_desc->d_offset;
	else if (fl->l_whence == 2) {
		err = em_file_stat(f, &attr);
		base = err == 0 ? (int64_t)attr.at_size : 0;
	} else if (fl->l_whence != 0)
		err = EM_E(EINVAL);
	if (err < 0)
		return err;
	if (__builtin_add_overflow(base, fl->l_start, &from))
		return EM_E(EOVERFLOW);
	if (len < 0) {
		if (__builtin_add_overflow(from, len, &from) || len == INT64_MIN)
			return EM_E(EINVAL);
		len = -len;
	}
	if (from < 0)
		return EM_E(EINVAL);
	if (len > 0 && from > INT64_MAX - len)
		return EM_E(EOVERFLOW);
	*start = (uint64_t)from;
	*length = (uint64_t)len;
	return 0;
}

static bool
lock_mode_suffices(const struct em_file *f, int16_t type, uint32_t how)
{
	return how == MX_LOCK_GET || type == MX_F_UNLCK || (type == MX_F_RDLCK ? em_file_is_readable(f) : em_file_is_writable(f));
}

static int32_t
lock_ask(struct em_file *f, uint32_t how, int32_t owner, struct linux_flock64 *fl)
{
	int32_t type = fl->l_type, pid = 0, err;
	uint64_t start = 0, length = 0;
	kern_return_t kr;

	err = lock_range(f, fl, &start, &length);
	if (err < 0)
		return err;
	f->f_kept = 0;			/* what is locked is not opened again */
	if (how == MX_LOCK_WAIT)
		kr = EM_INTERRUPTIBLE(f->f_port, tag, io_lock(f->f_port, tag, MX_LOCK_POSIX, how, owner, &type, &start, &length, &pid));
	else
		kr = io_lock(f->f_port, 0, MX_LOCK_POSIX, how, owner, &type, &start, &length, &pid);
	err = em_errno(kr);
	if (err < 0)
		return err == EM_E(EINTR) ? EM_RESTARTSYS : err;
	fl->l_type = (int16_t)type;
	if (how == MX_LOCK_GET && type != MX_F_UNLCK) {
		fl->l_whence = 0;
		fl->l_start = (int64_t)start;
		fl->l_len = (int64_t)length;
		fl->l_pid = pid == LOCK_OWNER_DESCRIPTION ? -1 : pid;
	}
	return 0;
}

/* Errors: -EINVAL, -EFAULT, -EBADF (open mode), -EAGAIN, -EDEADLK, -ENOLCK.  Blocks: F_SETLKW, F_OFD_SETLKW */
int32_t
em_lock_fcntl(struct em_file *f, uint32_t cmd, uint32_t arg)
{
	bool is_64 = cmd != F_GETLK && cmd != F_SETLK && cmd != F_SETLKW;
	bool is_ofd = cmd >= F_OFD_GETLK;
	uint32_t how = cmd == F_GETLK || cmd == F_GETLK64 || cmd == F_OFD_GETLK ? MX_LOCK_GET :
	    cmd == F_SETLK || cmd == F_SETLK64 || cmd == F_OFD_SETLK ? MX_LOCK_SET : MX_LOCK_WAIT;
	struct linux_flock64 fl;
	int32_t err;

	if (lock_copyin(arg, is_64, &fl) < 0)
		return EM_E(EFAULT);
	if (fl.l_type < MX_F_RDLCK || fl.l_type > MX_F_UNLCK || (is_ofd && fl.l_pid != 0) ||
	    (how == MX_LOCK_GET && fl.l_type == MX_F_UNLCK && !is_ofd))
		return EM_E(EINVAL);
	if (!(f->f_class->c_flags & EM_CLASS_SERVER))
		return EM_E(EINVAL);
	if (!lock_mode_suffices(f, fl.l_type, how))
		return EM_E(EBADF);
	if (how != MX_LOCK_GET && !is_ofd)
		lock_note(f);
	err = lock_ask(f, how, is_ofd ? LOCK_OWNER_DESCRIPTION : em_proc()->p_pid, &fl);
	return err < 0 || how != MX_LOCK_GET ? err : lock_copyout(arg, is_64, &fl);
}

/* ---- flock ---- */

/* Errors: -EBADF, -EINVAL, -EAGAIN, -ENOLCK.  Blocks: without LOCK_NB */
int32_t
sys_flock(uint32_t fd, uint32_t op, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	int32_t type = op & LOCK_UN ? MX_F_UNLCK : op & LOCK_EX ? MX_F_WRLCK : MX_F_RDLCK, pid = 0, err;
	uint64_t start = 0, length = 0;
	struct em_file *f;
	kern_return_t kr;

	(void)c, (void)d, (void)e, (void)x;
	f = em_fd_get_io((int32_t)fd);
	if (f == NULL)
		return EM_E(EBADF);
	if ((op & ~LOCK_NB) != LOCK_SH && (op & ~LOCK_NB) != LOCK_EX && (op & ~LOCK_NB) != LOCK_UN)
		err = EM_E(EINVAL);
	else if (!(f->f_class->c_flags & EM_CLASS_SERVER))
		err = EM_E(EINVAL);
	else {
		f->f_kept = 0;
		kr = EM_INTERRUPTIBLE(f->f_port, tag, io_lock(f->f_port, tag, MX_LOCK_FLOCK, op & LOCK_NB ? MX_LOCK_SET : MX_LOCK_WAIT,
		    em_proc()->p_pid, &type, &start, &length, &pid));
		err = em_errno(kr);
	}
	em_file_release(f);
	return err == EM_E(EINTR) ? EM_RESTARTSYS : err;
}
