/*
 * window.c - regular files read and written through memory.
 *
 * A read of a file whose pages are in memory needs no server: the file's memory object is mapped here (a window, kept as long as the file
 * is open and the address space lasts), and so is its inode page, in which the file's server keeps the size true. A window costs some
 * tens of microseconds to make, so a small file read once goes by message; what is read a second time, or is large, gets one.
 *
 * A write within the file's size goes the same way when the description may read and write. Its server must still learn of it: the
 * times and the generation are its business. It is told by one message that nobody waits for (io_touch), when the modification time in the
 * inode page is older than a tick of the clock, and at fsync, close and exit.
 *
 * The file may shrink while it is read: the pager then answers an error, the copy routine comes back, and the size is looked at again.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include <mach/vm_prot.h>
#include "io.h"

#define WINDOW_PAGE	4096u
#define WINDOW_SMALL	(256u << 10)
#define WINDOW_LARGE	(4u << 20)
#define WINDOW_READS	2		/* reads, or writes, by message before a window is made */
#define WINDOW_MISSES	8		/* writes elsewhere before it is moved */
#define WINDOW_TICK_NS	10000000u	/* how exact times are */
#define NSEC		1000000000u

static uint32_t window_clock;

/* Locks: em_file_lock; nobody copies from the window. */
static void
window_unmap(struct em_window *w)
{
	if (w->w_addr == NULL)
		return;
	em_space_unmap(w->w_addr, w->w_size);
	em_space_free(w->w_addr, w->w_size);
	w->w_addr = NULL;
}

void
em_window_release(struct em_file *f)
{
	struct em_window *w = &f->f_window;

	em_lock(&em_file_lock);
	em_lease_release(w);
	window_unmap(w);
	if (w->w_info != NULL) {
		em_space_unmap(w->w_info, WINDOW_PAGE);
		em_space_free(w->w_info, WINDOW_PAGE);
		w->w_info = NULL;
		w->w_inode = NULL;
	}
	em_unlock(&em_file_lock);
}

bool
em_window_size(const struct em_file *f, uint64_t *size)
{
	const volatile struct mx_inode *in = f->f_window.w_inode;
	uint32_t seq;

	if (in == NULL)
		return false;
	for (uint32_t tries = 0; tries < 1000; tries++) {
		seq = __atomic_load_n(&in->in_seq, __ATOMIC_ACQUIRE);
		*size = in->in_attr.at_size;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(seq & 1) && in->in_seq == seq)
			return true;
	}
	return false;		/* its server died while it wrote: ask the next one */
}

static bool
window_attr(const struct em_window *w, struct mx_attr *attr)
{
	const volatile struct mx_inode *in = w->w_inode;
	uint32_t seq;

	for (uint32_t tries = 0; tries < 1000; tries++) {
		seq = __atomic_load_n(&in->in_seq, __ATOMIC_ACQUIRE);
		__builtin_memcpy(attr, (const void *)(uintptr_t)&in->in_attr, sizeof *attr);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(seq & 1) && in->in_seq == seq)
			return true;
	}
	return false;
}

bool
em_window_attr(const struct em_file *f, struct mx_attr *attr)
{
	const struct em_window *w = &f->f_window;

	if (w->w_inode == NULL || w->w_inode->in_seq == w->w_touch_seq)
		return false;			/* or told, and not heard yet */
	if (!window_attr(w, attr))
		return false;
	return !w->w_inode->in_is_lent || em_lease_size(f, &attr->at_size);
}

bool
em_window_is_wanted(const struct em_file *f, uint64_t pos, uint32_t n)
{
	uint64_t size = f->f_attr.at_size;

	if (f->f_window.w_refused)
		return false;
	if (f->f_window.w_addr != NULL)
		return true;
	if (pos >= size)			/* most likely the read that finds the end */
		return f->f_nreads >= 4 * WINDOW_READS;
	if (n > MX_DATA_MAX && size - pos > MX_DATA_MAX)
		return true;
	return f->f_nreads >= WINDOW_READS;
}

