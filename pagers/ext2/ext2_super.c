/*
 * ext2_super.c - the superblock and the group descriptors: what the volume is, and whether it is one we can use.
 *
 * Every number is checked here against every other before it is used anywhere, so that the rest of the code may divide, shift and
 * multiply by them. Features are of three kinds: those that change nothing for who does not know them, those that must be known to
 * write, and those that must be known at all. What is written is what mke2fs makes for ext2 and ext3; volumes of ext4 are read.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ext2.h"

#define IN_WRITTEN	(EXT2_IN_FILETYPE | EXT2_IN_RECOVER)
#define IN_READ		(IN_WRITTEN | EXT2_IN_META_BG | EXT2_IN_EXTENTS | EXT2_IN_64BIT | EXT2_IN_MMP | EXT2_IN_FLEX_BG | EXT2_IN_EA_INODE | \
			EXT2_IN_CSUM_SEED | EXT2_IN_LARGEDIR | EXT2_IN_INLINE_DATA)
#define RO_WRITTEN	(EXT2_RO_SPARSE_SUPER | EXT2_RO_LARGE_FILE | EXT2_RO_BTREE_DIR)

#define SAID_MAX 50u		/* a damaged volume does not fill the log */

static const struct { uint32_t bit; const char *name; } incompat_names[] = {
	{ EXT2_IN_COMPRESSION, "compression" }, { EXT2_IN_FILETYPE, "filetype" }, { EXT2_IN_RECOVER, "needs_recovery" },
	{ EXT2_IN_JOURNAL_DEV, "journal_dev" }, { EXT2_IN_META_BG, "meta_bg" }, { EXT2_IN_EXTENTS, "extents" },
	{ EXT2_IN_64BIT, "64bit" }, { EXT2_IN_MMP, "mmp" }, { EXT2_IN_FLEX_BG, "flex_bg" }, { EXT2_IN_EA_INODE, "ea_inode" },
	{ EXT2_IN_DIRDATA, "dirdata" }, { EXT2_IN_CSUM_SEED, "metadata_csum_seed" }, { EXT2_IN_LARGEDIR, "large_dir" },
	{ EXT2_IN_INLINE_DATA, "inline_data" }, { EXT2_IN_ENCRYPT, "encrypt" }, { EXT2_IN_CASEFOLD, "casefold" },
};
static const char *const ro_names[] = {
	"sparse_super", "large_file", "btree_dir", "huge_file", "uninit_bg", "dir_nlink", "extra_isize", "snapshot", "quota", "bigalloc",
	"metadata_csum", "replica", "read-only", "project", "shared_blocks", "verity", "orphan_present",
};

/* ---- Errors ---- */

void
ext2_break(struct ext2_volume *ev, const char *why)
{
	if (ev->ev_broken)
		return;
	ev->ev_broken = true;
	mx_log(MX_LOG_ERROR, "ext2: nothing is written to the volume any more: %s", why);
}

kern_return_t
ext2_error(struct ext2_volume *ev, const char *fmt, ...)
{
	char text[120];
	va_list ap;

	if (ev->ev_said++ < SAID_MAX) {
		va_start(ap, fmt);
		(void)vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		mx_log(MX_LOG_ERROR, "ext2: %s: run e2fsck on it", text);
	}
	if (ev->ev_super == NULL || ev->ev_readonly || ev->ev_broken)
		return MX_EIO;
	ev->ev_super->s_state |= EXT2_ERROR_FS;
	ext2_super_changed(ev);
	if (ev->ev_errors != EXT2_ERRORS_CONTINUE) {
		if (ev->ev_journal == NULL)
			(void)ext2_super_write(ev);
		ext2_break(ev, ev->ev_errors == EXT2_ERRORS_PANIC ? "errors=panic" : "errors=remount-ro");
	}
	return MX_EIO;
}

/* ---- Features ---- */

