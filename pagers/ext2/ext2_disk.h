/*
 * ext2_disk.h - what is on the disk: superblock, group descriptors, inodes, directories, indexes, the journal.
 *
 * Numbers are little-endian, as this machine's, except those of the journal, which are big-endian. Structures have no padding; they
 * are read in place in blocks. Source: the on-disk formats of ext2 revision 1, ext3 and ext4, and of JBD.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EXT2_DISK_H
#define EXT2_DISK_H

#include <stdint.h>

#define EXT2_MAGIC		0xef53
#define EXT2_SUPER_OFFSET	1024u
#define EXT2_SUPER_SIZE		1024u

/* Inodes with a fixed number. */
#define EXT2_ROOT_INO		2u
#define EXT2_RESIZE_INO		7u
#define EXT2_JOURNAL_INO	8u

struct ext2_super {
	uint32_t	s_inodes_count, s_blocks_count, s_r_blocks_count, s_free_blocks_count, s_free_inodes_count;
	uint32_t	s_first_data_block, s_log_block_size, s_log_cluster_size;
	uint32_t	s_blocks_per_group, s_clusters_per_group, s_inodes_per_group;
	uint32_t	s_mtime, s_wtime;
	uint16_t	s_mnt_count, s_max_mnt_count, s_magic, s_state, s_errors, s_minor_rev_level;
	uint32_t	s_lastcheck, s_checkinterval, s_creator_os, s_rev_level;
	uint16_t	s_def_resuid, s_def_resgid;
	/* revision 1 */
	uint32_t	s_first_ino;
	uint16_t	s_inode_size, s_block_group_nr;
	uint32_t	s_feature_compat, s_feature_incompat, s_feature_ro_compat;
	uint8_t		s_uuid[16];
	char		s_volume_name[16], s_last_mounted[64];
	uint32_t	s_algorithm_usage_bitmap;
	uint8_t		s_prealloc_blocks, s_prealloc_dir_blocks;
	uint16_t	s_reserved_gdt_blocks;
	uint8_t		s_journal_uuid[16];
	uint32_t	s_journal_inum, s_journal_dev, s_last_orphan;
	uint32_t	s_hash_seed[4];
	uint8_t		s_def_hash_version, s_jnl_backup_type;
	uint16_t	s_desc_size;
	uint32_t	s_default_mount_opts, s_first_meta_bg, s_mkfs_time, s_jnl_blocks[17];
	/* 64bit */
	uint32_t	s_blocks_count_hi, s_r_blocks_count_hi, s_free_blocks_hi;
	uint16_t	s_min_extra_isize, s_want_extra_isize;
	uint32_t	s_flags;
	uint16_t	s_raid_stride, s_mmp_interval;
	uint64_t	s_mmp_block;
	uint32_t	s_raid_stripe_width;
	uint8_t		s_log_groups_per_flex, s_checksum_type, s_encryption_level, s_reserved_pad;
	uint64_t	s_kbytes_written;
	uint32_t	s_snapshot_inum, s_snapshot_id;
	uint64_t	s_snapshot_r_blocks_count;
	uint32_t	s_snapshot_list, s_error_count, s_first_error_time, s_first_error_ino;
	uint64_t	s_first_error_block;
	uint8_t		s_first_error_func[32];
	uint32_t	s_first_error_line, s_last_error_time, s_last_error_ino, s_last_error_line;
	uint64_t	s_last_error_block;
	uint8_t		s_last_error_func[32];
	uint8_t		s_rest[1024 - 0x200];
};
_Static_assert(sizeof(struct ext2_super) == EXT2_SUPER_SIZE, "superblock");

/* s_state, s_errors, s_flags */
#define EXT2_VALID_FS		1u
#define EXT2_ERROR_FS		2u
#define EXT2_ORPHAN_FS		4u
#define EXT2_ERRORS_CONTINUE	1u
#define EXT2_ERRORS_RO		2u
#define EXT2_ERRORS_PANIC	3u
#define EXT2_FLAGS_UNSIGNED_HASH 2u

#define EXT2_COMPAT_HAS_JOURNAL	0x0004u
#define EXT2_COMPAT_EXT_ATTR	0x0008u
#define EXT2_COMPAT_RESIZE_INODE 0x0010u
#define EXT2_COMPAT_DIR_INDEX	0x0020u

