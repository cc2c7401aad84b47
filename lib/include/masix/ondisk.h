/*
 * masix/ondisk.h - what file systems on disks share: numbers in bytes, cached sectors of metadata, names in UTF-16.
 *
 * Contents of files are not cached here: the kernel does that (masix/pfs_store.h). The cache of this library is for directories,
 * tables and inodes. It copies in and out, so that nobody holds a pointer into it while a fibril is parked.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_ONDISK_H
#define MASIX_ONDISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masix/blk.h>
#include <masix/pfs.h>
#include <masix/server.h>

/* ---- Numbers in bytes ---- */

static inline uint16_t
od_le16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t
od_le32(const void *p)
{
	return od_le16(p) | (uint32_t)od_le16((const uint8_t *)p + 2) << 16;
}

static inline uint64_t
od_le64(const void *p)
{
	return od_le32(p) | (uint64_t)od_le32((const uint8_t *)p + 4) << 32;
}

static inline uint16_t
od_be16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t
od_be32(const void *p)
{
	return (uint32_t)od_be16(p) << 16 | od_be16((const uint8_t *)p + 2);
}

static inline uint64_t
od_be64(const void *p)
{
	return (uint64_t)od_be32(p) << 32 | od_be32((const uint8_t *)p + 4);
}

static inline void
od_le16_put(void *p, uint16_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
}

static inline void
od_le32_put(void *p, uint32_t v)
{
	od_le16_put(p, (uint16_t)v);
	od_le16_put((uint8_t *)p + 2, (uint16_t)(v >> 16));
}

/* ---- Metadata of one disk (od_cache.c) ---- */

struct od_cache;

/* Units of UNIT bytes (a power of two, at least 512); a miss reads up to AHEAD of them at once; about MAX clean ones are kept.
 * NULL: no memory. */
struct od_cache *od_cache_create(struct blk_disk *disk, uint32_t unit, uint32_t ahead, uint32_t max);
/* What is dirty is lost. */
void od_cache_destroy(struct od_cache *c);

/* Copy N bytes at OFFSET of the disk out of the cache. Errors: MX_EIO, also for what lies outside the disk; MX_ENOMEM */
kern_return_t od_read(struct od_cache *c, uint64_t offset, void *buf, size_t n);
/* Copy N bytes into the cache and remember that they belong to CLASS (1..OD_CLASSES), which od_flush writes. A unit has the class that
 * it was given first since it was last written; callers keep classes apart by units. */
#define OD_CLASSES	3u
kern_return_t od_write(struct od_cache *c, uint64_t offset, const void *buf, size_t n, unsigned int class);
/* Write whole units to the disk now and keep them, clean. */
kern_return_t od_write_through(struct od_cache *c, uint64_t offset, const void *buf, size_t n);
/* How many units of CLASS wait to be written. */
uint32_t od_dirty(const struct od_cache *c, unsigned int class);
/* Write the units of CLASS in the order of the disk, neighbours together, with WRITE (NULL: blk_write, and CTX is not looked at).
 * Errors: what could not be written is still dirty. Locks: nobody may write to the cache meanwhile */
typedef kern_return_t od_write_t(void *ctx, uint64_t offset, const void *buf, size_t n);
kern_return_t od_flush(struct od_cache *c, unsigned int class, od_write_t *write, void *ctx);

/* ---- Contents of files (od_file.c) ---- */

/* Where the bytes of NODE from OFFSET on (a multiple of 512) are: *DISK, or 0 for a hole, and how many of them lie there one after the
 * other: *BYTES, at most MAX. Errors: MX_EIO there are none */
typedef kern_return_t od_map_t(struct pfs_node *node, uint64_t offset, uint64_t max, uint64_t *disk, uint64_t *bytes);

/* st_fetch (masix/pfs_store.h) for who has such a map: pages of NODE, whose contents on the disk end at END; zeros behind. */
kern_return_t od_fetch(struct blk_disk *bd, struct pfs_node *node, od_map_t *map, uint64_t end, uint32_t page, uint32_t npages,
	void **pages, uint32_t *got);
/* st_store: write [OFFSET, OFFSET + N) of NODE, OFFSET a multiple of 512; N is rounded up to one, and DATA has that much.
 * Errors: MX_EIO also for a hole */
kern_return_t od_store(struct blk_disk *bd, struct pfs_node *node, od_map_t *map, uint64_t offset, const void *data, size_t n);

