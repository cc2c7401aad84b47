/*
 * ext2.h - the ext2, ext3 and (read-only) ext4 file systems.
 *
 * A volume has one lock, ev_lock, which every operation on its structures holds, across reads of the disk, too. It is given up while
 * contents of files are read or written (ext2_store.c). So structures are consistent whenever the lock is free, and what was changed
 * under one hold of it is in one transaction.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EXT2_H
#define EXT2_H

#include <masix/blk.h>
#include <masix/pfs.h>
#include <masix/pfs_store.h>
#include <masix/server.h>
#include "ext2_disk.h"

extern const struct pfs_ops ext2_ops, ext3_ops, ext4_ops;

/* ---- Blocks of metadata in memory (ext2_cache.c) ---- */

#define EXT2_BUF_DIRTY	1u	/* changed: of the running transaction or, without journal, to be written */
#define EXT2_BUF_CKPT	4u	/* committed, and not yet written to its place */
#define EXT2_BUF_DIR	8u	/* its directory entries were checked */
#define EXT2_BUF_ORDER	(3u << 8)	/* without journal: written in this order */
#define EXT2_BUF_FIRST	(0u << 8)	/* bitmaps, descriptors */
#define EXT2_BUF_MAP	(1u << 8)	/* indirect blocks, new contents */
#define EXT2_BUF_INODE	(2u << 8)
#define EXT2_BUF_NAME	(3u << 8)	/* directories */

struct ext2_buf {
	struct ext2_buf	*bu_hash;
	struct ext2_buf	*bu_newer, *bu_older;	/* by use */
	struct ext2_buf	*bu_dirty;	/* next of the dirty ones */
	uint64_t	bu_block;
	uint32_t	bu_flags;
	unsigned int	bu_refs;
	uint8_t		bu_data[] __attribute__((aligned(8)));
};

#define EXT2_HASH_SIZE	4096u

struct ext2_cache {
	struct ext2_buf	*ca_hash[EXT2_HASH_SIZE];
	struct ext2_buf	*ca_newest, *ca_oldest;
	struct ext2_buf	*ca_dirty;	/* list of EXT2_BUF_DIRTY */
	uint32_t	ca_count, ca_ndirty, ca_nckpt;
	uint32_t	ca_max;
};

/* ---- Groups ---- */

struct ext2_group {
	uint64_t	eg_block_bitmap, eg_inode_bitmap, eg_inode_table;
	uint32_t	eg_free_blocks, eg_free_inodes, eg_used_dirs;
	uint16_t	eg_flags;
	uint32_t	eg_next;	/* where the last search ended */
	uint8_t		*eg_freed;	/* blocks freed by the running transaction: not to be used yet */
};

/* ---- The journal (ext2_journal.c) ---- */

struct ext2_run { uint64_t ru_block; uint32_t ru_first, ru_count; };	/* blocks ru_first.. of a file are at ru_block.. */

#define EXT2_OUT 64u

struct ext2_journal {
	struct ext2_run	*jo_runs;	/* where the journal is */
	uint32_t	jo_nruns;
	uint32_t	jo_first, jo_len;	/* its blocks [first, len) are the log */
	uint32_t	jo_tail, jo_head;	/* oldest transaction that may be needed; where the next one begins */
	uint32_t	jo_tid;		/* of the running transaction */
	uint32_t	jo_max;		/* blocks of a transaction, at most */
	uint8_t		*jo_out;	/* EXT2_OUT blocks on their way to the disk */
	uint32_t	jo_nout, jo_at;	/* how many; where in the log the first of them goes */
	uint64_t	*jo_revoke;	/* blocks that the running transaction revokes */
	uint32_t	jo_nrevoke, jo_revoke_room;
	uint8_t		*jo_super;	/* a block */
};

/* ---- Volumes and nodes ---- */

#define EXT2_XATTR_RECENT 16u
struct ext2_xattr_recent { uint32_t re_hash; uint64_t re_block; };	/* a block of attributes that may be shared; 0: none */

