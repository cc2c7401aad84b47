/*
 * masix/pfs.h - how a file system is written: one directory and one table of operations.
 *
 * A physical file server (PFS) keeps volumes of nodes (inodes). It fills in a struct pfs_ops; this library does the rest: the
 * ports and all S_pfs_ and S_io_ routines, reference counts, attributes, times, advisory locks, open files, pseudo-files made of
 * text, the shared inode pages and, with masix/pager.h, memory objects. vfs uses the same table directly, without messages,
 * when the PFS lives in its task; a file system never knows the difference.
 *
 * A PFS of its own calls pfs_server_register("pfs.NAME", &ops) when it starts. The smallest PFS, read-only pseudo-files, needs
 * po_mount, po_lookup, po_readdir and po_text (see lib/pfs/README.md).
 *
 * Operations run on fibrils and may park, unless the comment says no; the library holds references to the nodes it passes.
 * Names are not terminated and were checked: 1..255 bytes, no '/', no NUL, not "." nor "..".
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_PFS_H
#define MASIX_PFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masix/io.h>
#include <masix/server.h>
#include <masix/types.h>
#include <masix/abi.h>

struct pfs_ops;
struct pfs_node;
struct pfs_text;
struct pfs_file;
struct pfs_dirents;
struct pfs_lock;
struct pfs_claim;
struct pfs_handle;
struct pfs_store;
struct pfs_lease;
struct pfs_xattrs;
struct mx_pager;

struct pfs_locks {			/* advisory locks of one file; zeros: none */
	struct pfs_lock	*lk_first;
	struct mx_cond	lk_changed;
};

/* mount flags that the library and vfs look at (Linux's MS_*) */
#define PFS_RDONLY	1u
#define PFS_NOSUID	2u
#define PFS_NODEV	4u
#define PFS_NOEXEC	8u
#define PFS_SYNC	16u		/* everything is stored before it is answered */
#define PFS_NOATIME	1024u
#define PFS_NODIRATIME	2048u
#define PFS_STRICTATIME	(1u << 24)
#define PFS_FLAGS	(PFS_RDONLY | PFS_NOSUID | PFS_NODEV | PFS_NOEXEC | PFS_SYNC | PFS_NOATIME | PFS_NODIRATIME | PFS_STRICTATIME)

struct pfs_volume {
	const struct pfs_ops *pv_ops;
	struct pfs_node	*pv_root;	/* set by po_mount; the volume owns one reference */
	uint32_t	pv_dev_major, pv_dev_minor;	/* st_dev; chosen by pfs_volume_mount */
	uint32_t	pv_flags;	/* PFS_RDONLY... */
	void		*pv_private;	/* the file system's */
	unsigned int	pv_opens;	/* what keeps it: open files, ports and requests to them, memory objects */
	unsigned int	pv_files;	/* of these, open files */
	unsigned int	pv_writers;	/* of these, open for writing */
	bool		pv_leaving;	/* an unmounting waits for what is left of its users */
	bool		pv_dying;	/* unmounted while files were open: ends with the last of them */
	struct mx_cond	pv_closed;	/* pv_opens went down */
};

/* A node in use. A file system embeds it as the first member of its own structure; zeroed, then pfs_node_init. */
struct pfs_node {
	struct pfs_volume *pn_volume;
	unsigned int	pn_refs;
	unsigned int	pn_opens;	/* open files */
	unsigned int	pn_writers;	/* of these, open for writing; while there are some, vfs does not trust its cache */
	struct pfs_claim *pn_claims;	/* who writes or executes it; of these, programs: */
	unsigned int	pn_programs;
	unsigned int	pn_cuts;	/* truncations by name, at the moment */
	struct mx_attr	pn_attr;	/* the truth; the file system keeps mode, ids, nlink, ino, rdev, blocks in it */
	bool		pn_mapped;	/* a client has, or had, a right to its memory: what is appended must be there at once */
	struct mx_pager	*pn_pager;	/* its memory object, when there is one */
	struct pfs_store *pn_store;	/* masix/pfs_store.h's part, when it was attached */
	struct pfs_lease *pn_lease;	/* its end is lent */
	uint32_t	pn_lease_backoff; /* writes until it is lent again */
	uint32_t	pn_store_errors; /* pages that could not be stored so far; fsync tells each opener once */
	struct mx_inode	*pn_inode;	/* its place in a shared page, when somebody mapped it */
	struct pfs_locks pn_locks;
	struct mx_mutex	pn_growing;	/* who changes its size, from looking where the end is until it is somewhere else */
	struct pfs_handle *pn_handle;	/* its port, while a vfs in another task has one */
	void		*pn_vnode;	/* private to a vfs in the same task */
};

