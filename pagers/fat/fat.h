/*
 * fat.h - FAT12, FAT16 and FAT32 volumes, with long names (VFAT).
 *
 * Source: "Microsoft FAT Specification" (2005), and what mkfs.fat, mtools and Linux write.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef FAT_H
#define FAT_H

#include <masix/ondisk.h>
#include <masix/pager.h>
#include <masix/pfs_store.h>
#include <masix/server.h>

/* ---- For who serves or tests it ---- */

extern const struct pfs_ops fat_ops;		/* "vfat" */
extern const struct pfs_ops fat_msdos_ops;	/* the same under the name "msdos" */

/* Store what changed of all volumes; FINISH: they look as if they had been unmounted, until something changes again. */
void fat_sync_all(bool finish);

/* ---- The disk ---- */

#define FAT_FREE	0u		/* table entries, as of FAT32 */
#define FAT_BAD		0x0ffffff7u
#define FAT_END		0x0fffffffu

#define FAT_SLOT	32u		/* bytes of a directory entry */
#define FAT_SLOTS_MAX	65536u		/* of a directory */
#define FAT_SECTOR	512u		/* of the cache: slots are looked at by so many bytes */
#define FAT_LONG_MAX	255u		/* UTF-16 units of a name */
#define FAT_SIZE_MAX	0xffffffffu

enum {					/* in a slot */
	FAT_NAME = 0, FAT_ATTR = 11, FAT_CASE = 12, FAT_CTIME_10MS = 13, FAT_CTIME = 14, FAT_CDATE = 16, FAT_ADATE = 18,
	FAT_FIRST_HIGH = 20, FAT_MTIME = 22, FAT_MDATE = 24, FAT_FIRST_LOW = 26, FAT_SIZE = 28,
};

#define FAT_RDONLY	0x01u		/* attributes */
#define FAT_VOLUME_ID	0x08u
#define FAT_DIRECTORY	0x10u
#define FAT_ARCHIVE	0x20u
#define FAT_LONG	0x0fu		/* this slot is a piece of a long name */

#define FAT_DELETED	0xe5u		/* first byte of a slot */

/* Classes of the cache. */
#define FAT_CLASS_TABLE	1u
#define FAT_CLASS_DIR	2u

/* ---- In memory ---- */

struct fat_run { uint32_t fr_index, fr_cluster, fr_count; };	/* clusters of a chain that follow each other */

/* A chain of clusters, as far as it was walked. */
struct fat_chain {
	uint32_t	fc_first;	/* 0: none */
	struct fat_run	*fc_runs;
	uint32_t	fc_nruns, fc_room;
	uint32_t	fc_known;	/* clusters in the runs */
	bool		fc_ended;	/* that is all of it */
	uint32_t	fc_epoch;	/* of the volume when clusters were added */
};

/* A chain, or the rest of one behind KEEP, that becomes free when the directories are on the disk; or one that will follow KEEP. */
struct fat_pending { uint32_t fp_keep, fp_head; };
#define FAT_PENDING_MAX	256u

#define FAT_HASH	128u
#define FAT_IDLE_MAX	256u		/* files that nobody uses and whose pages stay in the kernel's cache */

struct fat_node {
	struct pfs_node	fn_node;	/* first */
	struct fat_volume *fn_volume;
	struct fat_node	*fn_next_pos, *fn_next_ino;	/* in the tables */
	struct fat_node	*fn_idle_next, *fn_idle_prev;
	struct fat_node	*fn_dirty_next;
	uint64_t	fn_pos;		/* of its slot on the disk; 0: the root, or deleted */
	uint8_t		fn_attr;	/* FAT_RDONLY... */
	bool		fn_is_root, fn_is_idle, fn_is_dirty, fn_is_dying;
	bool		fn_in_sync;	/* fn_snapshot is to be stored */
	bool		fn_is_uncounted; /* idle, and its memory object is not in pv_opens */
	struct fat_chain fn_chain;
	uint32_t	fn_disk_size;	/* as the slot has it */
	int64_t		fn_disk_mtime;
	uint64_t	fn_snapshot;	/* the size when a sync began */
	uint64_t	fn_valid;	/* so many bytes are on the disk; behind it are zeros that are not */
	uint64_t	fn_promised;	/* may be stored up to here: at_size, or more while a write is under way */
	struct mx_mutex	fn_mutex;	/* who moves fn_valid; before fv_mutex */
};

