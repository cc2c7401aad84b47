/*
 * tmpfs.h - a file system in memory.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TMPFS_H
#define TMPFS_H

#include <masix/pager.h>
#include <masix/pfs.h>
#include <masix/server.h>

/* ---- For who uses the file system ---- */

extern const struct pfs_ops tmpfs_ops;

/* Files may take LIMIT pages of memory in all (what the boot archives hold is not counted). */
void tmpfs_init(uint32_t limit);

/* Fill the tree below ROOT from a cpio archive ("newc", data page aligned) of SIZE bytes at ARCHIVE, page-aligned memory that lasts.
 * File data is not copied: files refer to it until they are written. MOVE: its pages may leave the address space.
 * Errors: MX_EINVAL  malformed; what came before it is there.   MX_ENOMEM */
kern_return_t tmpfs_unpack(struct pfs_node *root, const void *archive, size_t size, bool move);

/* ---- Pages: where a file's contents are ---- */

/* A slot per page: 0 a hole; else the page's address in this task and these. */
#define TP_KERNEL	1u	/* the kernel has it (and, without an address, nobody else) */
#define TP_LOSABLE	2u	/* the kernel may drop it unseen: it had it as zeros, or this side has its copy */
#define TP_STATE	(TP_KERNEL | TP_LOSABLE)
#define TP_KEEP		4u	/* a page of an archive that stays there: not written, not moved, not freed */
#define TP_FLAGS	(MX_PAGE - 1)

struct tmpfs_pages {
	const uint8_t	*tp_archive;	/* contents are this part of the archive, unchanged, while there are no slots */
	bool		tp_keep;	/* its pages stay (TP_KEEP) */
	uint8_t		*tp_small;	/* or these bytes */
	uint32_t	tp_small_size;	/* of the block; bytes past the file's size are zero */
	struct mx_mutex	tp_mutex;	/* who changes the size or writes, across a wait */
	struct mx_spin	tp_lock;	/* guards the rest against the pager's thread */
	struct mx_slots	tp_slots;
	uint32_t	tp_npages;	/* of the file's size: the pager's end of file */
	uint32_t	tp_used;	/* slots that are not holes */
};

struct tmpfs_node;

/* ---- Slots (tmpfs_slots.c) ---- */

static inline void *
tmpfs_slot_address(uint32_t slot)
{
	return (void *)(uintptr_t)(slot & ~TP_FLAGS);
}

/* The page that a slot's owner must free when the slot goes, or NULL. */
static inline void *
tmpfs_slot_owned(uint32_t slot)
{
	return (slot & TP_KEEP) != 0 ? NULL : tmpfs_slot_address(slot);
}

static inline uint32_t
tmpfs_pages_of(uint64_t size)
{
	return (uint32_t)((size + MX_PAGE - 1) >> MX_PAGE_SHIFT);
}

/* The slot of PAGE, or NULL; its contents, 0 without. Locks: tp_lock held, or a fibril that only looks */
static inline uint32_t *
tmpfs_slot_find(struct tmpfs_pages *tp, uint32_t page)
{
	return mx_slots_find(&tp->tp_slots, page);
}

static inline uint32_t
tmpfs_slot_get(struct tmpfs_pages *tp, uint32_t page)
{
	return mx_slots_get(&tp->tp_slots, page);
}

/* Have slots for [FIRST, END). False: no memory. Fibrils only. */
static inline bool
tmpfs_slots_make(struct tmpfs_pages *tp, uint32_t first, uint32_t end)
{
	return mx_slots_make(&tp->tp_slots, &tp->tp_lock, first, end);
}

/* SLOT, a hole till now, gets VALUE. Locks: tp_lock held */
void tmpfs_slot_fill(struct tmpfs_node *tn, uint32_t *slot, uint32_t value);
/* Empty [FIRST, END). The kernel's pages among them have been or will be discarded. */
void tmpfs_slots_clear(struct tmpfs_node *tn, uint32_t first, uint32_t end);
/* The size changed: the pager's thread looks at the number of pages. */
void tmpfs_npages_set(struct tmpfs_pages *tp, uint64_t size);
bool tmpfs_has_pages(const struct tmpfs_pages *tp);
/* Leave the compact form. Errors: MX_ENOMEM, MX_ENOSPC, and it has not changed */
kern_return_t tmpfs_to_pages(struct tmpfs_node *tn);

/* ---- Contents (tmpfs_pages.c, tmpfs_pager.c) ---- */

kern_return_t tmpfs_pages_read(struct tmpfs_node *tn, uint64_t offset, uint8_t *buf, size_t count);
kern_return_t tmpfs_pages_write(struct tmpfs_node *tn, uint64_t offset, const uint8_t *buf, size_t count, size_t *done);
kern_return_t tmpfs_pages_truncate(struct tmpfs_node *tn, uint64_t size);
kern_return_t tmpfs_pages_allocate(struct tmpfs_node *tn, uint64_t offset, uint64_t length);
kern_return_t tmpfs_pages_punch(struct tmpfs_node *tn, uint64_t offset, uint64_t length);
/* Pages for LENGTH bytes behind the end; 0: none is needed there. Errors: MX_ENOSPC */
kern_return_t tmpfs_pages_reserve(struct tmpfs_node *tn, uint64_t offset, uint64_t length);
bool tmpfs_pages_seek(struct tmpfs_node *tn, bool data, uint64_t *offset);
/* Give every page a slot, so that the pager can answer without memory allocation. */
kern_return_t tmpfs_pages_prepare(struct tmpfs_node *tn);
/* Everything goes; the pager, if there was one, is out of use. */
void tmpfs_pages_free(struct tmpfs_node *tn);
extern const struct mx_pager_ops tmpfs_pager_ops;

