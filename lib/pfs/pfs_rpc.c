/*
 * pfs_rpc.c - the routines of pfs.defs: a node's port, for a vfs in another task.
 *
 * Decode and check, then call what a vfs in this task would call. A node has at most one port; it holds a reference to the node
 * until the last right to it is gone.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/mach.h>
#include "pfs_S.h"
#include "pfs_lib.h"

#define SETTLE_NS	5000000000ull
#define SETTLE_SOON_NS	1000000000ull
#define SETTLE_FILES_NS	80000000ull	/* while files are open: most likely they stay */

extern boolean_t pfs_server(mach_msg_header_t *in, mach_msg_header_t *out);

struct pfs_handle {
	struct mx_object ha_object;	/* first */
	struct pfs_node	*ha_node;	/* a reference; NULL: the volume was unmounted */
};

struct pfs_service {			/* where volumes of one type are mounted */
	struct mx_object se_object;
	const struct pfs_ops *se_ops;
};

/* A request keeps the volume: while it waits for the disk somebody may unmount. */
static boolean_t
node_demux(mach_msg_header_t *in, mach_msg_header_t *out)
{
	const struct pfs_handle *ha = (const struct pfs_handle *)in->msgh_protected_payload;
	struct pfs_volume *vol = ha->ha_node != NULL ? ha->ha_node->pn_volume : NULL;
	boolean_t is_known;

	if (vol == NULL)
		return pfs_server(in, out);
	pfs_volume_opened(vol);
	is_known = pfs_server(in, out);
	pfs_volume_closed(vol);
	return is_known;
}

static mx_demux_t *const node_demuxes[] = { node_demux, NULL }, *const service_demuxes[] = { pfs_server, NULL };

static void
handle_no_senders(struct mx_object *obj)
{
	mx_object_release(obj);
}

/* HA's node goes; the port, if clients have it, stays without one. The volume may end here. */
static void
handle_retire(struct pfs_handle *ha)
{
	struct pfs_node *node = ha->ha_node;
	struct pfs_volume *vol;

	if (node == NULL)
		return;
	vol = node->pn_volume;
	node->pn_handle = NULL;
	ha->ha_node = NULL;
	pfs_node_release(node);
	pfs_volume_closed(vol);
}

static void
handle_free(struct mx_object *obj)
{
	handle_retire((struct pfs_handle *)obj);
}

static struct mx_class handle_class = {
	.mc_name = "node", .mc_size = sizeof(struct pfs_handle), .mc_demux = node_demuxes, .mc_no_senders = handle_no_senders,
	.mc_free = handle_free,
};
static struct mx_class service_class = { .mc_name = "pfs", .mc_size = sizeof(struct pfs_service), .mc_demux = service_demuxes };

/* ---- Decoding ---- */

static struct pfs_node *
node_of(struct mx_object *obj)
{
	struct pfs_handle *ha = mx_object_cast(obj, &handle_class);

	return ha != NULL ? ha->ha_node : NULL;
}

/* A send right to NODE's port, whose reference is taken. */
static kern_return_t
node_port(struct pfs_node *node, mach_port_t *port, mach_msg_type_name_t *type)
{
	struct pfs_handle *ha = node->pn_handle;

	if (ha == NULL) {
		ha = mx_object_create(&handle_class);
		if (ha == NULL) {
			pfs_node_release(node);
			return MX_ENOMEM;
		}
		ha->ha_node = node;
		node->pn_handle = ha;
		pfs_volume_opened(node->pn_volume);	/* it does not end before its ports */
	} else {
		pfs_node_release(node);
	}
	*port = mx_object_make_send(&ha->ha_object, type);
	return *port != MACH_PORT_NULL ? KERN_SUCCESS : MX_ENOMEM;
}

/* NODE, which came with a reference, and its attributes. */
static kern_return_t
node_answer(struct pfs_node *node, mach_port_t *port, mach_msg_type_name_t *type, struct mx_attr *attr)
{
	kern_return_t kr = pfs_node_getattr(node);

	if (kr != KERN_SUCCESS) {
		pfs_node_release(node);
		return kr;
	}
	*attr = node->pn_attr;
	return node_port(node, port, type);
}

