/*
 * names.c - calls that change or ask about names: links, modes, owners, times, directories, mounts.
 *
 * Each is one request to vfs, which has the process's credentials, root and current directory behind its context port. What comes
 * from the program is decoded here; what it may do is decided there.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include "vfs.h"
#include "io.h"

#define PERMISSIONS	07777u
#define UTIME_NOW	0x3fffffffu
#define UTIME_OMIT	0x3ffffffeu
#define ID_KEEP		UINT32_MAX
#define ID16_KEEP	0xffffu
#define RENAME_FLAGS	3u
#define CONTEXTS_KEPT	8u

static int32_t
names_who(void)
{
	return em_proc()->p_pid;
}

/* ---- access ---- */

static int32_t
names_access(int32_t dirfd, uint32_t path, uint32_t mode, uint32_t flags)
{
	struct em_path p;
	int32_t err;

	if (mode & ~7u || flags & ~(uint32_t)(MX_AT_EACCESS | MX_AT_SYMLINK_NOFOLLOW | MX_AT_EMPTY_PATH))
		return EM_E(EINVAL);
	err = em_path_get_object(&p, dirfd, path, flags);
	if (err < 0)
		return err;
	if (p.p_flags == 0 || p.p_dir != MACH_PORT_NULL)
		err = EM_VFS(vfs_access(em_vfs(), names_who(), p.p_dir, p.p_name, p.p_len, mode,
		    (flags & (MX_AT_EACCESS | MX_AT_SYMLINK_NOFOLLOW)) | p.p_flags));
	em_path_done(&p);
	return err;
}

int32_t
sys_access(uint32_t path, uint32_t mode, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return names_access(MX_AT_FDCWD, path, mode, 0);
}

int32_t
sys_faccessat(uint32_t dirfd, uint32_t path, uint32_t mode, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return names_access((int32_t)dirfd, path, mode, 0);
}

int32_t
sys_faccessat2(uint32_t dirfd, uint32_t path, uint32_t mode, uint32_t flags, uint32_t e, uint32_t x)
{
	(void)e, (void)x;
	return names_access((int32_t)dirfd, path, mode, flags);
}

/* ---- readlink ---- */

static uint32_t
names_copy(char *to, const char *from, uint32_t size)
{
	uint32_t n = 0;

	while (n < size && from[n] != '\0') {
		to[n] = from[n];
		n++;
	}
	return n;
}

/* The link that P names, into P's own buffer. The length, or -errno. */
static int32_t
names_link_target(struct em_path *p)
{
	mach_msg_type_number_t n = sizeof p->p_name;
	const char *self = em_path_proc_self(p);
	struct em_file *f;
	int32_t fd, err;

	if (self != NULL && self[0] == 'e' && self[1] == 'x' && self[2] == 'e' && self[3] == '\0')
		return (int32_t)names_copy(p->p_name, em_proc()->p_exe, sizeof p->p_name);
	fd = self != NULL ? em_path_fd(p) : -1;
	f = fd >= 0 ? em_fd_get(fd) : NULL;
	if (f != NULL) {
		err = em_path_of_file(f, p->p_name, sizeof p->p_name);
		em_file_release(f);
		return err;
	}
	err = EM_VFS(vfs_readlink(em_vfs(), names_who(), p->p_dir, p->p_name, p->p_len, p->p_name, &n));
	return err < 0 ? err : (int32_t)em_min(n, sizeof p->p_name);
}

int32_t
sys_readlinkat(uint32_t dirfd, uint32_t path, uint32_t buf, uint32_t size, uint32_t e, uint32_t x)
{
	struct em_path p;
	int32_t n;

	(void)e, (void)x;
	if ((int32_t)size <= 0)
		return EM_E(EINVAL);
	n = em_path_get(&p, (int32_t)dirfd, path, MX_AT_EMPTY_PATH);
	if (n < 0)
		return n;
	n = p.p_len == 0 && p.p_dir == MACH_PORT_NULL ? EM_E(ENOENT) : names_link_target(&p);
	if (n > 0) {
		n = (int32_t)em_min((uint32_t)n, size);
		if (em_copyout(buf, p.p_name, (size_t)n) < 0)
			n = EM_E(EFAULT);
	}
	em_path_done(&p);
	return n;
}