/* ---- The tree (tmpfs_core.c) ---- */

struct tmpfs_entry {
	struct tmpfs_entry *te_hash;	/* next in the hash chain */
	struct tmpfs_entry *te_next, *te_prev;	/* of the directory, by age */
	struct tmpfs_node *te_dir, *te_node;
	uint64_t	te_cookie;
	uint8_t		te_len;
	char		te_name[];
};

struct tmpfs_xattr {			/* an extended attribute */
	struct tmpfs_xattr *tx_next;
	uint8_t		tx_space, tx_len;
	uint16_t	tx_size;
	char		tx_data[];	/* name, value */
};

struct tmpfs_volume {
	struct pfs_volume *tv_volume;
	uint32_t	tv_limit, tv_used;	/* pages; guarded by tv_lock */
	uint32_t	tv_nodes;
	uint32_t	tv_xattr_bytes;	/* of extended attributes */
	uint64_t	tv_next_ino;
	struct mx_spin	tv_lock;
	struct tmpfs_entry **tv_hash;
	uint32_t	tv_hash_size, tv_entries;	/* size is a power of two */
};

struct tmpfs_node {
	struct pfs_node	tn_node;	/* first */
	struct tmpfs_volume *tn_volume;
	struct tmpfs_xattr *tn_xattrs;	/* the oldest first */
	union {
		struct {
			struct tmpfs_entry *first, *last;
			struct tmpfs_node *parent;	/* no reference: a directory with entries is held by its own entry */
			uint64_t	next_cookie;
			struct tmpfs_entry *read_at;	/* where the last readdir ended */
		} dir;
		struct {
			char	*target;
			size_t	len;
		} link;
		struct tmpfs_pages reg;
	} u;
};

static inline struct tmpfs_node *
tmpfs_node_of(struct pfs_node *node)
{
	return (struct tmpfs_node *)node;
}

static inline uint64_t
tmpfs_size(const struct tmpfs_node *tn)
{
	return tn->tn_node.pn_attr.at_size;
}

/* Take or give back room for N pages; false: the volume or all of memory is full. MUST: take it anyway. Any thread. */
bool tmpfs_charge(struct tmpfs_volume *tv, uint32_t n, bool must);
void tmpfs_uncharge(struct tmpfs_volume *tv, uint32_t n);

static inline bool
tmpfs_is_dir(const struct tmpfs_node *tn)
{
	return pfs_node_is_dir(&tn->tn_node);
}

/* ---- Entries and nodes (tmpfs_dir.c) ---- */

/* NULL: no memory. */
struct tmpfs_entry *tmpfs_entry_alloc(const char *name, size_t len);
/* TE becomes the youngest entry of DIR, for NODE, whose reference it takes. */
void tmpfs_entry_insert(struct tmpfs_node *dir, struct tmpfs_entry *te, struct tmpfs_node *node);
/* Take TE out; its memory and its reference are the caller's. */
void tmpfs_entry_remove(struct tmpfs_entry *te);
/* A node without entries. NULL: no memory. */
struct tmpfs_node *tmpfs_node_alloc(struct tmpfs_volume *tv, const struct pfs_new *what);
/* An entry of TN went; the entry's reference with it. */
void tmpfs_node_unlinked(struct tmpfs_node *tn);
void tmpfs_volume_free(struct tmpfs_volume *tv);
/* May TV have one more entry, and (NODE) one more node? They take heap, which is not counted in pages. */
bool tmpfs_may_grow(const struct tmpfs_volume *tv, bool node);
/* A node with one link in DIR under NAME. The attributes are NEW's; the reference is the caller's. Errors: MX_EEXIST, MX_ENOMEM, MX_ENOENT */
kern_return_t tmpfs_node_make(struct tmpfs_node *dir, const char *name, size_t len, const struct pfs_new *what,
	struct tmpfs_node **out);
/* Everything of a node that nobody can reach. */
void tmpfs_node_free(struct tmpfs_node *tn);
struct tmpfs_entry *tmpfs_entry_find(struct tmpfs_node *dir, const char *name, size_t len);

/* ---- Extended attributes (tmpfs_xattr.c) ---- */

kern_return_t tmpfs_getxattr(struct pfs_node *node, const struct pfs_xattr *xa, void *value, size_t *size);
kern_return_t tmpfs_setxattr(struct pfs_node *node, const struct pfs_xattr *xa, const void *value, size_t size, uint32_t how);
kern_return_t tmpfs_listxattr(struct pfs_node *node, struct pfs_xattrs *out);
void tmpfs_xattrs_free(struct tmpfs_node *tn);

#endif /* TMPFS_H */
