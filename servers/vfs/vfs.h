/*
 * vfs.h - names: mounts, vnodes, the name cache, contexts.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef VFS_H
#define VFS_H

#include <masix/pfs.h>
#include <masix/server.h>

/* ---- The core's structures (pure C) ---- */

struct vfs_name;

struct vfs_mount {
	struct vfs_mount *mn_next;	/* all mounts */
	struct vfs_name	*mn_root;	/* a reference */
	struct vfs_name	*mn_covered;	/* what it lies on, a reference; NULL: the system's root */
	struct pfs_volume *mn_volume;	/* in this task, or NULL: */
	mach_port_t	mn_port;	/* the root node at another server; the root vnode's right */
	uint32_t	mn_cache;	/* MX_CACHE_* */
	uint32_t	mn_flags;	/* PFS_RDONLY... */
	uint32_t	mn_vnodes;	/* vnodes of it: 1 (the root) when nobody uses it */
	bool		mn_dead;	/* out of the tree: ends with its last vnode */
	bool		mn_lost;	/* its server is gone */
	void		(*mn_on_lost)(struct vfs_mount *mn);	/* ... and this is to be called then */
	void		*mn_arg;
	uint32_t	mn_round;	/* of the sync that came to it last */
	bool		mn_stays;	/* part of the system: clients may keep files of it that they closed (emulib/kept.c) */
	char		mn_type[32], mn_source[64];
};

struct vfs_vnode {
	unsigned int	vn_refs;
	struct vfs_mount *vn_mount;
	struct pfs_node	*vn_node;	/* in this task (a reference), or NULL: */
	mach_port_t	vn_port;	/* a send right, one user reference */
	struct vfs_vnode *vn_hash;	/* by port */
	struct mx_attr	vn_attr;	/* of a node elsewhere: what it said last */
	bool		vn_attr_valid;	/* sizes and times in it, too */
	struct mx_mutex	vn_lock;	/* a directory, while it is changed or looked up in */
	struct vfs_name	*vn_names;	/* its names in the cache */
	struct vfs_fifo	*vn_fifo;	/* the pipe behind a FIFO that is open */
	struct vfs_vnode *vn_device, **vn_device_prev;	/* among the devices that were opened */
};

struct vfs_name {
	struct vfs_name	*na_hash;
	struct vfs_name	*na_parent;	/* a reference; NULL: root of a mount, or removed */
	struct vfs_name	*na_alias;	/* other names of the vnode */
	struct vfs_name	*na_lru_next, *na_lru_prev;	/* while nobody refers to it */
	struct vfs_vnode *na_vnode;	/* NULL: known not to exist */
	struct vfs_mount *na_mounted;	/* lies on top of it */
	unsigned int	na_refs;
	bool		na_hashed;	/* can be found: a name without that was removed */
	uint8_t		na_len;
	char		*na_name;	/* terminated; of its own, as a name may be moved */
};

/* Who asks. Immutable once made (the context object of vfs_ctx.c embeds one). */
struct vfs_who {
	struct mx_cred	wh_cred;
	uint32_t	wh_ngroups;
	uint32_t	wh_groups[MX_IDS_MAX];
	struct vfs_name	*wh_root, *wh_cwd;	/* references */
};

/* ---- vfs_perm.c ---- */

#define VFS_R	4u
#define VFS_W	2u
#define VFS_X	1u
/* May WHO do all of WANT to something with attributes AT? Errors: MX_EACCES */
kern_return_t vfs_perm(const struct vfs_who *who, const struct mx_attr *at, unsigned int want);
bool vfs_in_group(const struct vfs_who *who, uint32_t gid);
/* May WHO remove or rename what has attributes AT out of the directory with attributes DIR? (the sticky bit) Errors: MX_EPERM */
kern_return_t vfs_perm_sticky(const struct vfs_who *who, const struct mx_attr *dir, const struct mx_attr *at);
/* May WHO set what SET says? May change SET (set-id bits that go). Errors: MX_EPERM, MX_EACCES */
kern_return_t vfs_perm_setattr(const struct vfs_who *who, const struct mx_attr *at, struct mx_setattr *set);

/* ---- vfs_node.c: vnodes, whichever task the file system is in ---- */

/* The vnode of a local node (whose reference it takes) or of a remote one (whose right it takes). NULL: no memory, and it was
 * released. */