#define EXT2_RO_SPARSE_SUPER	0x0001u
#define EXT2_RO_LARGE_FILE	0x0002u
#define EXT2_RO_BTREE_DIR	0x0004u
#define EXT2_RO_HUGE_FILE	0x0008u
#define EXT2_RO_BIGALLOC	0x0200u
#define EXT2_RO_METADATA_CSUM	0x0400u

#define EXT2_IN_COMPRESSION	0x00001u
#define EXT2_IN_FILETYPE	0x00002u
#define EXT2_IN_RECOVER		0x00004u
#define EXT2_IN_JOURNAL_DEV	0x00008u
#define EXT2_IN_META_BG		0x00010u
#define EXT2_IN_EXTENTS		0x00040u
#define EXT2_IN_64BIT		0x00080u
#define EXT2_IN_MMP		0x00100u
#define EXT2_IN_FLEX_BG		0x00200u
#define EXT2_IN_EA_INODE	0x00400u
#define EXT2_IN_DIRDATA		0x01000u
#define EXT2_IN_CSUM_SEED	0x02000u
#define EXT2_IN_LARGEDIR	0x04000u
#define EXT2_IN_INLINE_DATA	0x08000u
#define EXT2_IN_ENCRYPT		0x10000u
#define EXT2_IN_CASEFOLD	0x20000u

struct ext2_group_desc {
	uint32_t	bg_block_bitmap, bg_inode_bitmap, bg_inode_table;
	uint16_t	bg_free_blocks, bg_free_inodes, bg_used_dirs, bg_flags;
	uint32_t	bg_exclude_bitmap;
	uint16_t	bg_block_bitmap_csum, bg_inode_bitmap_csum, bg_itable_unused, bg_checksum;
	/* 64bit */
	uint32_t	bg_block_bitmap_hi, bg_inode_bitmap_hi, bg_inode_table_hi;
	uint16_t	bg_free_blocks_hi, bg_free_inodes_hi, bg_used_dirs_hi, bg_itable_unused_hi;
	uint32_t	bg_rest[3];
};
_Static_assert(sizeof(struct ext2_group_desc) == 64, "group descriptor");
#define EXT2_DESC_MIN		32u

#define EXT2_NDIR		12u
#define EXT2_IND		12u
#define EXT2_NBLOCKS		15u

struct ext2_raw {			/* an inode; only the first 128 bytes are always there */
	uint16_t	i_mode, i_uid;
	uint32_t	i_size, i_atime, i_ctime, i_mtime, i_dtime;
	uint16_t	i_gid, i_links;
	uint32_t	i_blocks, i_flags, i_osd1, i_block[EXT2_NBLOCKS], i_generation, i_file_acl, i_size_high, i_faddr;
	uint16_t	i_blocks_hi, i_file_acl_hi, i_uid_hi, i_gid_hi, i_checksum, i_reserved;
	/* when i_extra_isize reaches so far */
	uint16_t	i_extra_isize, i_checksum_hi;
	uint32_t	i_ctime_extra, i_mtime_extra, i_atime_extra, i_crtime, i_crtime_extra, i_version_hi, i_projid;
};
#define EXT2_RAW_MIN		128u
#define EXT2_RAW_EXTRA		32u	/* i_extra_isize of inodes made here */

#define EXT2_FL_IMMUTABLE	0x00000010u
#define EXT2_FL_APPEND		0x00000020u
#define EXT2_FL_INDEX		0x00001000u
#define EXT2_FL_HUGE_FILE	0x00040000u
#define EXT2_FL_EXTENTS		0x00080000u
#define EXT2_FL_INLINE_DATA	0x10000000u
#define EXT2_FL_INHERITED	0x000000eau	/* flags that new files take from their directory: nodump, noatime, sync, unrm... */

struct ext2_dirent {
	uint32_t	de_inode;	/* 0: unused */
	uint16_t	de_rec_len;
	uint8_t		de_name_len, de_file_type;
	char		de_name[];
};
#define EXT2_DIRENT_HEAD	8u
#define EXT2_DIRENT_LEN(n)	((EXT2_DIRENT_HEAD + (n) + 3u) & ~3u)

