/*
 * vfs_pipe.c - pipes and FIFOs: who has which end of a ring.
 *
 * Data never come here: both sides map the ring (masix/ring.h). vfs makes the memory, knows by the ends' ports when a side is
 * gone, and answers poll. A FIFO's ring exists while it is open anywhere.
 *
 * A pipe's ring is a memory object of its own (vfs_ring.c): a process may keep it mapped for ever, so it cannot be used for another.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/ring.h>
#include "gnumach.h"
#include "vfs_ring.h"
#include "vfs_rpc.h"

#define PIPE_BUF	4096u
#define GSYNC_WAKE_ALL	(1 | 8)		/* shared, broadcast */
#define FIONREAD	0x541bu

struct vfs_fifo {
	struct mx_ring	*ff_ring;	/* mapped here */
	struct vfs_ring	*ff_object;	/* its memory object */
	struct vfs_vnode *ff_vnode;	/* of a FIFO, a reference; NULL: a pipe */
	struct pipe_end	*ff_ends;
	unsigned int	ff_readers, ff_writers;
	unsigned int	ff_reader_opens, ff_writer_opens;	/* so far */
	struct mx_cond	ff_changed;
	struct mx_attr	ff_attr;	/* of a pipe */
};

struct pipe_end {
	struct mx_io	pe_io;		/* first */
	struct vfs_fifo	*pe_fifo;
	struct pipe_end	*pe_next;	/* of the fifo */
	bool		pe_reads, pe_writes;
	uint32_t	pe_uid;		/* who made it */
	struct mx_poll	pe_poll;
};

/* ---- Rings ---- */

static struct vfs_fifo *
fifo_make(void)
{
	struct vfs_fifo *ff = calloc(1, sizeof(*ff));

	if (ff == NULL)
		return NULL;
	if (vfs_ring_make(&ff->ff_object, &ff->ff_ring) == KERN_SUCCESS)
		return ff;
	free(ff);
	return NULL;
}

/* The last end is gone. */
static void
fifo_free(struct vfs_fifo *ff)
{
	if (ff->ff_vnode != NULL) {
		ff->ff_vnode->vn_fifo = NULL;
		vfs_vnode_release(ff->ff_vnode);
	}
	vfs_ring_release(ff->ff_object, ff->ff_ring);
	free(ff);
}

static void
fifo_check(struct vfs_fifo *ff)
{
	if (ff->ff_ends == NULL)
		fifo_free(ff);
}

/* ---- Waking ---- */

static void
word_wake(volatile uint32_t *word)
{
	if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) != 0)
		(void)gsync_wake(mx_task, (vm_offset_t)word, 0, GSYNC_WAKE_ALL);	/* our own memory: cannot fail */
}

/* Bytes in the ring; a broken one is full for readers and writers. */
static uint32_t
ring_fill(const struct mx_ring *ring)
{
	return ring->rg_tail - ring->rg_head;
}

/* Of a socket's ring the processes may have shut a side that they still hold. A FIFO that was never opened by the other side says
 * the same of itself, and has not ended. */
static bool
is_shut(const struct vfs_fifo *ff)
{
	return ff->ff_vnode == NULL && (ff->ff_ring->rg_no_writers || ff->ff_ring->rg_no_readers);
}

static uint32_t
end_events(const struct pipe_end *pe)
{
	const struct mx_ring *ring = pe->pe_fifo->ff_ring;
	uint32_t fill = ring_fill(ring), events = 0;
	bool shut = is_shut(pe->pe_fifo);

	if (pe->pe_reads) {
		if (fill != 0)
			events |= MX_POLLIN | MX_POLLRDNORM;
		if (shut || (pe->pe_fifo->ff_writers == 0 && pe->pe_fifo->ff_writer_opens != 0))
			events |= MX_POLLHUP;
	}
	if (pe->pe_writes) {
		if (fill > MX_RING_BYTES || MX_RING_BYTES - fill >= PIPE_BUF)
			events |= MX_POLLOUT | MX_POLLWRNORM;
		if (shut || pe->pe_fifo->ff_readers == 0)
			events |= MX_POLLERR;
	}
	return events;
}

/* Tell the pollers of all ends what holds now. */
static void
pollers_wake(struct vfs_fifo *ff)
{
	struct pipe_end *pe;
	bool is_any = false;

	for (pe = ff->ff_ends; pe != NULL; pe = pe->pe_next)
		is_any |= pe->pe_poll.po_count > 0;
	if (!is_any)
		return;
	ff->ff_ring->rg_pollers = 1;			/* before we look: a later change kicks again */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (pe = ff->ff_ends; pe != NULL; pe = pe->pe_next)
		mx_poll_wake(&pe->pe_poll, end_events(pe));
}

/* ---- Ends ---- */