struct vfs_vnode *vfs_vnode_local(struct vfs_mount *mn, struct pfs_node *node);
struct vfs_vnode *vfs_vnode_remote(struct vfs_mount *mn, mach_port_t port, const struct mx_attr *attr);
void vfs_vnode_hold(struct vfs_vnode *vn);
void vfs_vnode_release(struct vfs_vnode *vn);
/* What lasts: type, mode, ids, ino. */
const struct mx_attr *vfs_vnode_facts(const struct vfs_vnode *vn);
/* Everything, true now. */
kern_return_t vfs_vnode_attr(struct vfs_vnode *vn, struct mx_attr *out);
uint32_t vfs_vnode_type(const struct vfs_vnode *vn);
bool vfs_vnode_is_dir(const struct vfs_vnode *vn);
struct vfs_vnode *vfs_vnode_find_port(mach_port_t port);
/* The device node VN is opened: it can be found by its number while it is in the cache. */
void vfs_vnode_device_note(struct vfs_vnode *vn);
struct vfs_vnode *vfs_vnode_device_find(uint32_t major, uint32_t minor);

/* What a path leads to may have changed: answers that clients keep are void (vfs_changes.c). */
static inline void
vfs_names_changed(void)
{
	if (pfs_changes != NULL)
		pfs_changes->ch_names++;
}

/* The operations of struct pfs_ops. *OUT is a reference. */
kern_return_t vfs_node_lookup(struct vfs_vnode *dir, int32_t pid, const char *name, size_t len, struct vfs_vnode **out);
kern_return_t vfs_node_create(struct vfs_vnode *dir, const char *name, size_t len, const struct pfs_new *what,
	struct vfs_vnode **out);
kern_return_t vfs_node_link(struct vfs_vnode *dir, const char *name, size_t len, struct vfs_vnode *vn);
kern_return_t vfs_node_unlink(struct vfs_vnode *dir, const char *name, size_t len, bool rmdir);
kern_return_t vfs_node_rename(struct vfs_vnode *dir1, const char *name1, size_t len1, struct vfs_vnode *dir2,
	const char *name2, size_t len2, uint32_t flags);
kern_return_t vfs_node_readdir(struct vfs_vnode *dir, uint64_t cookie, int32_t pid, char *buf, size_t *len);
kern_return_t vfs_node_setattr(struct vfs_vnode *vn, const struct mx_setattr *set);
kern_return_t vfs_node_readlink(struct vfs_vnode *vn, int32_t pid, char *buf, size_t size, size_t *len);
kern_return_t vfs_node_statfs(struct vfs_vnode *vn, struct mx_statfs *st);
kern_return_t vfs_node_fsync(struct vfs_vnode *vn, bool data_only);

/* vfs_remote.c: the same by messages */
kern_return_t vfs_remote_lookup(struct vfs_vnode *dir, int32_t pid, const char *name, size_t len, struct vfs_vnode **out);
kern_return_t vfs_remote_create(struct vfs_vnode *dir, const char *name, size_t len, const struct pfs_new *what,
	struct vfs_vnode **out);
kern_return_t vfs_remote_link(struct vfs_vnode *dir, const char *name, size_t len, struct vfs_vnode *vn);
kern_return_t vfs_remote_unlink(struct vfs_vnode *dir, const char *name, size_t len, bool rmdir);
kern_return_t vfs_remote_rename(struct vfs_vnode *dir1, const char *name1, size_t len1, struct vfs_vnode *dir2,
	const char *name2, size_t len2, uint32_t flags);