static kern_return_t
features_check(const struct ext2_super *sb, bool write)
{
	uint32_t incompat = sb->s_rev_level > 0 ? sb->s_feature_incompat : 0;
	uint32_t ro = sb->s_rev_level > 0 ? sb->s_feature_ro_compat : 0, i;
	kern_return_t kr = KERN_SUCCESS;

	for (i = 0; i < 32; i++) {
		const char *name = "unknown";
		uint32_t bit = 1u << i, k;

		for (k = 0; k < sizeof(incompat_names) / sizeof(incompat_names[0]); k++)
			if (incompat_names[k].bit == bit)
				name = incompat_names[k].name;
		if (incompat & bit & ~IN_READ) {
			mx_log(MX_LOG_ERROR, "ext2: the volume has the feature %s (incompat 0x%x), which is not supported", name, bit);
			return MX_EINVAL;
		}
		if (write && (incompat & bit & ~IN_WRITTEN)) {
			mx_log(MX_LOG_WARNING, "ext2: volumes with the feature %s can only be mounted read-only", name);
			kr = MX_EROFS;
		}
		if (write && (ro & bit & ~RO_WRITTEN)) {
			mx_log(MX_LOG_WARNING, "ext2: volumes with the feature %s (ro_compat 0x%x) can only be mounted read-only",
				i < sizeof(ro_names) / sizeof(ro_names[0]) ? ro_names[i] : "unknown", bit);
			kr = MX_EROFS;
		}
	}
	return kr;
}

kern_return_t
ext2_super_writable(const struct ext2_volume *ev)
{
	return features_check(ev->ev_super, true);
}

/* ---- The superblock ---- */

static kern_return_t
bad(const char *what)
{
	mx_log(MX_LOG_ERROR, "ext2: the superblock's %s cannot be right: run e2fsck on it", what);
	return MX_EINVAL;
}

/* Sizes of things. */
static kern_return_t
geometry_decode(struct ext2_volume *ev, const struct ext2_super *sb)
{
	if (sb->s_log_block_size > 2) {
		mx_log(MX_LOG_ERROR, "ext2: blocks are larger than 4096 bytes");
		return MX_EINVAL;
	}
	ev->ev_block_shift = 10 + sb->s_log_block_size;
	ev->ev_block_size = 1u << ev->ev_block_shift;
	ev->ev_apb_shift = ev->ev_block_shift - 2;
	ev->ev_apb = 1u << ev->ev_apb_shift;
	ev->ev_first_block = sb->s_first_data_block;
	ev->ev_inode_size = sb->s_rev_level > 0 ? sb->s_inode_size : EXT2_RAW_MIN;
	ev->ev_first_ino = sb->s_rev_level > 0 ? sb->s_first_ino : 11;
	ev->ev_desc_size = EXT2_DESC_MIN;
	if (sb->s_rev_level > 0 && (sb->s_feature_incompat & EXT2_IN_64BIT))
		ev->ev_desc_size = sb->s_desc_size;
	if (ev->ev_first_block != (ev->ev_block_size == 1024) && !(ev->ev_first_block == 0 && (sb->s_feature_ro_compat & EXT2_RO_BIGALLOC)))
		return bad("first data block");
	if (ev->ev_inode_size < EXT2_RAW_MIN || ev->ev_inode_size > ev->ev_block_size ||
	    (ev->ev_inode_size & (ev->ev_inode_size - 1)) != 0)
		return bad("size of inodes");
	if (ev->ev_desc_size != EXT2_DESC_MIN && (ev->ev_desc_size < sizeof(struct ext2_group_desc) ||
	    ev->ev_desc_size > ev->ev_block_size || (ev->ev_desc_size & (ev->ev_desc_size - 1)) != 0))
		return bad("size of group descriptors");
	return KERN_SUCCESS;
}

