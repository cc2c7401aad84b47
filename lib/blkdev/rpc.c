/*
 * rpc.c - the routines of blk.defs: decode, check, call the driver.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "blkdev_lib.h"

#include <mach/mig_support.h>
#include "blk_S.h"

extern boolean_t blk_server(mach_msg_header_t *in, mach_msg_header_t *out);

/* "blk.MAJOR" */
struct service {
	struct mx_object se_object;
	uint32_t	se_major;
};

/* What a client has open. */
struct handle {
	struct mx_object ha_object;
	struct blkdev_view ha_view;
	bool		ha_write;
};

static void handle_no_senders(struct mx_object *obj);

static mx_demux_t *const demuxes[] = { blk_server, NULL };
static struct mx_class service_class = {
	.mc_name = "disks", .mc_size = sizeof(struct service), .mc_demux = demuxes,
};
static struct mx_class handle_class = {
	.mc_name = "disk", .mc_size = sizeof(struct handle), .mc_demux = demuxes, .mc_no_senders = handle_no_senders,
};

struct mx_object *
blkdev_service_make(uint32_t major)
{
	struct service *se = mx_object_create(&service_class);

	if (se == NULL)
		return NULL;
	se->se_major = major;
	return &se->se_object;
}

static void
handle_no_senders(struct mx_object *obj)
{
	struct handle *ha = (struct handle *)obj;
	struct blkdev_part *part = blkdev_view_part(&ha->ha_view);

	if (part != NULL) {
		part->bp_clients--;
		part->bp_writers -= ha->ha_write;
	}
	mx_object_release(obj);
}

/* The open disk that OBJ is, for COUNT sectors from *SECTOR on, which becomes the disk's own number. Errors: NULL, *KR says why */
static struct handle *
decode(mx_object_ptr_t obj, uint64_t *sector, uint64_t count, kern_return_t *kr)
{
	struct handle *ha = mx_object_cast(obj, &handle_class);
	struct blkdev_part *part;

	*kr = MX_EINVAL;
	if (ha == NULL)
		return NULL;
	part = blkdev_view_part(&ha->ha_view);
	if (part == NULL) {
		*kr = MX_EIO;
		return NULL;
	}
	if (count > part->bp_sectors || *sector > part->bp_sectors - count)
		return NULL;
	*sector += part->bp_start;
	return ha;
}

/* ---- Open ---- */

static void
open_note(struct handle *ha, const struct blkdev_view *vi, struct blkdev_part *part, bool write)
{
	ha->ha_view = *vi;
	ha->ha_write = write;
	part->bp_clients++;
	part->bp_writers += write;
}

kern_return_t
S_blk_open(mx_object_ptr_t obj, uint32_t minor, boolean_t write, mach_port_t *port, mach_msg_type_name_t *type,
	mx_blk_info_t *info)
{
	struct service *se = mx_object_cast(obj, &service_class);
	struct blkdev_view vi;
	struct blkdev_part *part;
	struct handle *ha;
	kern_return_t kr;

	if (se == NULL)
		return MX_EINVAL;
	kr = blkdev_view_open(se->se_major, minor, &vi);
	if (kr != KERN_SUCCESS)
		return kr;
	if (write && vi.vi_disk->bd_is_readonly)
		return MX_EROFS;
	part = blkdev_view_part(&vi);
	if (blkdev_is_busy(vi.vi_disk, part, write != 0))
		return MX_EBUSY;
	ha = mx_object_create(&handle_class);
	if (ha == NULL)
		return MX_ENOMEM;
	*port = mx_object_make_send(&ha->ha_object, type);
	if (*port == MACH_PORT_NULL) {
		mx_object_release(&ha->ha_object);
		return MX_ENOMEM;
	}
	open_note(ha, &vi, part, write != 0);
	blkdev_view_info(&vi, info);
	return KERN_SUCCESS;
}

kern_return_t
S_blk_info(mx_object_ptr_t obj, mx_blk_info_t *info)
{
	uint64_t sector = 0;
	kern_return_t kr;
	struct handle *ha = decode(obj, &sector, 0, &kr);

	if (ha == NULL)
		return kr;
	blkdev_view_info(&ha->ha_view, info);
	return KERN_SUCCESS;
}

