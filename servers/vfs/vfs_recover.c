/*
 * vfs_recover.c - the tree when the system starts; there is no way back after a crash yet.
 *
 * (1) the volume that the boot command names (root=, rootfstype=) is mounted as the root; without one, or when it cannot be,
 * a tmpfs is, and (2) the boot archive's tree is hung into it, and that of the added files, (3) /dev is made
 * from a table, (4) proc may have its port, (5) what other servers mount (/proc, /dev/pts) follows when they are there:
 * nobody waits for them.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>
#include <mach/host_info.h>
#include <masix/mach.h>
#include <masix/pager.h>
#include "mach.h"
#include "mach_host.h"
#include "tmpfs.h"
#include "vfs_rpc.h"

static struct pfs_ops devfs_ops;	/* tmpfs under another name */

/* As the system itself. */
static struct vfs_who boot_who;

/* ---- Archives ---- */

/* Map the archive that lies in TASK's first region. It stays shared with ACS, so its pages are not ours to give away. */
static kern_return_t
archive_map(mach_port_t task, vm_offset_t *data, mach_msg_type_number_t *size)
{
	vm_address_t address = 0;
	vm_size_t length;
	vm_offset_t offset;
	vm_prot_t prot, max;
	vm_inherit_t inherit;
	boolean_t is_shared;
	mach_port_t object;
	kern_return_t kr;

	kr = vm_region(task, &address, &length, &prot, &max, &inherit, &is_shared, &object, &offset);
	if (kr != KERN_SUCCESS)
		return kr;
	mx_port_release(object);
	return vm_read(task, address, length, data, size);
}

static kern_return_t
archive_unpack(const char *right, struct pfs_node *root)
{
	mach_port_t task;
	vm_offset_t data;
	mach_msg_type_number_t size;
	kern_return_t kr = mx_right(right, &task);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = archive_map(task, &data, &size);
	mx_port_release(task);
	if (kr == KERN_SUCCESS)
		kr = tmpfs_unpack(root, (const void *)data, size, false);
	return kr;
}

/* ---- /dev ---- */

struct device {
	const char	*de_path;
	uint32_t	de_mode;
	uint32_t	de_gid;
	uint32_t	de_major, de_minor;
	const char	*de_target;	/* of a symbolic link */
};

#define GID_TTY	5
#define PAGES_PER_NAME	3u	/* of half the memory: a name keeps a node of the file system and its pages */

static const struct device devices[] = {
	{ "null", MX_S_IFCHR | 0666, 0, 1, 3, NULL },
	{ "zero", MX_S_IFCHR | 0666, 0, 1, 5, NULL },
	{ "full", MX_S_IFCHR | 0666, 0, 1, 7, NULL },
	{ "random", MX_S_IFCHR | 0666, 0, 1, 8, NULL },
	{ "urandom", MX_S_IFCHR | 0666, 0, 1, 9, NULL },
	{ "tty", MX_S_IFCHR | 0666, GID_TTY, 5, 0, NULL },
	{ "console", MX_S_IFCHR | 0600, 0, 5, 1, NULL },
	{ "ptmx", MX_S_IFCHR | 0666, GID_TTY, 5, 2, NULL },
	{ "ttyS0", MX_S_IFCHR | 0660, GID_TTY, 4, 64, NULL },
	{ "hvc0", MX_S_IFCHR | 0660, GID_TTY, 229, 0, NULL },
	{ "fd", MX_S_IFLNK, 0, 0, 0, "/proc/self/fd" },
	{ "stdin", MX_S_IFLNK, 0, 0, 0, "/proc/self/fd/0" },
	{ "stdout", MX_S_IFLNK, 0, 0, 0, "/proc/self/fd/1" },
	{ "stderr", MX_S_IFLNK, 0, 0, 0, "/proc/self/fd/2" },
	{ "acs", MX_S_IFCHR | 0600, 0, MX_MAJOR_ACS, 0, NULL },
	{ "acslog", MX_S_IFCHR | 0600, 0, MX_MAJOR_ACS, 1, NULL },
	{ "exec", MX_S_IFDIR | 0755, 0, 0, 0, NULL },
	{ "exec/stdin", MX_S_IFCHR | 0666, 0, MX_MAJOR_EXEC, 0, NULL },
	{ "exec/stdout", MX_S_IFCHR | 0666, 0, MX_MAJOR_EXEC, 1, NULL },
	{ "exec/stderr", MX_S_IFCHR | 0666, 0, MX_MAJOR_EXEC, 2, NULL },
	{ "exec/control", MX_S_IFCHR | 0600, 0, MX_MAJOR_EXEC, 3, NULL },
	{ "shm", MX_S_IFDIR | 01777, 0, 0, 0, NULL },
	{ "pts", MX_S_IFDIR | 0755, 0, 0, 0, NULL },
	{ "block", MX_S_IFDIR | 0755, 0, 0, 0, NULL },
};

