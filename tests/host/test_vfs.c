/*
 * test_vfs.c - names: random operations on vfs over tmpfs, compared with Linux doing the same in a directory of its own.
 *
 * Linux is the oracle: each operation's errno must be the same, and at the end the trees. Paths are relative, with "..", symbolic
 * links and slashes in all places; both worlds lie below the same thirty directories, so that ".." cannot leave them. When run as
 * root, operations are done by other users, too.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tmpfs.h"
#include "vfs.h"

#define DEPTH 30

/* ---- No file systems elsewhere ---- */

kern_return_t vfs_remote_lookup(struct vfs_vnode *d, int32_t p, const char *n, size_t l, struct vfs_vnode **o)
{ (void)d; (void)p; (void)n; (void)l; (void)o; return MX_EIO; }
kern_return_t vfs_remote_create(struct vfs_vnode *d, const char *n, size_t l, const struct pfs_new *w, struct vfs_vnode **o)
{ (void)d; (void)n; (void)l; (void)w; (void)o; return MX_EIO; }
kern_return_t vfs_remote_link(struct vfs_vnode *d, const char *n, size_t l, struct vfs_vnode *v)
{ (void)d; (void)n; (void)l; (void)v; return MX_EIO; }
kern_return_t vfs_remote_unlink(struct vfs_vnode *d, const char *n, size_t l, bool r)
{ (void)d; (void)n; (void)l; (void)r; return MX_EIO; }
kern_return_t vfs_remote_rename(struct vfs_vnode *d, const char *n, size_t l, struct vfs_vnode *e, const char *m, size_t k, uint32_t f)
{ (void)d; (void)n; (void)l; (void)e; (void)m; (void)k; (void)f; return MX_EIO; }
kern_return_t vfs_remote_readdir(struct vfs_vnode *d, uint64_t c, int32_t p, char *b, size_t *l)
{ (void)d; (void)c; (void)p; (void)b; (void)l; return MX_EIO; }
kern_return_t vfs_remote_getattr(struct vfs_vnode *v, struct mx_attr *o) { (void)v; (void)o; return MX_EIO; }
kern_return_t vfs_remote_setattr(struct vfs_vnode *v, const struct mx_setattr *s) { (void)v; (void)s; return MX_EIO; }
kern_return_t vfs_remote_readlink(struct vfs_vnode *v, int32_t p, char *b, size_t s, size_t *l)
{ (void)v; (void)p; (void)b; (void)s; (void)l; return MX_EIO; }
kern_return_t vfs_remote_statfs(struct vfs_vnode *v, struct mx_statfs *s) { (void)v; (void)s; return MX_EIO; }
kern_return_t vfs_remote_fsync(struct vfs_vnode *v, bool d) { (void)v; (void)d; return MX_EIO; }
void vfs_remote_forget(mach_port_t p) { (void)p; }
void vfs_remote_unmount(mach_port_t p) { (void)p; }

/* ---- Both worlds ---- */

static struct vfs_who who;
static char base[200];
static bool is_root;

static struct vfs_path
path_of(const char *path)
{
	return (struct vfs_path){ who.wh_cwd, path, strlen(path), 0, NULL };
}

static int
error_of(kern_return_t kr)
{
	return kr == KERN_SUCCESS ? 0 : MX_ERRNO(kr);
}

static int
linux_error(int result)
{
	return result < 0 ? errno : 0;
}

static bool
same(int got, int want, const char *what, const char *a, const char *b)
{
	checks++;
	if (got == want)
		return true;
	failures++;
	printf("# %s '%s' '%s' by %u: %d, Linux says %d (%s)\n", what, a, b, who.wh_cred.cr_fsuid, got, want, strerror(want));
	fflush(stdout);
	if (failures > 20)
		exit(1);
	return false;
}

