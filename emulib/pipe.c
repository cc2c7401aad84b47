/*
 * pipe.c - pipes and FIFOs: bytes through shared memory.
 *
 * Both ends of a pipe map the same ring (masix/ring.h) and move bytes themselves; no server takes part unless somebody polls. The
 * other end may be an enemy: positions are taken once per look, checked, and never used unchecked; the worst it can do is to say
 * nonsense, which it could write into the pipe as well.
 *
 * A new pipe has no ring yet, and vfs does not know of it: as long as both ends are in one address space and nobody has written, there is
 * nothing to share. Whatever asks for more - reading while there is a writer, writing, polling, fstat, a fork that copies an
 * end - has it made first (em_pipe_ready). posix_spawn makes a pipe each time, for an error that does not come.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ring.h"
#include <mach/vm_prot.h>
#include "vfs.h"
#include "io.h"

#define PIPE_ATOMIC	4096u		/* PIPE_BUF */
#define RING_HEADER	4u		/* a record's length before it */
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

/* ---- Pipes without a ring ---- */

/* Two ends that have none, as f_private of both. Guarded by em_file_lock. */
struct pipe_pair {
	struct em_file	*pp_reader, *pp_writer;	/* NULL: closed */
};

static void
pipe_release(struct em_file *f)
{
	struct pipe_pair *pp;
	bool is_last = false;

	em_lock(&em_file_lock);
	pp = f->f_private;
	f->f_private = NULL;
	if (pp != NULL) {
		if (pp->pp_reader == f)
			pp->pp_reader = NULL;
		else
			pp->pp_writer = NULL;
		is_last = pp->pp_reader == NULL && pp->pp_writer == NULL;
	}
	em_unlock(&em_file_lock);
	if (is_last)
		em_free(pp, sizeof *pp);
	if (f->f_ring != NULL)		/* one that came from another task may have none */
		em_ring_release(f->f_ring);
}

/* F, an end without a ring, gets R and PORT; or it was closed, and PORT goes. Locks: em_file_lock held */
static void
pipe_end_bear(struct em_file *f, struct em_ring *r, mach_port_t port)
{
	if (f == NULL) {
		em_port_release(port);		/* the other end hears that there is nobody */
		return;
	}
	(void)__atomic_add_fetch(&r->r_refs, 1, __ATOMIC_RELAXED);
	f->f_port = port;
	f->f_private = NULL;
	__atomic_store_n(&f->f_ring, r, __ATOMIC_RELEASE);
}

int32_t
em_pipe_ready(struct em_file *f)
{
	mach_port_t reader = MACH_PORT_NULL, writer = MACH_PORT_NULL;
	struct em_ring *r = NULL;
	struct pipe_pair *pp;
	int32_t err;

	if (em_pipe_is_ready(f))
		return 0;
	err = em_ring_make(&r, &reader, &writer);
	if (err < 0)
		return err;
	em_lock(&em_file_lock);
	pp = f->f_private;
	if (pp != NULL) {
		pipe_end_bear(pp->pp_reader, r, reader);
		pipe_end_bear(pp->pp_writer, r, writer);
	}
	em_unlock(&em_file_lock);
	em_ring_release(r);
	if (pp != NULL) {
		em_free(pp, sizeof *pp);
		return 0;
	}
	em_port_release(reader);		/* another thread was faster */
	em_port_release(writer);
	return 0;
}

bool
em_pipe_is_ready(const struct em_file *f)
{
	return f->f_class != &em_class_pipe || __atomic_load_n(&f->f_ring, __ATOMIC_ACQUIRE) != NULL;
}

/* Is F a reader that nobody has ever written for, nor will? */
static bool
pipe_is_over(struct em_file *f)
{
	const struct pipe_pair *pp;
	bool is_over;

	if (em_pipe_is_ready(f))
		return false;
	em_lock(&em_file_lock);
	pp = f->f_private;
	is_over = pp != NULL && pp->pp_writer == NULL;
	em_unlock(&em_file_lock);
	return is_over;
}