struct ext2_volume {
	struct pfs_volume *ev_volume;
	struct blk_disk	*ev_disk;
	char		ev_source[32];	/* its name, to open it again */
	size_t		ev_source_len;
	struct mx_mutex	ev_lock;
	struct mx_cond	ev_changed;	/* a commit ended, a node came to rest, contents were written */
	struct ext2_buf	*ev_super_buf;	/* a reference for good */
	struct ext2_super *ev_super;	/* in it */
	uint32_t	ev_block_size, ev_block_shift;
	uint64_t	ev_blocks;
	uint32_t	ev_inodes, ev_first_ino, ev_inode_size, ev_desc_size;
	uint32_t	ev_blocks_per_group, ev_inodes_per_group, ev_ngroups, ev_first_block;
	uint32_t	ev_apb, ev_apb_shift;	/* addresses in a block */
	uint64_t	ev_max_size;	/* of a file */
	uint64_t	ev_overhead;	/* blocks that are never files' */
	struct ext2_group *ev_groups;
	uint64_t	ev_free_blocks, ev_reserved_blocks;
	uint32_t	ev_free_inodes;
	uint64_t	ev_delayed;	/* of the free ones, promised */
	uint32_t	ev_dirs_next;	/* the group for the next directory of the root */
	uint32_t	ev_hash_seed[4];
	struct ext2_cache ev_cache;
	struct ext2_journal *ev_journal;	/* NULL: ext2 */
	bool		ev_readonly;
	bool		ev_broken;	/* an error ended all writing */
	unsigned int	ev_errors;	/* EXT2_ERRORS_* */
	bool		ev_has_freed;	/* some eg_freed */
	unsigned int	ev_draining;	/* who wants to commit waits for ev_writers */
	uint32_t	ev_writers;	/* contents on their way to blocks that the running transaction allocated */
	kern_return_t	ev_write_error;
	uint32_t	ev_generation;	/* of the next inode */
	struct ext2_node *ev_nodes[EXT2_HASH_SIZE];
	uint32_t	ev_nnodes, ev_nchanged;	/* in memory; with en_changed */
	struct ext2_node *ev_idle;	/* nobody has them */
	struct ext2_node *ev_orphans;	/* first of the list on the disk */
	void		(*ev_wake)(struct ext2_volume *ev);	/* there is work for ext2_volume_work; NULL: it is called now and then */
	void		*ev_worker;
	unsigned int	ev_said;	/* errors that were logged */
	bool		ev_no_user_xattr;
	struct ext2_xattr_recent ev_xattr_recent[EXT2_XATTR_RECENT];
	uint32_t	ev_xattr_next;
};

struct ext2_range { uint32_t ra_first, ra_count; };

struct ext2_node {
	struct pfs_node	en_node;	/* first */
	struct ext2_volume *en_volume;
	struct pfs_store *en_store;
	struct ext2_node *en_hash;
	struct ext2_node *en_idle_next;
	uint32_t	en_ino;
	enum { EN_USED, EN_LEAVING, EN_IDLE, EN_DELETED } en_state;
	bool		en_changed;	/* more than en_stored tells */
	bool		en_orphan;
	struct ext2_node *en_orphan_next, *en_orphan_prev;
	uint32_t	en_dtime;	/* as read: an orphan's successor */
	struct mx_attr	en_stored;	/* as the inode table has it, or will at the next commit */
	uint32_t	en_block[EXT2_NBLOCKS];
	uint32_t	en_flags, en_generation;
	uint64_t	en_file_acl;
	uint64_t	en_disk_size;	/* the size that the inode table may tell: contents up to there were stored */
	uint64_t	en_blocks;	/* of 512 bytes, allocated */
	uint32_t	en_goal;	/* a group's worth of hint: block behind the last one allocated, 0: none */
	struct ext2_range *en_delayed;	/* blocks promised and not yet allocated, in order */
	uint32_t	en_ndelayed, en_delayed_room;
	uint32_t	en_waiting;	/* blocks in them */
	uint64_t	en_promised;	/* its part of ev_delayed: these, and what finding them may take */
	uint32_t	en_io;		/* transfers of contents under way */
	uint32_t	en_dir_hint;	/* a directory's block with room, perhaps */
	uint32_t	en_tid;		/* the transaction that last changed it */
};