/* Be UID (GID 100 and 200 too for 1000) in both worlds. */
static void
become(uint32_t uid)
{
	static const gid_t groups[] = { 200 };
	uint32_t gid = uid == 0 ? 0 : 100;

	if (!is_root)
		return;
	CHECK(seteuid(0) == 0 && setegid(0) == 0);
	CHECK(setgroups(uid == 1000 ? 1 : 0, groups) == 0);
	CHECK(setegid(gid) == 0 && seteuid(uid) == 0);
	who.wh_cred = (struct mx_cred){ 0, uid, 0, uid, 0, gid, 0, gid };
	who.wh_ngroups = uid == 1000;
	who.wh_groups[0] = 200;
}

/* ---- Random names ---- */

static const char *const words[] = { "a", "b", "c", "d", "e", "f" };

static const char *
some_path(char *buf, size_t max_parts)
{
	size_t parts = 1 + rnd((uint32_t)max_parts), i, n = 0;

	buf[0] = '\0';
	for (i = 0; i < parts; i++) {
		const char *part = words[rnd(6)];

		if (rnd(12) == 0)
			part = ".";
		if (rnd(12) == 0)
			part = "..";
		n += (size_t)sprintf(buf + n, "%s%s", i > 0 ? (rnd(15) ? "/" : "//") : "", part);
	}
	if (rnd(15) == 0)
		strcat(buf, rnd(2) ? "/" : "//");
	return buf;
}

/* Set-id bits with execution only: without, what a write does to them depends on groups that a file server does not know. */
static uint32_t
some_mode(void)
{
	uint32_t mode = rnd(01000);

	if (rnd(8) == 0)
		mode |= rnd(2) ? 02010 : 04000;
	return mode;
}

/* ---- Operations ---- */

static void
op_make(uint32_t type)
{
	char a[200];
	uint32_t mode = rnd(4) ? 0755 : some_mode();
	struct pfs_new what = { .nw_mode = type | mode };
	struct vfs_path pa;
	int want;

	some_path(a, 4);
	if (type == MX_S_IFDIR) {
		mode &= 0777;
		what.nw_mode = type | mode;
		want = linux_error(mkdir(a, mode));
	} else {
		want = linux_error(mknod(a, type | mode, 0));
	}
	pa = path_of(a);
	same(error_of(vfs_op_make(&who, &pa, &what)), want, "make", a, "");
}

static void
op_symlink(void)
{
	char a[200], b[200];
	struct pfs_new what = { .nw_mode = MX_S_IFLNK | 0777 };
	struct vfs_path pa;
	int want;

	some_path(a, 3);
	some_path(b, 3);
	want = linux_error(symlink(b, a));
	what.nw_target = b;
	what.nw_target_len = strlen(b);
	pa = path_of(a);
	same(error_of(vfs_op_make(&who, &pa, &what)), want, "symlink", a, b);
}

static void
op_unlink(void)
{
	char a[200];
	struct vfs_path pa;
	bool dir = rnd(2);
	int want;

	some_path(a, 4);
	want = linux_error(dir ? rmdir(a) : unlink(a));
	pa = path_of(a);
	same(error_of(vfs_op_unlink(&who, &pa, dir)), want, dir ? "rmdir" : "unlink", a, "");
}

static void
op_rename(void)
{
	char a[200], b[200];
	struct vfs_path pa, pb;
	uint32_t flags = rnd(3) ? 0 : 1 + rnd(2);
	int want;

	some_path(a, 4);
	some_path(b, 4);
	want = linux_error((int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, flags));
	pa = path_of(a);
	pb = path_of(b);
	same(error_of(vfs_op_rename(&who, &pa, &pb, flags)), want, flags == 0 ? "rename" : flags == 1 ? "rename (noreplace)" :
		"exchange", a, b);
}

static void
op_link(void)
{
	char a[200], b[200];
	struct vfs_path pa, pb;
	struct vfs_name *na;
	kern_return_t kr;
	int want;

	if (who.wh_cred.cr_fsuid != 0)
		return;				/* Linux may be set to refuse more (protected_hardlinks) */
	some_path(a, 4);
	some_path(b, 4);
	want = linux_error(link(a, b));
	pa = path_of(a);
	pb = path_of(b);
	kr = vfs_walk(&who, &pa, 0, &na);
	if (kr == KERN_SUCCESS) {
		kr = vfs_op_link(&who, na->na_vnode, &pb);
		vfs_name_release(na);
	}
	same(error_of(kr), want, "link", a, b);
}