/* Numbers of things. */
static kern_return_t
counts_decode(struct ext2_volume *ev, const struct ext2_super *sb)
{
	bool is_64bit = sb->s_rev_level > 0 && (sb->s_feature_incompat & EXT2_IN_64BIT);
	uint64_t groups;

	ev->ev_blocks = sb->s_blocks_count | (is_64bit ? (uint64_t)sb->s_blocks_count_hi << 32 : 0);
	ev->ev_free_blocks = sb->s_free_blocks_count | (is_64bit ? (uint64_t)sb->s_free_blocks_hi << 32 : 0);
	ev->ev_reserved_blocks = sb->s_r_blocks_count | (is_64bit ? (uint64_t)sb->s_r_blocks_count_hi << 32 : 0);
	ev->ev_inodes = sb->s_inodes_count;
	ev->ev_free_inodes = sb->s_free_inodes_count;
	ev->ev_blocks_per_group = sb->s_blocks_per_group;
	ev->ev_inodes_per_group = sb->s_inodes_per_group;
	if (ev->ev_blocks > blk_disk_bytes(ev->ev_disk) >> ev->ev_block_shift) {
		mx_log(MX_LOG_ERROR, "ext2: the volume has %llu blocks, its disk only %llu", (unsigned long long)ev->ev_blocks,
			(unsigned long long)(blk_disk_bytes(ev->ev_disk) >> ev->ev_block_shift));
		return MX_EINVAL;
	}
	if (ev->ev_blocks <= ev->ev_first_block + 1 || ev->ev_free_blocks > ev->ev_blocks || ev->ev_reserved_blocks > ev->ev_blocks)
		return bad("number of blocks");
	if (ev->ev_blocks_per_group < 256 || ev->ev_blocks_per_group > ev->ev_block_size * 8 || ev->ev_blocks_per_group % 8 != 0)
		if (!(sb->s_feature_ro_compat & EXT2_RO_BIGALLOC) || ev->ev_blocks_per_group == 0)
			return bad("number of blocks in a group");
	if (ev->ev_inodes_per_group == 0 || ev->ev_inodes_per_group > ev->ev_block_size * 8 ||
	    ev->ev_inodes_per_group % (ev->ev_block_size / ev->ev_inode_size) != 0)
		return bad("number of inodes in a group");
	groups = (ev->ev_blocks - ev->ev_first_block + ev->ev_blocks_per_group - 1) / ev->ev_blocks_per_group;
	if (groups * ev->ev_inodes_per_group != ev->ev_inodes || groups * ev->ev_desc_size > (uint64_t)ev->ev_blocks_per_group <<
	    ev->ev_block_shift)
		return bad("number of groups");
	if (ev->ev_first_ino < 11 || ev->ev_first_ino > ev->ev_inodes || ev->ev_free_inodes > ev->ev_inodes)
		return bad("number of inodes");
	ev->ev_ngroups = (uint32_t)groups;
	return KERN_SUCCESS;
}

/* The largest file: what three levels of indirect blocks reach, and what i_blocks can count. */
static uint64_t
max_size(const struct ext2_volume *ev)
{
	uint64_t apb = ev->ev_apb, blocks = EXT2_NDIR + apb + apb * apb + apb * apb * apb, counted;

	counted = (UINT64_C(0xffffffff) >> (ev->ev_block_shift - 9));
	counted -= counted / apb + 16 + apb;
	if (blocks > counted)
		blocks = counted;
	return blocks << ev->ev_block_shift;
}

/* Decode what is in ev_super. */
static kern_return_t
super_decode(struct ext2_volume *ev, const struct ext2_super *sb, bool write)
{
	kern_return_t kr;

	if (sb->s_magic != EXT2_MAGIC)
		return MX_EINVAL;
	if (sb->s_rev_level > 1) {
		mx_log(MX_LOG_ERROR, "ext2: the volume is of revision %u, which is not known", sb->s_rev_level);
		return MX_EINVAL;
	}
	kr = geometry_decode(ev, sb);
	if (kr == KERN_SUCCESS)
		kr = counts_decode(ev, sb);
	if (kr == KERN_SUCCESS)
		kr = features_check(sb, write);
	if (kr != KERN_SUCCESS)
		return kr;
	ev->ev_max_size = max_size(ev);
	memcpy(ev->ev_hash_seed, sb->s_hash_seed, sizeof(ev->ev_hash_seed));
	if (ev->ev_errors == 0)
		ev->ev_errors = sb->s_errors >= EXT2_ERRORS_CONTINUE && sb->s_errors <= EXT2_ERRORS_PANIC ? sb->s_errors :
			EXT2_ERRORS_CONTINUE;
	return KERN_SUCCESS;
}

/* ---- Groups ---- */

static bool
is_power_of(uint32_t n, uint32_t base)
{
	while (n > 1 && n % base == 0)
		n /= base;
	return n == 1;
}