/* Make PATH below START unless it is there. */
static kern_return_t
make(struct vfs_name *start, const char *path, uint32_t mode, uint32_t major, uint32_t minor, const char *target)
{
	struct vfs_path pa = { start, path, strlen(path), 0, NULL };
	struct pfs_new what = {
		.nw_mode = mode, .nw_rdev_major = major, .nw_rdev_minor = minor, .nw_target = target,
		.nw_target_len = target != NULL ? strlen(target) : 0,
	};
	kern_return_t kr = vfs_op_make(&boot_who, &pa, &what);

	return kr == MX_EEXIST ? KERN_SUCCESS : kr;
}

static kern_return_t
group_set(struct vfs_name *start, const char *path, uint32_t gid)
{
	struct vfs_path pa = { start, path, strlen(path), 0, NULL };
	struct mx_setattr set = { .sa_valid = MX_SET_GID, .sa_gid = gid };
	struct vfs_name *na;
	kern_return_t kr = vfs_walk(&boot_who, &pa, 0, &na);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_op_setattr(&boot_who, na->na_vnode, &set);
	vfs_name_release(na);
	return kr;
}

static kern_return_t
devices_make(struct vfs_name *dev)
{
	const struct device *de;
	kern_return_t kr = KERN_SUCCESS;

	for (de = devices; de < devices + sizeof(devices) / sizeof(devices[0]) && kr == KERN_SUCCESS; de++) {
		kr = make(dev, de->de_path, de->de_target != NULL ? MX_S_IFLNK | 0777 : de->de_mode, de->de_major,
			de->de_minor, de->de_target);
		if (kr == KERN_SUCCESS && de->de_gid != 0)
			kr = group_set(dev, de->de_path, de->de_gid);
	}
	return kr;
}

/* ---- Mounting ---- */

static kern_return_t
name_get(const char *path, struct vfs_name **out)
{
	struct vfs_path pa = { vfs_root, path, strlen(path), 0, NULL };

	return vfs_walk(&boot_who, &pa, VFS_FOLLOW, out);
}

static kern_return_t
mount_on(const char *path, const struct pfs_ops *ops, const char *options, struct vfs_mount **out)
{
	struct pfs_mount_args args = { ops->po_name, strlen(ops->po_name), options, strlen(options), 0 };
	struct vfs_name *on;
	kern_return_t kr = make(vfs_root, path, MX_S_IFDIR | 0755, 0, 0, NULL);

	if (kr == KERN_SUCCESS)
		kr = name_get(path, &on);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_mount_local(on, ops, 0, &args, out);
	vfs_name_release(on);
	return kr;
}

static void remote_lost(struct vfs_mount *mn);

/* Mounts that wait for their server: a fibril each. ARG is path and type. */
static void
remote_mount_run(void *arg)
{
	const char *const *what = arg;
	struct vfs_mount *mn = NULL;
	struct vfs_name *on;
	kern_return_t kr = name_get(what[0], &on);

	if (kr == KERN_SUCCESS) {
		kr = vfs_remote_mount(on, what[1], what[1], what[1], 0, "", 0, &mn);
		vfs_name_release(on);
	}
	if (kr == KERN_SUCCESS) {
		mn->mn_on_lost = remote_lost;
		mn->mn_arg = arg;
	} else {				/* as when the system ends */
		mx_log(MX_LOG_INFO, "vfs: cannot mount %s on %s: error %#x", what[1], what[0], kr);
	}
}