/* Bounds and form of a name; MIG has done neither. */
static kern_return_t
name_check(const char *name, mach_msg_type_number_t len)
{
	if (len == 0)
		return MX_ENOENT;
	if (len > MX_NAME_MAX)
		return MX_ENAMETOOLONG;
	if (memchr(name, '/', len) != NULL || memchr(name, '\0', len) != NULL)
		return MX_EINVAL;
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return MX_EINVAL;
	return KERN_SUCCESS;
}

/* NODE's volume was changed with the result KR: on a synchronous volume that is durable now. */
static kern_return_t
changed(const struct pfs_node *node, kern_return_t kr)
{
	struct pfs_volume *vol = node->pn_volume;

	return kr == KERN_SUCCESS && (vol->pv_flags & PFS_SYNC) ? pfs_volume_sync(vol) : kr;
}

/* ---- Volumes ---- */

kern_return_t
S_pfs_mount(mx_object_ptr_t server, const mx_path_t source, mach_msg_type_number_t source_len, uint32_t flags,
	const mx_blob_t options, mach_msg_type_number_t options_len, mach_port_t *root, mach_msg_type_name_t *root_type,
	mx_attr_t *attr, uint32_t *cache)
{
	struct pfs_service *se = mx_object_cast(server, &service_class);
	struct pfs_mount_args args = { source, source_len, options, options_len, 0 };
	struct pfs_volume *vol;
	char dev[16];
	kern_return_t kr;

	if (se == NULL || source_len > MX_PATH_MAX || options_len > MX_BLOB_MAX)
		return MX_EINVAL;
	if (pfs_option_get(&args, "dev", dev, sizeof(dev)))
		args.ma_dev_minor = (uint32_t)strtoul(dev, NULL, 10);
	kr = pfs_volume_mount(se->se_ops, flags, &args, &vol);
	if (kr != KERN_SUCCESS)
		return kr;
	*cache = se->se_ops->po_cache;
	pfs_node_hold(vol->pv_root);
	kr = node_answer(vol->pv_root, root, root_type, attr);
	if (kr != KERN_SUCCESS)
		pfs_volume_unmount(vol);
	return kr;
}

#define UNMOUNT_OPENS	2u	/* what keeps a volume then: its root's port, and this request */

/* Wait until nothing else keeps VOL: what was given up is on its way to be noticed, and changed pages to the disk. That is
 * thousands of files one after the other: as long as they become fewer, they go. */
static bool
volume_settle(struct pfs_volume *vol, uint64_t most)
{
	uint64_t start = mx_now_ns(), now = start;
	unsigned int least = vol->pv_opens;

	for (pfs_quiet_sweep(PFS_QUIET_ALL); vol->pv_opens > UNMOUNT_OPENS && now < start + (vol->pv_files > 0 ? SETTLE_FILES_NS : most);
	    pfs_quiet_sweep(PFS_QUIET_ALL)) {		/* a process that ended lets go of its files a little later */
		(void)mx_cond_wait_until(&vol->pv_closed, now + SETTLE_FILES_NS / 4);	/* looks at the clock again */
		now = mx_now_ns();
		if (vol->pv_opens < least) {
			least = vol->pv_opens;
			start = now;
		}
	}
	return vol->pv_opens <= UNMOUNT_OPENS;
}