/* ---- Data ---- */

kern_return_t
S_blk_read(mx_object_ptr_t obj, uint64_t sector, uint32_t count, vm_offset_t *data, mach_msg_type_number_t *data_count)
{
	void *pages = NULL;
	kern_return_t kr;
	struct handle *ha = decode(obj, &sector, count, &kr);

	if (ha == NULL)
		return kr;
	if (count == 0 || count > BLKDEV_READ_MAX)
		return MX_EINVAL;
	kr = ha->ha_view.vi_disk->bd_ops->bo_read_pages(ha->ha_view.vi_disk, sector, count, &pages);
	*data = (vm_offset_t)pages;
	*data_count = count * BLKDEV_SECTOR;
	return kr;
}

kern_return_t
S_blk_read_small(mx_object_ptr_t obj, uint64_t sector, uint32_t count, mx_data_t data, mach_msg_type_number_t *data_count)
{
	kern_return_t kr;
	struct handle *ha = decode(obj, &sector, count, &kr);

	if (ha == NULL)
		return kr;
	if (count == 0 || count > MX_DATA_MAX / BLKDEV_SECTOR)
		return MX_EINVAL;
	*data_count = count * BLKDEV_SECTOR;
	return ha->ha_view.vi_disk->bd_ops->bo_read(ha->ha_view.vi_disk, sector, count, data);
}

static kern_return_t
write_do(mx_object_ptr_t obj, uint64_t sector, uint32_t flags, const void *data, size_t bytes, size_t most)
{
	struct blkdev_disk *disk;
	kern_return_t kr;
	struct handle *ha = decode(obj, &sector, bytes / BLKDEV_SECTOR, &kr);

	if (ha == NULL)
		return kr;
	if (bytes == 0 || bytes % BLKDEV_SECTOR != 0 || bytes > most || (flags & ~BLK_FUA) != 0)
		return MX_EINVAL;
	if (!ha->ha_write)
		return MX_EROFS;
	disk = ha->ha_view.vi_disk;
	mx_rwlock_rdlock(&disk->bd_edge);
	kr = disk->bd_ops->bo_write(disk, sector, bytes / BLKDEV_SECTOR, data);
	mx_rwlock_unlock(&disk->bd_edge);
	return kr == KERN_SUCCESS && (flags & BLK_FUA) ? blkdev_flush(disk) : kr;
}

kern_return_t
S_blk_write(mx_object_ptr_t obj, uint64_t sector, uint32_t flags, vm_offset_t data, mach_msg_type_number_t count)
{
	kern_return_t kr = write_do(obj, sector, flags, (const void *)data, count, BLKDEV_READ_MAX * BLKDEV_SECTOR);

	if (kr == KERN_SUCCESS)
		mig_deallocate(data, count);	/* after an error the loop does it */
	return kr;
}

kern_return_t
S_blk_write_small(mx_object_ptr_t obj, uint64_t sector, uint32_t flags, const mx_data_t data, mach_msg_type_number_t count)
{
	return write_do(obj, sector, flags, data, count, MX_DATA_MAX);
}

kern_return_t
S_blk_flush(mx_object_ptr_t obj)
{
	uint64_t sector = 0;
	kern_return_t kr;
	struct handle *ha = decode(obj, &sector, 0, &kr);

	return ha == NULL ? kr : blkdev_flush(ha->ha_view.vi_disk);
}

kern_return_t
S_blk_discard(mx_object_ptr_t obj, uint64_t sector, uint64_t count)
{
	struct blkdev_disk *disk;
	kern_return_t kr;
	struct handle *ha = decode(obj, &sector, count, &kr);

	if (ha == NULL)
		return kr;
	disk = ha->ha_view.vi_disk;
	if (!ha->ha_write)
		return MX_EROFS;
	if (disk->bd_ops->bo_discard == NULL)
		return MX_EOPNOTSUPP;
	return count == 0 ? KERN_SUCCESS : disk->bd_ops->bo_discard(disk, sector, count);
}