/* The index of a directory. The root is the directory's block 0, which looks like a block with "." and ".." only. */
struct ext2_dx_info {			/* at byte 24 of the root */
	uint32_t	dx_reserved;
	uint8_t		dx_hash_version, dx_info_length, dx_levels, dx_flags;
};
struct ext2_dx_entry { uint32_t dx_hash, dx_block; };
struct ext2_dx_limit { uint16_t dx_limit, dx_count; };	/* in the place of the first entry's hash */
#define EXT2_DX_INFO_OFFSET	24u
#define EXT2_DX_NODE_OFFSET	8u	/* a node's entries; before them, an unused directory entry over all of the block */
#define EXT2_DX_BLOCK		0x0fffffffu

enum { EXT2_HASH_LEGACY, EXT2_HASH_HALF_MD4, EXT2_HASH_TEA, EXT2_HASH_UNSIGNED };	/* + EXT2_HASH_UNSIGNED: of unsigned bytes */

struct ext2_extent_header { uint16_t eh_magic, eh_entries, eh_max, eh_depth; uint32_t eh_generation; };
struct ext2_extent_index { uint32_t ei_block, ei_leaf; uint16_t ei_leaf_hi, ei_unused; };
struct ext2_extent { uint32_t ee_block; uint16_t ee_len, ee_start_hi; uint32_t ee_start; };
#define EXT2_EXTENT_MAGIC	0xf30a
#define EXT2_EXTENT_DEPTH	5u
#define EXT2_EXTENT_INIT	32768u	/* longer ones are not written yet: their length is the rest */

/* Extended attributes: a header, then entries; names at the beginning, values at the end. */
#define EXT2_XATTR_MAGIC	0xea020000u
struct ext2_xattr_header { uint32_t h_magic, h_refcount, h_blocks, h_hash, h_checksum, h_reserved[3]; };
struct ext2_xattr_entry {
	uint8_t		e_name_len, e_name_index;
	uint16_t	e_value_offs;
	uint32_t	e_value_inum, e_value_size, e_hash;
	char		e_name[];
};
#define EXT2_XATTR_ROUND(n)	(((n) + 3u) & ~3u)
#define EXT2_XATTR_LEN(n)	EXT2_XATTR_ROUND(sizeof(struct ext2_xattr_entry) + (n))

/* ---- The journal: big-endian ---- */

#define JBD_MAGIC		0xc03b3998u
enum { JBD_DESCRIPTOR = 1, JBD_COMMIT, JBD_SUPER_V1, JBD_SUPER_V2, JBD_REVOKE };

struct jbd_header { uint32_t h_magic, h_blocktype, h_sequence; };

struct jbd_super {
	struct jbd_header s_header;
	uint32_t	s_blocksize, s_maxlen, s_first, s_sequence, s_start, s_errno;
	uint32_t	s_feature_compat, s_feature_incompat, s_feature_ro_compat;
	uint8_t		s_uuid[16];
	uint32_t	s_nr_users, s_dynsuper, s_max_transaction, s_max_trans_data;
	uint8_t		s_checksum_type, s_padding[3];
	uint32_t	s_rest[(1024 - 84) / 4];
};
_Static_assert(sizeof(struct jbd_super) == 1024, "the journal's superblock");

#define JBD_COMPAT_CHECKSUM	0x01u
#define JBD_IN_REVOKE		0x01u
#define JBD_IN_64BIT		0x02u
#define JBD_IN_ASYNC_COMMIT	0x04u
#define JBD_IN_CSUM_V2		0x08u
#define JBD_IN_CSUM_V3		0x10u
#define JBD_IN_FAST_COMMIT	0x20u

/* A tag of a descriptor block: block number, checksum (of version 2) and flags in 16 bits each, the number's upper half with 64BIT. */
#define JBD_TAG_SIZE		8u
#define JBD_TAG_ESCAPE		1u	/* the block began with JBD_MAGIC, which was made 0 */
#define JBD_TAG_SAME_UUID	2u	/* no 16 bytes of UUID follow */
#define JBD_TAG_DELETED		4u
#define JBD_TAG_LAST		8u
struct jbd_revoke { struct jbd_header r_header; uint32_t r_count; };	/* bytes used, this included */
struct jbd_commit {
	struct jbd_header c_header;
	uint8_t		c_chksum_type, c_chksum_size, c_padding[2];
	uint32_t	c_chksum[8], c_sec_hi, c_sec, c_nsec;
};

static inline uint32_t
be32(uint32_t v)
{
	return __builtin_bswap32(v);
}

#endif /* EXT2_DISK_H */
