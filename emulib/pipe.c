/*
 * pipe.c - pipes and FIFOs: bytes through shared memory.
 *
 * Both ends of a pipe map the same ring (masix/ring.h) and move bytes themselves; no server takes part unless somebody polls. The
 * other end may be an enemy: positions are taken once per look, checked, and never used unchecked; the worst it can do is to say
 * nonsense, which it could write into the pipe as well.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "poll.h"
#include <mach/vm_prot.h>
#include "vfs.h"
#include "io.h"

#define PIPE_ATOMIC	4096u		/* PIPE_BUF */
#define PIPE_FLAGS	(MX_O_CLOEXEC | MX_O_NONBLOCK | MX_O_DIRECT)

/* ---- Mappings ---- */

struct em_ring *
em_ring_map(mach_port_t memory)
{
	struct em_ring *r = em_alloc(sizeof *r);
	void *addr = NULL;

	if (r != NULL) {
		em_lock(&em_file_lock);
		addr = em_space_alloc(MX_RING_SIZE);
		if (addr != NULL && em_space_map(addr, MX_RING_SIZE, memory, 0, VM_PROT_READ | VM_PROT_WRITE) < 0) {
			em_space_free(addr, MX_RING_SIZE);
			addr = NULL;
		}
		em_unlock(&em_file_lock);
	}
	em_port_release(memory);
	if (addr == NULL) {
		if (r != NULL)
			em_free(r, sizeof *r);
		return NULL;
	}
	r->r_ring = addr;
	r->r_refs = 1;
	return r;
}

void
em_ring_release(struct em_ring *r)
{
	if (__atomic_sub_fetch(&r->r_refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	em_space_unmap(r->r_ring, MX_RING_SIZE);
	em_lock(&em_file_lock);
	em_space_free(r->r_ring, MX_RING_SIZE);
	em_unlock(&em_file_lock);
	em_free(r, sizeof *r);
}

static void
pipe_release(struct em_file *f)
{
	em_ring_release(f->f_ring);
}

/* ---- Waking and sleeping ---- */

/* The ring changed: wake who waits on WORD, and tell the server if somebody polls. */
static void
pipe_changed(struct em_file *f, volatile uint32_t *word)
{
	struct mx_ring *ring = f->f_ring->r_ring;

	if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) != 0)
		em_gsync_wake(word, true, true);
	if (__atomic_load_n(&ring->rg_pollers, __ATOMIC_SEQ_CST) != 0 &&
	    __atomic_exchange_n(&ring->rg_pollers, 0, __ATOMIC_SEQ_CST) != 0)
		(void)io_kick(f->f_port);
}

/* Sleep until somebody clears WORD. The caller has set it to 1 and looked again. */
static int32_t
pipe_sleep(volatile uint32_t *word)
{
	return em_gsync_wait(word, 1, 0, true) == EM_E(EINTR) ? EM_RESTARTSYS : 0;
}

/* Bytes in the ring, more than MX_RING_BYTES when it is broken. */
static uint32_t
pipe_filled(const struct mx_ring *ring)
{
	uint32_t head = __atomic_load_n(&ring->rg_head, __ATOMIC_SEQ_CST);

	return __atomic_load_n(&ring->rg_tail, __ATOMIC_SEQ_CST) - head;
}

/* ---- Reading ---- */

/* Take what is there. Bytes, 0: empty, -EIO, -EFAULT. Locks: rg_read_lock */
static int32_t
pipe_take(struct mx_ring *ring, struct em_uio *u)
{
	uint32_t head = ring->rg_head, filled = pipe_filled(ring), before = u->u_done, n = em_min(filled, u->u_left);
	int32_t err = 0;

	if (filled > MX_RING_BYTES)
		return EM_E(EIO);
	while (n > 0 && err == 0) {
		uint32_t at = (head + (u->u_done - before)) % MX_RING_BYTES, k = em_min(n, MX_RING_BYTES - at);

		err = em_uio_out(u, ring->rg_data + at, k);
		n -= k;
	}
	__atomic_store_n(&ring->rg_head, head + (u->u_done - before), __ATOMIC_SEQ_CST);
	return u->u_done > before ? (int32_t)(u->u_done - before) : err;
}

static int32_t
pipe_read(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	struct mx_ring *ring = f->f_ring->r_ring;
	int32_t n;

	(void)pos;
	for (;;) {
		em_shared_lock(&ring->rg_read_lock);
		n = pipe_take(ring, u);
		em_shared_unlock(&ring->rg_read_lock);
		if (n > 0)
			pipe_changed(f, &ring->rg_writers_wait);
		if (n != 0)
			return n;
		if (ring->rg_no_writers && pipe_filled(ring) == 0)
			return 0;
		if (ring->rg_no_writers)
			continue;
		if (em_file_flags(f) & MX_O_NONBLOCK)
			return EM_E(EAGAIN);
		__atomic_store_n(&ring->rg_readers_wait, 1, __ATOMIC_SEQ_CST);
		if (pipe_filled(ring) == 0 && !ring->rg_no_writers) {
			n = pipe_sleep(&ring->rg_readers_wait);
			if (n < 0)
				return n;
		}
	}
}