kern_return_t vfs_remote_readdir(struct vfs_vnode *dir, uint64_t cookie, int32_t pid, char *buf, size_t *len);
kern_return_t vfs_remote_getattr(struct vfs_vnode *vn, struct mx_attr *out);
kern_return_t vfs_remote_setattr(struct vfs_vnode *vn, const struct mx_setattr *set);
kern_return_t vfs_remote_readlink(struct vfs_vnode *vn, int32_t pid, char *buf, size_t size, size_t *len);
kern_return_t vfs_remote_statfs(struct vfs_vnode *vn, struct mx_statfs *st);
kern_return_t vfs_remote_fsync(struct vfs_vnode *vn, bool data_only);
kern_return_t vfs_remote_getxattr(struct vfs_vnode *vn, const char *name, size_t len, char *value, size_t *size);
kern_return_t vfs_remote_setxattr(struct vfs_vnode *vn, const char *name, size_t len, const char *value, size_t size, uint32_t how);
kern_return_t vfs_remote_listxattr(struct vfs_vnode *vn, char *names, size_t *size);
kern_return_t vfs_remote_sync(struct vfs_mount *mn);
void vfs_remote_forget(mach_port_t port);
/* MN has FLAGS from now on. Errors: MX_EBUSY, MX_EROFS */
kern_return_t vfs_remote_remount(struct vfs_mount *mn, uint32_t flags);
/* MN is to be unmounted if nobody uses it. Errors: MX_EBUSY. Blocks: until it is stored */
kern_return_t vfs_remote_end(struct vfs_mount *mn);
/* The volume whose root was PORT is not used any more: takes the right. */
void vfs_remote_unmount(mach_port_t port);

/* ---- vfs_name.c: the name cache ---- */

void vfs_name_hold(struct vfs_name *na);
void vfs_name_release(struct vfs_name *na);
/* The root of a mount: takes VN's reference. */
struct vfs_name *vfs_name_root(struct vfs_vnode *vn);
/* The cached name, a reference, or NULL. */
struct vfs_name *vfs_name_find(struct vfs_name *dir, const char *name, size_t len);
/* Enter NAME for VN (takes its reference; NULL: it does not exist). A name that was there before is replaced. Errors: NULL */
struct vfs_name *vfs_name_enter(struct vfs_name *dir, const char *name, size_t len, struct vfs_vnode *vn);
/* It does not exist any more; who holds it sees that it was removed. */
void vfs_name_remove(struct vfs_name *na);
/* The same by name, if it is cached. */
void vfs_name_forget(struct vfs_name *dir, const char *name, size_t len);
/* It is now NAME in DIR. Errors: MX_ENOMEM, and it was forgotten instead */
kern_return_t vfs_name_move(struct vfs_name *na, struct vfs_name *dir, const char *name, size_t len);
/* NA1 and NA2 have exchanged their vnodes' places. */
void vfs_name_exchange(struct vfs_name *na1, struct vfs_name *na2);
/* Forget all names below MN that nobody uses. */
void vfs_name_purge(struct vfs_mount *mn);
/* The absolute path of NA as seen below ROOT. Errors: MX_ENOENT removed or not below ROOT, MX_ENAMETOOLONG */
kern_return_t vfs_name_path(struct vfs_name *na, struct vfs_name *root, char *buf, size_t size, size_t *len);
bool vfs_name_is_below(struct vfs_name *na, struct vfs_name *dir);	/* or the same; over mounts */
extern unsigned int vfs_name_limit, vfs_name_count;

/* ---- vfs_walk.c ---- */

struct vfs_path {			/* what a request names */
	struct vfs_name	*pa_start;	/* directory of a relative path; not a reference */
	const char	*pa_path;	/* not terminated */
	size_t		pa_len;
	int32_t		pa_pid;		/* of the caller, for "self" */
	bool		*pa_steady;	/* NULL, or: set to false when a name on the way may change without vfs */
};

#define VFS_FOLLOW	1u		/* a symbolic link at the end is followed */
#define VFS_EMPTY_OK	2u		/* an empty path is the start itself */

/* *OUT is a reference to an existing name. */
kern_return_t vfs_walk(const struct vfs_who *who, const struct vfs_path *path, unsigned int flags, struct vfs_name **out);

struct vfs_last {			/* where a name is to be made or removed */
	struct vfs_name	*la_dir;	/* a reference */
	char		la_name[MX_NAME_MAX + 1];
	size_t		la_len;
	bool		la_slash;	/* it was written with a slash behind: only a directory will do */
	bool		la_dots;	/* it was "." or ".." (or the root): la_dir is the thing itself */
};
/* All but the last component. */
kern_return_t vfs_walk_parent(const struct vfs_who *who, const struct vfs_path *path, struct vfs_last *last);
/* The last component's name, looked up in LAST's directory; *OUT a reference, with na_vnode NULL when it does not exist. Locks: la_dir's
 * vn_lock held. */