bool
ext2_group_has_super(const struct ext2_volume *ev, uint32_t group)
{
	if (group <= 1 || ev->ev_super == NULL || !(ev->ev_super->s_feature_ro_compat & EXT2_RO_SPARSE_SUPER))
		return true;
	return is_power_of(group, 3) || is_power_of(group, 5) || is_power_of(group, 7);
}

/* The block with the descriptors of GROUP. */
static uint64_t
desc_block(const struct ext2_volume *ev, uint32_t group)
{
	uint32_t per_block = ev->ev_block_size / ev->ev_desc_size, n = group / per_block;
	uint64_t start;

	if (!ext2_has_incompat(ev, EXT2_IN_META_BG) || n < ev->ev_super->s_first_meta_bg)
		return (EXT2_SUPER_OFFSET >> ev->ev_block_shift) + 1 + n;
	start = ev->ev_first_block + (uint64_t)n * per_block * ev->ev_blocks_per_group;
	return start + ext2_group_has_super(ev, n * per_block);
}

static kern_return_t
group_decode(struct ext2_volume *ev, uint32_t group, const struct ext2_group_desc *gd)
{
	struct ext2_group *eg = &ev->ev_groups[group];
	uint64_t start = ev->ev_first_block + (uint64_t)group * ev->ev_blocks_per_group, end = start + ev->ev_blocks_per_group;
	uint64_t table = ext2_blocks_of(ev, (uint64_t)ev->ev_inodes_per_group * ev->ev_inode_size);

	eg->eg_block_bitmap = gd->bg_block_bitmap;
	eg->eg_inode_bitmap = gd->bg_inode_bitmap;
	eg->eg_inode_table = gd->bg_inode_table;
	eg->eg_free_blocks = gd->bg_free_blocks;
	eg->eg_free_inodes = gd->bg_free_inodes;
	eg->eg_used_dirs = gd->bg_used_dirs;
	eg->eg_flags = gd->bg_flags;
	if (ev->ev_desc_size >= sizeof(*gd)) {
		eg->eg_block_bitmap |= (uint64_t)gd->bg_block_bitmap_hi << 32;
		eg->eg_inode_bitmap |= (uint64_t)gd->bg_inode_bitmap_hi << 32;
		eg->eg_inode_table |= (uint64_t)gd->bg_inode_table_hi << 32;
	}
	if (ext2_has_incompat(ev, EXT2_IN_FLEX_BG)) {
		start = ev->ev_first_block;
		end = ev->ev_blocks;
	}
	if (end > ev->ev_blocks)
		end = ev->ev_blocks;
	if (start == ev->ev_first_block)
		start++;			/* the superblock's */
	if (eg->eg_block_bitmap < start || eg->eg_block_bitmap >= end || eg->eg_inode_bitmap < start || eg->eg_inode_bitmap >= end ||
	    eg->eg_inode_table < start || eg->eg_inode_table >= end || table > end - eg->eg_inode_table) {
		mx_log(MX_LOG_ERROR, "ext2: the descriptor of group %u cannot be right: run e2fsck on it", group);
		return MX_EINVAL;
	}
	if (eg->eg_block_bitmap == eg->eg_inode_bitmap ||
	    (eg->eg_block_bitmap >= eg->eg_inode_table && eg->eg_block_bitmap < eg->eg_inode_table + table) ||
	    (eg->eg_inode_bitmap >= eg->eg_inode_table && eg->eg_inode_bitmap < eg->eg_inode_table + table)) {
		mx_log(MX_LOG_ERROR, "ext2: the structures of group %u overlap: run e2fsck on it", group);
		return MX_EINVAL;
	}
	return KERN_SUCCESS;
}