/* The server of such a volume is gone: what is left of the volume leaves the tree, and the next instance is waited for. */
static void
remote_lost(struct vfs_mount *mn)
{
	struct vfs_name *root = mn->mn_root;
	void *arg = mn->mn_arg;

	vfs_name_hold(root);
	(void)vfs_umount_name(root, true);	/* lazily it cannot fail: it lies on a directory */
	vfs_name_release(root);
	remote_mount_run(arg);
}

static kern_return_t
remote_mounts_start(void)
{
	static const char *const mounts[][2] = { { "/proc", "proc" }, { "/dev/pts", "devpts" } };
	kern_return_t kr = KERN_SUCCESS;
	unsigned int i;

	for (i = 0; i < 2 && kr == KERN_SUCCESS; i++)
		kr = mx_fibril_start(remote_mount_run, (void *)(uintptr_t)mounts[i], "mount");
	return kr;
}

/* ---- Start ---- */

/* Half of memory, in pages. */
static uint32_t
memory_share(void)
{
	struct host_basic_info info;
	mach_msg_type_number_t n = HOST_BASIC_INFO_COUNT;

	if (host_info(mach_host_self(), HOST_BASIC_INFO, (host_info_t)&info, &n) != KERN_SUCCESS)
		return 8192;
	return info.memory_size / 2 / MX_PAGE;
}

static bool root_is_disk;

/* Mount the disk ROOT as the root directory. */
static kern_return_t
root_mount(const char *root, const char *type)
{
	char disk[VFS_SOURCE_MAX];
	struct vfs_mount *mn;
	kern_return_t kr;

	if (!vfs_source_boot(root, disk, sizeof(disk)))
		return MX_ENODEV;
	kr = vfs_remote_mount(NULL, type, root, disk, 0, "", 0, &mn);
	if (kr == MX_EROFS)
		kr = vfs_remote_mount(NULL, type, root, disk, PFS_RDONLY, "", 0, &mn);
	return kr;
}

/* True: the root directory is on a disk, as the boot command asks. */
static bool
root_on_disk(void)
{
	char root[VFS_SOURCE_MAX], type[32];
	kern_return_t kr;

	(void)snprintf(root, sizeof(root), "%s", mx_boot_option("root"));
	if (root[0] == '\0')
		return false;
	(void)snprintf(type, sizeof(type), "%s", mx_boot_option("rootfstype"));
	if (type[0] == '\0')
		(void)snprintf(type, sizeof(type), "ext2");
	kr = root_mount(root, type);
	if (kr == KERN_SUCCESS)
		return true;
	mx_log(MX_LOG_ERROR, "vfs: %s cannot be mounted as the root directory (%s, error %d): going on with the boot archive", root,
		type, MX_ERRNO(kr));
	return false;
}

static kern_return_t
root_make(void)
{
	static const struct pfs_mount_args args = { "bootfs", 6, "mode=0755", 9, 0 };
	struct vfs_mount *mn;
	kern_return_t kr;

	root_is_disk = root_on_disk();
	if (root_is_disk) {
		boot_who.wh_root = boot_who.wh_cwd = vfs_root;
		return KERN_SUCCESS;
	}
	kr = vfs_mount_local(NULL, &tmpfs_ops, 0, &args, &mn);
	if (kr != KERN_SUCCESS)
		return kr;
	boot_who.wh_root = boot_who.wh_cwd = vfs_root;
	kr = archive_unpack("bootfs", mn->mn_volume->pv_root);
	if (kr != KERN_SUCCESS)
		return kr;
	if (archive_unpack("addfs", mn->mn_volume->pv_root) == MX_EINVAL)
		mx_log(MX_LOG_ERROR, "vfs: the archive of added files is damaged");
	return KERN_SUCCESS;
}

