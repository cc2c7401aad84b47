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
/* Forget what is cached of these bytes, changed or not: they are something else from now on. */
void od_forget(struct od_cache *c, uint64_t offset, uint64_t n);
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

/* ---- Volumes that are only read (od_volume.c) ---- */

#define OD_HASH		128u
#define OD_IDLE_MAX	256u	/* files that nobody uses and whose pages stay in the kernel's cache */

/* A node of such a volume; the first member of the file system's own. */
struct od_node {
	struct pfs_node	on_node;
	struct od_volume *on_volume;
	struct od_node	*on_hash, *on_newer, *on_older;
	bool		on_is_idle, on_is_dying;
};

struct od_volume {
	struct pfs_volume *ov_volume;
	struct blk_disk	*ov_disk;
	struct od_cache	*ov_cache;
	void		(*ov_free)(struct od_node *on);	/* what the file system keeps of a node, and ON itself */
	struct od_node	*ov_chain[OD_HASH];	/* by number */
	struct od_node	*ov_newest, *ov_oldest;	/* idle ones */
	uint32_t	ov_nidle, ov_nnodes;
	bool		ov_is_ending;
	struct mx_cond	ov_gone;		/* a node was freed */
};

/* Open the disk that ARGS name, to read, with a cache of metadata (od_cache_create). Errors: MX_ENOTBLK, MX_ENXIO, MX_ENOMEM */
kern_return_t od_volume_open(struct od_volume *ov, struct pfs_volume *vol, const struct pfs_mount_args *args, uint32_t unit,
	uint32_t ahead, uint32_t max);
/* This is a volume of ours; may it be mounted as it was asked? Errors: MX_EROFS it was asked to write to it */
kern_return_t od_volume_check(const struct od_volume *ov);
/* po_remount */
kern_return_t od_volume_remount(struct pfs_volume *vol, uint32_t flags);
/* Undo od_volume_open; there are no nodes. */
void od_volume_close(struct od_volume *ov);
/* po_unmount, but for OV itself. */
void od_volume_end(struct od_volume *ov);

/* The node with number INO that is in use, with a reference. Errors: MX_ENOENT it has to be made */
kern_return_t od_node_find(struct od_volume *ov, uint64_t ino, struct od_node **out);
/* ON, zeroed memory of the file system's but for at_size, becomes the node INO with one reference; od_node_find has just said that there
 * is none. Contents: STORE (NULL: it has none). Errors: MX_ENOMEM, and ON is the caller's */
struct pfs_store_ops;
kern_return_t od_node_add(struct od_volume *ov, struct od_node *on, uint64_t ino, uint32_t mode, const struct pfs_store_ops *store);
/* po_release */
void od_node_release(struct pfs_node *node);

static inline struct od_volume *
od_volume_of(const struct pfs_node *node)
{
	return ((const struct od_node *)node)->on_volume;
}

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