/* ---- Waking and sleeping ---- */

/* The ring changed: wake who waits on WORD, and tell the server of the end PORT if somebody polls. */
static void
ring_changed(struct mx_ring *ring, mach_port_t port, volatile uint32_t *word)
{
	if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) != 0)
		em_gsync_wake(word, true, true);
	if (__atomic_load_n(&ring->rg_pollers, __ATOMIC_SEQ_CST) != 0 &&
	    __atomic_exchange_n(&ring->rg_pollers, 0, __ATOMIC_SEQ_CST) != 0)
		(void)io_kick(port);
}

/* Sleep until somebody clears WORD. The caller has set it to 1 and looked again. */
static int32_t
ring_sleep(volatile uint32_t *word)
{
	return em_gsync_wait(word, 1, 0, true) == EM_E(EINTR) ? EM_RESTARTSYS : 0;
}

uint32_t
em_ring_filled(const struct mx_ring *ring)
{
	uint32_t head = __atomic_load_n(&ring->rg_head, __ATOMIC_SEQ_CST);

	return __atomic_load_n(&ring->rg_tail, __ATOMIC_SEQ_CST) - head;
}

bool
em_ring_has_ended(const struct mx_ring *ring)
{
	return ring->rg_no_writers || ring->rg_no_readers;
}

/* END is the ring's flag for one side. Both wake: either may be shut by another process that has the same end. */
static void
ring_end(struct mx_ring *ring, mach_port_t port, volatile uint32_t *end)
{
	__atomic_store_n(end, 1, __ATOMIC_SEQ_CST);
	ring_changed(ring, port, &ring->rg_readers_wait);
	ring_changed(ring, port, &ring->rg_writers_wait);
}

void
em_ring_end_writing(struct mx_ring *ring, mach_port_t port)
{
	ring_end(ring, port, &ring->rg_no_writers);
}

void
em_ring_end_reading(struct mx_ring *ring, mach_port_t port)
{
	ring_end(ring, port, &ring->rg_no_readers);
}

/* ---- Bytes in the ring; the lock of that side is held ---- */

/* Copy N bytes from position AT to U. */
static int32_t
ring_copy_out(const struct mx_ring *ring, uint32_t at, struct em_uio *u, uint32_t n)
{
	uint32_t k = em_min(n, MX_RING_BYTES - at % MX_RING_BYTES);
	int32_t err = em_uio_out(u, (const void *)(uintptr_t)(ring->rg_data + at % MX_RING_BYTES), k);

	return err < 0 || k == n ? err : em_uio_out(u, (const void *)(uintptr_t)ring->rg_data, n - k);
}

static int32_t
ring_copy_in(struct mx_ring *ring, uint32_t at, struct em_uio *u, uint32_t n)
{
	uint32_t k = em_min(n, MX_RING_BYTES - at % MX_RING_BYTES);
	int32_t err = em_uio_in(u, ring->rg_data + at % MX_RING_BYTES, k);

	return err < 0 || k == n ? err : em_uio_in(u, ring->rg_data, n - k);
}

/* A number of four bytes at position AT, which may lie across the end. */
static uint32_t
ring_length_get(const struct mx_ring *ring, uint32_t at)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < RING_HEADER; i++)
		n |= (uint32_t)ring->rg_data[(at + i) % MX_RING_BYTES] << 8 * i;
	return n;
}

static void
ring_length_put(struct mx_ring *ring, uint32_t at, uint32_t n)
{
	for (uint32_t i = 0; i < RING_HEADER; i++)
		ring->rg_data[(at + i) % MX_RING_BYTES] = (unsigned char)(n >> 8 * i);
}

/* ---- Reading ---- */