kern_return_t vfs_lookup_last(const struct vfs_who *who, const struct vfs_last *last, int32_t pid, struct vfs_name **out);
void vfs_last_release(struct vfs_last *last);
/* Down through what is mounted on *NA. */
void vfs_cross(struct vfs_name **na);

/* ---- vfs_ops.c: what names can do ---- */

kern_return_t vfs_op_access(const struct vfs_who *who, const struct vfs_path *path, uint32_t mode, bool effective,
	unsigned int flags);
/* The same of VN, which is open. */
kern_return_t vfs_op_access_vnode(const struct vfs_who *who, struct vfs_vnode *vn, uint32_t mode, bool effective);
kern_return_t vfs_op_readlink(const struct vfs_who *who, const struct vfs_path *path, char *buf, size_t size, size_t *len);
kern_return_t vfs_op_make(const struct vfs_who *who, const struct vfs_path *path, struct pfs_new *what);
kern_return_t vfs_op_link(const struct vfs_who *who, struct vfs_vnode *vn, const struct vfs_path *path);
kern_return_t vfs_op_unlink(const struct vfs_who *who, const struct vfs_path *path, bool rmdir);
kern_return_t vfs_op_rename(const struct vfs_who *who, const struct vfs_path *path1, const struct vfs_path *path2,
	uint32_t flags);
kern_return_t vfs_op_setattr(const struct vfs_who *who, struct vfs_vnode *vn, struct mx_setattr *set);
/* Parts of the above. May WHO change the names in DIR? */
kern_return_t vfs_change_check(const struct vfs_who *who, const struct vfs_name *dir);
/* May LAST be made without a look-up, as its file system answers MX_EEXIST if it is there? Locks: la_dir's vn_lock held */
bool vfs_is_unseen(const struct vfs_who *who, const struct vfs_last *last);
/* May WHO take the existing NA out of DIR, as a directory (RMDIR) or not? */
kern_return_t vfs_remove_check(const struct vfs_who *who, const struct vfs_name *dir, const struct vfs_name *na, bool rmdir);
/* Make WHAT at LAST, which was found not to exist. *OUT a reference. Locks: la_dir's vn_lock held */
kern_return_t vfs_make_locked(const struct vfs_who *who, const struct vfs_last *last, struct pfs_new *what,
	struct vfs_name **out);
bool vfs_is_readonly(const struct vfs_vnode *vn);

/* ---- vfs_create.c ---- */

/* Find what open(FLAGS, MODE) opens, made when it must be; permissions are checked. *CREATED tells. */
kern_return_t vfs_op_open(const struct vfs_who *who, const struct vfs_path *path, uint32_t flags, uint32_t mode,
	struct vfs_name **out, bool *created);
/* May WHO open VN, which has just been CREATED or not, with FLAGS? */
kern_return_t vfs_open_check(const struct vfs_who *who, const struct vfs_vnode *vn, uint32_t flags, bool created);

/* ---- vfs_mount.c ---- */

extern struct vfs_mount *vfs_mount_first;
extern struct vfs_name *vfs_root;
/* Mount a volume of this task on ON (NULL: as the system's root). */
kern_return_t vfs_mount_local(struct vfs_name *on, const struct pfs_ops *ops, uint32_t flags,
	const struct pfs_mount_args *args, struct vfs_mount **out);
/* Mount what another server has mounted: takes PORT's right. */
kern_return_t vfs_mount_remote(struct vfs_name *on, const char *type, const char *source, uint32_t flags, mach_port_t port,
	const struct mx_attr *attr, uint32_t cache, struct vfs_mount **out);
/* Could the mount with the root NA be unmounted, as far as vfs knows? Forgets the names in it that nobody uses.
 * Errors: MX_EBUSY, MX_EINVAL not a mount's root */
kern_return_t vfs_umount_check(struct vfs_name *na);
/* Errors: MX_EBUSY, MX_EINVAL not a mount's root. LAZY: it only leaves the tree. */
kern_return_t vfs_umount_name(struct vfs_name *na, bool lazy);
/* MN has no vnodes left: its end. PORT: a remote root's right. */
void vfs_mount_free(struct vfs_mount *mn, mach_port_t port);
/* A line per mount as in /proc/mounts, or (INFO) /proc/PID/mountinfo; as many as fit. */
size_t vfs_mount_list(bool is_info, char *buf, size_t size);

#endif /* VFS_H */