/* What po_create makes: type and permissions in mode; a symbolic link has a target. */
struct pfs_new {
	uint32_t	nw_mode, nw_uid, nw_gid;
	uint32_t	nw_rdev_major, nw_rdev_minor;
	const char	*nw_target;
	size_t		nw_target_len;
};

/* Namespaces of extended attributes, with the numbers that ext2 has for them. */
#define PFS_XATTR_USER		1u
#define PFS_XATTR_TRUSTED	4u
#define PFS_XATTR_SECURITY	6u

struct pfs_xattr {			/* a name without its namespace: 1..255 bytes */
	unsigned int	xa_space;	/* PFS_XATTR_* */
	const char	*xa_name;	/* not terminated */
	size_t		xa_len;
};

struct pfs_mount_args {
	const char	*ma_source;
	size_t		ma_source_len;
	const char	*ma_options;	/* comma separated */
	size_t		ma_options_len;
	uint32_t	ma_dev_minor;	/* st_dev's; 0: the next free one of this task */
};

/* The value of the option KEY=..., terminated. False: not there, or too long. */
bool pfs_option_get(const struct pfs_mount_args *args, const char *key, char *value, size_t size);
/* A number for st_dev that no volume has yet. */
uint32_t pfs_device_number(void);

struct pfs_ops {
	const char	*po_name;	/* the type, as mount(8) writes it */
	uint32_t	po_cache;	/* MX_CACHE_FOREVER: only vfs changes names and attributes; MX_CACHE_NONE: they come and go */
	uint32_t	po_magic;	/* statfs type */

	/* ---- Volumes ---- */
	/* Make a volume: set pv_root, and pv_private if wanted. pv_flags is set. */
	kern_return_t	(*po_mount)(struct pfs_volume *vol, const struct pfs_mount_args *args);
	/* All nodes but the root have been released; release it and everything. NULL: nothing to do but that. */
	void		(*po_unmount)(struct pfs_volume *vol);
	/* It is to be unmounted if nobody uses it: give up the nodes that are only kept to be cheap to open again. Those that somebody has mapped
	 * keep the volume from now on. Does not park. NULL: there are none such */
	void		(*po_leave)(struct pfs_volume *vol);
	/* sf_type, sf_namelen, sf_bsize and sf_fsid are filled in. NULL: zeros. */
	kern_return_t	(*po_statfs)(struct pfs_volume *vol, struct mx_statfs *st);
	kern_return_t	(*po_sync)(struct pfs_volume *vol);		/* NULL: nothing to write back */
	/* FLAGS are about to become pv_flags, and differ in PFS_RDONLY: to read-only, after po_sync: leave the disk as after an
	 * unmount (nodes stay in use); to writable: check that it can be. Errors: MX_EROFS... NULL: nothing to do */
	kern_return_t	(*po_remount)(struct pfs_volume *vol, uint32_t flags);

	/* ---- Directories; absent operations answer MX_EROFS (or MX_EPERM), lookup MX_ENOENT ---- */
	/* *OUT is a reference for the caller. WHO is the pid on whose behalf (0: unknown), for "self". Errors: MX_ENOENT */
	kern_return_t	(*po_lookup)(struct pfs_node *dir, const char *name, size_t len, int32_t who, struct pfs_node **out);
	kern_return_t	(*po_create)(struct pfs_node *dir, const char *name, size_t len, const struct pfs_new *what,
				struct pfs_node **out);
	kern_return_t	(*po_link)(struct pfs_node *dir, const char *name, size_t len, struct pfs_node *node);
	kern_return_t	(*po_unlink)(struct pfs_node *dir, const char *name, size_t len, bool rmdir);
	/* FLAGS: RENAME_NOREPLACE 1, RENAME_EXCHANGE 2. Both directories are of one volume; vfs has excluded loops. */
	kern_return_t	(*po_rename)(struct pfs_node *dir1, const char *name1, size_t len1, struct pfs_node *dir2,
				const char *name2, size_t len2, uint32_t flags);
	/* Give entries from COOKIE on (0: the first) to pfs_dirent_add until that answers false. Without "." and "..". */
	kern_return_t	(*po_readdir)(struct pfs_node *dir, uint64_t cookie, int32_t who, struct pfs_dirents *out);