/* ---- Volumes that are only read: nodes (od_volume.c) ---- */

#define OD_HASH		128u
#define OD_IDLE_MAX	256u	/* files that nobody uses and whose pages stay in the kernel's cache */

/* A node of such a volume; the first member of the format's own. */
struct od_node {
	struct pfs_node	on_node;
	struct od_volume *on_volume;
	struct od_node	*on_hash, *on_newer, *on_older;
	bool		on_is_idle, on_is_dying;
};

/* How addresses of blocks are written in inodes (od_inode.c); set by of_load. */
struct od_blocks {
	uint32_t	ob_block;	/* bytes of a block */
	uint32_t	ob_unit;	/* bytes that an address counts */
	uint64_t	ob_units;	/* of the volume */
	uint32_t	ob_direct;	/* addresses in an inode before the three of indirect blocks */
	uint32_t	ob_address;	/* bytes of an address in an indirect block: 4 or 8 */
};

struct od_volume {
	struct pfs_volume *ov_volume;
	struct blk_disk	*ov_disk;
	struct od_cache	*ov_cache;
	struct od_node	*ov_chain[OD_HASH];	/* by number */
	struct od_node	*ov_newest, *ov_oldest;	/* idle ones */
	uint32_t	ov_nidle, ov_nnodes;
	bool		ov_is_ending;
	struct mx_cond	ov_gone;		/* a node was freed */
	bool		ov_is_big;		/* numbers have their most significant byte first */
	struct od_blocks ov_blocks;
};

/* The node with number INO that is in use, with a reference. Errors: MX_ENOENT it has to be made */
kern_return_t od_node_find(struct od_volume *ov, uint64_t ino, struct od_node **out);
/* ON is zeroed memory of the format's. Then its attributes are set, and od_node_add makes it a node that can be found, with one reference:
 * od_node_find has said that there is none, and nobody has parked since. Contents: STORE (NULL: it has none).
 * Errors: MX_ENOMEM, and ON is the caller's */
void od_node_init(struct od_volume *ov, struct od_node *on, uint64_t ino, uint32_t mode);
struct pfs_store_ops;
kern_return_t od_node_add(struct od_node *on, const struct pfs_store_ops *store);
/* Let go of all nodes, which have no users; when it returns they are freed. */
void od_nodes_end(struct od_volume *ov);

static inline struct od_volume *
od_volume_of(const struct pfs_node *node)
{
	return ((const struct od_node *)node)->on_volume;
}

static inline uint16_t
od_u16(const struct od_volume *ov, const void *p)
{
	return ov->ov_is_big ? od_be16(p) : od_le16(p);
}

static inline uint32_t
od_u32(const struct od_volume *ov, const void *p)
{
	return ov->ov_is_big ? od_be32(p) : od_le32(p);
}

static inline uint64_t
od_u64(const struct od_volume *ov, const void *p)
{
	return ov->ov_is_big ? od_be64(p) : od_le64(p);
}

/* ---- Volumes that are only read: operations (od_format.c). A file system is one struct od_format ---- */

/* An entry of a directory; may be the first member of the format's own. */
struct od_entry {
	uint64_t	en_ino;
	uint32_t	en_mode;	/* its type; 0: only its node knows */
	size_t		en_name_len;	/* 0: nothing that is shown */
	char		en_name[MX_NAME_MAX];
};

struct od_inode;
struct od_format {
	struct pfs_ops	of_pfs;		/* first: OD_PFS_OPS, and po_name, po_magic, po_readlink, po_statfs */
	size_t		of_volume_size, of_entry_size, of_node_size;	/* of the structures that begin with od_volume... */
	uint32_t	of_cache_unit, of_cache_ahead, of_cache_max;	/* od_cache_create */
	/* Decode the mount options; nothing is open yet. NULL: there are none */
	kern_return_t	(*of_options)(struct od_volume *ov, const struct pfs_mount_args *args);
	/* Read what describes the volume. Errors: MX_EINVAL this is no such volume */
	kern_return_t	(*of_load)(struct od_volume *ov);
	/* The root, with a reference. */
	kern_return_t	(*of_root)(struct od_volume *ov, struct od_node **out);
	/* The entry at *OFFSET of DIR, which is moved behind it; "." and ".." and names that nobody could use need not be left out.
	 * Errors: MX_ENOENT the end; MX_EINVAL nothing begins at that offset */
	kern_return_t	(*of_entry)(struct od_node *dir, uint64_t *offset, struct od_entry *en);
	/* The node of EN, with a reference. */
	kern_return_t	(*of_entry_node)(struct od_volume *ov, struct od_entry *en, struct od_node **out);
	void		(*of_entry_end)(struct od_entry *en);	/* free what of_entry allocated. NULL: nothing */
	void		(*of_node_free)(struct od_node *on);	/* NULL: it is one piece of memory */

