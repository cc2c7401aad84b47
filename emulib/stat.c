/*
 * stat.c - attributes in every form that Linux/i386 has asked for them.
 *
 * statx is what today's programs use; the others are the same answer in narrower structures, with -EOVERFLOW where a value does not fit.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include "vfs.h"
#include "io.h"

#define AT_NO_AUTOMOUNT	0x800u
#define AT_STATX_SYNC	0x6000u
#define STAT_FLAGS	(MX_AT_SYMLINK_NOFOLLOW | MX_AT_EMPTY_PATH | AT_NO_AUTOMOUNT)

/* ---- Linux's structures ---- */

struct linux_stat {
	uint32_t st_dev, st_ino;
	uint16_t st_mode, st_nlink, st_uid, st_gid;
	uint32_t st_rdev, st_size, st_blksize, st_blocks;
	uint32_t st_atime, st_atime_nsec, st_mtime, st_mtime_nsec, st_ctime, st_ctime_nsec, st_unused[2];
};

struct linux_stat64 {
	uint64_t st_dev;
	uint32_t st_pad0, st_ino32, st_mode, st_nlink, st_uid, st_gid;
	uint64_t st_rdev;
	uint32_t st_pad3;
	int64_t st_size;
	uint32_t st_blksize;
	uint64_t st_blocks;
	uint32_t st_atime, st_atime_nsec, st_mtime, st_mtime_nsec, st_ctime, st_ctime_nsec;
	uint64_t st_ino;
} __attribute__((packed));

struct linux_oldstat {
	uint16_t st_dev, st_ino, st_mode, st_nlink, st_uid, st_gid, st_rdev, st_pad;
	uint32_t st_size, st_atime, st_mtime, st_ctime;
};

struct linux_statx_time { int64_t tv_sec; uint32_t tv_nsec; int32_t tv_pad; };

struct linux_statx {
	uint32_t stx_mask, stx_blksize;
	uint64_t stx_attributes;
	uint32_t stx_nlink, stx_uid, stx_gid;
	uint16_t stx_mode, stx_pad0;
	uint64_t stx_ino, stx_size, stx_blocks, stx_attributes_mask;
	struct linux_statx_time stx_atime, stx_btime, stx_ctime, stx_mtime;
	uint32_t stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
	uint64_t stx_pad[14];
};

struct linux_statfs {
	uint32_t f_type, f_bsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_fsid[2], f_namelen, f_frsize, f_flags, f_spare[4];
};

struct linux_statfs64 {
	uint32_t f_type, f_bsize;
	uint64_t f_blocks, f_bfree, f_bavail, f_files, f_ffree;
	uint32_t f_fsid[2], f_namelen, f_frsize, f_flags, f_spare[4];
} __attribute__((packed));

_Static_assert(sizeof(struct linux_stat) == 64 && sizeof(struct linux_stat64) == 96 && sizeof(struct linux_oldstat) == 32 &&
	sizeof(struct linux_statx) == 256 && sizeof(struct linux_statfs) == 64 && sizeof(struct linux_statfs64) == 84,
	"sizes of Linux/i386");

#define STATX_BASIC	0x7ffu
#define STATX_BTIME	0x800u

/* ---- Conversions: write the structure for ATTR to the program. Errors: -EFAULT, -EOVERFLOW ---- */

typedef int32_t stat_form(uint32_t out, const struct mx_attr *at);