struct fat_volume {
	/* constant */
	struct pfs_volume *fv_volume;
	struct fat_volume *fv_next;	/* of all */
	struct blk_disk	*fv_disk;
	unsigned int	fv_bits;	/* of a table entry: 12, 16, 32 */
	uint32_t	fv_cluster;	/* bytes */
	uint32_t	fv_clusters;	/* numbered from 2 on */
	uint64_t	fv_table, fv_table_bytes;	/* the first one that is written */
	uint32_t	fv_tables;	/* copies that are written */
	uint64_t	fv_root, fv_root_bytes;	/* where it is no chain */
	uint64_t	fv_data;	/* cluster 2 */
	uint64_t	fv_info;	/* FSInfo; 0: none */
	uint32_t	fv_state;	/* where in the boot sector the dirty bit is */
	uint32_t	fv_uid, fv_gid, fv_dmask, fv_fmask;
	bool		fv_is_writable;	/* the disk is */
	bool		fv_readonly;	/* changes when it is mounted otherwise */
	bool		fv_was_dirty;	/* when it was mounted: it stays so */
	/* guarded by fv_mutex, which is held over reads and writes of metadata */
	struct mx_mutex	fv_mutex;
	struct od_cache	*fv_cache;
	uint32_t	fv_free, fv_hint;	/* free clusters; where to look next */
	bool		fv_is_marked;	/* the dirty bit is on the disk */
	bool		fv_is_full;	/* the whole table was looked at: there is nothing free */
	bool		fv_barrier;	/* something was written that tables will refer to */
	struct fat_pending fv_pending[FAT_PENDING_MAX];
	uint32_t	fv_npending;
	struct fat_pending fv_links[FAT_PENDING_MAX];
	uint32_t	fv_nlinks;
	uint32_t	fv_epoch;	/* of fat_meta_flush; begins with 1 */
	/* between two points where a fibril may park */
	struct fat_node	*fv_by_pos[FAT_HASH], *fv_by_ino[FAT_HASH];
	struct fat_node	*fv_idle_first, *fv_idle_last;	/* the longest idle first */
	struct fat_node	*fv_dirty;
	uint32_t	fv_nidle, fv_nnodes;
	bool		fv_is_ending;	/* it is being unmounted */
	uint64_t	fv_next_ino;
	struct mx_cond	fv_gone;	/* a node was freed */
	struct mx_mutex	fv_sync_mutex;	/* one sync at a time; before fn_mutex */
};

static inline struct fat_node *
fat_node_of(struct pfs_node *node)
{
	return (struct fat_node *)node;
}

static inline struct fat_volume *
fat_volume_of(struct pfs_node *node)
{
	return fat_node_of(node)->fn_volume;
}

/* The boot sector (fat_boot.c). Errors: MX_EINVAL this is no FAT volume */
kern_return_t fat_boot_load(struct fat_volume *fv);

/* ---- The table (fat_table.c). Locks: fv_mutex held, for all of it ---- */

/* What follows cluster CL: another one, FAT_FREE, FAT_BAD or FAT_END. Errors: MX_EIO nonsense */
kern_return_t fat_table_get(struct fat_volume *fv, uint32_t cl, uint32_t *next);
kern_return_t fat_table_set(struct fat_volume *fv, uint32_t cl, uint32_t next);
/* Take up to WANT free clusters that follow each other, chained; they are not linked to anything yet. Errors: MX_ENOSPC */
kern_return_t fat_table_take(struct fat_volume *fv, uint32_t near, uint32_t want, uint32_t *first, uint32_t *count);
/* The chain from HEAD on becomes free, and KEEP (0: nothing) the end of one, once the directories are on the disk. */
kern_return_t fat_table_give(struct fat_volume *fv, uint32_t keep, uint32_t head);
/* Do so now: first all ends, then all that is free. */
kern_return_t fat_table_end_now(struct fat_volume *fv);
kern_return_t fat_table_give_now(struct fat_volume *fv);
/* The new chain HEAD follows TAIL, as fat_table_get says from now on; the disk, when it has that chain. */
kern_return_t fat_table_link(struct fat_volume *fv, uint32_t tail, uint32_t head);
kern_return_t fat_table_link_now(struct fat_volume *fv);
/* Will CL become the end of a chain? */
bool fat_table_is_kept(const struct fat_volume *fv, uint32_t cl);
kern_return_t fat_table_count(struct fat_volume *fv);
/* For od_flush: all copies. */
kern_return_t fat_table_write(void *ctx, uint64_t offset, const void *buf, size_t n);

static inline bool
fat_cluster_ok(const struct fat_volume *fv, uint32_t cl)
{
	return cl >= 2 && cl - 2 < fv->fv_clusters;
}