static void
op_chmod(void)
{
	char a[200];
	struct mx_setattr set = { .sa_valid = MX_SET_MODE, .sa_mode = rnd(3) ? 0755 : some_mode() };
	struct vfs_path pa;
	struct vfs_name *na;
	kern_return_t kr;
	int want;

	some_path(a, 4);
	want = linux_error(chmod(a, set.sa_mode));
	pa = path_of(a);
	kr = vfs_walk(&who, &pa, VFS_FOLLOW, &na);
	if (kr == KERN_SUCCESS) {
		kr = vfs_op_setattr(&who, na->na_vnode, &set);
		vfs_name_release(na);
	}
	same(error_of(kr), want, "chmod", a, "");
}

static void
op_chown(void)
{
	static const uint32_t uids[] = { 0, 1000, 2000 }, gids[] = { 0, 100, 200, 300 };
	char a[200];
	struct mx_setattr set = { .sa_valid = 0 };
	struct vfs_path pa;
	struct vfs_name *na;
	kern_return_t kr;
	int want;

	if (rnd(3) == 0) {
		set.sa_valid |= MX_SET_UID;
		set.sa_uid = uids[rnd(3)];
	}
	if (rnd(2)) {
		set.sa_valid |= MX_SET_GID;
		set.sa_gid = gids[rnd(4)];
	}
	if (set.sa_valid == 0 || !is_root)
		return;
	some_path(a, 4);
	want = linux_error(chown(a, set.sa_valid & MX_SET_UID ? set.sa_uid : (uid_t)-1,
		set.sa_valid & MX_SET_GID ? set.sa_gid : (gid_t)-1));
	pa = path_of(a);
	kr = vfs_walk(&who, &pa, VFS_FOLLOW, &na);
	if (kr == KERN_SUCCESS) {
		kr = vfs_op_setattr(&who, na->na_vnode, &set);
		vfs_name_release(na);
	}
	same(error_of(kr), want, "chown", a, "");
}

static void
op_open(void)
{
	static const uint32_t extra[] = { MX_O_CREAT, MX_O_EXCL, MX_O_NOFOLLOW, MX_O_DIRECTORY, MX_O_TRUNC, MX_O_PATH };
	char a[200];
	struct vfs_path pa;
	struct vfs_name *na;
	uint32_t flags = rnd(3) | MX_O_NONBLOCK, i;
	bool created;
	kern_return_t kr;
	int fd, want;

	for (i = 0; i < 6; i++)
		if (rnd(4) == 0)
			flags |= extra[i];
	if ((flags & (MX_O_CREAT | MX_O_DIRECTORY)) == (MX_O_CREAT | MX_O_DIRECTORY))
		return;				/* differs between versions of Linux */
	some_path(a, 4);
	fd = (int)syscall(SYS_open, a, flags, 0644);
	want = linux_error(fd);
	if (fd >= 0)
		close(fd);
	pa = path_of(a);
	kr = vfs_op_open(&who, &pa, flags, 0644, &na, &created);
	if (kr == KERN_SUCCESS) {
		if ((flags & (MX_O_TRUNC | MX_O_PATH)) == MX_O_TRUNC && !created &&
		    vfs_vnode_type(na->na_vnode) == MX_S_IFREG) {
			pfs_node_setid_drop(na->na_vnode->vn_node, who.wh_cred.cr_fsuid);
			CHECK(pfs_node_truncate(na->na_vnode->vn_node, 0) == KERN_SUCCESS);
		}
		if (vfs_vnode_type(na->na_vnode) == MX_S_IFIFO && (flags & MX_O_ACCMODE) == MX_O_WRONLY &&
		    !(flags & MX_O_PATH))
			kr = MX_ENXIO;		/* that is vfs_pipe.c's to say */
		vfs_name_release(na);
	}
	same(error_of(kr), want, "open", a, "");
}

