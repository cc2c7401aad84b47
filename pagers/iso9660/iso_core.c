/*
 * iso_core.c - nodes, the volume descriptors, and the format as lib/ondisk wants it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "iso.h"

#define ISO_MAGIC	0x9660u
#define FIRST_SECTOR	16u		/* of the volume descriptors */
#define DESCRIPTORS_MAX	64u

enum { VD_TYPE = 0, VD_ID = 1, VD_ESCAPES = 88, VD_BLOCK = 128, VD_BLOCKS = 80, VD_ROOT = 156 };
enum { TYPE_PRIMARY = 1, TYPE_SUPPLEMENTARY = 2, TYPE_END = 255 };

/* ---- Contents ---- */

static kern_return_t
core_map(struct pfs_node *node, uint64_t offset, uint64_t max, uint64_t *disk, uint64_t *bytes)
{
	struct iso_node *in = iso_node_of(node);
	uint32_t i;

	for (i = 0; i < in->in_nextents; i++) {
		const struct iso_extent *ex = &in->in_extents[i];
		uint64_t there = (ex->ex_bytes + BLK_SECTOR - 1) & ~(uint64_t)(BLK_SECTOR - 1);

		if (offset >= ex->ex_bytes) {
			offset -= ex->ex_bytes;
			continue;
		}
		if (offset % BLK_SECTOR != 0)
			return MX_EIO;			/* an extent in the middle that does not end with a sector */
		*disk = ex->ex_disk + offset;
		*bytes = there - offset < max ? there - offset : max;
		return *disk % BLK_SECTOR == 0 ? KERN_SUCCESS : MX_EIO;
	}
	return MX_EIO;
}

static kern_return_t
core_fetch(struct pfs_node *node, uint32_t page, uint32_t npages, void **pages, uint32_t *got)
{
	if (iso_node_of(node)->in_refused)
		return MX_EIO;
	return od_fetch(od_volume_of(node)->ov_disk, node, core_map, node->pn_attr.at_size, page, npages, pages, got);
}

static const struct pfs_store_ops store_ops = { .st_fetch = core_fetch };

/* ---- Nodes ---- */

static void
node_free(struct od_node *on)
{
	struct iso_node *in = (struct iso_node *)on;

	free(in->in_extents);
	free(in->in_target);
	free(in);
}

/* The extents of EN, and how long they are together. */
static kern_return_t
extents_take(struct iso_node *in, const struct iso_entry *en)
{
	uint64_t size = en->en_bytes;
	uint32_t i;

	in->in_extents = calloc(en->en_nextents + 1, sizeof(in->in_extents[0]));
	if (in->in_extents == NULL)
		return MX_ENOMEM;
	in->in_extents[0] = (struct iso_extent){ en->en_disk, en->en_bytes };
	in->in_nextents = 1 + en->en_nextents;
	for (i = 0; i < en->en_nextents; i++) {
		in->in_extents[i + 1] = en->en_extents[i];
		size += en->en_extents[i].ex_bytes;
	}
	in->in_node.on_node.pn_attr.at_size = size;
	return KERN_SUCCESS;
}

static kern_return_t
target_take(struct iso_node *in, const struct iso_rock *rk)
{
	in->in_target = malloc(rk->rk_link_len + 1);
	if (in->in_target == NULL)
		return MX_ENOMEM;
	memcpy(in->in_target, rk->rk_link, rk->rk_link_len);
	in->in_target_len = in->in_node.on_node.pn_attr.at_size = rk->rk_link_len;
	return KERN_SUCCESS;
}

static void
attr_fill(const struct iso_volume *iv, const struct iso_entry *en, struct mx_attr *at)
{
	const struct iso_rock *rk = &en->en_rock;

	at->at_uid = rk->rk_has_mode ? rk->rk_uid : iv->iv_uid;
	at->at_gid = rk->rk_has_mode ? rk->rk_gid : iv->iv_gid;
	at->at_nlink = rk->rk_has_mode && rk->rk_nlink != 0 ? rk->rk_nlink : 1;
	at->at_rdev_major = rk->rk_rdev_major;
	at->at_rdev_minor = rk->rk_rdev_minor;
	at->at_blocks = (at->at_size + 511) / 512;
	at->at_mtime = rk->rk_times & 2 ? rk->rk_time[1] : en->en_time;
	at->at_atime = rk->rk_times & 4 ? rk->rk_time[2] : at->at_mtime;
	at->at_ctime = rk->rk_times & 8 ? rk->rk_time[3] : at->at_mtime;
	at->at_btime = rk->rk_times & 1 ? rk->rk_time[0] : at->at_mtime;
	at->at_atime_ns = at->at_mtime_ns = at->at_ctime_ns = at->at_btime_ns = 0;
}