int32_t
sys_readlink(uint32_t path, uint32_t buf, uint32_t size, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return sys_readlinkat((uint32_t)MX_AT_FDCWD, path, buf, size, 0, 0);
}

/* ---- Making and removing ---- */

static int32_t
names_mknod(int32_t dirfd, uint32_t path, uint32_t mode, uint32_t dev)
{
	struct em_path p;
	int32_t err = em_path_get(&p, dirfd, path, 0);

	if (err < 0)
		return err;
	em_file_changed();
	err = EM_VFS(vfs_mknod(em_vfs(), names_who(), p.p_dir, p.p_name, p.p_len, mode & ~em_proc()->p_umask,
	    dev >> 8 & 0xfff, (dev & 0xff) | (dev >> 12 & 0xfff00)));
	em_path_done(&p);
	return err;
}

int32_t
sys_mkdirat(uint32_t dirfd, uint32_t path, uint32_t mode, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return names_mknod((int32_t)dirfd, path, (mode & 01777) | MX_S_IFDIR, 0);
}

int32_t
sys_mkdir(uint32_t path, uint32_t mode, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return sys_mkdirat((uint32_t)MX_AT_FDCWD, path, mode, 0, 0, 0);
}

int32_t
sys_mknodat(uint32_t dirfd, uint32_t path, uint32_t mode, uint32_t dev, uint32_t e, uint32_t x)
{
	uint32_t type = mode & MX_S_IFMT;

	(void)e, (void)x;
	if (type == 0)
		type = MX_S_IFREG;
	if (type == MX_S_IFDIR)
		return EM_E(EPERM);
	if (type != MX_S_IFREG && type != MX_S_IFCHR && type != MX_S_IFBLK && type != MX_S_IFIFO && type != MX_S_IFSOCK)
		return EM_E(EINVAL);
	if (type != MX_S_IFCHR && type != MX_S_IFBLK)
		dev = 0;
	return names_mknod((int32_t)dirfd, path, (mode & PERMISSIONS) | type, dev);
}

int32_t
sys_mknod(uint32_t path, uint32_t mode, uint32_t dev, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return sys_mknodat((uint32_t)MX_AT_FDCWD, path, mode, dev, 0, 0);
}

int32_t
sys_symlinkat(uint32_t target, uint32_t dirfd, uint32_t path, uint32_t d, uint32_t e, uint32_t x)
{
	char text[MX_PATH_MAX];
	int32_t len = em_copyin_str(text, target, sizeof text), err;
	struct em_path p;

	(void)d, (void)e, (void)x;
	if (len <= 0)
		return len < 0 ? len : EM_E(ENOENT);
	err = em_path_get(&p, (int32_t)dirfd, path, 0);
	if (err < 0)
		return err;
	em_file_changed();
	err = EM_VFS(vfs_symlink(em_vfs(), names_who(), text, (uint32_t)len, p.p_dir, p.p_name, p.p_len));
	em_path_done(&p);
	return err;
}

int32_t
sys_symlink(uint32_t target, uint32_t path, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return sys_symlinkat(target, (uint32_t)MX_AT_FDCWD, path, 0, 0, 0);
}

/* Two paths for link and rename. */
static int32_t
names_pair(struct em_path *from, struct em_path *to, int32_t fromfd, uint32_t frompath, uint32_t fromflags, int32_t tofd, uint32_t topath)
{
	int32_t err = em_path_get_object(from, fromfd, frompath, fromflags);

	if (err < 0)
		return err;
	err = em_path_get(to, tofd, topath, 0);
	if (err < 0)
		em_path_done(from);
	else
		em_file_changed();
	return err;
}