/* The blocks that are never a file's, and the counts of those that are free. */
static void
totals_count(struct ext2_volume *ev)
{
	uint64_t table = ext2_blocks_of(ev, (uint64_t)ev->ev_inodes_per_group * ev->ev_inode_size);
	uint64_t descs = ext2_blocks_of(ev, (uint64_t)ev->ev_ngroups * ev->ev_desc_size), blocks = 0;
	uint32_t g, inodes = 0;

	ev->ev_overhead = ev->ev_first_block;
	for (g = 0; g < ev->ev_ngroups; g++) {
		ev->ev_overhead += 2 + table + (ext2_group_has_super(ev, g) ? 1 + descs + ev->ev_super->s_reserved_gdt_blocks : 0);
		blocks += ev->ev_groups[g].eg_free_blocks;
		inodes += ev->ev_groups[g].eg_free_inodes;
	}
	if (ev->ev_desc_size == EXT2_DESC_MIN) {	/* the superblock's are only as of the last time that it was unmounted */
		ev->ev_free_blocks = blocks <= ev->ev_blocks ? blocks : 0;
		ev->ev_free_inodes = inodes <= ev->ev_inodes ? inodes : 0;
	}
	if (ev->ev_overhead > ev->ev_blocks)
		ev->ev_overhead = ev->ev_blocks;
}

static kern_return_t
groups_load(struct ext2_volume *ev)
{
	struct ext2_group_desc gd;
	struct ext2_buf *bu;
	uint32_t g, per_block = ev->ev_block_size / ev->ev_desc_size;
	kern_return_t kr;

	ev->ev_groups = calloc(ev->ev_ngroups, sizeof(*ev->ev_groups));
	if (ev->ev_groups == NULL)
		return MX_ENOMEM;
	for (g = 0; g < ev->ev_ngroups; g++) {
		kr = ext2_buf_read(ev, desc_block(ev, g), &bu);
		if (kr != KERN_SUCCESS)
			return kr;
		memset(&gd, 0, sizeof(gd));
		memcpy(&gd, bu->bu_data + (g % per_block) * ev->ev_desc_size, ev->ev_desc_size < sizeof(gd) ? ev->ev_desc_size : sizeof(gd));
		ext2_buf_put(bu);
		kr = group_decode(ev, g, &gd);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	totals_count(ev);
	return KERN_SUCCESS;
}

/* ---- Loading ---- */

kern_return_t
ext2_super_load(struct ext2_volume *ev, bool write)
{
	struct ext2_super *sb = malloc(sizeof(*sb));
	kern_return_t kr;

	if (sb == NULL)
		return MX_ENOMEM;
	kr = blk_disk_bytes(ev->ev_disk) >= EXT2_SUPER_OFFSET + EXT2_SUPER_SIZE ?
		blk_read(ev->ev_disk, EXT2_SUPER_OFFSET, sb, sizeof(*sb)) : MX_EINVAL;
	if (kr == KERN_SUCCESS)
		kr = super_decode(ev, sb, write);
	if (kr == KERN_SUCCESS)
		kr = ext2_buf_read(ev, EXT2_SUPER_OFFSET >> ev->ev_block_shift, &ev->ev_super_buf);
	free(sb);
	if (kr != KERN_SUCCESS)
		return kr;
	ev->ev_super = (struct ext2_super *)(ev->ev_super_buf->bu_data + (EXT2_SUPER_OFFSET & (ev->ev_block_size - 1)));
	if (ev->ev_super->s_rev_level == 0)
		ev->ev_super->s_feature_compat = ev->ev_super->s_feature_incompat = ev->ev_super->s_feature_ro_compat = 0;
	return groups_load(ev);
}

void
ext2_super_unload(struct ext2_volume *ev)
{
	ext2_freed_clear(ev);
	free(ev->ev_groups);
	ev->ev_groups = NULL;
	ev->ev_super = NULL;
	ev->ev_super_buf = NULL;
	ext2_cache_free(ev);
	ev->ev_cache = (struct ext2_cache){ .ca_max = ev->ev_cache.ca_max };
}

void
ext2_super_changed(struct ext2_volume *ev)
{
	ev->ev_super->s_free_blocks_count = (uint32_t)ev->ev_free_blocks;
	ev->ev_super->s_free_inodes_count = ev->ev_free_inodes;
	ext2_buf_dirty(ev, ev->ev_super_buf, EXT2_BUF_FIRST);
}

kern_return_t
ext2_super_write(struct ext2_volume *ev)
{
	return ext2_buf_write(ev, ev->ev_super_buf);
}