static inline uint64_t
fat_cluster_pos(const struct fat_volume *fv, uint32_t cl)
{
	return fv->fv_data + (uint64_t)(cl - 2) * fv->fv_cluster;
}

/* ---- Chains (fat_chain.c). Locks: fv_mutex held, but where told ---- */

/* Cluster number INDEX of the chain, and how many follow it on the disk, itself included. Errors: MX_ENOENT the chain is shorter; MX_EIO */
kern_return_t fat_chain_find(struct fat_volume *fv, struct fat_chain *fc, uint32_t index, uint32_t *cluster, uint32_t *count);
/* How many clusters it has. Errors: MX_EIO it is damaged, or longer than MAX */
kern_return_t fat_chain_length(struct fat_volume *fv, struct fat_chain *fc, uint32_t max, uint32_t *length);
/* Make it LENGTH clusters long, or leave it as it was. Errors: MX_ENOSPC, MX_EIO, MX_ENOMEM */
kern_return_t fat_chain_extend(struct fat_volume *fv, struct fat_chain *fc, uint32_t length);
/* Only the first LENGTH clusters stay. */
kern_return_t fat_chain_cut(struct fat_volume *fv, struct fat_chain *fc, uint32_t length);
void fat_chain_free(struct fat_chain *fc);

/* ---- Names (fat_name.c) ---- */

struct fat_name { uint16_t na_unit[FAT_LONG_MAX]; size_t na_len; };

/* NAME as it is stored: without dots at its end. Errors: MX_EINVAL, MX_ENAMETOOLONG */
kern_return_t fat_name_decode(const char *name, size_t len, struct fat_name *out);
/* May such a name be made? Errors: MX_EINVAL */
kern_return_t fat_name_check(const struct fat_name *na);
bool fat_name_equal(const struct fat_name *a, const struct fat_name *b);
/* The short name in a slot. */
void fat_short_decode(const uint8_t slot[FAT_SLOT], struct fat_name *out);
uint8_t fat_short_sum(const uint8_t name[11]);
/* Candidates for the short name of NA, the best first; *PLAIN: the first one is all there is to NA, no long name is needed. */
#define FAT_CANDIDATES	16u
unsigned int fat_short_make(const struct fat_name *na, uint32_t salt, uint8_t names[FAT_CANDIDATES][11], bool *plain);

/* ---- Directories (fat_scan.c, fat_dir.c). Locks: fv_mutex held ---- */

struct fat_entry {
	uint32_t	en_first, en_slot;	/* of its slots; the last one, which has the attributes */
	uint64_t	en_pos;			/* of that on the disk */
	uint8_t		en_raw[FAT_SLOT];
	struct fat_name	en_long;		/* length 0: none */
};

struct fat_scan {
	struct fat_volume *sc_volume;
	struct fat_chain *sc_chain;
	uint32_t	sc_index;		/* the next slot */
	uint64_t	sc_pos;			/* of what is in the buffer; 0: nothing */
	uint8_t		sc_buf[FAT_SECTOR];
	/* a long name that is being collected */
	uint32_t	sc_first;
	unsigned int	sc_left;		/* pieces to come, when not 0... */
	bool		sc_complete;		/* ...or all are there */
	uint8_t		sc_sum;
	struct fat_name	sc_long;
};

static inline uint32_t
fat_raw_first(const uint8_t *raw)
{
	return (uint32_t)od_le16(raw + FAT_FIRST_HIGH) << 16 | od_le16(raw + FAT_FIRST_LOW);
}

/* Where slot INDEX of the directory is. Errors: MX_ENOENT behind its end */
kern_return_t fat_slot_pos(struct fat_volume *fv, struct fat_chain *dir, uint32_t index, uint64_t *pos);
void fat_scan_begin(struct fat_scan *sc, struct fat_volume *fv, struct fat_chain *dir, uint32_t index);
/* The next slot, raw. Errors: MX_ENOENT there are no more */
kern_return_t fat_scan_slot(struct fat_scan *sc, const uint8_t **slot, uint64_t *pos);
/* The next entry; neither "." and ".." nor the label. Errors: MX_ENOENT there are no more */
kern_return_t fat_scan_next(struct fat_scan *sc, struct fat_entry *en);
/* The name of EN as users see it, in UTF-8; its length. */
size_t fat_entry_name(const struct fat_entry *en, char out[MX_NAME_MAX]);