/* Room for N bytes, from windows that nobody uses if need be. Locks: em_file_lock */
static void *
window_room(uint32_t n)
{
	void *addr = em_space_alloc(n);

	while (addr == NULL) {
		struct em_file *victim = em_window_oldest();

		if (victim == NULL)
			return NULL;
		window_unmap(&victim->f_window);
		addr = em_space_alloc(n);
	}
	return addr;
}

static uint32_t
window_length(uint64_t size)
{
	return size <= WINDOW_SMALL / 2 ? WINDOW_SMALL : size <= WINDOW_LARGE / 4 ? WINDOW_LARGE / 4 : WINDOW_LARGE;
}

/* Map OBJECT around POS. Locks: em_file_lock. Errors: -EBUSY another thread copies from the old one; -ENOMEM */
static int32_t
window_map(struct em_window *w, mach_port_t object, int prot, uint64_t pos, uint64_t size)
{
	uint32_t length = window_length(size);
	uint64_t offset = pos & ~(uint64_t)(length - 1);
	char *addr;
	int32_t err;

	if (w->w_pins > 0)
		return EM_E(EBUSY);
	window_unmap(w);
	addr = window_room(length);
	if (addr == NULL)
		return EM_E(ENOMEM);
	err = em_space_map(addr, length, object, offset, prot);
	if (err < 0) {
		em_space_free(addr, length);
		return err;
	}
	w->w_addr = addr;
	w->w_offset = offset;
	w->w_size = length;
	w->w_is_writable = prot & VM_PROT_WRITE;
	w->w_misses = 0;
	return 0;
}

/* Locks: em_file_lock */
static int32_t
window_map_info(struct em_window *w, mach_port_t info, uint32_t offset)
{
	int32_t err;

	if (w->w_info != NULL)
		return 0;
	if (offset > WINDOW_PAGE - sizeof(struct mx_inode) || offset % 8 != 0)
		return EM_E(EIO);
	w->w_info = window_room(WINDOW_PAGE);
	if (w->w_info == NULL)
		return EM_E(ENOMEM);
	err = em_space_map(w->w_info, WINDOW_PAGE, info, 0, VM_PROT_READ);
	if (err < 0) {
		em_space_free(w->w_info, WINDOW_PAGE);
		w->w_info = NULL;
		return err;
	}
	w->w_inode = (const volatile struct mx_inode *)((char *)w->w_info + offset);
	return 0;
}

static bool
window_covers(const struct em_window *w, uint64_t pos)
{
	return w->w_addr != NULL && pos >= w->w_offset && pos - w->w_offset < w->w_size;
}

/* Have F's inode page mapped, for attributes alone. */
void
em_window_inode(struct em_file *f)
{
	mach_port_t memory = MACH_PORT_NULL, info = MACH_PORT_NULL;
	uint32_t info_offset = 0;
	int32_t maxprot = 0;

	if (f->f_window.w_refused || f->f_window.w_inode != NULL)
		return;
	if (EM_IO(io_map(f->f_port, &memory, &maxprot, &info, &info_offset)) < 0) {
		f->f_window.w_refused = true;
		return;
	}
	em_lock(&em_file_lock);
	(void)window_map_info(&f->f_window, info, info_offset);	/* no room: asked by message as before */
	em_unlock(&em_file_lock);
	em_port_release(memory);
	em_port_release(info);
}

static int
window_prot(const struct em_file *f, int maxprot)
{
	return VM_PROT_READ | ((em_file_flags(f) & MX_O_ACCMODE) == MX_O_RDWR ? maxprot & VM_PROT_WRITE : 0);
}