kern_return_t
S_pfs_unmount(mx_object_ptr_t root, uint32_t flags)
{
	struct pfs_node *node = node_of(root);
	struct pfs_volume *vol;

	if (node == NULL || node != node->pn_volume->pv_root || node->pn_volume->pv_dying)
		return MX_EINVAL;
	vol = node->pn_volume;
	if (vol->pv_leaving)
		return MX_EBUSY;		/* the other one may end the volume while this one waited */
	vol->pv_leaving = true;
	(void)pfs_volume_sync(vol);		/* what fails was logged, and is not better for staying mounted */
	if ((flags & MX_UNMOUNT_LAZY) == 0 && vol->pv_ops->po_leave != NULL)
		vol->pv_ops->po_leave(vol);
	if ((flags & MX_UNMOUNT_LAZY) == 0 && !volume_settle(vol, (flags & MX_UNMOUNT_SOON) ? SETTLE_SOON_NS : SETTLE_NS)) {
		vol->pv_leaving = false;
		return MX_EBUSY;
	}
	vol->pv_dying = true;
	pfs_quiet_watch_all(NULL);		/* it is to end with its last file */
	handle_retire((struct pfs_handle *)root);	/* it ends here, or with the last that keeps it */
	return KERN_SUCCESS;
}

kern_return_t
S_pfs_remount(mx_object_ptr_t root, uint32_t flags)
{
	struct pfs_node *node = node_of(root);

	if (node == NULL || (flags & ~(PFS_FLAGS | MX_REMOUNT_FORCE)) != 0)
		return MX_EINVAL;
	return pfs_volume_remount(node->pn_volume, flags & PFS_FLAGS, (flags & MX_REMOUNT_FORCE) != 0);
}

kern_return_t
S_pfs_statfs(mx_object_ptr_t obj, mx_statfs_t *st)
{
	struct pfs_node *node = node_of(obj);

	return node != NULL ? pfs_volume_statfs(node->pn_volume, st) : MX_EINVAL;
}

kern_return_t
S_pfs_sync(mx_object_ptr_t root)
{
	struct pfs_node *node = node_of(root);

	return node != NULL ? pfs_volume_sync(node->pn_volume) : MX_EINVAL;
}

kern_return_t
S_pfs_fsync(mx_object_ptr_t obj, boolean_t dataonly)
{
	struct pfs_node *node = node_of(obj);

	return node != NULL ? pfs_node_fsync(node, dataonly) : MX_EINVAL;
}

/* ---- Names ---- */

kern_return_t
S_pfs_lookup(mx_object_ptr_t dir, int32_t who, const mx_name_t name, mach_msg_type_number_t len, mach_port_t *port,
	mach_msg_type_name_t *type, mx_attr_t *attr)
{
	struct pfs_node *node = node_of(dir), *found;
	kern_return_t kr = name_check(name, len);

	if (node == NULL)
		return MX_EINVAL;
	if (kr == KERN_SUCCESS)
		kr = pfs_node_lookup(node, who, name, len, &found);
	return kr == KERN_SUCCESS ? node_answer(found, port, type, attr) : kr;
}

static kern_return_t
create(mx_object_ptr_t dir, const char *name, mach_msg_type_number_t len, const struct pfs_new *what, mach_port_t *port,
	mach_msg_type_name_t *type, mx_attr_t *attr)
{
	struct pfs_node *node = node_of(dir), *made;
	kern_return_t kr = name_check(name, len);

	if (node == NULL)
		return MX_EINVAL;
	if (kr == KERN_SUCCESS)
		kr = pfs_node_create(node, name, len, what, &made);
	if (kr == KERN_SUCCESS)
		(void)changed(node, kr);		/* it is there in any case */
	return kr == KERN_SUCCESS ? node_answer(made, port, type, attr) : kr;
}

kern_return_t
S_pfs_create(mx_object_ptr_t dir, const mx_name_t name, mach_msg_type_number_t len, uint32_t mode, uint32_t uid,
	uint32_t gid, uint32_t rdev_major, uint32_t rdev_minor, mach_port_t *port, mach_msg_type_name_t *type,
	mx_attr_t *attr)
{
	const struct pfs_new what = {
		.nw_mode = mode, .nw_uid = uid, .nw_gid = gid, .nw_rdev_major = rdev_major, .nw_rdev_minor = rdev_minor,
	};

	if ((mode & MX_S_IFMT) == MX_S_IFLNK)
		return MX_EINVAL;
	return create(dir, name, len, &what, port, type, attr);
}