int32_t
sys_linkat(uint32_t fromfd, uint32_t frompath, uint32_t tofd, uint32_t topath, uint32_t flags, uint32_t x)
{
	struct em_path from, to;
	int32_t err;

	(void)x;
	if (flags & ~(uint32_t)(MX_AT_SYMLINK_FOLLOW | MX_AT_EMPTY_PATH))
		return EM_E(EINVAL);
	err = names_pair(&from, &to, (int32_t)fromfd, frompath,
	    (flags & MX_AT_EMPTY_PATH) | (flags & MX_AT_SYMLINK_FOLLOW ? 0 : MX_AT_SYMLINK_NOFOLLOW), (int32_t)tofd, topath);
	if (err < 0)
		return err;
	err = EM_VFS(vfs_link(em_vfs(), names_who(), from.p_dir, from.p_name, from.p_len, to.p_dir, to.p_name, to.p_len,
	    (flags & MX_AT_SYMLINK_FOLLOW) | from.p_flags));
	em_path_done(&from);
	em_path_done(&to);
	return err;
}

int32_t
sys_link(uint32_t from, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return sys_linkat((uint32_t)MX_AT_FDCWD, from, (uint32_t)MX_AT_FDCWD, to, 0, 0);
}

int32_t
sys_renameat2(uint32_t fromfd, uint32_t frompath, uint32_t tofd, uint32_t topath, uint32_t flags, uint32_t x)
{
	struct em_path from, to;
	int32_t err;

	(void)x;
	if (flags & ~RENAME_FLAGS || flags == RENAME_FLAGS)
		return EM_E(EINVAL);
	err = names_pair(&from, &to, (int32_t)fromfd, frompath, MX_AT_SYMLINK_NOFOLLOW, (int32_t)tofd, topath);
	if (err < 0)
		return err;
	err = EM_VFS(vfs_rename(em_vfs(), names_who(), from.p_dir, from.p_name, from.p_len, to.p_dir, to.p_name, to.p_len, flags));
	em_path_done(&from);
	em_path_done(&to);
	return err;
}

int32_t
sys_renameat(uint32_t fromfd, uint32_t from, uint32_t tofd, uint32_t to, uint32_t e, uint32_t x)
{
	(void)e, (void)x;
	return sys_renameat2(fromfd, from, tofd, to, 0, 0);
}

int32_t
sys_rename(uint32_t from, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return sys_renameat2((uint32_t)MX_AT_FDCWD, from, (uint32_t)MX_AT_FDCWD, to, 0, 0);
}

int32_t
sys_unlinkat(uint32_t dirfd, uint32_t path, uint32_t flags, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_path p;
	int32_t err;

	(void)d, (void)e, (void)x;
	if (flags & ~(uint32_t)MX_AT_REMOVEDIR)
		return EM_E(EINVAL);
	err = em_path_get(&p, (int32_t)dirfd, path, 0);
	if (err < 0)
		return err;
	em_file_changed();
	err = EM_VFS(vfs_unlink(em_vfs(), names_who(), p.p_dir, p.p_name, p.p_len, flags));
	em_path_done(&p);
	return err;
}

int32_t
sys_unlink(uint32_t path, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)b, (void)c, (void)d, (void)e, (void)x;
	return sys_unlinkat((uint32_t)MX_AT_FDCWD, path, 0, 0, 0, 0);
}

int32_t
sys_rmdir(uint32_t path, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)b, (void)c, (void)d, (void)e, (void)x;
	return sys_unlinkat((uint32_t)MX_AT_FDCWD, path, MX_AT_REMOVEDIR, 0, 0, 0);
}

/* ---- Attributes ---- */