/* Make F's window contain POS and pin it. */
static int32_t
window_move(struct em_file *f, uint64_t pos)
{
	struct em_window *w = &f->f_window;
	mach_port_t memory = MACH_PORT_NULL, info = MACH_PORT_NULL;
	uint32_t info_offset = 0;
	int32_t maxprot = 0, err;
	uint64_t size = 0;

	err = EM_IO(io_map(f->f_port, &memory, &maxprot, &info, &info_offset));
	if (err < 0)
		return err;
	em_lock(&em_file_lock);
	err = maxprot & VM_PROT_READ ? window_map_info(w, info, info_offset) : EM_E(EACCES);
	if (err == 0 && !em_window_size(f, &size))
		err = EM_E(EIO);
	if (err == 0 && pos < size && !window_covers(w, pos))
		err = window_map(w, memory, window_prot(f, maxprot), pos, size);
	if (err == 0)
		w->w_pins++;
	em_unlock(&em_file_lock);
	em_port_release(memory);
	em_port_release(info);
	return err;
}

/* Pin F's window when it has POS in it, or is told to be past the end. */
static int32_t
window_pin(struct em_file *f, uint64_t pos)
{
	struct em_window *w = &f->f_window;
	bool is_there;

	em_lock(&em_file_lock);
	is_there = window_covers(w, pos) && w->w_inode != NULL;
	if (is_there) {
		w->w_pins++;
		w->w_used = ++window_clock;
	}
	em_unlock(&em_file_lock);
	return is_there ? 0 : window_move(f, pos);
}

static void
window_unpin(struct em_file *f)
{
	em_lock(&em_file_lock);
	f->f_window.w_pins--;
	em_unlock(&em_file_lock);
}

/* A copy of what lies at FROM failed: was it the file's page or the program's? */
static int32_t
window_fault(const char *from)
{
	char byte;

	return em_touch_copy(&byte, from, 1) < 0 ? EM_E(EIO) : EM_E(EFAULT);
}

/* One window's share of a read. Bytes, 0 at the end. Locks: the window is pinned. */
static int32_t
window_copy(struct em_file *f, struct em_uio *u, uint64_t pos)
{
	struct em_window *w = &f->f_window;
	uint32_t n = u->u_left, before = u->u_done;
	uint64_t size = 0;
	const char *from;
	int32_t err;

	if (!em_window_size(f, &size))
		return EM_E(EIO);
	if (pos >= size)
		return 0;
	if (!window_covers(w, pos))
		return EM_E(EAGAIN);		/* it grew just now */
	n = size - pos < n ? (uint32_t)(size - pos) : n;
	n = em_min(n, w->w_size - (uint32_t)(pos - w->w_offset));
	from = w->w_addr + (uint32_t)(pos - w->w_offset);
	if (em_uio_out(u, from, n) == 0)
		return (int32_t)n;
	if (u->u_done > before)
		return (int32_t)(u->u_done - before);
	err = window_fault(from);
	if (err == EM_E(EIO) && em_window_size(f, &size) && pos >= size)
		return 0;			/* truncated meanwhile */
	return err;
}

int32_t
em_window_read(struct em_file *f, struct em_uio *u, uint64_t pos)
{
	int32_t n = window_pin(f, pos);

	if (n == EM_E(EBUSY) || n == EM_E(ENOMEM))
		return EM_E(ENODEV);		/* this time by message */
	if (n < 0) {
		f->f_window.w_refused = true;
		return EM_E(ENODEV);
	}
	n = window_copy(f, u, pos);
	if (n == 0 && f->f_window.w_inode->in_is_lent)
		n = EM_E(EAGAIN);		/* there may be more */
	window_unpin(f);
	return n == EM_E(EAGAIN) ? EM_E(ENODEV) : n;
}

/* ---- Writing ---- */

static void
window_touch(struct em_file *f, uint64_t when_ns)
{
	struct em_window *w = &f->f_window;

	w->w_wrote_ns = 0;
	w->w_touch_ns = when_ns;
	w->w_touch_seq = w->w_inode != NULL ? w->w_inode->in_seq : 0;
	if (EM_IO(io_touch(f->f_port, (int64_t)(when_ns / NSEC), (uint32_t)(when_ns % NSEC))) < 0)
		return;				/* its server is gone: so are the times */
}

