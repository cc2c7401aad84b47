/*
 * pfs_lib.h - what the files of the PFS library share.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef PFS_LIB_H
#define PFS_LIB_H

#include <masix/pfs.h>

bool pfs_node_is_readonly(const struct pfs_node *node);
/* NODE was read: its access time, as relatime has it. */
void pfs_node_read_touch(struct pfs_node *node);
/* NODE's contents were written through memory, last at SEC, NS as a client says. */
void pfs_node_written(struct pfs_node *node, int64_t sec, uint32_t ns);

/* NODE's place in a shared inode page (pfs_inode.c). Rights: MEMORY becomes the caller's. */
kern_return_t pfs_inode_attach(struct pfs_node *node, mach_port_t *memory, uint32_t *offset);
/* The node goes: give its place back. */
void pfs_inode_detach(struct pfs_node *node);

/* ---- Who executes a file, and who writes to it (pfs_program.c) ---- */

struct pfs_claim {			/* of an open file; zeros: none */
	struct pfs_claim *cl_next;	/* of the same node */
	struct mx_object *cl_object;	/* the open file */
	bool		cl_is_program;	/* it is executed; else it is open for writing */
	bool		cl_is_given;	/* a client has had the right to it */
};
/* May NODE be executed (IS_PROGRAM), or be written to? Errors: MX_ETXTBSY. Blocks: shortly, before it says no */
kern_return_t pfs_claim_check(struct pfs_node *node, bool is_program);
/* The same; and OBJ is of those who do so. Errors, Blocks: as pfs_claim_check */
kern_return_t pfs_claim_make(struct pfs_claim *cl, struct pfs_node *node, struct mx_object *obj, bool is_program);
void pfs_claim_drop(struct pfs_claim *cl, struct pfs_node *node);
/* pfs_node_truncate for who has not opened NODE for writing. Errors: also MX_ETXTBSY */
kern_return_t pfs_node_cut(struct pfs_node *node, uint64_t size);

/* ---- The end of a file that is lent (pfs_lease.c). All block. ---- */

/* What was appended by now becomes contents: before NODE's size is asked for, or its end read. */
void pfs_lease_look(struct pfs_node *node);
/* Take it back: before somebody else writes behind the end, or the size changes. */
void pfs_lease_end(struct pfs_node *node);
/* Lend NODE's end to the opener whose lease is (to be) at PLACE. Errors: as io_lease */
kern_return_t pfs_lease_get(struct pfs_node *node, struct pfs_lease **place, bool mapped, mach_port_t *memory);
/* The opener is gone. */
void pfs_lease_free(struct pfs_node *node, struct pfs_lease *ls);

/* Text of a pseudo-file, printed as a whole and then read in pieces (pfs_text.c). */
struct pfs_text {
	char	*tx_buf;
	size_t	tx_len, tx_size;
	bool	tx_failed;	/* no memory */
};
#define PFS_TEXT_MAX	(4u << 20)
/* Copy up to COUNT bytes at OFFSET of what was printed. */
size_t pfs_text_read(const struct pfs_text *text, uint64_t offset, void *buf, size_t count);
void pfs_text_reset(struct pfs_text *text);

#endif