/* Take bytes that are there. Answers them, 0: empty, -EIO, -EFAULT. */
static int32_t
ring_take(struct mx_ring *ring, struct em_uio *u, uint32_t how)
{
	uint32_t head = ring->rg_head, filled = em_ring_filled(ring), before = u->u_done;
	int32_t err = 0;

	if (filled > MX_RING_BYTES)
		return EM_E(EIO);
	if (filled > 0)
		err = ring_copy_out(ring, head, u, em_min(filled, u->u_left));
	if (!(how & EM_RING_PEEK))
		__atomic_store_n(&ring->rg_head, head + (u->u_done - before), __ATOMIC_SEQ_CST);
	return u->u_done > before ? (int32_t)(u->u_done - before) : err;
}

/* Take one record; what U has no room for is lost. 1: taken, 0: none there, -EIO, -EFAULT. *LENGTH is how long it was. */
static int32_t
ring_take_record(struct mx_ring *ring, struct em_uio *u, uint32_t how, uint32_t *length)
{
	uint32_t head = ring->rg_head, filled = em_ring_filled(ring);
	int32_t err;

	if (filled == 0)
		return 0;
	if (filled > MX_RING_BYTES || filled < RING_HEADER)
		return EM_E(EIO);
	*length = ring_length_get(ring, head);
	if (*length > filled - RING_HEADER)
		return EM_E(EIO);
	err = ring_copy_out(ring, head + RING_HEADER, u, em_min(*length, u->u_left));
	if (!(how & EM_RING_PEEK))
		__atomic_store_n(&ring->rg_head, head + RING_HEADER + *length, __ATOMIC_SEQ_CST);
	return err < 0 ? err : 1;
}

/* One look at the ring: more than 0 is a result. */
static int32_t
ring_read_once(struct mx_ring *ring, mach_port_t port, struct em_uio *u, uint32_t how, uint32_t *length)
{
	int32_t n;

	em_shared_lock(&ring->rg_read_lock);
	n = how & EM_RING_RECORDS ? ring_take_record(ring, u, how, length) : ring_take(ring, u, how);
	em_shared_unlock(&ring->rg_read_lock);
	if (n > 0 && !(how & EM_RING_PEEK))
		ring_changed(ring, port, &ring->rg_writers_wait);
	return n;
}

int32_t
em_ring_read(struct mx_ring *ring, mach_port_t port, struct em_uio *u, uint32_t how, uint32_t *length)
{
	int32_t n;

	for (;;) {
		n = ring_read_once(ring, port, u, how, length);
		if (n > 0)
			return (int32_t)u->u_done;
		if (n < 0)
			return n;
		*length = 0;
		if (em_ring_has_ended(ring) && em_ring_filled(ring) == 0)
			return 0;
		if (em_ring_has_ended(ring))
			continue;
		if (how & EM_RING_NONBLOCK)
			return EM_E(EAGAIN);
		__atomic_store_n(&ring->rg_readers_wait, 1, __ATOMIC_SEQ_CST);
		if (em_ring_filled(ring) == 0 && !em_ring_has_ended(ring)) {
			n = ring_sleep(&ring->rg_readers_wait);
			if (n < 0)
				return n;
		}
	}
}

static uint32_t
pipe_how(const struct em_file *f)
{
	return em_file_flags(f) & MX_O_NONBLOCK ? EM_RING_NONBLOCK : 0;
}

static int32_t
pipe_read(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	uint32_t length;
	int32_t err;

	(void)pos;
	if (pipe_is_over(f))
		return 0;
	err = em_pipe_ready(f);
	if (err < 0)
		return err;
	return em_ring_read(f->f_ring->r_ring, f->f_port, u, pipe_how(f), &length);
}

/* ---- Writing ---- */