static kern_return_t
path_stat(const struct vfs_who *caller, const struct vfs_path *path, unsigned int flags, struct mx_attr *out)
{
	struct vfs_name *na;
	kern_return_t kr = vfs_walk(caller, path, flags, &na);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_vnode_attr(na->na_vnode, out);
	vfs_name_release(na);
	return kr;
}

static void
op_look(void)
{
	char a[200], target[300], got[300];
	struct mx_attr at;
	struct vfs_path pa;
	struct stat st;
	bool follow = rnd(2);
	size_t len = 0;
	ssize_t n;
	int want, mode = (int)rnd(8);

	some_path(a, 5);
	pa = path_of(a);
	want = linux_error(follow ? stat(a, &st) : lstat(a, &st));
	if (same(error_of(path_stat(&who, &pa, follow ? VFS_FOLLOW : 0, &at)), want, "stat", a, "") && want == 0) {
		same((int)at.at_mode, (int)st.st_mode, "mode of", a, "");
		same((int)at.at_nlink, (int)st.st_nlink, "links of", a, "");
		same((int)at.at_uid, (int)st.st_uid, "owner of", a, "");
		same((int)at.at_gid, (int)st.st_gid, "group of", a, "");
	}
	want = linux_error((int)syscall(SYS_faccessat2, AT_FDCWD, a, mode, AT_EACCESS));
	same(error_of(vfs_op_access(&who, &pa, (uint32_t)mode, true, VFS_FOLLOW)), want, "access", a, "");
	n = readlink(a, target, sizeof(target));
	want = linux_error((int)n);
	if (same(error_of(vfs_op_readlink(&who, &pa, got, sizeof(got), &len)), want, "readlink", a, "") && want == 0)
		CHECK((size_t)n == len && memcmp(got, target, len) == 0);
}

static void
op_random(void)
{
	switch (rnd(14)) {
	case 0: case 1:
		op_make(MX_S_IFDIR);
		break;
	case 2:
		op_make(rnd(3) ? MX_S_IFREG : MX_S_IFIFO);
		break;
	case 3:
		op_symlink();
		break;
	case 4: case 5:
		op_unlink();
		break;
	case 6: case 7:
		op_rename();
		break;
	case 8:
		op_link();
		break;
	case 9:
		op_chmod();
		break;
	case 10:
		op_chown();
		break;
	case 11: case 12:
		op_open();
		break;
	default:
		op_look();
	}
}

/* ---- Whole trees ---- */

static unsigned int
count_linux(const char *path)
{
	char sub[2000];
	struct dirent *de;
	unsigned int n = 0;
	struct stat st;
	DIR *d = opendir(path);

	while (d != NULL && (de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		(void)snprintf(sub, sizeof(sub), "%s/%s", path, de->d_name);
		n++;
		if (lstat(sub, &st) == 0 && S_ISDIR(st.st_mode))
			n += count_linux(sub);
	}
	if (d != NULL)
		closedir(d);
	return n;
}

/* Entries below DIR, each of which Linux must have, too, as the same kind. */
static unsigned int
count_vfs(struct vfs_vnode *dir, const char *path)
{
	char buf[8192], sub[2000];
	size_t len = sizeof(buf), at;
	unsigned int n = 0;
	struct vfs_vnode *vn;
	struct stat st;

	CHECK(vfs_node_readdir(dir, 0, 0, buf, &len) == KERN_SUCCESS && len < 7800);
	for (at = 0; at < len; at += ((struct mx_dirent *)(buf + at))->de_reclen) {
		const struct mx_dirent *de = (struct mx_dirent *)(buf + at);

		(void)snprintf(sub, sizeof(sub), "%s/%s", path, buf + at + MX_DIRENT_NAME);
		CHECK(lstat(sub, &st) == 0 && (st.st_mode & S_IFMT) >> 12 == de->de_type);
		n++;
		CHECK(vfs_node_lookup(dir, 0, buf + at + MX_DIRENT_NAME, de->de_namelen, &vn) == KERN_SUCCESS);
		CHECK(vfs_vnode_facts(vn)->at_ino == de->de_ino);
		if (vfs_vnode_is_dir(vn))
			n += count_vfs(vn, sub);
		vfs_vnode_release(vn);
	}
	return n;
}

static void
compare_trees(void)
{
	become(0);
	same((int)count_vfs(who.wh_cwd->na_vnode, "."), (int)count_linux("."), "number of names", ".", "");
}

/* ---- The frame ---- */

static bool
world_linux_make(void)
{
	const char *dirs[] = { "/dev/shm", "/tmp" };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		(void)sprintf(base, "%s/masix-test-vfs.XXXXXX", dirs[i]);
		if (mkdtemp(base) != NULL && chdir(base) == 0)
			break;
	}
	if (i == 2)
		return false;
	(void)umask(0);
	CHECK(chmod(base, 0777) == 0);
	for (i = 0; i < DEPTH; i++)
		CHECK(mkdir("z", 0777) == 0 && chdir("z") == 0);
	return true;
}

