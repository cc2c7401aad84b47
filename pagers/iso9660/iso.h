/*
 * iso.h - ISO 9660 volumes, with Rock Ridge or Joliet names.
 *
 * Source: ECMA-119; IEEE P1281 (SUSP) and P1282 (RRIP); the Joliet specification.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ISO_H
#define ISO_H

#include <masix/ondisk.h>
#include <masix/pfs_store.h>

extern const struct od_format iso_format;

#define ISO_SECTOR	2048u	/* a directory record does not cross one */
#define ISO_EXTENTS_MAX	256u	/* of one file: 1 TiB */
#define ISO_NAME_MAX	MX_NAME_MAX
#define ISO_LINK_MAX	(MX_PATH_MAX - 1u)

struct iso_volume {
	struct od_volume iv_volume;	/* first */
	uint32_t	iv_block;	/* bytes of a logical block */
	uint64_t	iv_root, iv_joliet_root;	/* where the "." of the root is; the latter 0: the volume has no such names */
	bool		iv_rock, iv_joliet;	/* which names are used */
	uint32_t	iv_skip;	/* bytes of each system use field that are not ours */
	uint32_t	iv_uid, iv_gid;	/* where the volume has none */
	uint32_t	iv_dmode, iv_fmode;
};

struct iso_extent { uint64_t ex_disk, ex_bytes; };

struct iso_node {
	struct od_node	in_node;	/* first */
	struct iso_extent *in_extents;	/* of a file; a directory has one */
	uint32_t	in_nextents;
	bool		in_refused;	/* it cannot be read as it is (compressed, interleaved) */
	char		*in_target;	/* of a symbolic link */
	size_t		in_target_len;
};

static inline struct iso_node *
iso_node_of(struct pfs_node *node)
{
	return (struct iso_node *)node;
}

static inline struct iso_volume *
iso_volume_of(const struct pfs_node *node)
{
	return (struct iso_volume *)od_volume_of(node);
}

/* What Rock Ridge says of a record. */
struct iso_rock {
	bool		rk_found;	/* anything at all */
	bool		rk_is_moved;	/* RE: it is shown elsewhere */
	bool		rk_is_compressed;
	uint64_t	rk_child;	/* CL: the directory is at this block; 0: no */
	bool		rk_has_mode, rk_has_rdev;
	uint32_t	rk_mode, rk_nlink, rk_uid, rk_gid, rk_rdev_major, rk_rdev_minor;
	uint32_t	rk_times;	/* which of these: bits of TF */
	int64_t		rk_time[4];	/* created, modified, accessed, attributes changed */
	char		rk_name[ISO_NAME_MAX];
	size_t		rk_name_len;	/* 0: none */
	char		rk_link[ISO_LINK_MAX];
	size_t		rk_link_len;
	bool		rk_link_joins;	/* the last component goes on in the next piece */
	uint32_t	rk_skip;	/* of SP, in the root's first record */
	bool		rk_has_skip;
};

/* An entry of a directory: one record, or several for a file of several extents. */
struct iso_entry {
	struct od_entry	en_entry;	/* first */
	uint64_t	en_pos;		/* of its first record on the disk */
	uint32_t	en_flags;	/* of the record */
	uint64_t	en_disk, en_bytes;	/* its first extent */
	int64_t		en_time;
	bool		en_refused;
	struct iso_extent *en_extents;	/* the others, when there are some; to be freed */
	uint32_t	en_nextents;
	struct iso_rock	en_rock;
};

#define ISO_FLAG_DIR	0x02u
#define ISO_FLAG_ASSOCIATED 0x04u
#define ISO_FLAG_MORE	0x80u

/* ---- Directories (iso_dir.c) ---- */

/* of_entry: the entry whose first record is at or after *OFFSET of DIR; of_entry_end */
kern_return_t iso_dir_next(struct od_node *dir, uint64_t *offset, struct od_entry *en);
void iso_entry_end(struct od_entry *en);
/* The record at POS of the disk alone, as that of directory "." is read. */
kern_return_t iso_record_read(struct iso_volume *iv, uint64_t pos, struct iso_entry *en);
/* The type and permissions of EN. */
uint32_t iso_entry_mode(const struct iso_volume *iv, const struct iso_entry *en);
/* The seven bytes of a date; the seventeen of the long form. */
int64_t iso_time_decode(const uint8_t *b);
int64_t iso_time_decode_long(const uint8_t *b);

/* ---- Rock Ridge (iso_rock.c) ---- */

/* Read the system use field USE of N bytes, and where it goes on. Errors: MX_EIO, MX_ENOMEM */
kern_return_t iso_rock_read(struct iso_volume *iv, const uint8_t *use, size_t n, struct iso_rock *rk);

#endif /* ISO_H */