kern_return_t
S_pfs_symlink(mx_object_ptr_t dir, const mx_name_t name, mach_msg_type_number_t len, const mx_path_t target,
	mach_msg_type_number_t target_len, uint32_t uid, uint32_t gid, mach_port_t *port, mach_msg_type_name_t *type,
	mx_attr_t *attr)
{
	const struct pfs_new what = {
		.nw_mode = MX_S_IFLNK | 0777, .nw_uid = uid, .nw_gid = gid, .nw_target = target,
		.nw_target_len = target_len,
	};

	if (target_len == 0 || target_len >= MX_PATH_MAX)
		return MX_ENAMETOOLONG;
	return create(dir, name, len, &what, port, type, attr);
}

kern_return_t
S_pfs_link(mx_object_ptr_t dir, const mx_name_t name, mach_msg_type_number_t len, mach_port_t port, mx_attr_t *attr)
{
	struct pfs_node *node = node_of(dir);
	struct pfs_handle *ha = mx_object_from_port(port, &handle_class);
	kern_return_t kr = name_check(name, len);

	if (node == NULL || ha == NULL || ha->ha_node == NULL)
		return MX_EINVAL;
	if (kr == KERN_SUCCESS)
		kr = changed(node, pfs_node_link(node, name, len, ha->ha_node));
	if (kr != KERN_SUCCESS)
		return kr;
	*attr = ha->ha_node->pn_attr;
	mx_port_release(port);
	return KERN_SUCCESS;
}

kern_return_t
S_pfs_unlink(mx_object_ptr_t dir, const mx_name_t name, mach_msg_type_number_t len, boolean_t rmdir)
{
	struct pfs_node *node = node_of(dir);
	kern_return_t kr = name_check(name, len);

	if (node == NULL)
		return MX_EINVAL;
	return kr == KERN_SUCCESS ? changed(node, pfs_node_unlink(node, name, len, rmdir != 0)) : kr;
}

kern_return_t
S_pfs_rename(mx_object_ptr_t dir1, const mx_name_t name1, mach_msg_type_number_t len1, mach_port_t dir2,
	const mx_name_t name2, mach_msg_type_number_t len2, uint32_t flags)
{
	struct pfs_node *node = node_of(dir1);
	struct pfs_handle *ha = mx_object_from_port(dir2, &handle_class);
	kern_return_t kr = name_check(name1, len1);

	if (node == NULL || ha == NULL || ha->ha_node == NULL || flags > 2)
		return MX_EINVAL;
	if (kr == KERN_SUCCESS)
		kr = name_check(name2, len2);
	if (kr == KERN_SUCCESS)
		kr = changed(node, pfs_node_rename(node, name1, len1, ha->ha_node, name2, len2, flags));
	if (kr == KERN_SUCCESS)
		mx_port_release(dir2);
	return kr;
}

kern_return_t
S_pfs_readdir(mx_object_ptr_t dir, uint64_t cookie, uint32_t count, mx_data_t data, mach_msg_type_number_t *data_len)
{
	struct pfs_node *node = node_of(dir);
	size_t len = count < MX_DATA_MAX ? count : MX_DATA_MAX;
	kern_return_t kr;

	if (node == NULL)
		return MX_EINVAL;
	kr = pfs_node_readdir(node, cookie, 0, data, &len);
	*data_len = len;
	return kr;
}

/* ---- Nodes ---- */

kern_return_t
S_pfs_open(mx_object_ptr_t obj, uint32_t flags, uint32_t uid, uint32_t want, mach_port_t *io,
	mach_msg_type_name_t *io_type, uint32_t *kind, mx_attr_t *attr, mx_blob_t data, mach_msg_type_number_t *data_len)
{
	struct pfs_node *node = node_of(obj);
	struct pfs_file *pf;
	size_t done = 0;
	kern_return_t kr;

	if (node == NULL)
		return MX_EINVAL;
	kr = pfs_file_open(node, flags, uid, &pf, kind);
	if (kr != KERN_SUCCESS)
		return kr;
	if (want > 0 && *kind == MX_KIND_FILE)
		(void)pfs_node_read(node, 0, data, want < MX_BLOB_MAX ? want : MX_BLOB_MAX, &done);	/* only a help */
	*data_len = done;
	*attr = node->pn_attr;
	*io = pfs_file_right(pf);
	*io_type = MACH_MSG_TYPE_MOVE_SEND;
	if (*io != MACH_PORT_NULL)
		return KERN_SUCCESS;
	mx_object_release(pfs_file_object(pf));
	return MX_ENFILE;
}