/* ---- Writing ---- */

/* Put what fits, but nothing of an atomic write that does not fit whole. Bytes, 0: no room. Locks: rg_write_lock */
static int32_t
pipe_put(struct mx_ring *ring, struct em_uio *u, uint32_t atomic)
{
	uint32_t tail = ring->rg_tail, filled = pipe_filled(ring), before = u->u_done, n;
	int32_t err = 0;

	if (filled > MX_RING_BYTES)
		return EM_E(EIO);
	n = em_min(MX_RING_BYTES - filled, u->u_left);
	if (n < atomic)
		return 0;
	while (n > 0 && err == 0) {
		uint32_t at = (tail + (u->u_done - before)) % MX_RING_BYTES, k = em_min(n, MX_RING_BYTES - at);

		err = em_uio_in(u, ring->rg_data + at, k);
		n -= k;
	}
	__atomic_store_n(&ring->rg_tail, tail + (u->u_done - before), __ATOMIC_SEQ_CST);
	return u->u_done > before ? (int32_t)(u->u_done - before) : err;
}

/* One step of a write: bytes, 0: try again, -errno. */
static int32_t
pipe_write_some(struct em_file *f, struct em_uio *u, uint32_t atomic)
{
	struct mx_ring *ring = f->f_ring->r_ring;
	int32_t n;

	if (ring->rg_no_readers)
		return EM_E(EPIPE);
	em_shared_lock(&ring->rg_write_lock);
	n = pipe_put(ring, u, atomic);
	em_shared_unlock(&ring->rg_write_lock);
	if (n > 0)
		pipe_changed(f, &ring->rg_readers_wait);
	if (n != 0)
		return n;
	if (em_file_flags(f) & MX_O_NONBLOCK)
		return EM_E(EAGAIN);
	__atomic_store_n(&ring->rg_writers_wait, 1, __ATOMIC_SEQ_CST);
	if (MX_RING_BYTES - pipe_filled(ring) >= (atomic > 0 ? atomic : 1) || ring->rg_no_readers)
		return 0;
	return pipe_sleep(&ring->rg_writers_wait);
}

static int32_t
pipe_write(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	uint32_t atomic = u->u_left <= PIPE_ATOMIC ? u->u_left : 0;
	int32_t n = 0;

	(void)pos;
	while (u->u_left > 0 && n >= 0)
		n = pipe_write_some(f, u, atomic);
	if (n == EM_E(EPIPE))
		(void)em_signal_self(MX_SIGPIPE, MX_SI_USER, 0);
	return em_uio_result(u, n < 0 ? n : 0);
}

/* What the ring says of EVENTS to a holder of F. */
static uint32_t
pipe_events(const struct em_file *f)
{
	const struct mx_ring *ring = f->f_ring->r_ring;
	uint32_t filled = pipe_filled(ring), events = 0;

	if (em_file_is_readable(f)) {
		events |= filled > 0 ? EM_POLL_READ : 0;
		events |= ring->rg_no_writers ? MX_POLLHUP : 0;
	}
	if (em_file_is_writable(f)) {
		events |= filled <= MX_RING_BYTES - PIPE_ATOMIC ? EM_POLL_WRITE : 0;
		events |= ring->rg_no_readers ? MX_POLLERR : 0;
	}
	return events;
}

static uint32_t
pipe_poll(struct em_file *f, uint32_t events, struct em_poll *p)
{
	uint32_t now = pipe_events(f) & (events | EM_POLL_ALWAYS);

	if (now != 0 || p == NULL)
		return now;
	now = em_poll_server(f, f->f_port, events, p);
	return now | (pipe_events(f) & (events | EM_POLL_ALWAYS));
}

static uint32_t
pipe_version(struct em_file *f)
{
	return f->f_ring->r_ring->rg_tail;
}

#define FIONREAD	0x541bu

static int32_t
pipe_ioctl(struct em_file *f, uint32_t cmd, uint32_t arg)
{
	uint32_t n;

	if (cmd != FIONREAD)
		return EM_E(ENOTTY);
	n = em_min(pipe_filled(f->f_ring->r_ring), MX_RING_BYTES);
	return em_copyout(arg, &n, sizeof n);
}

