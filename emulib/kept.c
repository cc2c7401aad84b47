/*
 * kept.c - answers about names that are good for more than one call.
 *
 * vfs counts changes in a page that every process sees (struct mx_changes), and stamps its answers. While the counts of an answer have
 * not moved, stat gives it again without asking; and an open for reading takes the object that an earlier close of the same name left
 * here. So both cost no message. Nothing is kept of what other servers may change (/proc), no object of what somebody mounted
 * (it would be busy), and nothing for another file context. What this process wrote through a window is told to the server with a
 * message nobody waits for: so its own writes void what it keeps, too.
 *
 * An object that is kept holds its file's storage as an open one does, so files must be small, there are few of them, and those whose
 * name went are let go at the next call that comes here. The table is a page of its own that fork does not copy: a child begins without,
 * and copies no page for it. It is made when a process has asked a few times: most never do.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>
#include "vfs.h"

#define KEPT_PAGE	4096u
#define KEPT_NAME	104u
#define KEPT_ASKED	4u		/* calls before the table is made */
#define KEPT_SIZE_MAX	65536u		/* of a file whose object is kept */

struct kept {
	mach_port_t	k_ctx;		/* MACH_PORT_NULL: empty */
	uint32_t	k_flags;	/* MX_AT_SYMLINK_NOFOLLOW */
	uint32_t	k_serial;	/* of this use of the place */
	mach_port_t	k_port;		/* a closed object, or MACH_PORT_NULL */
	uint32_t	k_own;		/* em_file_changes() */
	struct mx_stamp	k_stamp;
	struct mx_attr	k_attr;
	uint32_t	k_len;
	char		k_name[KEPT_NAME];
};

#define KEPT_PLACES	(KEPT_PAGE / sizeof(struct kept))
_Static_assert(sizeof(struct kept) == 256, "a page of them");

kern_return_t syscall_vm_map(mach_port_t task, vm_address_t *addr, vm_size_t size, vm_address_t mask, boolean_t anywhere,
	mach_port_t object, vm_offset_t offset, boolean_t copy, vm_prot_t cur, vm_prot_t max, vm_inherit_t inherit);

/* In the page that fork copies anyway (emulib.ld). */
static const volatile struct mx_changes *kept_changes;	/* NULL: vfs has none */
static struct kept *kept_table;				/* NULL: not made yet */
static uint32_t kept_asked, kept_serial, kept_names;
static volatile uint32_t kept_lock;

void
em_kept_init(void)
{
	vm_address_t at = EM_CHANGES;
	mach_port_t memory;

	if (vfs_changes(em_vfs(), &memory) != KERN_SUCCESS)
		return;
	if (syscall_vm_map(em_task, &at, KEPT_PAGE, 0, FALSE, memory, 0, FALSE, VM_PROT_READ, VM_PROT_READ, VM_INHERIT_SHARE) ==
	    KERN_SUCCESS)
		kept_changes = (const volatile struct mx_changes *)at;
	em_port_release(memory);
}

/* ---- Places; the lock is held ---- */

static bool
kept_is_good(const struct kept *k)
{
	return kept_changes->ch_names == k->k_stamp.st_names && k->k_own == em_file_changes() &&
	    kept_changes->ch_nodes[k->k_stamp.st_place] == k->k_stamp.st_count;
}

static void
kept_empty(struct kept *k)
{
	em_port_release(k->k_port);
	k->k_port = k->k_ctx = MACH_PORT_NULL;
}

/* Names have changed since the last look: nothing is to be held that has none any more. */
static void
kept_sweep(void)
{
	if (kept_names == kept_changes->ch_names)
		return;
	kept_names = kept_changes->ch_names;
	for (uint32_t i = 0; i < KEPT_PLACES; i++)
		if (kept_table[i].k_ctx != MACH_PORT_NULL && kept_table[i].k_stamp.st_names != kept_names)
			kept_empty(&kept_table[i]);
}

/* Only paths from the root or the current directory have a place, and only short ones. */
static bool
kept_is_eligible(const struct em_path *p)
{
	return kept_changes != NULL && p->p_dir == MACH_PORT_NULL && p->p_len > 0 && p->p_len <= KEPT_NAME;
}

static struct kept *
kept_place(const struct em_path *p, uint32_t flags)
{
	uint32_t h = flags;

	for (uint32_t i = 0; i < p->p_len; i++)
		h = h * 31 + (unsigned char)p->p_name[i];
	return &kept_table[(h ^ h >> 8) % KEPT_PLACES];
}