static void
world_vfs_make(void)
{
	static const struct pfs_mount_args args = { "", 0, "mode=0777", 9, 0 };
	struct pfs_new what = { .nw_mode = MX_S_IFDIR | 0777 };
	struct vfs_path pa;
	struct vfs_name *na;
	unsigned int i;

	CHECK(vfs_mount_local(NULL, &tmpfs_ops, 0, &args, NULL) == KERN_SUCCESS);
	who.wh_root = who.wh_cwd = vfs_root;
	who.wh_cred.cr_fsuid = who.wh_cred.cr_euid = geteuid();
	who.wh_cred.cr_fsgid = who.wh_cred.cr_egid = getegid();
	vfs_name_hold(vfs_root);
	for (i = 0; i < DEPTH; i++) {
		pa = path_of("z");
		CHECK(vfs_op_make(&who, &pa, &what) == KERN_SUCCESS);
		CHECK(vfs_walk(&who, &pa, 0, &na) == KERN_SUCCESS);
		vfs_name_release(who.wh_cwd);
		who.wh_cwd = na;
	}
}

static void
linux_clear(void)
{
	char command[300];

	become(0);
	if (chdir("/") == 0) {
		(void)sprintf(command, "rm -rf '%s'", base);
		if (system(command) != 0)
			printf("# %s is left\n", base);
	}
}

static void
test_oracle(unsigned int steps)
{
	static const uint32_t uids[] = { 0, 0, 1000, 2000 };
	unsigned int i;

	for (i = 0; i < steps && failures < 20; i++) {
		if (i % 50 == 0)
			become(uids[rnd(4)]);
		vfs_name_limit = i % 1000 < 500 ? 40 : 8192;
		op_random();
		if (i % 2000 == 0) {
			compare_trees();
			vfs_name_purge(NULL);
		}
	}
	compare_trees();
	tap("random operations end as Linux ends them");
}

/* ---- Fixed cases ---- */

static void
test_mounts(void)
{
	static const struct pfs_mount_args args = { "none", 4, "", 0, 0 };
	struct pfs_new dir = { .nw_mode = MX_S_IFDIR | 0755 };
	struct vfs_path pa;
	struct vfs_name *na, *up;
	struct vfs_who root = { .wh_root = vfs_root, .wh_cwd = vfs_root };
	char buf[500];
	size_t len;

	pa = (struct vfs_path){ vfs_root, "/m", 2, 0, NULL };
	CHECK(vfs_op_make(&root, &pa, &dir) == KERN_SUCCESS);
	CHECK(vfs_walk(&root, &pa, 0, &na) == KERN_SUCCESS);
	CHECK(vfs_mount_local(na, &tmpfs_ops, PFS_RDONLY, &args, NULL) == KERN_SUCCESS);
	CHECK(vfs_mount_local(na, &tmpfs_ops, 0, &args, NULL) == MX_EBUSY);
	vfs_name_release(na);
	CHECK(vfs_walk(&root, &pa, 0, &na) == KERN_SUCCESS);
	CHECK(na->na_vnode->vn_mount->mn_root == na);
	CHECK(vfs_name_path(na, vfs_root, buf, sizeof(buf), &len) == KERN_SUCCESS && len == 2 && memcmp(buf, "/m", 2) == 0);
	pa = (struct vfs_path){ na, "..", 2, 0, NULL };
	CHECK(vfs_walk(&root, &pa, 0, &up) == KERN_SUCCESS && up == vfs_root);
	vfs_name_release(up);
	pa = (struct vfs_path){ na, "x", 1, 0, NULL };
	CHECK(vfs_op_make(&root, &pa, &dir) == MX_EROFS);
	pa = (struct vfs_path){ vfs_root, "m", 1, 0, NULL };
	CHECK(vfs_op_unlink(&root, &pa, true) == MX_EBUSY);
	len = vfs_mount_list(false, buf, sizeof(buf));
	CHECK(len > 0 && strstr(buf, "none /m tmpfs ro 0 0\n") != NULL);
	(void)vfs_mount_list(true, buf, sizeof(buf));
	CHECK(strstr(buf, " / /m ro - tmpfs none ro\n") != NULL);
	vfs_name_hold(na);
	CHECK(vfs_umount_name(na, false) == MX_EBUSY);
	vfs_name_release(na);
	CHECK(vfs_umount_name(na, false) == KERN_SUCCESS);
	vfs_name_release(na);
	CHECK(vfs_op_unlink(&root, &pa, true) == KERN_SUCCESS);
	tap("mounts are crossed both ways, listed, and busy while in use");
}