static inline struct ext2_node *
ext2_node_of(struct pfs_node *node)
{
	return (struct ext2_node *)node;
}

static inline struct ext2_volume *
ext2_volume_of(struct pfs_node *node)
{
	return ext2_node_of(node)->en_volume;
}

static inline bool
ext2_has_incompat(const struct ext2_volume *ev, uint32_t feature)
{
	return (ev->ev_super->s_feature_incompat & feature) != 0;
}

static inline bool
ext2_has_compat(const struct ext2_volume *ev, uint32_t feature)
{
	return (ev->ev_super->s_feature_compat & feature) != 0;
}

/* The number of blocks that BYTES fill. */
static inline uint64_t
ext2_blocks_of(const struct ext2_volume *ev, uint64_t bytes)
{
	return (bytes + ev->ev_block_size - 1) >> ev->ev_block_shift;
}

/* All that follows needs ev_lock held, unless it says otherwise. */

/* ---- ext2_super.c ---- */

/* Read and check the superblock and descriptors. Errors: MX_EINVAL no such file system, MX_EROFS it can only be read, MX_EIO */
kern_return_t ext2_super_load(struct ext2_volume *ev, bool write);
/* May it be written? Errors: MX_EROFS */
kern_return_t ext2_super_writable(const struct ext2_volume *ev);
/* The counts and flags in ev_super's buffer follow those in memory; the buffer becomes part of the transaction. */
void ext2_super_changed(struct ext2_volume *ev);
/* Write the superblock now, beside transactions (when the volume becomes or ceases to be in use). */
kern_return_t ext2_super_write(struct ext2_volume *ev);
void ext2_super_unload(struct ext2_volume *ev);
/* The volume is damaged or its disk fails: say so, and do what errors= asks for. Returns MX_EIO. */
kern_return_t ext2_error(struct ext2_volume *ev, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Nothing is written any more. */
void ext2_break(struct ext2_volume *ev, const char *why);
bool ext2_group_has_super(const struct ext2_volume *ev, uint32_t group);

/* ---- ext2_cache.c ---- */

/* A reference to the block. Errors: MX_EIO (also: outside the volume), MX_ENOMEM.  Blocks: for the disk */
kern_return_t ext2_buf_read(struct ext2_volume *ev, uint64_t block, struct ext2_buf **out);
/* The same, as zeros and without reading. */
kern_return_t ext2_buf_make(struct ext2_volume *ev, uint64_t block, struct ext2_buf **out);
void ext2_buf_put(struct ext2_buf *bu);
/* BU was changed, or will be under this hold of the lock. ORDER: EXT2_BUF_FIRST... */
void ext2_buf_dirty(struct ext2_volume *ev, struct ext2_buf *bu, uint32_t order);
/* BLOCK is not metadata any more: it must not be written. */
void ext2_buf_forget(struct ext2_volume *ev, uint64_t block);
/* Write what is dirty, in order; without journal. ALL: bitmaps, too. */
kern_return_t ext2_cache_write(struct ext2_volume *ev, bool all);
/* Write those that only wait for a checkpoint. */
kern_return_t ext2_cache_checkpoint(struct ext2_volume *ev, uint8_t *out);
/* All that is dirty was committed. */
void ext2_cache_committed(struct ext2_volume *ev);
/* Write BU to its place. */
kern_return_t ext2_buf_write(struct ext2_volume *ev, struct ext2_buf *bu);
void ext2_cache_trim(struct ext2_volume *ev);
void ext2_cache_free(struct ext2_volume *ev);

/* ---- ext2_journal.c, ext2_replay.c ---- */

/* Find the journal and, when the volume was in use, bring what it holds to its place. Before anything else is in the cache. */
kern_return_t ext2_journal_load(struct ext2_volume *ev, bool write);
kern_return_t ext2_journal_replay(struct ext2_volume *ev);
/* Everything is in its place; the log is empty. */
kern_return_t ext2_journal_end(struct ext2_volume *ev);
void ext2_journal_free(struct ext2_volume *ev);
uint64_t ext2_journal_block(const struct ext2_journal *jo, uint32_t n);
kern_return_t ext2_journal_super_write(struct ext2_volume *ev, uint32_t start, uint32_t sequence);
void ext2_journal_revoke(struct ext2_volume *ev, uint64_t block);
void ext2_journal_unrevoke(struct ext2_volume *ev, uint64_t block);

/* Take the lock and have room for CREDITS more blocks in the transaction. Errors: MX_EROFS (then the lock is not held) */
kern_return_t ext2_begin(struct ext2_volume *ev, uint32_t credits);
/* A long operation, everything consistent: the same in its middle. May give up the lock meanwhile. */
kern_return_t ext2_extend(struct ext2_volume *ev, uint32_t credits);
void ext2_end(struct ext2_volume *ev);
/* All changes made so far are durable when it returns. May give up the lock. */
kern_return_t ext2_commit(struct ext2_volume *ev);
/* EN is durable when it returns, and what finds it and its contents. May give up the lock. */
kern_return_t ext2_commit_node(struct ext2_node *en);
/* The same without having the disk flush when nothing was changed. */
kern_return_t ext2_commit_changes(struct ext2_volume *ev);
/* The same only if transaction TID is not yet. */
kern_return_t ext2_commit_tid(struct ext2_volume *ev, uint32_t tid);
uint32_t ext2_tid(const struct ext2_volume *ev);	/* of the running transaction; 0 without journal */
/* Lock without changing anything. */
void ext2_lock(struct ext2_volume *ev);
void ext2_unlock(struct ext2_volume *ev);
/* Give up the lock until something has changed. */
void ext2_wait(struct ext2_volume *ev);

/* ---- ext2_alloc.c ---- */

/* Is BLOCK one that a file may have? */
bool ext2_block_is_ok(const struct ext2_volume *ev, uint64_t block, uint64_t count);
/* Up to *COUNT blocks in one run, at or near GOAL. Errors: MX_ENOSPC, MX_EIO */
kern_return_t ext2_blocks_alloc(struct ext2_volume *ev, uint64_t goal, uint32_t *count, uint64_t *block);
/* META: they may be in the cache or the journal. */
kern_return_t ext2_blocks_free(struct ext2_volume *ev, uint64_t block, uint32_t count, bool meta);
/* The transaction is committed: the blocks that it freed may be used again. */
void ext2_freed_clear(struct ext2_volume *ev);
kern_return_t ext2_inode_alloc(struct ext2_volume *ev, const struct ext2_node *dir, bool is_dir, uint32_t *ino);
kern_return_t ext2_inode_free(struct ext2_volume *ev, uint32_t ino, bool is_dir);
/* Errors: MX_EIO; *USED: does the bitmap say that it is in use? */
kern_return_t ext2_inode_is_used(struct ext2_volume *ev, uint32_t ino, bool *used);
/* Where inode INO is: a reference to its block, and the offset in it. */
kern_return_t ext2_inode_locate(struct ext2_volume *ev, uint32_t ino, struct ext2_buf **out, uint32_t *offset);
/* The same for one that was just taken: when all others of its block are free, the block becomes zeros and is not read. */
kern_return_t ext2_inode_locate_new(struct ext2_volume *ev, uint32_t ino, struct ext2_buf **out, uint32_t *offset);

/* ---- ext2_map.c, ext2_extent.c ---- */

/* Block N of the file and up to MAX following: *COUNT of them are at *BLOCK and following, or (0) are a hole. */
kern_return_t ext2_map(struct ext2_node *en, uint32_t n, uint32_t max, uint64_t *block, uint32_t *count);
kern_return_t ext2_map_extent(struct ext2_node *en, uint32_t n, uint32_t max, uint64_t *block, uint32_t *count);
/* Block N, a hole, and up to MAX - 1 holes after it get blocks: *COUNT at *BLOCK. */
kern_return_t ext2_map_alloc(struct ext2_node *en, uint32_t n, uint32_t max, uint64_t *block, uint32_t *count);
/* Free blocks [FIRST, END). Begins new transactions when needed (ext2_extend): the node must be consistent, and an orphan when
 * that matters. */
kern_return_t ext2_map_free(struct ext2_node *en, uint64_t first, uint64_t end);
/* Blocks of metadata that COUNT blocks from FIRST on may need. */
uint32_t ext2_map_cost(const struct ext2_volume *ev, uint32_t count);

/* ---- ext2_inode.c ---- */

/* The node of INO with a reference. Errors: MX_EIO a number or an inode that cannot be, MX_ENOMEM */
kern_return_t ext2_node_get(struct ext2_volume *ev, uint32_t ino, struct ext2_node **out);
/* A new node, in memory and in the inode table's bitmap; the caller has begun a transaction. */
kern_return_t ext2_node_make(struct ext2_node *dir, const struct pfs_new *what, struct ext2_node **out);
void ext2_node_changed(struct ext2_node *en);
/* Its inode becomes part of the transaction. */
kern_return_t ext2_node_write(struct ext2_node *en);
/* Of all nodes. ALL: also those of which only times have changed, but when the transaction would get too large. */
kern_return_t ext2_nodes_write(struct ext2_volume *ev, bool all);
/* po_release. No lock. */
void ext2_node_release(struct pfs_node *node);
/* Nodes that nobody has: delete, or write and forget. */
void ext2_nodes_rest(struct ext2_volume *ev);
void ext2_orphan_add(struct ext2_node *en);
void ext2_orphan_remove(struct ext2_node *en);
/* After mounting: finish what was under way when the volume was last in use. */
kern_return_t ext2_orphans_finish(struct ext2_volume *ev);
void ext2_node_blocks_set(struct ext2_node *en, int64_t blocks);	/* so many file system blocks more */
/* Free all that lies behind SIZE. */
kern_return_t ext2_node_trim(struct ext2_node *en, uint64_t size);
bool ext2_is_fast_link(const struct ext2_node *en);
/* Give back what was promised to blocks [FIRST, END) */
void ext2_delayed_drop(struct ext2_node *en, uint64_t first, uint64_t end);
/* Wait until no contents of EN are under way, without giving the caller's lock up for good. */
void ext2_node_quiet(struct ext2_node *en);

/* ---- ext2_xattr.c ---- */

/* EN is being deleted: its block of attributes is one user fewer's. */
kern_return_t ext2_xattr_release(struct ext2_node *en);
/* The operations of struct pfs_ops; they take the lock. */
kern_return_t ext2_getxattr(struct pfs_node *node, const struct pfs_xattr *xa, void *value, size_t *size);
kern_return_t ext2_setxattr(struct pfs_node *node, const struct pfs_xattr *xa, const void *value, size_t size, uint32_t how);
kern_return_t ext2_listxattr(struct pfs_node *node, struct pfs_xattrs *out);

/* ---- ext2_dir.c, ext2_htree.c, ext2_hash.c ---- */

struct ext2_place {			/* an entry found */
	struct ext2_buf	*pl_buf;	/* a reference */
	struct ext2_dirent *pl_entry, *pl_prev;	/* in it; NULL: the first of its block */
};

uint32_t ext2_dirent_name_len(const struct ext2_volume *ev, const struct ext2_dirent *de);
/* Block N of the directory, its entries checked. *OUT NULL: a hole. */
kern_return_t ext2_dir_block(struct ext2_node *dir, uint32_t n, struct ext2_buf **out);
uint32_t ext2_dir_blocks(const struct ext2_node *dir);
struct ext2_dirent *ext2_dir_search(struct ext2_volume *ev, struct ext2_buf *bu, const char *name, size_t len,
	struct ext2_dirent **prev);
/* Errors: MX_ENOENT, MX_EIO */
kern_return_t ext2_dir_find(struct ext2_node *dir, const char *name, size_t len, struct ext2_place *out);
/* NAME is not there. */
kern_return_t ext2_dir_add(struct ext2_node *dir, const char *name, size_t len, uint32_t ino, uint32_t mode);
void ext2_dir_remove(struct ext2_node *dir, struct ext2_place *place);
/* The entry at PLACE is INO's. */
void ext2_dir_set(struct ext2_node *dir, struct ext2_place *place, uint32_t ino, uint32_t mode);
/* "." and ".." of a new directory. */
kern_return_t ext2_dir_init(struct ext2_node *dir, uint32_t parent);
kern_return_t ext2_dir_is_empty(struct ext2_node *dir, bool *empty);
kern_return_t ext2_dir_dotdot(struct ext2_node *dir, struct ext2_place *out);
kern_return_t ext2_dir_read(struct ext2_node *dir, uint64_t cookie, struct pfs_dirents *out);
/* A new block at the directory's end: zeros. */
kern_return_t ext2_dir_grow(struct ext2_node *dir, uint32_t *n, struct ext2_buf **out);
/* Put an entry into BU if there is room. */
bool ext2_dir_put(struct ext2_node *dir, struct ext2_buf *bu, const char *name, size_t len, uint32_t ino, uint32_t mode);
uint8_t ext2_file_type(const struct ext2_volume *ev, uint32_t mode);

bool ext2_dir_is_indexed(const struct ext2_node *dir);
/* Errors: MX_ENOENT; MX_EINVAL the index cannot be used, look at every block */
kern_return_t ext2_htree_find(struct ext2_node *dir, const char *name, size_t len, struct ext2_place *out);
kern_return_t ext2_htree_add(struct ext2_node *dir, const char *name, size_t len, uint32_t ino, uint32_t mode);
/* The only block of DIR is full: it becomes an index and a block. */
kern_return_t ext2_htree_make(struct ext2_node *dir);
kern_return_t ext2_htree_read(struct ext2_node *dir, uint64_t cookie, struct pfs_dirents *out);

/* Errors: false: an unknown version. */
bool ext2_hash(unsigned int version, const uint32_t seed[4], const char *name, size_t len, uint32_t *major, uint32_t *minor);

/* ---- ext2_store.c ---- */

extern const struct pfs_store_ops ext2_store_ops;
kern_return_t ext2_fsync(struct pfs_node *node, bool dataonly);
kern_return_t ext2_seek(struct pfs_node *node, bool data, uint64_t *offset);
kern_return_t ext2_allocate(struct pfs_node *node, uint32_t mode, uint64_t offset, uint64_t length);

/* ---- ext2_name.c: the operations of struct pfs_ops on names; they take the lock ---- */

kern_return_t ext2_lookup(struct pfs_node *dir, const char *name, size_t len, int32_t who, struct pfs_node **out);
kern_return_t ext2_create(struct pfs_node *dir, const char *name, size_t len, const struct pfs_new *what, struct pfs_node **out);
kern_return_t ext2_link(struct pfs_node *dir, const char *name, size_t len, struct pfs_node *node);
kern_return_t ext2_unlink(struct pfs_node *dir, const char *name, size_t len, bool rmdir);
kern_return_t ext2_rename(struct pfs_node *dir1, const char *name1, size_t len1, struct pfs_node *dir2, const char *name2,
	size_t len2, uint32_t flags);
kern_return_t ext2_readlink(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *len);

/* Is there room for metadata of UID's that nobody was promised? Needs the lock. */
bool ext2_has_space(const struct ext2_volume *ev, uint32_t uid);
/* KR is MX_ENOSPC for the first time: what is being deleted may give some. True: begin again. Needs the lock, and may give it up. */
bool ext2_space_was_made(struct ext2_volume *ev, kern_return_t kr, bool *tried);

/* ---- ext2_core.c ---- */

/* What has to be done now and then (every five seconds, and when ev_wake was called). Takes the lock. */
void ext2_volume_work(struct ext2_volume *ev, bool commit);
/* Called by po_mount and po_unmount, if set: a server starts and ends the volume's worker. */
extern void (*ext2_volume_begun)(struct ext2_volume *ev);
extern void (*ext2_volume_ends)(struct ext2_volume *ev);

#endif /* EXT2_H */