/* Put what fits, but nothing of what must stay whole and does not fit whole. Bytes (of a record with its header), 0: no room. */
static int32_t
ring_put(struct mx_ring *ring, struct em_uio *u, uint32_t how, uint32_t whole)
{
	uint32_t tail = ring->rg_tail, filled = em_ring_filled(ring), header = how & EM_RING_RECORDS ? RING_HEADER : 0, n, before;
	int32_t err;

	if (filled > MX_RING_BYTES)
		return EM_E(EIO);
	n = MX_RING_BYTES - filled;
	if (n == 0 || n < header + whole)
		return 0;
	n = em_min(n - header, u->u_left);
	before = u->u_done;
	if (header > 0)
		ring_length_put(ring, tail, n);
	err = ring_copy_in(ring, tail + header, u, n);
	if (err < 0 && (header > 0 || u->u_done == before))
		return err;			/* a record goes whole or not at all */
	__atomic_store_n(&ring->rg_tail, tail + header + (u->u_done - before), __ATOMIC_SEQ_CST);
	return (int32_t)(header + (u->u_done - before));
}

/* One step of a write: bytes, 0: try again, -errno. */
static int32_t
ring_write_once(struct mx_ring *ring, mach_port_t port, struct em_uio *u, uint32_t how, uint32_t whole)
{
	uint32_t need = whole + (how & EM_RING_RECORDS ? RING_HEADER : 0);
	int32_t n;

	if (em_ring_has_ended(ring))
		return EM_E(EPIPE);
	em_shared_lock(&ring->rg_write_lock);
	n = ring_put(ring, u, how, whole);
	em_shared_unlock(&ring->rg_write_lock);
	if (n > 0)
		ring_changed(ring, port, &ring->rg_readers_wait);
	if (n != 0)
		return n;
	if (how & EM_RING_NONBLOCK)
		return EM_E(EAGAIN);
	__atomic_store_n(&ring->rg_writers_wait, 1, __ATOMIC_SEQ_CST);
	if (MX_RING_BYTES - em_ring_filled(ring) >= (need > 0 ? need : 1) || em_ring_has_ended(ring))
		return 0;
	return ring_sleep(&ring->rg_writers_wait);
}

int32_t
em_ring_write(struct mx_ring *ring, mach_port_t port, struct em_uio *u, uint32_t how)
{
	uint32_t whole = how & EM_RING_RECORDS || u->u_left <= PIPE_ATOMIC ? u->u_left : 0;
	bool once = how & EM_RING_RECORDS;
	int32_t n;

	if (once && u->u_left > MX_RING_BYTES - RING_HEADER)
		return EM_E(EMSGSIZE);
	do
		n = ring_write_once(ring, port, u, how, whole);
	while (n == 0 || (n > 0 && u->u_left > 0 && !once));
	return em_uio_result(u, n < 0 ? n : 0);
}

static int32_t
pipe_write(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	int32_t n = em_pipe_ready(f);

	(void)pos;
	if (n < 0)
		return n;
	n = em_ring_write(f->f_ring->r_ring, f->f_port, u, pipe_how(f));
	/* Also after a part was written, as on Linux. */
	if (n == EM_E(EPIPE) || (n > 0 && u->u_left > 0 && f->f_ring->r_ring->rg_no_readers))
		(void)em_signal_self(MX_SIGPIPE, MX_SI_USER, 0);
	return n;
}

/* ---- Polling, ioctl ---- */

bool
em_ring_has_room(const struct mx_ring *ring)
{
	return em_ring_filled(ring) <= MX_RING_BYTES - PIPE_ATOMIC;
}

/* What the ring says of EVENTS to a holder of F. */
static uint32_t
pipe_events(const struct em_file *f)
{
	const struct mx_ring *ring = f->f_ring->r_ring;
	uint32_t events = 0;

	if (em_file_is_readable(f)) {
		events |= em_ring_filled(ring) > 0 ? EM_POLL_READ : 0;
		events |= ring->rg_no_writers ? MX_POLLHUP : 0;
	}
	if (em_file_is_writable(f)) {
		events |= em_ring_has_room(ring) ? EM_POLL_WRITE : 0;
		events |= ring->rg_no_readers ? MX_POLLERR : 0;
	}
	return events;
}