static uint32_t
stat_dev(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

static uint16_t
stat_id16(uint32_t id)
{
	return id > 0xffff ? 65534 : (uint16_t)id;
}

static int32_t
stat_form64(uint32_t out, const struct mx_attr *at)
{
	struct linux_stat64 st = {
		.st_dev = stat_dev(at->at_dev_major, at->at_dev_minor), .st_ino32 = (uint32_t)at->at_ino, .st_mode = at->at_mode,
		.st_nlink = at->at_nlink, .st_uid = at->at_uid, .st_gid = at->at_gid,
		.st_rdev = stat_dev(at->at_rdev_major, at->at_rdev_minor), .st_size = (int64_t)at->at_size,
		.st_blksize = at->at_blksize, .st_blocks = at->at_blocks,
		.st_atime = (uint32_t)at->at_atime, .st_atime_nsec = at->at_atime_ns,
		.st_mtime = (uint32_t)at->at_mtime, .st_mtime_nsec = at->at_mtime_ns,
		.st_ctime = (uint32_t)at->at_ctime, .st_ctime_nsec = at->at_ctime_ns, .st_ino = at->at_ino,
	};

	return em_copyout(out, &st, sizeof st);
}

static int32_t
stat_form32(uint32_t out, const struct mx_attr *at)
{
	struct linux_stat st = {
		.st_dev = stat_dev(at->at_dev_major, at->at_dev_minor), .st_ino = (uint32_t)at->at_ino,
		.st_mode = (uint16_t)at->at_mode, .st_nlink = (uint16_t)at->at_nlink,
		.st_uid = stat_id16(at->at_uid), .st_gid = stat_id16(at->at_gid),
		.st_rdev = stat_dev(at->at_rdev_major, at->at_rdev_minor), .st_size = (uint32_t)at->at_size,
		.st_blksize = at->at_blksize, .st_blocks = (uint32_t)at->at_blocks,
		.st_atime = (uint32_t)at->at_atime, .st_atime_nsec = at->at_atime_ns,
		.st_mtime = (uint32_t)at->at_mtime, .st_mtime_nsec = at->at_mtime_ns,
		.st_ctime = (uint32_t)at->at_ctime, .st_ctime_nsec = at->at_ctime_ns,
	};

	if (at->at_size > INT32_MAX || at->at_ino > UINT32_MAX || at->at_nlink > UINT16_MAX)
		return EM_E(EOVERFLOW);
	return em_copyout(out, &st, sizeof st);
}

static int32_t
stat_form_old(uint32_t out, const struct mx_attr *at)
{
	struct linux_oldstat st = {
		.st_dev = (uint16_t)stat_dev(at->at_dev_major, at->at_dev_minor), .st_ino = (uint16_t)at->at_ino,
		.st_mode = (uint16_t)at->at_mode, .st_nlink = (uint16_t)at->at_nlink,
		.st_uid = stat_id16(at->at_uid), .st_gid = stat_id16(at->at_gid),
		.st_rdev = (uint16_t)stat_dev(at->at_rdev_major, at->at_rdev_minor), .st_size = (uint32_t)at->at_size,
		.st_atime = (uint32_t)at->at_atime, .st_mtime = (uint32_t)at->at_mtime, .st_ctime = (uint32_t)at->at_ctime,
	};

	if (at->at_size > INT32_MAX || at->at_ino > UINT16_MAX || at->at_nlink > UINT16_MAX)
		return EM_E(EOVERFLOW);
	return em_copyout(out, &st, sizeof st);
}

static struct linux_statx_time
stat_statx_time(int64_t sec, uint32_t ns)
{
	return (struct linux_statx_time){ .tv_sec = sec, .tv_nsec = ns };
}

static int32_t
stat_formx(uint32_t out, const struct mx_attr *at)
{
	struct linux_statx st = {
		.stx_mask = STATX_BASIC | (at->at_btime != 0 ? STATX_BTIME : 0), .stx_blksize = at->at_blksize,
		.stx_nlink = at->at_nlink, .stx_uid = at->at_uid, .stx_gid = at->at_gid, .stx_mode = (uint16_t)at->at_mode,
		.stx_ino = at->at_ino, .stx_size = at->at_size, .stx_blocks = at->at_blocks,
		.stx_atime = stat_statx_time(at->at_atime, at->at_atime_ns), .stx_btime = stat_statx_time(at->at_btime, at->at_btime_ns),
		.stx_ctime = stat_statx_time(at->at_ctime, at->at_ctime_ns), .stx_mtime = stat_statx_time(at->at_mtime, at->at_mtime_ns),
		.stx_rdev_major = at->at_rdev_major, .stx_rdev_minor = at->at_rdev_minor,
		.stx_dev_major = at->at_dev_major, .stx_dev_minor = at->at_dev_minor,
	};

	return em_copyout(out, &st, sizeof st);
}

/* ---- By descriptor and by name ---- */

/* A disk's size is told to who seeks, and shown to nobody. */
static int32_t
stat_file(struct em_file *f, struct mx_attr *at)
{
	int32_t err = em_file_stat(f, at);

	if (err == 0 && (at->at_mode & MX_S_IFMT) == MX_S_IFBLK)
		at->at_size = 0;
	return err;
}

static int32_t
stat_fd(uint32_t fd, uint32_t out, stat_form *form)
{
	struct em_file *f = em_fd_get((int32_t)fd);
	struct mx_attr at;
	int32_t err;

	if (f == NULL)
		return EM_E(EBADF);
	err = stat_file(f, &at);
	em_file_release(f);
	return err < 0 ? err : form(out, &at);
}

static int32_t
stat_ask(const struct em_path *p, uint32_t flags, struct mx_attr *at)
{
	uint32_t kind = flags & MX_AT_SYMLINK_NOFOLLOW, own = em_file_changes();
	mach_port_t ctx = em_vfs();
	mx_stamp_t stamp;
	int32_t err;

	if (em_kept_attr(p, kind, at))
		return 0;
	err = EM_VFS(vfs_stat(ctx, em_proc()->p_pid, p->p_dir, (char *)p->p_name, p->p_len, flags, at, &stamp));
	if (err == 0)
		(void)em_kept_note(p, kind, ctx, own, at, &stamp);
	return err;
}

/* The target of a path that names an own descriptor: what stat sees through it. */
static int32_t
stat_path(struct em_path *p, uint32_t flags, struct mx_attr *at)
{
	int32_t fd = flags & MX_AT_SYMLINK_NOFOLLOW ? -1 : em_path_fd(p);
	struct em_file *f = fd >= 0 ? em_fd_get(fd) : NULL;
	int32_t err;

	if (p->p_len == 0 && p->p_file != NULL)
		return stat_file(p->p_file, at);
	if (f == NULL)
		return stat_ask(p, flags & (MX_AT_SYMLINK_NOFOLLOW | MX_AT_EMPTY_PATH), at);
	err = stat_file(f, at);
	em_file_release(f);
	return err;
}

static int32_t
stat_at(int32_t dirfd, uint32_t path, uint32_t flags, uint32_t out, stat_form *form)
{
	struct em_path p;
	struct mx_attr at;
	int32_t err = em_path_get(&p, dirfd, path, flags);

	if (err < 0)
		return err;
	err = stat_path(&p, flags, &at);
	em_path_done(&p);
	return err < 0 ? err : form(out, &at);
}

int32_t
sys_statx(uint32_t dirfd, uint32_t path, uint32_t flags, uint32_t mask, uint32_t out, uint32_t x)
{
	(void)x;
	if (flags & ~(STAT_FLAGS | AT_STATX_SYNC) || (flags & AT_STATX_SYNC) == AT_STATX_SYNC || mask & 0x80000000u)
		return EM_E(EINVAL);
	/* Since Linux 6.11 a null path is an empty one. */
	if (path == 0 && flags & MX_AT_EMPTY_PATH && (int32_t)dirfd >= 0)
		return stat_fd(dirfd, out, stat_formx);
	return stat_at((int32_t)dirfd, path, flags, out, stat_formx);
}

int32_t
sys_fstatat64(uint32_t dirfd, uint32_t path, uint32_t out, uint32_t flags, uint32_t e, uint32_t x)
{
	(void)e, (void)x;
	if (flags & ~STAT_FLAGS)
		return EM_E(EINVAL);
	return stat_at((int32_t)dirfd, path, flags, out, stat_form64);
}

#define STAT_CALLS(suffix, form) \
int32_t \
sys_##suffix(uint32_t path, uint32_t out, uint32_t c, uint32_t d, uint32_t e, uint32_t x) \
{ \
	(void)c, (void)d, (void)e, (void)x; \
	return stat_at(MX_AT_FDCWD, path, STAT_FOLLOW_##suffix, out, form); \
}

#define STAT_FOLLOW_stat	0
#define STAT_FOLLOW_lstat	MX_AT_SYMLINK_NOFOLLOW
#define STAT_FOLLOW_stat64	0
#define STAT_FOLLOW_lstat64	MX_AT_SYMLINK_NOFOLLOW
#define STAT_FOLLOW_oldstat	0
#define STAT_FOLLOW_oldlstat	MX_AT_SYMLINK_NOFOLLOW
STAT_CALLS(stat, stat_form32)
STAT_CALLS(lstat, stat_form32)
STAT_CALLS(stat64, stat_form64)
STAT_CALLS(lstat64, stat_form64)
STAT_CALLS(oldstat, stat_form_old)
STAT_CALLS(oldlstat, stat_form_old)

int32_t
sys_fstat64(uint32_t fd, uint32_t out, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return stat_fd(fd, out, stat_form64);
}

int32_t
sys_fstat(uint32_t fd, uint32_t out, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return stat_fd(fd, out, stat_form32);
}

int32_t
sys_oldfstat(uint32_t fd, uint32_t out, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return stat_fd(fd, out, stat_form_old);
}

/* ---- statfs ---- */

static int32_t
statfs_form64(uint32_t out, const struct mx_statfs *sf)
{
	struct linux_statfs64 st = {
		.f_type = sf->sf_type, .f_bsize = sf->sf_bsize, .f_blocks = sf->sf_blocks, .f_bfree = sf->sf_bfree,
		.f_bavail = sf->sf_bavail, .f_files = sf->sf_files, .f_ffree = sf->sf_ffree,
		.f_fsid = { sf->sf_fsid[0], sf->sf_fsid[1] }, .f_namelen = sf->sf_namelen, .f_frsize = sf->sf_bsize,
		.f_flags = sf->sf_flags,
	};

	return em_copyout(out, &st, sizeof st);
}

static int32_t
statfs_form32(uint32_t out, const struct mx_statfs *sf)
{
	struct linux_statfs st = {
		.f_type = sf->sf_type, .f_bsize = sf->sf_bsize, .f_blocks = (uint32_t)sf->sf_blocks, .f_bfree = (uint32_t)sf->sf_bfree,
		.f_bavail = (uint32_t)sf->sf_bavail, .f_files = (uint32_t)sf->sf_files, .f_ffree = (uint32_t)sf->sf_ffree,
		.f_fsid = { sf->sf_fsid[0], sf->sf_fsid[1] }, .f_namelen = sf->sf_namelen, .f_frsize = sf->sf_bsize,
		.f_flags = sf->sf_flags,
	};

	if ((sf->sf_blocks | sf->sf_bfree | sf->sf_bavail | sf->sf_files | sf->sf_ffree) > UINT32_MAX)
		return EM_E(EOVERFLOW);
	return em_copyout(out, &st, sizeof st);
}

typedef int32_t statfs_form(uint32_t out, const struct mx_statfs *sf);

static int32_t
statfs_path(uint32_t path, uint32_t out, statfs_form *form)
{
	struct em_path p;
	struct mx_statfs sf;
	int32_t err = em_path_get(&p, MX_AT_FDCWD, path, 0);

	if (err < 0)
		return err;
	err = EM_VFS(vfs_statfs(em_vfs(), em_proc()->p_pid, p.p_dir, p.p_name, p.p_len, 0, &sf));
	em_path_done(&p);
	return err < 0 ? err : form(out, &sf);
}

/* What the library is itself lies on the volume of device nodes, as far as anybody can see. */
static int32_t
statfs_fd(uint32_t fd, uint32_t out, statfs_form *form)
{
	static const char dev[] = "/dev";
	struct em_file *f = em_fd_get((int32_t)fd);
	struct mx_statfs sf;
	int32_t err;

	if (f == NULL)
		return EM_E(EBADF);
	if (f->f_class->c_flags & EM_CLASS_SERVER)
		err = EM_IO(io_statfs(f->f_port, &sf));
	else
		err = EM_VFS(vfs_statfs(em_vfs(), em_proc()->p_pid, MACH_PORT_NULL, (char *)(uintptr_t)dev, sizeof dev - 1, 0, &sf));
	em_file_release(f);
	return err < 0 ? err : form(out, &sf);
}

int32_t
sys_statfs(uint32_t path, uint32_t out, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return statfs_path(path, out, statfs_form32);
}

int32_t
sys_fstatfs(uint32_t fd, uint32_t out, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return statfs_fd(fd, out, statfs_form32);
}

/* The C libraries give 84 or 88 as the structure's size. */
static bool
statfs64_size_is_right(uint32_t size)
{
	return size == sizeof(struct linux_statfs64) || size == sizeof(struct linux_statfs64) + 4;
}

int32_t
sys_statfs64(uint32_t path, uint32_t size, uint32_t out, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return statfs64_size_is_right(size) ? statfs_path(path, out, statfs_form64) : EM_E(EINVAL);
}

int32_t
sys_fstatfs64(uint32_t fd, uint32_t size, uint32_t out, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return statfs64_size_is_right(size) ? statfs_fd(fd, out, statfs_form64) : EM_E(EINVAL);
}