/* What a path that became an object without a server (a device that the library is) answers. */
static int32_t
names_setattr(struct em_path *p, uint32_t flags, const struct mx_setattr *set)
{
	int32_t err;

	em_file_changed();
	if (p->p_flags != 0 && p->p_dir == MACH_PORT_NULL && p->p_file != NULL)
		err = EM_E(EPERM);
	else
		err = EM_VFS(vfs_setattr(em_vfs(), names_who(), p->p_dir, p->p_name, p->p_len,
		    (flags & MX_AT_SYMLINK_NOFOLLOW) | p->p_flags, *set));
	em_path_done(p);
	return err;
}

static int32_t
names_setattr_at(int32_t dirfd, uint32_t path, uint32_t flags, const struct mx_setattr *set)
{
	struct em_path p;
	int32_t err;

	if (flags & ~(uint32_t)(MX_AT_SYMLINK_NOFOLLOW | MX_AT_EMPTY_PATH))
		return EM_E(EINVAL);
	err = em_path_get_object(&p, dirfd, path, flags);
	return err < 0 ? err : names_setattr(&p, flags, set);
}

static int32_t
names_setattr_fd(int32_t fd, const struct mx_setattr *set)
{
	struct em_path p = { .p_dir = MACH_PORT_NULL };
	int32_t err = em_path_from_fd(&p, fd);

	if (err < 0)
		return err;
	if (em_file_flags(p.p_file) & MX_O_PATH) {
		em_path_done(&p);
		return EM_E(EBADF);
	}
	return names_setattr(&p, 0, set);
}

int32_t
sys_fchmodat2(uint32_t dirfd, uint32_t path, uint32_t mode, uint32_t flags, uint32_t e, uint32_t x)
{
	struct mx_setattr set = { .sa_valid = MX_SET_MODE, .sa_mode = mode & PERMISSIONS };

	(void)e, (void)x;
	return names_setattr_at((int32_t)dirfd, path, flags, &set);
}

int32_t
sys_fchmodat(uint32_t dirfd, uint32_t path, uint32_t mode, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return sys_fchmodat2(dirfd, path, mode, 0, 0, 0);
}

int32_t
sys_chmod(uint32_t path, uint32_t mode, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return sys_fchmodat2((uint32_t)MX_AT_FDCWD, path, mode, 0, 0, 0);
}

int32_t
sys_fchmod(uint32_t fd, uint32_t mode, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct mx_setattr set = { .sa_valid = MX_SET_MODE, .sa_mode = mode & PERMISSIONS };

	(void)c, (void)d, (void)e, (void)x;
	return names_setattr_fd((int32_t)fd, &set);
}

static struct mx_setattr
names_owner(uint32_t uid, uint32_t gid)
{
	return (struct mx_setattr){ .sa_valid = (uid != ID_KEEP ? MX_SET_UID : 0) | (gid != ID_KEEP ? MX_SET_GID : 0), .sa_uid = uid,
		.sa_gid = gid };
}

static uint32_t
names_id16(uint32_t id)
{
	return (id & 0xffff) == ID16_KEEP ? ID_KEEP : id & 0xffff;
}

int32_t
sys_fchownat(uint32_t dirfd, uint32_t path, uint32_t uid, uint32_t gid, uint32_t flags, uint32_t x)
{
	struct mx_setattr set = names_owner(uid, gid);

	(void)x;
	return names_setattr_at((int32_t)dirfd, path, flags, &set);
}

int32_t
sys_chown32(uint32_t path, uint32_t uid, uint32_t gid, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return sys_fchownat((uint32_t)MX_AT_FDCWD, path, uid, gid, 0, 0);
}

int32_t
sys_lchown32(uint32_t path, uint32_t uid, uint32_t gid, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return sys_fchownat((uint32_t)MX_AT_FDCWD, path, uid, gid, MX_AT_SYMLINK_NOFOLLOW, 0);
}