	/* For od_inode.c. */
	/* Read inode INO. Errors: MX_EIO there is none */
	kern_return_t	(*of_inode_read)(struct od_volume *ov, uint64_t ino, uint8_t *b);
	/* What B says, into the attributes of OI and its addresses. Errors: MX_EIO it makes no sense */
	kern_return_t	(*of_inode_decode)(const struct od_volume *ov, const uint8_t *b, struct od_inode *oi);
};

/* What of_pfs has in all formats. */
#define OD_PFS_OPS \
	.po_cache = MX_CACHE_FOREVER, .po_mount = od_mount, .po_unmount = od_unmount, .po_leave = od_leave, .po_remount = od_remount, .po_lookup = od_lookup, \
	.po_readdir = od_readdir, .po_release = od_node_release, .po_read = pfs_store_read, .po_pager = pfs_store_pager

kern_return_t od_mount(struct pfs_volume *vol, const struct pfs_mount_args *args);
void od_unmount(struct pfs_volume *vol);
void od_leave(struct pfs_volume *vol);
kern_return_t od_remount(struct pfs_volume *vol, uint32_t flags);
kern_return_t od_lookup(struct pfs_node *dir, const char *name, size_t len, int32_t who, struct pfs_node **out);
kern_return_t od_readdir(struct pfs_node *dir, uint64_t cookie, int32_t who, struct pfs_dirents *out);
void od_node_release(struct pfs_node *node);

static inline const struct od_format *
od_format_of(const struct od_volume *ov)
{
	return (const struct od_format *)ov->ov_volume->pv_ops;
}

/* ---- Such formats whose files are inodes with addresses of blocks, direct and indirect ones (od_inode.c) ---- */

#define OD_INODE_MAX	256u		/* bytes of an inode on the disk */
#define OD_ADDRESSES_MAX 15u

struct od_inode {
	struct od_node	oi_node;	/* first */
	uint64_t	oi_addresses[OD_ADDRESSES_MAX];	/* ob_direct, and three */
};

/* The node of inode INO, with a reference. Errors: MX_EIO */
kern_return_t od_inode_get(struct od_volume *ov, uint64_t ino, struct od_node **out);
kern_return_t od_inode_of_entry(struct od_volume *ov, struct od_entry *en, struct od_node **out);	/* of_entry_node */
/* Copy N bytes of NODE, at OFFSET, through the cache of metadata: directories, symbolic links. */
kern_return_t od_inode_copy(struct pfs_node *node, uint64_t offset, void *buf, size_t n);
kern_return_t od_inode_readlink(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *len);	/* po_readlink */

/* ---- Names (od_utf.c) ---- */

#define OD_BAD_NAME	((size_t)-1)

/* UTF-8 to UTF-16, and back; how many units were made, or OD_BAD_NAME: malformed, or more than MAX. */
size_t od_utf16_from(const char *s, size_t len, uint16_t *out, size_t max);
size_t od_utf8_from(const uint16_t *s, size_t n, char *out, size_t max);
/* The capital letter of C, for Latin, Greek and Cyrillic. */
uint16_t od_upper(uint16_t c);

/* ---- Mount options and times (od_misc.c) ---- */

/* The number KEY=N in base BASE, or OTHERWISE when there is none. Errors: MX_EINVAL it is no number */
kern_return_t od_option_number(const struct pfs_mount_args *args, const char *key, int base, uint32_t otherwise, uint32_t *out);
/* Seconds since 1970 of a date, UTC; MONTH and DAY from 1. What is out of range is brought into it. */
int64_t od_seconds(int year, int month, int day, int hour, int minute, int second);
/* And back: DATE is year, month, day, hour, minute, second. */
void od_date(int64_t seconds, int date[6]);

#endif /* MASIX_ONDISK_H */
