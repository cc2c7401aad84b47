/*
 * pfs_program.c - ETXTBSY: a file that is executed is not written to, and the other way round.
 *
 * Who executes a file, and who has it open for writing, are open files that the node has in a list. A process keeps the right to the
 * file that it executes for as long as it does so (the kernel hands it on at fork and takes it back when the task ends), so the right is all
 * there is to know. But the end of an open file is noticed late, of a program perhaps seconds late: so when two are in each other's way,
 * the kernel is asked who still has a right, and for a short time again, since a task that was waited for may not be quite gone.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "pfs_lib.h"

#define LOOKS		3u
#define PAUSE_NS	10000000ull

/* Is NODE in use so that it cannot be executed (IS_PROGRAM), or else not be written to? */
static bool
is_busy(const struct pfs_node *node, bool is_program)
{
	const struct pfs_claim *cl;

	if (is_program && node->pn_cuts > 0)
		return true;
	for (cl = node->pn_claims; cl != NULL; cl = cl->cl_next)
		if (cl->cl_is_program != is_program && (!cl->cl_is_given || mx_object_has_users(cl->cl_object)))
			return true;
	return false;
}

kern_return_t
pfs_claim_check(struct pfs_node *node, bool is_program)
{
	for (unsigned int i = 0; is_busy(node, is_program); i++) {
		if (i == LOOKS)
			return MX_ETXTBSY;
		mx_sleep_ns(PAUSE_NS);
	}
	return KERN_SUCCESS;
}

kern_return_t
pfs_claim_make(struct pfs_claim *cl, struct pfs_node *node, struct mx_object *obj, bool is_program)
{
	kern_return_t kr = pfs_claim_check(node, is_program);

	if (kr != KERN_SUCCESS)
		return kr;
	*cl = (struct pfs_claim){ .cl_next = node->pn_claims, .cl_object = obj, .cl_is_program = is_program };
	node->pn_claims = cl;
	if (is_program)
		node->pn_programs++;
	return KERN_SUCCESS;
}

void
pfs_claim_drop(struct pfs_claim *cl, struct pfs_node *node)
{
	struct pfs_claim **at;

	if (cl->cl_object == NULL)
		return;
	for (at = &node->pn_claims; *at != cl; at = &(*at)->cl_next)
		;
	*at = cl->cl_next;
	if (cl->cl_is_program)
		node->pn_programs--;
}
