/*
 * vfs_rpc.h - vfs's objects: contexts, open directories, pipes, devices.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef VFS_RPC_H
#define VFS_RPC_H

#include <masix/io.h>
#include "vfs.h"

struct vfs_ctx {			/* the port MX_PORT_VFS of processes */
	struct mx_object cx_object;
	struct vfs_who	cx_who;
};

/* A context with CRED, GROUPS, and references to ROOT and CWD. NULL: too many, or no memory. */
struct vfs_ctx *vfs_ctx_make(const struct mx_cred *cred, const uint32_t *groups, uint32_t ngroups, struct vfs_name *root,
	struct vfs_name *cwd);
struct vfs_ctx *vfs_ctx_of(struct mx_object *obj);

/* ---- Decoding (vfs_rpc.c) ---- */

struct vfs_who *vfs_who_of(mx_object_ptr_t ctx);
/* The path of a request, LEN bounded. Errors: MX_ENAMETOOLONG, MX_EBADF, MX_ENOTDIR */
kern_return_t vfs_path_decode(const struct vfs_who *who, int32_t pid, mach_port_t dir, const char *path,
	mach_msg_type_number_t len, struct vfs_path *out);
/* What a request names, by path or (AT_EMPTY_PATH) by DIR alone: a vnode, a reference. STEADY (or NULL): by names that only vfs changes. */
kern_return_t vfs_target_find(const struct vfs_who *who, int32_t pid, mach_port_t dir, const char *path,
	mach_msg_type_number_t len, uint32_t flags, bool follow, bool *steady, struct vfs_vnode **out);
/* KR; and DIR, a right of the client, is the routine's when it succeeded. */
kern_return_t vfs_done(kern_return_t kr, mach_port_t dir);

/* ---- vfs_changes.c ---- */

kern_return_t vfs_changes_init(void);
/* When a request begins that will be answered about a name. */
struct mx_stamp vfs_stamp_begin(void);
/* The attributes of VN are being copied for the answer, and all names on the way to it were steady. */
void vfs_stamp_end(struct mx_stamp *stamp, const struct vfs_vnode *vn);

/* ---- vfs_dir.c: open directories, and whatever is opened with O_PATH ---- */

/* A right to an open object of user UID for NA (a reference is made). MACH_PORT_NULL: too many, or no memory. */
mach_port_t vfs_dir_open(struct vfs_name *na, uint32_t flags, int32_t pid, uint32_t uid);
struct vfs_name *vfs_dir_name(mach_port_t io);

/* ---- vfs_pipe.c ---- */

kern_return_t vfs_pipe_make(uint32_t uid, uint32_t gid, struct mx_object **reader, struct mx_object **writer,
	mach_port_t *ring, uint64_t *ino);
/* Blocks: until the other end is open, as open(2) says. */
kern_return_t vfs_fifo_open(struct vfs_vnode *vn, uint32_t flags, uint32_t uid, uint32_t tag, struct mx_object **out);
struct vfs_vnode *vfs_fifo_vnode(mach_port_t io);

/* ---- vfs_device.c ---- */

/* Keep nodes in DEV for the disks that there are, made as WHO. */
kern_return_t vfs_disks_start(const struct vfs_who *who, struct vfs_name *dev);
kern_return_t vfs_device_open(const struct vfs_who *who, struct vfs_vnode *vn, uint32_t flags, mach_port_t *io,
	uint32_t *kind);
/* The node of the open device IO, or NULL; no reference.  Blocks: asks drivers */
struct vfs_vnode *vfs_device_identify(mach_port_t io);

/* ---- vfs_open.c ---- */

struct vfs_opened {
	uint32_t	od_kind;
	mach_port_t	od_io;		/* a send right for the client, or MACH_PORT_NULL */
	struct mx_attr	od_attr;
	size_t		od_data_len;
};
/* Open NA, whose permissions were checked. DATA has room for MX_BLOB_MAX bytes. */
kern_return_t vfs_open_name(const struct vfs_who *who, const struct vfs_path *path, struct vfs_name *na, uint32_t flags,
	uint32_t tag, bool created, char *data, struct vfs_opened *od);
/* Open VN, whose permissions were checked, to be executed. DATA has room for MX_BLOB_MAX bytes. */
kern_return_t vfs_open_program(const struct vfs_who *who, struct vfs_vnode *vn, char *data, struct vfs_opened *od);

/* Open the regular file VN, which has been opened before, anew. Errors: MX_ENOENT it is none */
kern_return_t vfs_open_again(const struct vfs_who *who, struct vfs_vnode *vn, uint32_t flags, char *data, struct vfs_opened *od);

/* vfs_remote.c */
kern_return_t vfs_remote_open(struct vfs_vnode *vn, uint32_t flags, uint32_t uid, uint32_t want, char *data,
	struct vfs_opened *od);
/* The vnode behind an open object of a server elsewhere; a reference. Errors: MX_EBADF */
kern_return_t vfs_remote_identify(mach_port_t io, struct vfs_vnode **out);
/* DISK is what the server is told as the source. */
kern_return_t vfs_remote_mount(struct vfs_name *on, const char *type, const char *source, const char *disk, uint32_t flags,
	const char *options, size_t options_len, struct vfs_mount **out);
/* The system ends: all volumes of other servers are stored and unmounted, or at least left clean. Blocks */
void vfs_remote_stop(void);

/* ---- vfs_source.c ---- */

#define VFS_SOURCE_MAX	64u
/* What the server of a volume is told for the user's SOURCE. *WALKED: whether SOURCE is a path of something.
 * Errors: MX_EINVAL, MX_EACCES a disk that WHO may not use */
kern_return_t vfs_source_resolve(const struct vfs_who *who, const char *source, uint32_t flags, char *out, size_t size,
	kern_return_t *walked);
/* The same for the disk of the root directory, by the name that it will have in /dev. False: no such name. */
bool vfs_source_boot(const char *path, char *out, size_t size);
/* The text of /proc/filesystems; *LEN in: the size of BUF. */
kern_return_t vfs_source_types(char *buf, size_t *len);

/* ---- vfs_recover.c ---- */

extern const struct mx_server vfs_description;
/* The object "vfs.admin". */
struct mx_object *vfs_admin_make(void);

#endif