/* What the node of EN begins with. */
static kern_return_t
node_prepare(struct iso_node *in, const struct iso_entry *en, uint32_t mode)
{
	switch (mode & MX_S_IFMT) {
	case MX_S_IFREG:
		in->in_refused = en->en_refused || en->en_rock.rk_is_compressed;
		/* FALLTHROUGH */
	case MX_S_IFDIR:
		return extents_take(in, en);
	case MX_S_IFLNK:
		return target_take(in, &en->en_rock);
	default:
		return KERN_SUCCESS;
	}
}

static kern_return_t
node_get(struct iso_volume *iv, const struct iso_entry *en, struct od_node **out)
{
	uint32_t mode = iso_entry_mode(iv, en);
	struct iso_node *in;
	kern_return_t kr = od_node_find(&iv->iv_volume, en->en_entry.en_ino, out);

	if (kr != MX_ENOENT)
		return kr;
	in = calloc(1, sizeof(*in));
	if (in == NULL)
		return MX_ENOMEM;
	od_node_init(&iv->iv_volume, &in->in_node, en->en_entry.en_ino, mode);
	kr = node_prepare(in, en, mode);
	if (kr == KERN_SUCCESS)
		kr = od_node_add(&in->in_node, (mode & MX_S_IFMT) == MX_S_IFREG ? &store_ops : NULL);
	if (kr != KERN_SUCCESS) {
		node_free(&in->in_node);
		return kr;
	}
	attr_fill(iv, en, &in->in_node.on_node.pn_attr);
	*out = &in->in_node;
	return KERN_SUCCESS;
}

/* A directory that Rock Ridge has moved: its own "." knows more of it. */
static kern_return_t
entry_node(struct od_volume *ov, struct od_entry *entry, struct od_node **out)
{
	struct iso_volume *iv = (struct iso_volume *)ov;
	struct iso_entry *en = (struct iso_entry *)entry;
	kern_return_t kr = KERN_SUCCESS;

	if (en->en_rock.rk_child != 0) {
		iso_entry_end(entry);
		kr = iso_record_read(iv, en->en_rock.rk_child * iv->iv_block, en);
		if (kr == KERN_SUCCESS && !(en->en_flags & ISO_FLAG_DIR))
			kr = MX_EIO;
	}
	return kr == KERN_SUCCESS ? node_get(iv, en, out) : kr;
}

static kern_return_t
core_readlink(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *len)
{
	struct iso_node *in = iso_node_of(node);

	(void)who;
	*len = in->in_target_len < size ? in->in_target_len : size;
	memcpy(buf, in->in_target, *len);
	return KERN_SUCCESS;
}

/* ---- Volumes ---- */

static kern_return_t
options_decode(struct od_volume *ov, const struct pfs_mount_args *args)
{
	struct iso_volume *iv = (struct iso_volume *)ov;
	kern_return_t kr = od_option_number(args, "uid", 10, 0, &iv->iv_uid);

	if (kr == KERN_SUCCESS)
		kr = od_option_number(args, "gid", 10, 0, &iv->iv_gid);
	if (kr == KERN_SUCCESS)
		kr = od_option_number(args, "mode", 8, 0555, &iv->iv_fmode);
	if (kr == KERN_SUCCESS)
		kr = od_option_number(args, "dmode", 8, 0555, &iv->iv_dmode);
	iv->iv_fmode &= 0777;
	iv->iv_dmode &= 0777;
	return kr;
}

static bool
is_joliet(const uint8_t *vd)
{
	const uint8_t *e = vd + VD_ESCAPES;

	return vd[VD_TYPE] == TYPE_SUPPLEMENTARY && e[0] == '%' && e[1] == '/' && (e[2] == '@' || e[2] == 'C' || e[2] == 'E');
}