int32_t
sys_fchown32(uint32_t fd, uint32_t uid, uint32_t gid, uint32_t d, uint32_t e, uint32_t x)
{
	struct mx_setattr set = names_owner(uid, gid);

	(void)d, (void)e, (void)x;
	return names_setattr_fd((int32_t)fd, &set);
}

int32_t
sys_chown(uint32_t path, uint32_t uid, uint32_t gid, uint32_t d, uint32_t e, uint32_t x)
{
	return sys_chown32(path, names_id16(uid), names_id16(gid), d, e, x);
}

int32_t
sys_lchown(uint32_t path, uint32_t uid, uint32_t gid, uint32_t d, uint32_t e, uint32_t x)
{
	return sys_lchown32(path, names_id16(uid), names_id16(gid), d, e, x);
}

int32_t
sys_fchown(uint32_t fd, uint32_t uid, uint32_t gid, uint32_t d, uint32_t e, uint32_t x)
{
	return sys_fchown32(fd, names_id16(uid), names_id16(gid), d, e, x);
}

/* ---- Times ---- */

/* Access time and modification time as a call gives them: seconds and nanoseconds, or UTIME_NOW, UTIME_OMIT. */
struct names_times { int64_t sec[2]; uint32_t ns[2]; };

static const struct names_times names_now = { .ns = { UTIME_NOW, UTIME_NOW } };

static int32_t
names_times_set(const struct names_times *t, struct mx_setattr *set)
{
	static const uint32_t valid[2][2] = { { MX_SET_ATIME, MX_SET_ATIME_NOW }, { MX_SET_MTIME, MX_SET_MTIME_NOW } };

	*set = (struct mx_setattr){ .sa_atime = t->sec[0], .sa_mtime = t->sec[1], .sa_atime_ns = t->ns[0], .sa_mtime_ns = t->ns[1] };
	for (int i = 0; i < 2; i++) {
		if (t->ns[i] == UTIME_OMIT)
			continue;
		if (t->ns[i] != UTIME_NOW && t->ns[i] > 999999999)
			return EM_E(EINVAL);
		set->sa_valid |= valid[i][t->ns[i] == UTIME_NOW];
	}
	return 0;
}

/* PATH 0: DIRFD is the file. */
static int32_t
names_utimens(int32_t dirfd, uint32_t path, const struct names_times *t, uint32_t flags)
{
	struct mx_setattr set;
	int32_t err = names_times_set(t, &set);

	if (err < 0)
		return err;
	if (path == 0 && dirfd != MX_AT_FDCWD)
		return flags != 0 ? EM_E(EINVAL) : names_setattr_fd(dirfd, &set);
	if (set.sa_valid == 0)
		return 0;
	return names_setattr_at(dirfd, path, flags, &set);
}

int32_t
sys_utimensat(uint32_t dirfd, uint32_t path, uint32_t times, uint32_t flags, uint32_t e, uint32_t x)
{
	struct { int32_t sec; uint32_t ns; } ts[2];
	struct names_times t = names_now;

	(void)e, (void)x;
	if (times != 0) {
		if (em_copyin(ts, times, sizeof ts) < 0)
			return EM_E(EFAULT);
		t = (struct names_times){ { ts[0].sec, ts[1].sec }, { ts[0].ns, ts[1].ns } };
	}
	return names_utimens((int32_t)dirfd, path, &t, flags);
}

int32_t
sys_utimensat_time64(uint32_t dirfd, uint32_t path, uint32_t times, uint32_t flags, uint32_t e, uint32_t x)
{
	struct { int64_t sec; uint32_t ns, pad; } ts[2];
	struct names_times t = names_now;

	(void)e, (void)x;
	if (times != 0) {
		if (em_copyin(ts, times, sizeof ts) < 0)
			return EM_E(EFAULT);
		t = (struct names_times){ { ts[0].sec, ts[1].sec }, { ts[0].ns, ts[1].ns } };
	}
	return names_utimens((int32_t)dirfd, path, &t, flags);
}