	/* ---- Nodes ---- */
	/* Bring pn_attr up to date. NULL: it always is. */
	kern_return_t	(*po_getattr)(struct pfs_node *node);
	/* SET was checked and applied to pn_attr (size by po_truncate): make it last. NULL: nothing to do. */
	kern_return_t	(*po_setattr)(struct pfs_node *node, const struct mx_setattr *set);
	/* Up to SIZE bytes of the target into BUF, its length into LEN. */
	kern_return_t	(*po_readlink)(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *len);
	/* Extended attributes. The value into VALUE, which has MX_DATA_MAX bytes, its length into SIZE. Errors: MX_ENODATA. NULL: none */
	kern_return_t	(*po_getxattr)(struct pfs_node *node, const struct pfs_xattr *xa, void *value, size_t *size);
	/* HOW: MX_XATTR_*. Errors: MX_EEXIST, MX_ENODATA, MX_ENOSPC. NULL: MX_EOPNOTSUPP */
	kern_return_t	(*po_setxattr)(struct pfs_node *node, const struct pfs_xattr *xa, const void *value, size_t size, uint32_t how);
	/* Give each to pfs_xattrs_add. NULL: there are none */
	kern_return_t	(*po_listxattr)(struct pfs_node *node, struct pfs_xattrs *out);
	/* pn_attr has changed in memory (times by a read, a write or who has the file mapped; everything by setattr): remember that it
	 * is to be stored. Called often; must not park. NULL: nothing */
	void		(*po_dirty)(struct pfs_node *node);
	/* The last reference went. Free the node; when nlink is 0 what it stored too. Must not fail. */
	void		(*po_release)(struct pfs_node *node);

	/* ---- Contents of regular files: either text... ---- */
	/* Print all of NODE's contents (pfs_text_printf...): called at the first read and at every read from offset 0. */
	kern_return_t	(*po_text)(struct pfs_node *node, struct pfs_text *text);
	/* A write to a text file: DATA is all of one write(2), at most MX_DATA_MAX bytes. NULL: MX_EACCES */
	kern_return_t	(*po_text_write)(struct pfs_node *node, uint32_t uid, const char *data, size_t len);

	/* ---- ...or bytes. The library has checked access modes and bounds; offsets plus counts do not wrap. ---- */
	/* Up to COUNT bytes at OFFSET; *DONE less than that only at the end. */
	kern_return_t	(*po_read)(struct pfs_node *node, uint64_t offset, void *buf, size_t count, size_t *done);
	/* Grows the file when needed, at_size and at_blocks included; the library does the times. */
	kern_return_t	(*po_write)(struct pfs_node *node, uint64_t offset, const void *buf, size_t count, size_t *done);
	kern_return_t	(*po_truncate)(struct pfs_node *node, uint64_t size);	/* at_size too */
	/* Make NODE durable, a file with its contents or a directory with its names (DATAONLY as fdatasync). NULL: nothing to write back */
	kern_return_t	(*po_fsync)(struct pfs_node *node, bool dataonly);
	/* What was written is on the disk when it returns, though the disk may still have to write it to its medium, and the file system what
	 * leads to it (O_DIRECT). What fails counts in pn_store_errors. NULL: O_DIRECT is MX_EINVAL */
	void		(*po_write_back)(struct pfs_node *node);
	/* The node's memory object, to be made when pn_pager is NULL. NULL: such files cannot be mapped. */
	kern_return_t	(*po_pager)(struct pfs_node *node, struct mx_pager **out);
	/* The next data (DATA) or hole at or after *OFFSET (below the size). NULL: all is data. */
	kern_return_t	(*po_seek)(struct pfs_node *node, bool data, uint64_t *offset);
	/* From now on LENGTH bytes can be written at OFFSET, the file's end, without running out of space; the size stays. LENGTH 0: forget
	 * what was reserved behind OFFSET. Errors: MX_ENOSPC, MX_EFBIG. NULL: the end of a file is never lent (io_lease) */
	kern_return_t	(*po_reserve)(struct pfs_node *node, uint64_t offset, uint64_t length);
	/* As fallocate(MODE). NULL: MX_EOPNOTSUPP */
	kern_return_t	(*po_allocate)(struct pfs_node *node, uint32_t mode, uint64_t offset, uint64_t length);
};

/* ---- What a file system calls ---- */