static void
test_chroot(void)
{
	struct pfs_new dir = { .nw_mode = MX_S_IFDIR | 0755 };
	struct pfs_new up = { .nw_mode = MX_S_IFLNK | 0777, .nw_target = "/../../q", .nw_target_len = 8 };
	struct vfs_who jail = { .wh_cwd = vfs_root };
	struct vfs_path pa = { vfs_root, "/j", 2, 0, NULL };
	struct vfs_name *na, *found;
	char buf[100];
	size_t len;

	jail.wh_root = vfs_root;
	CHECK(vfs_op_make(&jail, &pa, &dir) == KERN_SUCCESS);
	CHECK(vfs_walk(&jail, &pa, 0, &na) == KERN_SUCCESS);
	jail.wh_root = jail.wh_cwd = na;
	pa = (struct vfs_path){ na, "/../../q", 8, 0, NULL };
	CHECK(vfs_op_make(&jail, &pa, &dir) == KERN_SUCCESS);
	pa = (struct vfs_path){ na, "l", 1, 0, NULL };
	CHECK(vfs_op_make(&jail, &pa, &up) == KERN_SUCCESS);
	CHECK(vfs_walk(&jail, &pa, VFS_FOLLOW, &found) == KERN_SUCCESS);
	CHECK(vfs_name_path(found, na, buf, sizeof(buf), &len) == KERN_SUCCESS && len == 2 && memcmp(buf, "/q", 2) == 0);
	CHECK(vfs_name_path(found, vfs_root, buf, sizeof(buf), &len) == KERN_SUCCESS && len == 4 && memcmp(buf, "/j/q", 4) == 0);
	CHECK(vfs_name_path(vfs_root, na, buf, sizeof(buf), &len) == MX_ENOENT);
	pa = (struct vfs_path){ na, "q", 1, 0, NULL };
	CHECK(vfs_op_unlink(&jail, &pa, true) == KERN_SUCCESS);
	CHECK(vfs_name_path(found, vfs_root, buf, sizeof(buf), &len) == MX_ENOENT);
	pa = (struct vfs_path){ found, "..", 2, 0, NULL };	/* out of a removed directory */
	vfs_name_release(na);
	CHECK(vfs_walk(&jail, &pa, 0, &na) == KERN_SUCCESS && na == jail.wh_root);
	pa = (struct vfs_path){ found, "new", 3, 0, NULL };
	CHECK(vfs_op_make(&jail, &pa, &dir) == MX_ENOENT);
	vfs_name_release(found);
	vfs_name_release(na);
	tap("chroot holds, removed directories behave");
}