const struct em_class em_class_pipe = {
	.c_name = "pipe", .c_flags = EM_CLASS_SERVER, .c_read = pipe_read, .c_write = pipe_write, .c_poll = pipe_poll,
	.c_ioctl = pipe_ioctl, .c_version = pipe_version, .c_release = pipe_release,
};

/* ---- Making ---- */

/* A file for an end of R. Rights: PORT is the file's on success. Errors: NULL */
static struct em_file *
pipe_end(struct em_ring *r, mach_port_t port, uint32_t flags, const struct mx_attr *attr)
{
	struct em_file *f = em_file_create(EM_KIND_PIPE, &em_class_pipe, port, flags, attr);

	if (f == NULL)
		return NULL;
	(void)__atomic_add_fetch(&r->r_refs, 1, __ATOMIC_RELAXED);
	f->f_ring = r;
	return f;
}

int32_t
em_pipe_open_fifo(mach_port_t io, uint32_t flags, const struct mx_attr *attr, struct em_file **out)
{
	mach_port_t memory = MACH_PORT_NULL, info = MACH_PORT_NULL;
	uint32_t info_offset = 0;
	int32_t maxprot = 0, err;
	struct em_ring *r;

	err = EM_IO(io_map(io, &memory, &maxprot, &info, &info_offset));
	if (err < 0)
		return err;
	em_port_release(info);
	r = em_ring_map(memory);
	if (r == NULL)
		return EM_E(ENOMEM);
	*out = pipe_end(r, io, flags, attr);
	em_ring_release(r);
	return *out != NULL ? 0 : EM_E(ENOMEM);
}

struct pipe_ends { struct em_file *pe_reader, *pe_writer; };

/* Ask vfs for a pipe. Errors: -errno, nothing is left. */
static int32_t
pipe_make(uint32_t flags, struct pipe_ends *ends)
{
	mach_port_t reader = MACH_PORT_NULL, writer = MACH_PORT_NULL, memory = MACH_PORT_NULL;
	struct em_ring *r;
	uint64_t ino = 0;
	int32_t err;

	err = EM_VFS(vfs_pipe(em_vfs(), flags & MX_O_NONBLOCK, &reader, &writer, &memory, &ino));
	if (err < 0)
		return err;
	*ends = (struct pipe_ends){ NULL, NULL };
	r = em_ring_map(memory);
	if (r != NULL) {
		flags &= MX_O_NONBLOCK;
		ends->pe_reader = pipe_end(r, reader, MX_O_RDONLY | flags, NULL);
		ends->pe_writer = pipe_end(r, writer, MX_O_WRONLY | flags, NULL);
		em_ring_release(r);
	}
	if (ends->pe_reader != NULL && ends->pe_writer != NULL)
		return 0;
	if (ends->pe_reader != NULL)
		em_file_release(ends->pe_reader);
	else
		em_port_release(reader);
	if (ends->pe_writer != NULL)
		em_file_release(ends->pe_writer);
	else
		em_port_release(writer);
	return EM_E(ENOMEM);
}

int32_t
sys_pipe2(uint32_t fds, uint32_t flags, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct pipe_ends ends;
	int32_t fd[2], err;

	(void)c, (void)d, (void)e, (void)x;
	if (flags & ~(uint32_t)PIPE_FLAGS || flags & MX_O_DIRECT)
		return EM_E(EINVAL);
	err = pipe_make(flags, &ends);
	if (err < 0)
		return err;
	fd[0] = em_fd_install(ends.pe_reader, em_fd_cloexec(flags), 0);
	if (fd[0] < 0) {
		em_file_release(ends.pe_reader);
		em_file_release(ends.pe_writer);
		return fd[0];
	}
	fd[1] = em_fd_install(ends.pe_writer, em_fd_cloexec(flags), 0);
	if (fd[1] < 0) {
		em_file_release(ends.pe_writer);
		(void)sys_close((uint32_t)fd[0], 0, 0, 0, 0, 0);
		return fd[1];
	}
	if (em_copyout(fds, fd, sizeof fd) == 0)
		return 0;
	(void)sys_close((uint32_t)fd[0], 0, 0, 0, 0, 0);
	(void)sys_close((uint32_t)fd[1], 0, 0, 0, 0, 0);
	return EM_E(EFAULT);
}

int32_t
sys_pipe(uint32_t fds, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)b, (void)c, (void)d, (void)e, (void)x;
	return sys_pipe2(fds, 0, 0, 0, 0, 0);
}

/* Rings have one size: it is told, a smaller one is rounded up to it, a larger one refused. */
int32_t
em_pipe_size(struct em_file *f, bool set, uint32_t size)
{
	if (f->f_class != &em_class_pipe)
		return EM_E(EBADF);
	if (set && size > MX_RING_BYTES)
		return EM_E(EPERM);
	return (int32_t)MX_RING_BYTES;
}