/* One reference, all times now, blksize 4096, dev of the volume. The mode, ids and rest are the caller's to set. */
void pfs_node_init(struct pfs_node *node, struct pfs_volume *vol, uint64_t ino, uint32_t mode);
void pfs_node_hold(struct pfs_node *node);
/* May call po_release. */
void pfs_node_release(struct pfs_node *node);
bool pfs_node_is_dir(const struct pfs_node *node);

#define PFS_ATIME	1u
#define PFS_MTIME	2u
#define PFS_CTIME	4u
/* Set times of NODE to now. MTIME also changes at_generation. */
void pfs_node_touch(struct pfs_node *node, unsigned int which);
/* pn_attr changed otherwise than by pfs_node_touch: tell who has the node mapped. */
void pfs_node_changed(struct pfs_node *node);

/* What vfs counts for its clients, when the file system is in its task; else NULL. */
extern struct mx_changes *pfs_changes;
static inline uint32_t
pfs_changes_place(const struct pfs_node *node)
{
	return 1 + ((uint32_t)(uintptr_t)node >> 4) * 2654435761u % (MX_CHANGES_PLACES - 2);
}

/* One entry: NEXT is the cookie from which the entry after it begins (not 0). False: it did not fit, stop. */
bool pfs_dirent_add(struct pfs_dirents *out, uint64_t ino, uint64_t next, uint32_t mode, const char *name, size_t len);

/* Where the next entry goes (0: it is the first), and: the entries from there on are not given after all. For entries that share a cookie. */
size_t pfs_dirent_mark(const struct pfs_dirents *out);
void pfs_dirent_rewind(struct pfs_dirents *out, size_t mark);

/* One more attribute. What does not fit makes pfs_node_listxattr answer MX_E2BIG. */
void pfs_xattrs_add(struct pfs_xattrs *out, const struct pfs_xattr *xa);
/* "user." and so on; NULL: no such namespace. */
const char *pfs_xattr_prefix(unsigned int space);
/* The attribute exists (IS) or not: may HOW be done to it? */
kern_return_t pfs_xattr_how(uint32_t how, bool is);