static bool
kept_is_of(const struct kept *k, const struct em_path *p, uint32_t flags)
{
	return k->k_ctx == em_vfs() && k->k_flags == flags && k->k_len == p->p_len && __builtin_memcmp(k->k_name, p->p_name, p->p_len) == 0;
}

static bool
kept_make(void)
{
	vm_address_t at = EM_KEPT;

	if (kept_table == NULL && ++kept_asked > KEPT_ASKED &&
	    syscall_vm_map(em_task, &at, KEPT_PAGE, 0, FALSE, MACH_PORT_NULL, 0, FALSE, VM_PROT_READ | VM_PROT_WRITE,
	    VM_PROT_READ | VM_PROT_WRITE, VM_INHERIT_NONE) == KERN_SUCCESS)
		kept_table = (struct kept *)at;
	return kept_table != NULL;
}

/* The good answer about P, or NULL. */
static struct kept *
kept_find(const struct em_path *p, uint32_t flags)
{
	struct kept *k;

	if (kept_table == NULL)
		return NULL;
	kept_sweep();
	k = kept_place(p, flags);
	return kept_is_of(k, p, flags) && kept_is_good(k) ? k : NULL;
}

/* ---- What the calls use ---- */

bool
em_kept_attr(const struct em_path *p, uint32_t flags, struct mx_attr *attr)
{
	const struct kept *k;

	if (kept_table == NULL || !kept_is_eligible(p))
		return false;
	em_lock(&kept_lock);
	k = kept_find(p, flags);
	if (k != NULL)
		*attr = k->k_attr;
	em_unlock(&kept_lock);
	return k != NULL;
}

uint32_t
em_kept_note(const struct em_path *p, uint32_t flags, mach_port_t ctx, uint32_t own, const struct mx_attr *attr,
	const struct mx_stamp *stamp)
{
	uint32_t serial = 0;
	struct kept *k;

	if (stamp->st_place == 0 || stamp->st_place >= MX_CHANGES_PLACES - 1 || !kept_is_eligible(p))
		return 0;
	em_lock(&kept_lock);
	if (ctx != em_vfs() || !kept_make())
		goto out;
	k = kept_place(p, flags);
	if (kept_is_of(k, p, flags) && kept_is_good(k) && k->k_attr.at_ino == attr->at_ino) {
		serial = k->k_serial;
		goto out;
	}
	kept_empty(k);
	k->k_ctx = ctx;
	k->k_flags = flags;
	k->k_own = own;
	k->k_stamp = *stamp;
	k->k_attr = *attr;
	k->k_len = p->p_len;
	__builtin_memcpy(k->k_name, p->p_name, p->p_len);
	serial = ++kept_serial;
	if (serial == 0)
		serial = ++kept_serial;
	k->k_serial = serial;
out:
	em_unlock(&kept_lock);
	return serial;
}

mach_port_t
em_kept_open(const struct em_path *p, struct mx_attr *attr, uint32_t *serial)
{
	mach_port_t port = MACH_PORT_NULL;
	struct kept *k;

	if (kept_table == NULL || !kept_is_eligible(p))
		return MACH_PORT_NULL;
	em_lock(&kept_lock);
	k = kept_find(p, 0);
	if (k != NULL && k->k_port != MACH_PORT_NULL) {
		port = k->k_port;
		k->k_port = MACH_PORT_NULL;
		*attr = k->k_attr;
		*serial = k->k_serial;
	}
	em_unlock(&kept_lock);
	return port;
}

bool
em_kept_close(struct em_file *f)
{
	bool is_kept = false;

	if (f->f_kept == 0 || kept_table == NULL || f->f_attr.at_size > KEPT_SIZE_MAX || em_desc_is_shared(f->f_desc))
		return false;
	em_lock(&kept_lock);
	kept_sweep();
	for (uint32_t i = 0; i < KEPT_PLACES && !is_kept; i++) {
		struct kept *k = &kept_table[i];

		if (k->k_ctx == MACH_PORT_NULL || k->k_serial != f->f_kept)
			continue;
		is_kept = k->k_port == MACH_PORT_NULL && kept_is_good(k);
		if (is_kept)
			k->k_port = f->f_port;
		break;
	}
	em_unlock(&kept_lock);
	return is_kept;
}

void
em_kept_forget(void)
{
	if (kept_table == NULL)
		return;
	em_lock(&kept_lock);
	for (uint32_t i = 0; i < KEPT_PLACES; i++)
		kept_empty(&kept_table[i]);
	em_unlock(&kept_lock);
}

/* In a fork child: the page was not copied, nor have the rights in it been. */
void
em_kept_forked(void)
{
	kept_table = NULL;
	kept_asked = 0;
	kept_lock = 0;
}