/* Errors: MX_ENOENT */
kern_return_t fat_dir_find(struct fat_volume *fv, struct fat_chain *dir, const struct fat_name *na, struct fat_entry *en);
/* Make an entry for NA, which is not there, with the attributes in RAW; EN says where it is. Errors: MX_ENOSPC */
kern_return_t fat_dir_add(struct fat_volume *fv, struct fat_chain *dir, const struct fat_name *na, const uint8_t raw[FAT_SLOT],
	uint32_t near, struct fat_entry *en);
kern_return_t fat_dir_remove(struct fat_volume *fv, struct fat_chain *dir, const struct fat_entry *en);
/* Errors: MX_ENOTEMPTY */
kern_return_t fat_dir_check_empty(struct fat_volume *fv, uint32_t first);
/* A new, empty directory in *FIRST, on the disk already; RAW has its times. */
kern_return_t fat_dir_make(struct fat_volume *fv, uint32_t parent, const uint8_t raw[FAT_SLOT], uint32_t *first);
/* Its ".." is PARENT from now on. */
kern_return_t fat_dir_parent_set(struct fat_volume *fv, uint32_t first, uint32_t parent);
/* Is ANCESTOR (first cluster) above FIRST, or the same? */
kern_return_t fat_dir_is_below(struct fat_volume *fv, uint32_t first, uint32_t ancestor, bool *is);

/* ---- Nodes (fat_node.c) ---- */

/* The node of EN, with a reference. Locks: fv_mutex held. Errors: MX_ENOMEM; MX_EAGAIN the last use of it is just ending, fv_gone tells when */
kern_return_t fat_node_get(struct fat_volume *fv, const struct fat_entry *en, struct fat_node **out);
kern_return_t fat_node_root(struct fat_volume *fv, struct fat_node **out);
/* One more reference to a node that may be idle. */
void fat_node_hold(struct fat_node *fn);
/* The node in use whose slot is at POS, or NULL; no reference. */
struct fat_node *fat_node_at(struct fat_volume *fv, uint64_t pos);
/* What readdir says. */
uint64_t fat_node_ino(struct fat_volume *fv, const struct fat_entry *en);
/* Its slot is at POS from now on; 0: it was deleted. */
void fat_node_move(struct fat_node *fn, uint64_t pos);
/* The attributes have changed: they are stored by the next sync. */
void fat_node_dirty(struct fat_node *fn);
void fat_node_clean(struct fat_node *fn);
/* The mode and ids that this file system can keep. */
void fat_node_mode_set(struct fat_node *fn);
/* Times in memory are as a slot has them. */
void fat_node_times_round(struct fat_node *fn);
/* Attributes and times into RAW; the size and the first cluster are fn_disk_size and the chain's. */
void fat_node_encode(const struct fat_node *fn, uint8_t raw[FAT_SLOT]);
void fat_blocks_set(struct fat_node *fn);
/* po_release, and the end of all nodes that are idle. */
void fat_node_release(struct pfs_node *node);
void fat_nodes_end(struct fat_volume *fv);
/* Idle nodes do not keep the volume, also those that have got a memory object since they are. */
void fat_nodes_uncount(struct fat_volume *fv);

/* ---- Contents (fat_file.c) ---- */

extern const struct pfs_store_ops fat_store_ops;
kern_return_t fat_file_truncate(struct pfs_node *node, uint64_t size);
kern_return_t fat_file_fsync(struct pfs_node *node, bool dataonly);
/* Bytes up to SIZE are on the disk when it returns. Locks: fv_mutex not held. */
kern_return_t fat_file_fill(struct fat_node *fn, uint64_t size);

/* ---- Order (fat_sync.c) ---- */

/* Something will be written: the dirty bit is on the disk when it returns. Locks: fv_mutex held. Errors: MX_EIO, MX_EROFS */
kern_return_t fat_mark(struct fat_volume *fv);
/* Tables, then directories, then what became free. Locks: fv_mutex held */
kern_return_t fat_meta_flush(struct fat_volume *fv);
/* The slot of FN says SIZE (at most what is on the disk). Locks: fv_mutex held */
kern_return_t fat_slot_update(struct fat_node *fn, uint64_t size);
/* The list of volumes. */
void fat_volume_add(struct fat_volume *fv);
void fat_volume_remove(struct fat_volume *fv);
/* Everything. Locks: not held */
kern_return_t fat_volume_sync(struct fat_volume *fv);
kern_return_t fat_node_sync(struct fat_node *fn);
/* The volume is as it should be when nobody uses it. Locks: not held */
kern_return_t fat_volume_finish(struct fat_volume *fv);

#endif /* FAT_H */