static void
test_limits(void)
{
	static char path[5000], name[300];
	struct vfs_path pa = { vfs_root, path, 0, 0, NULL };
	struct vfs_who root = { .wh_root = vfs_root, .wh_cwd = vfs_root };
	struct vfs_name *na;
	unsigned int i;

	memset(path, '/', sizeof(path));
	pa.pa_len = 4095;
	CHECK(vfs_walk(&root, &pa, 0, &na) == KERN_SUCCESS);
	vfs_name_release(na);
	pa.pa_len = 4096;
	CHECK(vfs_walk(&root, &pa, 0, &na) == MX_ENAMETOOLONG);
	memset(name, 'n', sizeof(name));
	pa = (struct vfs_path){ vfs_root, name, 256, 0, NULL };
	CHECK(vfs_walk(&root, &pa, 0, &na) == MX_ENAMETOOLONG);
	pa.pa_len = 255;
	CHECK(vfs_walk(&root, &pa, 0, &na) == MX_ENOENT);
	pa = (struct vfs_path){ vfs_root, "", 0, 0, NULL };
	CHECK(vfs_walk(&root, &pa, 0, &na) == MX_ENOENT);
	for (i = 0; i < 41; i++) {		/* a chain: 40 links are followed, 41 are not */
		char link[20], target[20];
		struct pfs_new what = { .nw_mode = MX_S_IFLNK | 0777, .nw_target = target };

		what.nw_target_len = (size_t)sprintf(target, i == 0 ? "/" : "L%u", i - 1);
		pa = (struct vfs_path){ vfs_root, link, (size_t)sprintf(link, "L%u", i), 0, NULL };
		CHECK(vfs_op_make(&root, &pa, &what) == KERN_SUCCESS);
		CHECK(vfs_walk(&root, &pa, VFS_FOLLOW, &na) == (i < 40 ? KERN_SUCCESS : MX_ELOOP));
		if (i < 40)
			vfs_name_release(na);
	}
	tap("limits of paths, names and links");
}

/* All of it with the N-th allocation failing. */
static void
test_memory(void)
{
	struct vfs_who root = { .wh_root = vfs_root, .wh_cwd = vfs_root };
	struct vfs_name *na;
	struct mx_attr at;
	unsigned int n;
	bool created;

	for (n = 1; n < 60; n++) {
		struct vfs_path a = { vfs_root, "/mem", 4, 0, NULL }, b = { vfs_root, "/mem/f", 6, 0, NULL }, c = { vfs_root, "/mem/g", 6, 0, NULL };
		struct pfs_new dir = { .nw_mode = MX_S_IFDIR | 0755 };

		vfs_name_purge(NULL);
		world_fail_sticky = n % 2;
		world_fail_at = n / 2 + 1;
		(void)vfs_op_make(&root, &a, &dir);
		if (vfs_op_open(&root, &b, MX_O_CREAT | MX_O_RDWR, 0644, &na, &created) == KERN_SUCCESS)
			vfs_name_release(na);
		(void)vfs_op_rename(&root, &b, &c, 0);
		(void)path_stat(&root, &c, 0, &at);
		world_fail_at = 0;
		(void)vfs_op_unlink(&root, &b, false);
		(void)vfs_op_unlink(&root, &c, false);
		CHECK(vfs_op_unlink(&root, &a, true) != MX_ENOTEMPTY);
		CHECK(path_stat(&root, &b, 0, &at) != KERN_SUCCESS && path_stat(&root, &c, 0, &at) != KERN_SUCCESS);
	}
	tap("running out of memory leaves names that agree with the volume");
}

int
main(int argc, char **argv)
{
	rnd_state = argc > 1 ? (uint64_t)atoll(argv[1]) : 1;
	is_root = geteuid() == 0;
	tmpfs_init(100000);
	if (!world_linux_make()) {
		printf("1..0 # skip no place for Linux's side\n");
		return 0;
	}
	world_vfs_make();
	test_oracle(argc > 2 ? (unsigned int)atoi(argv[2]) : 60000);
	linux_clear();
	test_mounts();
	test_chroot();
	test_limits();
	test_memory();
	vfs_name_release(who.wh_cwd);
	vfs_name_purge(NULL);
	CHECK(vfs_name_count == 1 && vfs_mount_first->mn_vnodes == 1);
	tap("no name and no vnode is left");
	return tap_end();
}