int32_t
sys_futimesat(uint32_t dirfd, uint32_t path, uint32_t times, uint32_t d, uint32_t e, uint32_t x)
{
	struct { int32_t sec; uint32_t us; } tv[2];
	struct names_times t = names_now;

	(void)d, (void)e, (void)x;
	if (times != 0) {
		if (em_copyin(tv, times, sizeof tv) < 0)
			return EM_E(EFAULT);
		if (tv[0].us > 999999 || tv[1].us > 999999)
			return EM_E(EINVAL);
		t = (struct names_times){ { tv[0].sec, tv[1].sec }, { tv[0].us * 1000, tv[1].us * 1000 } };
	}
	return names_utimens((int32_t)dirfd, path, &t, 0);
}

int32_t
sys_utimes(uint32_t path, uint32_t times, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return sys_futimesat((uint32_t)MX_AT_FDCWD, path, times, 0, 0, 0);
}

int32_t
sys_utime(uint32_t path, uint32_t times, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct names_times t = names_now;
	int32_t sec[2];

	(void)c, (void)d, (void)e, (void)x;
	if (times != 0) {
		if (em_copyin(sec, times, sizeof sec) < 0)
			return EM_E(EFAULT);
		t = (struct names_times){ { sec[0], sec[1] }, { 0, 0 } };
	}
	return names_utimens(MX_AT_FDCWD, path, &t, 0);
}

/* ---- Size ---- */

int32_t
sys_truncate64(uint32_t path, uint32_t lo, uint32_t hi, uint32_t d, uint32_t e, uint32_t x)
{
	struct mx_setattr set = { .sa_valid = MX_SET_SIZE, .sa_size = em_u64(lo, hi) };

	(void)d, (void)e, (void)x;
	if ((int64_t)set.sa_size < 0)
		return EM_E(EINVAL);
	if (set.sa_size > em_proc()->p_rlimit_fsize) {
		(void)em_signal_self(MX_SIGXFSZ, MX_SI_USER, 0);
		return EM_E(EFBIG);
	}
	return names_setattr_at(MX_AT_FDCWD, path, 0, &set);
}

int32_t
sys_truncate(uint32_t path, uint32_t size, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return sys_truncate64(path, size, (int32_t)size < 0 ? UINT32_MAX : 0, 0, 0, 0);
}

/* ---- Context: current directory, root, umask ---- */

/* Other threads may be about to use the old name: it is kept until some more contexts have come and gone. */
void
em_vfs_replace(struct em_process *p, mach_port_t ctx)
{
	static mach_port_t old[CONTEXTS_KEPT];
	static uint32_t next;
	bool is_own = !p->p_is_vfork || p->p_vfs_owner == p->p_pid;
	mach_port_t gone = p->p_vfs;

	p->p_vfs = ctx;
	p->p_vfs_owner = p->p_pid;
	em_kept_forget();
	if (!is_own)
		return;
	if (p->p_nthreads > 1) {
		em_lock(&em_file_lock);
		mach_port_t oldest = old[next % CONTEXTS_KEPT];

		old[next++ % CONTEXTS_KEPT] = gone;
		em_unlock(&em_file_lock);
		gone = oldest;
	}
	em_port_release(gone);
}

void
em_file_vfork_done(struct em_process *p)
{
	em_files_release(p->p_files);
	p->p_files = NULL;
	if (p->p_vfs_owner != p->p_pid)
		return;
	em_kept_forget();		/* the context's name may become another's */
	em_port_release(p->p_vfs);
}

static int32_t
names_chdir(struct em_path *p, bool root)
{
	mach_port_t ctx = MACH_PORT_NULL;
	int32_t err = EM_VFS(vfs_chdir(em_vfs(), names_who(), p->p_dir, p->p_name, p->p_len, p->p_flags, root, &ctx));

	em_path_done(p);
	if (err == 0)
		em_vfs_replace(em_proc(), ctx);
	return err;
}