/* Text files. Errors (no memory) are remembered in TEXT and answered by the library. */
void pfs_text_printf(struct pfs_text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pfs_text_write(struct pfs_text *text, const void *data, size_t len);
void pfs_text_putc(struct pfs_text *text, char c);

/* ---- Being a server ---- */

/* Serve volumes of this type to a vfs in another task: registers the ACS name SERVICE ("pfs.NAME"). */
kern_return_t pfs_server_register(const char *service, const struct pfs_ops *ops);
/* main() of a server that does that and no more; NAME is its line's in the manifest. Does not return. */
void pfs_server_main(const char *name, const char *service, const struct pfs_ops *ops, int argc, char **argv);
/* Let a vfs in this task mount OPS->po_name by table. */
void pfs_type_add(const struct pfs_ops *ops);
const struct pfs_ops *pfs_type_find(const char *name, size_t len);

/* ---- What vfs and the library's own routines call: a node's operations with everything that is the same for all ---- */

kern_return_t pfs_volume_mount(const struct pfs_ops *ops, uint32_t flags, const struct pfs_mount_args *args,
	struct pfs_volume **out);
/* At once, or when the last open file of it is closed. */
void pfs_volume_unmount(struct pfs_volume *vol);
/* A file of it was opened, or closed. */
void pfs_volume_opened(struct pfs_volume *vol);
void pfs_volume_closed(struct pfs_volume *vol);
kern_return_t pfs_volume_statfs(struct pfs_volume *vol, struct mx_statfs *st);
kern_return_t pfs_volume_sync(struct pfs_volume *vol);
/* Change the flags. Errors: MX_EBUSY to read-only, and a file is open for writing (unless FORCE) */
kern_return_t pfs_volume_remount(struct pfs_volume *vol, uint32_t flags, bool force);

kern_return_t pfs_node_lookup(struct pfs_node *dir, int32_t who, const char *name, size_t len, struct pfs_node **out);
kern_return_t pfs_node_create(struct pfs_node *dir, const char *name, size_t len, const struct pfs_new *what,
	struct pfs_node **out);
kern_return_t pfs_node_link(struct pfs_node *dir, const char *name, size_t len, struct pfs_node *node);
kern_return_t pfs_node_unlink(struct pfs_node *dir, const char *name, size_t len, bool rmdir);
kern_return_t pfs_node_rename(struct pfs_node *dir1, const char *name1, size_t len1, struct pfs_node *dir2,
	const char *name2, size_t len2, uint32_t flags);
/* Packed struct mx_dirent into BUF; *LEN in: its size, out: what was used. */
kern_return_t pfs_node_readdir(struct pfs_node *dir, uint64_t cookie, int32_t who, char *buf, size_t *len);
kern_return_t pfs_node_getattr(struct pfs_node *node);			/* then look at pn_attr */
kern_return_t pfs_node_setattr(struct pfs_node *node, const struct mx_setattr *set);
/* UID writes to NODE: a program that somebody else could have changed must not run with its owner's power. */
void pfs_node_setid_drop(struct pfs_node *node, uint32_t uid);
kern_return_t pfs_node_readlink(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *len);
kern_return_t pfs_node_read(struct pfs_node *node, uint64_t offset, void *buf, size_t count, size_t *done);
kern_return_t pfs_node_write(struct pfs_node *node, uint64_t offset, const void *buf, size_t count, size_t *done);
kern_return_t pfs_node_truncate(struct pfs_node *node, uint64_t size);
/* NODE, a file or a directory, is durable when this returns. */
kern_return_t pfs_node_fsync(struct pfs_node *node, bool data_only);
/* Extended attributes by their whole names, as vfs.defs has them; buffers have MX_DATA_MAX bytes. */
kern_return_t pfs_node_getxattr(struct pfs_node *node, const char *name, size_t len, void *value, size_t *size);
kern_return_t pfs_node_setxattr(struct pfs_node *node, const char *name, size_t len, const void *value, size_t size, uint32_t how);
kern_return_t pfs_node_listxattr(struct pfs_node *node, char *names, size_t *size);

/* An open file of NODE: an io object (masix/io.h) with one reference. FLAGS: MX_O_*. */
kern_return_t pfs_file_open(struct pfs_node *node, uint32_t flags, uint32_t uid, struct pfs_file **out, uint32_t *kind);
struct mx_object *pfs_file_object(struct pfs_file *pf);
/* A right to the file for who opened it. MACH_PORT_NULL: it could not be made. */
mach_port_t pfs_file_right(struct pfs_file *pf);
/* The memory of an open file of this task, to be read and executed. Rights: MEMORY is the caller's. Errors: MX_EACCES, MX_ENODEV */
kern_return_t pfs_file_memory(mach_port_t io, mach_port_t *memory);
/* The node of an open file that this task made, or NULL; no reference. */
struct pfs_node *pfs_file_node(mach_port_t io);

/* ---- Open objects whose end is not watched (pfs_quiet.c); embedded in the object, zeros: not one of them ---- */

struct pfs_quiet {
	struct pfs_quiet *qu_next, *qu_prev;
	struct mx_object *qu_object;
	const void	*qu_key;
};
/* A right to OBJ for a client; the object's one reference is released some time after nobody has a right any more. */
mach_port_t pfs_quiet_give(struct pfs_quiet *qu, struct mx_object *obj, const void *key);
/* From now on its end is noticed at once; all with KEY (NULL: all). */
void pfs_quiet_watch(struct pfs_quiet *qu);
void pfs_quiet_watch_all(const void *key);
/* The object is being freed. */
void pfs_quiet_forget(struct pfs_quiet *qu);
/* Look at so many of them. */
void pfs_quiet_sweep(unsigned int looks);
#define PFS_QUIET_ALL	(~0u)

/* ---- How many objects a user may have open in this task: take one before it is made, give it back when it is freed ---- */

bool pfs_quota_take(uint32_t uid);
void pfs_quota_give(uint32_t uid);
/* The same for a request that will wait. */
bool pfs_quota_wait(uint32_t uid);
void pfs_quota_waited(uint32_t uid);

/* ---- Advisory locks, for whoever serves io_lock ---- */

/* The lock operation of an io table. FILE identifies the open description. LIST begins as zeros.
 * Errors: MX_EAGAIN, MX_EINTR, MX_EDEADLOCK, MX_ENOLCK, MX_EINVAL.  Blocks: MX_LOCK_WAIT */
kern_return_t pfs_lock(struct pfs_locks *list, const void *file, uint32_t tag, struct mx_lock_request *r);
/* FILE was closed for good: the locks made through it go. */
void pfs_lock_closed(struct pfs_locks *list, const void *file);

#endif /* MASIX_PFS_H */