static uint32_t
pipe_poll(struct em_file *f, uint32_t events, struct em_poll *p)
{
	uint32_t now;

	if (em_pipe_ready(f) < 0)
		return MX_POLLERR;
	now = pipe_events(f) & (events | EM_POLL_ALWAYS);
	/* A FIFO that no writer has opened yet is not hung up: the server knows. */
	if (now == MX_POLLHUP && f->f_attr.at_ino != 0)
		return em_poll_server(f, f->f_port, events, p, true);
	if (now != 0 || p == NULL)
		return now;
	now = em_poll_server(f, f->f_port, events, p, true);
	return now | (pipe_events(f) & (events | EM_POLL_ALWAYS));
}

static uint32_t
pipe_version(struct em_file *f)
{
	return f->f_ring != NULL ? f->f_ring->r_ring->rg_tail : 0;
}

#define FIONREAD	0x541bu

static int32_t
pipe_ioctl(struct em_file *f, uint32_t cmd, uint32_t arg)
{
	uint32_t n = 0;

	if (cmd != FIONREAD)
		return EM_E(ENOTTY);
	if (f->f_ring != NULL)
		n = em_min(em_ring_filled(f->f_ring->r_ring), MX_RING_BYTES);
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
em_ring_of(mach_port_t io, struct em_ring **out)
{
	mach_port_t memory = MACH_PORT_NULL, info = MACH_PORT_NULL;
	uint32_t info_offset = 0;
	int32_t maxprot = 0, err;

	err = EM_IO(io_map(io, &memory, &maxprot, &info, &info_offset));
	if (err < 0)
		return err;
	em_port_release(info);
	*out = em_ring_map(memory);
	return *out != NULL ? 0 : EM_E(ENOMEM);
}

int32_t
em_pipe_load(struct em_file *f)
{
	return em_ring_of(f->f_port, &f->f_ring);
}

int32_t
em_pipe_open_fifo(mach_port_t io, uint32_t flags, const struct mx_attr *attr, struct em_file **out)
{
	struct em_ring *r;
	int32_t err = em_ring_of(io, &r);

	if (err < 0)
		return err;
	*out = pipe_end(r, io, flags, attr);
	em_ring_release(r);
	return *out != NULL ? 0 : EM_E(ENOMEM);
}

int32_t
em_ring_make(struct em_ring **map, mach_port_t *reader, mach_port_t *writer)
{
	mach_port_t memory = MACH_PORT_NULL;
	uint64_t ino = 0;
	int32_t err;

	err = EM_VFS(vfs_pipe(em_vfs(), 0, reader, writer, &memory, &ino));
	if (err < 0)
		return err;
	*map = em_ring_map(memory);
	if (*map != NULL)
		return 0;
	em_port_release(*reader);
	em_port_release(*writer);
	return EM_E(ENOMEM);
}

struct pipe_ends { struct em_file *pe_reader, *pe_writer; };

/* Errors: -ENOMEM, nothing is left. */
static int32_t
pipe_make(uint32_t flags, struct pipe_ends *ends)
{
	struct pipe_pair *pp = em_alloc(sizeof *pp);

	if (pp == NULL)
		return EM_E(ENOMEM);
	flags &= MX_O_NONBLOCK;
	ends->pe_reader = em_file_create(EM_KIND_PIPE, &em_class_pipe, MACH_PORT_NULL, MX_O_RDONLY | flags, NULL);
	ends->pe_writer = em_file_create(EM_KIND_PIPE, &em_class_pipe, MACH_PORT_NULL, MX_O_WRONLY | flags, NULL);
	if (ends->pe_reader != NULL && ends->pe_writer != NULL) {
		*pp = (struct pipe_pair){ ends->pe_reader, ends->pe_writer };
		ends->pe_reader->f_private = ends->pe_writer->f_private = pp;
		return 0;
	}
	if (ends->pe_reader != NULL)
		em_file_release(ends->pe_reader);
	if (ends->pe_writer != NULL)
		em_file_release(ends->pe_writer);
	em_free(pp, sizeof *pp);
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