static struct pipe_end *
end_of(struct mx_io *io)
{
	return (struct pipe_end *)io;
}

static uint32_t
end_poll(struct mx_io *io, uint32_t events, struct mx_poll **queue)
{
	struct pipe_end *pe = end_of(io);

	(void)events;
	*queue = &pe->pe_poll;
	pe->pe_fifo->ff_ring->rg_pollers = 1;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return end_events(pe);
}

static void
end_kick(struct mx_io *io)
{
	pollers_wake(end_of(io)->pe_fifo);
}

static kern_return_t
end_stat(struct mx_io *io, struct mx_attr *attr)
{
	struct vfs_fifo *ff = end_of(io)->pe_fifo;

	if (ff->ff_vnode != NULL)
		return vfs_vnode_attr(ff->ff_vnode, attr);
	*attr = ff->ff_attr;
	return KERN_SUCCESS;
}

/* The ring, for who got the end without it: a FIFO's opener, a receiver of the descriptor. */
static kern_return_t
end_map(struct mx_io *io, mach_port_t *memory, vm_prot_t *max_prot, mach_port_t *info, uint32_t *info_offset)
{
	*max_prot = VM_PROT_READ | VM_PROT_WRITE;
	*info = MACH_PORT_NULL;
	*info_offset = 0;
	return vfs_ring_memory(end_of(io)->pe_fifo->ff_object, memory);
}

static kern_return_t
end_ioctl(struct mx_io *io, const struct mx_io_call *call, uint32_t cmd, uint32_t arg, const char *in, size_t in_count,
	char *out, size_t *out_count, int32_t *result)
{
	uint32_t fill = ring_fill(end_of(io)->pe_fifo->ff_ring);

	(void)call;
	(void)arg;
	(void)in;
	(void)in_count;
	(void)result;
	if (cmd != FIONREAD)
		return MX_ENOTTY;
	memcpy(out, &fill, sizeof(fill));
	*out_count = sizeof(fill);
	return KERN_SUCCESS;
}

static const struct mx_io_ops end_ops = {
	.stat = end_stat,
	.map = end_map,
	.poll = end_poll,
	.kick = end_kick,
	.ioctl = end_ioctl,
};

static void
end_no_senders(struct mx_object *obj)
{
	mx_object_release(obj);
}

/* The other side learns that this one is empty. */
static void
side_gone(struct vfs_fifo *ff)
{
	if (ff->ff_ends == NULL)
		return;				/* nobody is there to learn it */
	if (ff->ff_readers == 0) {
		ff->ff_ring->rg_no_readers = 1;
		word_wake(&ff->ff_ring->rg_writers_wait);
	}
	if (ff->ff_writers == 0) {
		ff->ff_ring->rg_no_writers = 1;
		word_wake(&ff->ff_ring->rg_readers_wait);
	}
	pollers_wake(ff);
}

static void
end_free(struct mx_object *obj)
{
	struct pipe_end *pe = (struct pipe_end *)obj, **p;
	struct vfs_fifo *ff = pe->pe_fifo;

	for (p = &ff->ff_ends; *p != pe; p = &(*p)->pe_next)
		;
	*p = pe->pe_next;
	mx_poll_destroy(&pe->pe_poll);
	pfs_quota_give(pe->pe_uid);
	ff->ff_readers -= pe->pe_reads;
	ff->ff_writers -= pe->pe_writes;
	side_gone(ff);
	fifo_check(ff);
}

static struct mx_class end_class = {
	.mc_name = "pipe", .mc_size = sizeof(struct pipe_end), .mc_demux = mx_io_demux, .mc_no_senders = end_no_senders,
	.mc_free = end_free,
};

static struct pipe_end *
end_make(struct vfs_fifo *ff, uint32_t uid, bool reads, bool writes)
{
	struct pipe_end *pe;

	if (!pfs_quota_take(uid))
		return NULL;
	pe = mx_object_create(&end_class);
	if (pe == NULL) {
		pfs_quota_give(uid);
		return NULL;
	}
	pe->pe_io.io_ops = &end_ops;
	pe->pe_fifo = ff;
	pe->pe_uid = uid;
	pe->pe_reads = reads;
	pe->pe_writes = writes;
	pe->pe_next = ff->ff_ends;
	ff->ff_ends = pe;
	ff->ff_readers += reads;
	ff->ff_writers += writes;
	ff->ff_reader_opens += reads;
	ff->ff_writer_opens += writes;
	return pe;
}

/* ---- Pipes ---- */