/* Where the root is, as the first primary descriptor says, and the first one of Joliet. */
static kern_return_t
descriptors_read(struct od_volume *ov)
{
	struct iso_volume *iv = (struct iso_volume *)ov;
	uint8_t *vd = malloc(ISO_SECTOR);
	uint32_t block, joliet_block = 0;
	uint64_t root;
	bool has_primary = false;
	unsigned int i;

	if (vd == NULL)
		return MX_ENOMEM;
	for (i = 0; i < DESCRIPTORS_MAX; i++) {
		if (od_read(ov->ov_cache, (uint64_t)(FIRST_SECTOR + i) * ISO_SECTOR, vd, ISO_SECTOR) != KERN_SUCCESS ||
		    memcmp(vd + VD_ID, "CD001", 5) != 0 || vd[VD_TYPE] == TYPE_END)
			break;
		block = od_le16(vd + VD_BLOCK);
		root = (uint64_t)od_le32(vd + VD_ROOT + 2) * block;
		if (vd[VD_TYPE] == TYPE_PRIMARY && !has_primary) {
			iv->iv_block = block;
			iv->iv_root = root;
			has_primary = true;
		} else if (is_joliet(vd) && joliet_block == 0) {
			joliet_block = block;
			iv->iv_joliet_root = root;
		}
	}
	free(vd);
	if (joliet_block != iv->iv_block)
		iv->iv_joliet_root = 0;
	return iv->iv_block == 512 || iv->iv_block == 1024 || iv->iv_block == 2048 ? KERN_SUCCESS : MX_EINVAL;
}

/* The "." of the root at POS. */
static kern_return_t
root_read(struct iso_volume *iv, uint64_t pos, struct iso_entry *en)
{
	kern_return_t kr = iso_record_read(iv, pos, en);

	return kr == KERN_SUCCESS && !(en->en_flags & ISO_FLAG_DIR) ? MX_EINVAL : kr;
}

/* Decide which names are used, and find the root. */
static kern_return_t
root_find(struct iso_volume *iv, struct iso_entry *en)
{
	kern_return_t kr;

	iv->iv_rock = true;
	kr = root_read(iv, iv->iv_root, en);
	if (kr != KERN_SUCCESS)
		return kr;
	if (en->en_rock.rk_has_skip) {
		iv->iv_skip = en->en_rock.rk_skip;
		return KERN_SUCCESS;
	}
	iv->iv_rock = false;
	iv->iv_joliet = iv->iv_joliet_root != 0;
	return root_read(iv, iv->iv_joliet ? iv->iv_joliet_root : iv->iv_root, en);
}

static kern_return_t
root_get(struct od_volume *ov, struct od_node **out)
{
	struct iso_volume *iv = (struct iso_volume *)ov;
	struct iso_entry *en = malloc(sizeof(*en));
	kern_return_t kr;

	if (en == NULL)
		return MX_ENOMEM;
	kr = root_find(iv, en);
	if (kr == KERN_SUCCESS)
		kr = node_get(iv, en, out);
	free(en);
	return kr;
}

static kern_return_t
core_statfs(struct pfs_volume *vol, struct mx_statfs *st)
{
	struct iso_volume *iv = vol->pv_private;

	st->sf_bsize = ISO_SECTOR;
	st->sf_blocks = blk_disk_bytes(iv->iv_volume.ov_disk) / ISO_SECTOR;
	return KERN_SUCCESS;
}

const struct od_format iso_format = {
	.of_pfs = {
		OD_PFS_OPS,
		.po_name = "iso9660",
		.po_magic = ISO_MAGIC,
		.po_statfs = core_statfs,
		.po_readlink = core_readlink,
	},
	.of_volume_size = sizeof(struct iso_volume),
	.of_entry_size = sizeof(struct iso_entry),
	.of_node_size = sizeof(struct iso_node),
	.of_cache_unit = ISO_SECTOR,
	.of_cache_ahead = 4,
	.of_cache_max = 256,
	.of_options = options_decode,
	.of_load = descriptors_read,
	.of_root = root_get,
	.of_entry = iso_dir_next,
	.of_entry_node = entry_node,
	.of_entry_end = iso_entry_end,
	.of_node_free = node_free,
};