kern_return_t
S_pfs_getattr(mx_object_ptr_t obj, mx_attr_t *attr, boolean_t *writers)
{
	struct pfs_node *node = node_of(obj);
	kern_return_t kr;

	if (node == NULL)
		return MX_EINVAL;
	kr = pfs_node_getattr(node);
	*attr = node->pn_attr;
	*writers = node->pn_opens > node->pn_programs;	/* who reads changes the access time */
	return kr;
}

kern_return_t
S_pfs_setattr(mx_object_ptr_t obj, mx_setattr_t set, mx_attr_t *attr)
{
	struct pfs_node *node = node_of(obj);
	kern_return_t kr;

	if (node == NULL)
		return MX_EINVAL;
	kr = changed(node, pfs_node_setattr(node, &set));
	*attr = node->pn_attr;
	return kr;
}

kern_return_t
S_pfs_readlink(mx_object_ptr_t obj, int32_t who, mx_path_t target, mach_msg_type_number_t *target_len)
{
	struct pfs_node *node = node_of(obj);
	size_t len = 0;
	kern_return_t kr;

	if (node == NULL)
		return MX_EINVAL;
	kr = pfs_node_readlink(node, who, target, MX_PATH_MAX - 1, &len);
	*target_len = len;
	return kr;
}

kern_return_t
S_pfs_getxattr(mx_object_ptr_t obj, const mx_name_t name, mach_msg_type_number_t len, mx_data_t value, mach_msg_type_number_t *value_len)
{
	struct pfs_node *node = node_of(obj);
	size_t size = 0;
	kern_return_t kr;

	if (node == NULL || len > MX_NAME_MAX)
		return MX_EINVAL;
	kr = pfs_node_getxattr(node, name, len, value, &size);
	*value_len = size;
	return kr;
}

kern_return_t
S_pfs_setxattr(mx_object_ptr_t obj, const mx_name_t name, mach_msg_type_number_t len, const mx_data_t value,
	mach_msg_type_number_t value_len, uint32_t how, mx_attr_t *attr)
{
	struct pfs_node *node = node_of(obj);
	kern_return_t kr;

	if (node == NULL || len > MX_NAME_MAX || value_len > MX_DATA_MAX || memchr(name, '\0', len) != NULL)
		return MX_EINVAL;
	kr = changed(node, pfs_node_setxattr(node, name, len, value, value_len, how));
	*attr = node->pn_attr;
	return kr;
}

kern_return_t
S_pfs_listxattr(mx_object_ptr_t obj, mx_data_t names, mach_msg_type_number_t *names_len)
{
	struct pfs_node *node = node_of(obj);
	size_t size = 0;
	kern_return_t kr;

	if (node == NULL)
		return MX_EINVAL;
	kr = pfs_node_listxattr(node, names, &size);
	*names_len = size;
	return kr;
}

kern_return_t
S_pfs_identify(mx_object_ptr_t root, mach_port_t io, mach_port_t *port, mach_msg_type_name_t *type)
{
	struct pfs_node *node = pfs_file_node(io);
	kern_return_t kr;

	(void)root;
	if (node == NULL)
		return MX_EBADF;
	pfs_node_hold(node);
	kr = node_port(node, port, type);
	if (kr == KERN_SUCCESS)
		mx_port_release(io);
	return kr;
}

/* ---- Registering ---- */

kern_return_t
pfs_server_register(const char *service, const struct pfs_ops *ops)
{
	struct pfs_service *se = mx_object_create(&service_class);

	if (se == NULL)
		return MX_ENOMEM;
	se->se_ops = ops;
	return mx_register(service, &se->se_object);
}