void
em_window_flush(struct em_file *f)
{
	if (f->f_window.w_wrote_ns != 0)
		window_touch(f, f->f_window.w_wrote_ns);
}

/* The file that AT describes was written to just now: does its server have to be told at once? */
static void
window_wrote(struct em_file *f, const struct mx_attr *at)
{
	struct em_window *w = &f->f_window;
	uint64_t now = em_real_ns(), mtime = (uint64_t)at->at_mtime * NSEC + at->at_mtime_ns;
	bool is_recent = now - mtime < WINDOW_TICK_NS;
	bool is_told = now - w->w_touch_ns < WINDOW_TICK_NS && w->w_inode->in_seq == w->w_touch_seq;

	if (is_recent || is_told)
		w->w_wrote_ns = now;
	else
		window_touch(f, now);
}

void
em_window_appended(struct em_file *f)
{
	struct em_window *w = &f->f_window;
	uint64_t now = em_real_ns();

	if (now - w->w_touch_ns < WINDOW_TICK_NS)
		w->w_wrote_ns = now;
	else
		window_touch(f, now);
}

/* Should N bytes at POS go through memory? */
static bool
window_may_write(struct em_file *f, uint64_t pos, uint32_t n)
{
	struct em_window *w = &f->f_window;
	uint32_t flags = em_file_flags(f);
	uint64_t size = f->f_attr.at_size;

	if (w->w_refused || (flags & MX_O_ACCMODE) != MX_O_RDWR || flags & (MX_O_APPEND | MX_O_DSYNC | MX_O_DIRECT))
		return false;
	if (w->w_inode != NULL && !em_window_size(f, &size))
		return false;
	if (pos > size || n > size - pos)
		return false;
	if (w->w_addr == NULL)
		return n > 2 * MX_DATA_MAX || f->f_nwrites >= WINDOW_READS;
	if (window_covers(w, pos))
		return w->w_is_writable;
	return n > 2 * MX_DATA_MAX || ++w->w_misses >= WINDOW_MISSES;
}

/* One window's share of a write. Bytes, or -EFAULT; -ENODEV: the server is to decide. Locks: the window is pinned. */
static int32_t
window_fill(struct em_file *f, struct em_uio *u, uint64_t pos)
{
	struct em_window *w = &f->f_window;
	uint32_t n = u->u_left, before = u->u_done;
	struct em_uio probe = *u;
	struct mx_attr at;
	char byte;

	if (!window_attr(w, &at) || pos > at.at_size || n > at.at_size - pos || at.at_mode & (MX_S_ISUID | MX_S_ISGID))
		return EM_E(ENODEV);
	if (!window_covers(w, pos) || !w->w_is_writable)
		return EM_E(ENODEV);
	n = em_min(n, w->w_size - (uint32_t)(pos - w->w_offset));
	if (em_uio_in(u, w->w_addr + (uint32_t)(pos - w->w_offset), n) < 0 && u->u_done == before)
		/* If the program's memory is good it was the file's: full, or cut meanwhile. */
		return em_uio_in(&probe, &byte, 1) < 0 ? EM_E(EFAULT) : EM_E(ENODEV);
	window_wrote(f, &at);
	return (int32_t)(u->u_done - before);
}

int32_t
em_window_write(struct em_file *f, struct em_uio *u, uint64_t pos)
{
	int32_t n;

	if (!window_may_write(f, pos, u->u_left))
		return EM_E(ENODEV);
	n = window_pin(f, pos);
	if (n < 0) {
		f->f_window.w_refused = n != EM_E(EBUSY) && n != EM_E(ENOMEM);
		return EM_E(ENODEV);
	}
	n = window_fill(f, u, pos);
	window_unpin(f);
	return n;
}