/* A volume of its own for what everybody may fill, so that the rest keeps some room; unless the archive has put something there. */
static kern_return_t
scratch_make(const char *path)
{
	struct vfs_name *na;
	char entry[sizeof(struct mx_dirent) + MX_NAME_MAX];
	size_t len = sizeof(entry);
	kern_return_t kr = make(vfs_root, path, MX_S_IFDIR | 01777, 0, 0, NULL);

	if (kr == KERN_SUCCESS)
		kr = name_get(path, &na);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_node_readdir(na->na_vnode, 0, 0, entry, &len);
	vfs_name_release(na);
	if (kr != KERN_SUCCESS || len > 0)
		return kr;
	return mount_on(path, &tmpfs_ops, "mode=1777,size=40%", NULL);
}

/* With the root directory on a disk the added files are a volume of their own, for init to copy. */
static kern_return_t
added_make(void)
{
	struct vfs_mount *mn;
	mach_port_t task;
	kern_return_t kr;

	if (!root_is_disk || mx_right("addfs", &task) != KERN_SUCCESS)
		return KERN_SUCCESS;
	mx_port_release(task);
	kr = mount_on("/dev/.added", &tmpfs_ops, "mode=0700", &mn);
	if (kr == KERN_SUCCESS && archive_unpack("addfs", mn->mn_volume->pv_root) != KERN_SUCCESS)
		mx_log(MX_LOG_ERROR, "vfs: the archive of added files is damaged");
	return kr;
}

static kern_return_t
tree_make(void)
{
	struct vfs_mount *dev, *mn;
	kern_return_t kr = root_make();

	if (kr == KERN_SUCCESS)
		kr = make(vfs_root, "/proc", MX_S_IFDIR | 0555, 0, 0, NULL);
	if (kr == KERN_SUCCESS)
		kr = mount_on("/dev", &devfs_ops, "mode=0755", &dev);
	if (kr == KERN_SUCCESS)
		kr = devices_make(dev->mn_root);
	if (kr == KERN_SUCCESS)
		kr = vfs_disks_start(&boot_who, dev->mn_root);
	if (kr == KERN_SUCCESS)
		kr = scratch_make("/tmp");
	if (kr == KERN_SUCCESS)
		kr = scratch_make("/dev/shm");
	for (mn = vfs_mount_first; mn != NULL; mn = mn->mn_next)
		mn->mn_stays = true;
	if (kr == KERN_SUCCESS)
		kr = added_make();
	return kr;
}

static kern_return_t
vfs_fresh(int argc, char **argv)
{
	struct mx_object *admin;
	kern_return_t kr = mx_pager_start();

	(void)argc;
	(void)argv;
	if (kr != KERN_SUCCESS)
		return kr;
	tmpfs_init(memory_share());
	if (vfs_name_limit < memory_share() / PAGES_PER_NAME)
		vfs_name_limit = memory_share() / PAGES_PER_NAME;
	devfs_ops = tmpfs_ops;
	devfs_ops.po_name = "devtmpfs";
	pfs_type_add(&tmpfs_ops);
	pfs_type_add(&devfs_ops);
	kr = vfs_changes_init();
	if (kr == KERN_SUCCESS)
		kr = tree_make();
	if (kr != KERN_SUCCESS)
		return kr;
	admin = vfs_admin_make();
	if (admin == NULL)
		return MX_ENOMEM;
	kr = pfs_server_register("pfs.tmpfs", &tmpfs_ops);
	if (kr == KERN_SUCCESS)
		kr = pfs_server_register("pfs.devfs", &devfs_ops);
	if (kr == KERN_SUCCESS)
		kr = mx_register("vfs.admin", admin);
	if (kr == KERN_SUCCESS)
		kr = remote_mounts_start();
	if (kr == KERN_SUCCESS)
		kr = mx_on_stop(vfs_remote_stop);
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	return kr;
}

const struct mx_server vfs_description = { .ms_name = "vfs", .ms_fresh = vfs_fresh };