int32_t
sys_chdir(uint32_t path, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_path p;
	int32_t err = em_path_get_object(&p, MX_AT_FDCWD, path, 0);

	(void)b, (void)c, (void)d, (void)e, (void)x;
	return err < 0 ? err : names_chdir(&p, false);
}

int32_t
sys_fchdir(uint32_t fd, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_path p = { .p_dir = MACH_PORT_NULL };
	int32_t err = em_path_from_fd(&p, (int32_t)fd);

	(void)b, (void)c, (void)d, (void)e, (void)x;
	if (err < 0)
		return err;
	if (p.p_file->f_kind != MX_KIND_DIR && p.p_file->f_kind != MX_KIND_PATH) {
		em_path_done(&p);
		return EM_E(ENOTDIR);
	}
	return names_chdir(&p, false);
}

int32_t
sys_chroot(uint32_t path, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_path p;
	int32_t err = em_path_get(&p, MX_AT_FDCWD, path, 0);

	(void)b, (void)c, (void)d, (void)e, (void)x;
	return err < 0 ? err : names_chdir(&p, true);
}

int32_t
sys_getcwd(uint32_t buf, uint32_t size, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	char path[MX_PATH_MAX];
	mach_msg_type_number_t n = sizeof path - 1;
	int32_t err = EM_VFS(vfs_getcwd(em_vfs(), path, &n));

	(void)c, (void)d, (void)e, (void)x;
	if (err < 0)
		return err;
	if (n >= sizeof path)
		return EM_E(EIO);
	path[n] = '\0';
	if (size < n + 1)
		return EM_E(ERANGE);
	return em_copyout(buf, path, n + 1) < 0 ? EM_E(EFAULT) : (int32_t)n + 1;
}

int32_t
sys_umask(uint32_t mask, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)b, (void)c, (void)d, (void)e, (void)x;
	return (int32_t)(__atomic_exchange_n(&em_proc()->p_umask, mask & 0777, __ATOMIC_RELAXED));
}

/* ---- Mounts ---- */

int32_t
sys_mount(uint32_t source, uint32_t target, uint32_t fstype, uint32_t flags, uint32_t data, uint32_t x)
{
	char from[MX_PATH_MAX] = "", type[MX_NAME_MAX + 1] = "", options[MX_BLOB_MAX] = "";
	int32_t fromlen = 0, typelen = 0, optlen = 0, err;
	struct em_path p;

	(void)x;
	if (source != 0)
		fromlen = em_copyin_str(from, source, sizeof from);
	if (fstype != 0)
		typelen = em_copyin_str(type, fstype, sizeof type);
	if (data != 0)
		optlen = em_copyin_str(options, data, sizeof options);
	if (fromlen < 0 || typelen < 0 || optlen < 0)
		return fromlen < 0 ? fromlen : typelen < 0 ? typelen : optlen;
	err = em_path_get(&p, MX_AT_FDCWD, target, 0);
	if (err < 0)
		return err;
	em_file_changed();
	err = EM_VFS(vfs_mount(em_vfs(), names_who(), p.p_name, p.p_len, from, (uint32_t)fromlen, type, (uint32_t)typelen, flags,
	    options, (uint32_t)optlen));
	em_path_done(&p);
	return err;
}

int32_t
sys_umount2(uint32_t path, uint32_t flags, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_path p;
	int32_t err = em_path_get(&p, MX_AT_FDCWD, path, 0);

	(void)c, (void)d, (void)e, (void)x;
	if (err < 0)
		return err;
	em_file_changed();
	err = EM_VFS(vfs_umount(em_vfs(), names_who(), p.p_name, p.p_len, flags));
	em_path_done(&p);
	return err;
}

int32_t
sys_umount(uint32_t path, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)b, (void)c, (void)d, (void)e, (void)x;
	return sys_umount2(path, 0, 0, 0, 0, 0);
}
