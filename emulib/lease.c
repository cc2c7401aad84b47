/*
 * lease.c - appending to a file without a message for each write.
 *
 * Who makes a file longer with many small writes borrows its end (io_lease): memory shared with the file's server, in which bytes become
 * part of the file by a store of their number. The server reserved the room, so a write that was taken this way cannot fail for want of
 * it; it fetches the bytes when somebody looks, and lends more when they are used up: one message for 64 KiB. The file may be open for
 * writing only: the memory has nothing in it but what was written here.
 *
 * The processes that share a description share what it borrowed; MX_LEASE_BUSY is their lock. The server takes everything back when
 * somebody else writes, so that each write with O_APPEND lands as a whole behind what was there.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include <mach/vm_prot.h>
#include "io.h"

#define LEASE_GROWS	8u		/* writes by message before it is asked for */
#define LEASE_LATER	32u		/* more of them when it was refused */
#define LEASE_NEVER	0x7fffffffu
#define LEASE_WRITE_MAX	16384u		/* larger ones are as well by message */
#define LEASE_TRIES	20u
#define LEASES_MAX	128u		/* at once: windows need room, too */
#define LEASE_ROOM	(MX_LEASE_BYTES - MX_LEASE_DATA)

static uint32_t lease_count;		/* guarded by em_file_lock */

/* Borrow the end of F again, or for the first time. */
static bool
lease_get(struct em_file *f)
{
	struct em_window *w = &f->f_window;
	mach_port_t memory = MACH_PORT_NULL;
	bool is_mapped = w->w_lease != NULL;
	void *addr = NULL;
	int32_t err;

	if (w->w_lease_wait > 0) {
		w->w_lease_wait--;
		return false;
	}
	err = EM_IO(io_lease(f->f_port, is_mapped, &memory));
	if (err < 0)
		w->w_lease_wait = err == EM_E(EAGAIN) || err == EM_E(ENOSPC) ? LEASE_LATER : LEASE_NEVER;
	if (err < 0 || is_mapped)
		return err == 0;
	em_lock(&em_file_lock);
	addr = w->w_lease == NULL && lease_count < LEASES_MAX ? em_space_alloc(MX_LEASE_BYTES) : NULL;
	err = addr != NULL ? em_space_map(addr, MX_LEASE_BYTES, memory, 0, VM_PROT_READ | VM_PROT_WRITE) : EM_E(ENOMEM);
	if (err == 0)
		w->w_lease = addr, lease_count++;
	else if (addr != NULL)
		em_space_free(addr, MX_LEASE_BYTES);
	if (w->w_lease == NULL)
		w->w_lease_wait = LEASE_NEVER;
	em_unlock(&em_file_lock);
	em_port_release(memory);
	return w->w_lease != NULL;
}

void
em_lease_release(struct em_window *w)
{
	if (w->w_lease == NULL)
		return;
	em_space_unmap(w->w_lease, MX_LEASE_BYTES);
	em_space_free(w->w_lease, MX_LEASE_BYTES);
	w->w_lease = NULL;
	lease_count--;
}

bool
em_lease_size(const struct em_file *f, uint64_t *size)
{
	const struct mx_lease *le = f->f_window.w_lease;
	uint32_t serial, word;

	if (le == NULL)
		return false;
	serial = le->le_serial;
	word = __atomic_load_n(&le->le_used, __ATOMIC_ACQUIRE);
	*size = le->le_base + (word & MX_LEASE_USED);
	return !(word & MX_LEASE_BACK) && le->le_serial == serial &&
	    !(__atomic_load_n(&le->le_used, __ATOMIC_ACQUIRE) & MX_LEASE_BACK);
}

/* Be the one who copies. *USED: how many bytes are there. Errors: -EAGAIN it was taken back, -ENODEV somebody copies for very long */
static int32_t
lease_lock(struct mx_lease *le, uint32_t *used)
{
	uint32_t word = __atomic_load_n(&le->le_used, __ATOMIC_ACQUIRE);

	for (uint32_t tries = 0; tries < LEASE_TRIES; ) {
		if (word & MX_LEASE_BACK)
			return EM_E(EAGAIN);
		if (word & MX_LEASE_BUSY) {
			tries++;
			em_pause();
			word = __atomic_load_n(&le->le_used, __ATOMIC_ACQUIRE);
		} else if (__atomic_compare_exchange_n(&le->le_used, &word, word | MX_LEASE_BUSY, false, __ATOMIC_ACQUIRE,
		    __ATOMIC_ACQUIRE)) {
			*used = word;
			return 0;
		}
	}
	return EM_E(ENODEV);
}

/* USED bytes are there now. False: the server did not wait for us. */
static bool
lease_unlock(struct mx_lease *le, uint32_t serial, uint32_t used)
{
	uint32_t word = __atomic_load_n(&le->le_used, __ATOMIC_ACQUIRE);

	do {
		if (!(word & MX_LEASE_BUSY) || le->le_serial != serial)
			return false;
	} while (!__atomic_compare_exchange_n(&le->le_used, &word, used | (word & MX_LEASE_BACK), false, __ATOMIC_RELEASE,
	    __ATOMIC_ACQUIRE));
	return true;
}

/* Append the next bytes of U, which come at *POS. Bytes, or -EFAULT; -EAGAIN: it is used up or was taken back; -ENODEV: by message. */
static int32_t
lease_append(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	struct mx_lease *le = f->f_window.w_lease;
	struct em_uio before = *u;
	uint32_t used, serial, moved = 0;
	uint64_t size;
	int32_t err = lease_lock(le, &used);

	if (err < 0)
		return err;
	serial = le->le_serial;
	size = le->le_base + used;
	if (!(em_file_flags(f) & MX_O_APPEND) && (uint64_t)*pos != size)
		err = EM_E(ENODEV);
	else if (le->le_length > LEASE_ROOM || used > le->le_length || u->u_left > le->le_length - used)
		err = EM_E(EAGAIN);
	if (err == 0) {
		if (em_uio_in(u, (char *)le + MX_LEASE_DATA + used, u->u_left) < 0 && u->u_done == before.u_done)
			err = EM_E(EFAULT);
		moved = u->u_done - before.u_done;
	}
	if (!lease_unlock(le, serial, used + moved)) {
		*u = before;
		return EM_E(ENODEV);
	}
	if (err < 0)
		return err;
	*pos = (int64_t)(size + moved);
	return (int32_t)moved;
}

int32_t
em_lease_write(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	struct em_window *w = &f->f_window;
	int32_t n = EM_E(EAGAIN);

	if (u->u_left > LEASE_WRITE_MAX || w->w_grows < LEASE_GROWS || em_file_flags(f) & (MX_O_DSYNC | MX_O_DIRECT))
		return EM_E(ENODEV);
	if (w->w_lease != NULL)
		n = lease_append(f, u, pos);
	if (n == EM_E(EAGAIN))
		n = lease_get(f) ? lease_append(f, u, pos) : EM_E(ENODEV);
	if (n == EM_E(EAGAIN))
		return EM_E(ENODEV);
	if (n > 0) {
		em_window_appended(f);
		if ((uint64_t)*pos > f->f_attr.at_size)
			f->f_attr.at_size = (uint64_t)*pos;
	}
	return n;
}