static void
pipe_attr_set(struct mx_attr *at, uint32_t uid, uint32_t gid)
{
	static uint64_t next_ino = 1;
	uint64_t now = mx_real_ns();

	at->at_ino = next_ino++;
	at->at_dev_minor = 0xd;			/* as Linux's pipefs: a device of its own */
	at->at_mode = MX_S_IFIFO | 0600;
	at->at_nlink = 1;
	at->at_uid = uid;
	at->at_gid = gid;
	at->at_blksize = 4096;
	at->at_atime = at->at_mtime = at->at_ctime = (int64_t)(now / 1000000000u);
	at->at_atime_ns = at->at_mtime_ns = at->at_ctime_ns = (uint32_t)(now % 1000000000u);
}

kern_return_t
vfs_pipe_make(uint32_t uid, uint32_t gid, struct mx_object **reader, struct mx_object **writer, mach_port_t *ring,
	uint64_t *ino)
{
	struct vfs_fifo *ff = fifo_make();
	struct pipe_end *r, *w;

	if (ff == NULL)
		return MX_ENFILE;
	pipe_attr_set(&ff->ff_attr, uid, gid);
	r = end_make(ff, uid, true, false);
	if (r == NULL) {
		fifo_free(ff);
		return MX_ENFILE;
	}
	w = end_make(ff, uid, false, true);
	if (w == NULL || vfs_ring_memory(ff->ff_object, ring) != KERN_SUCCESS) {
		if (w != NULL)
			mx_object_release(&w->pe_io.io_object);
		mx_object_release(&r->pe_io.io_object);
		return MX_ENFILE;
	}
	*reader = &r->pe_io.io_object;
	*writer = &w->pe_io.io_object;
	*ino = ff->ff_attr.at_ino;
	return KERN_SUCCESS;
}

/* ---- FIFOs ---- */

/* The ring of a FIFO says which sides are there; a pipe's, which begins as zeros, has both. */
static void
sides_tell(struct vfs_fifo *ff)
{
	ff->ff_ring->rg_no_readers = ff->ff_readers == 0;
	ff->ff_ring->rg_no_writers = ff->ff_writers == 0;
}

static kern_return_t
fifo_get(struct vfs_vnode *vn, struct vfs_fifo **out)
{
	if (vn->vn_fifo == NULL) {
		vn->vn_fifo = fifo_make();
		if (vn->vn_fifo == NULL)
			return MX_ENFILE;
		vn->vn_fifo->ff_vnode = vn;
		vfs_vnode_hold(vn);
	}
	*out = vn->vn_fifo;
	return KERN_SUCCESS;
}

/* Wait until the other side was opened, even if it is closed again by then. */
static kern_return_t
fifo_wait(struct vfs_fifo *ff, unsigned int *opens, unsigned int *present, uint32_t tag)
{
	unsigned int before = *opens;
	kern_return_t kr = KERN_SUCCESS;

	while (kr == KERN_SUCCESS && *present == 0 && *opens == before)
		kr = mx_cond_wait_cancellable(&ff->ff_changed, tag);
	return kr;
}

kern_return_t
vfs_fifo_open(struct vfs_vnode *vn, uint32_t flags, uint32_t uid, uint32_t tag, struct mx_object **out)
{
	uint32_t mode = flags & MX_O_ACCMODE;
	bool reads = mode != MX_O_WRONLY, writes = mode != MX_O_RDONLY;
	struct vfs_fifo *ff;
	struct pipe_end *pe;
	kern_return_t kr = fifo_get(vn, &ff);

	if (kr != KERN_SUCCESS)
		return kr;
	if (mode == MX_O_WRONLY && (flags & MX_O_NONBLOCK) && ff->ff_readers == 0) {
		fifo_check(ff);
		return MX_ENXIO;
	}
	pe = end_make(ff, uid, reads, writes);
	if (pe == NULL) {
		fifo_check(ff);
		return MX_ENFILE;
	}
	sides_tell(ff);
	mx_cond_broadcast(&ff->ff_changed);
	if (mode != MX_O_RDWR && !(flags & MX_O_NONBLOCK)) {
		if (!pfs_quota_wait(uid)) {
			mx_object_release(&pe->pe_io.io_object);
			return MX_EAGAIN;
		}
		kr = mode == MX_O_RDONLY ? fifo_wait(ff, &ff->ff_writer_opens, &ff->ff_writers, tag) :
			fifo_wait(ff, &ff->ff_reader_opens, &ff->ff_readers, tag);
		pfs_quota_waited(uid);
	}
	if (kr != KERN_SUCCESS) {
		mx_object_release(&pe->pe_io.io_object);
		return kr;
	}
	*out = &pe->pe_io.io_object;
	return KERN_SUCCESS;
}

struct vfs_vnode *
vfs_fifo_vnode(mach_port_t io)
{
	struct pipe_end *pe = mx_object_from_port(io, &end_class);

	return pe != NULL ? pe->pe_fifo->ff_vnode : NULL;
}
