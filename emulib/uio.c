/*
 * uio.c - the program's buffers of one read or write.
 *
 * Vectored and plain calls look alike below this: a list of segments that is used up from the front. A segment's address is not
 * believed before it is copied; what was copied before a fault counts, as Linux has it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"

#define UIO_PAGE	4096u

void
em_uio_one(struct em_uio *u, struct em_segment *seg, uint32_t base, uint32_t len)
{
	seg->s_base = base;
	seg->s_len = len;
	u->u_seg = seg;
	u->u_skip = 0;
	u->u_left = em_min(len, EM_RW_MAX);
	u->u_done = 0;
	u->u_is_own = false;
}

void
em_uio_own(struct em_uio *u, struct em_segment *seg, void *mem, uint32_t len)
{
	em_uio_one(u, seg, (uint32_t)(uintptr_t)mem, len);
	u->u_is_own = true;
}

int32_t
em_uio_vector(struct em_uio *u, struct em_segment *segs, uint32_t iov, uint32_t n)
{
	uint32_t total = 0;

	if (n > EM_IOV_MAX)
		return EM_E(EINVAL);
	if (n > 0 && em_copyin(segs, iov, n * sizeof *segs) < 0)
		return EM_E(EFAULT);
	for (uint32_t i = 0; i < n; i++) {
		if ((int32_t)segs[i].s_len < 0)
			return EM_E(EINVAL);
		if (segs[i].s_len > EM_RW_MAX - total)
			segs[i].s_len = EM_RW_MAX - total;
		total += segs[i].s_len;
	}
	u->u_seg = segs;
	u->u_skip = 0;
	u->u_left = total;
	u->u_done = 0;
	u->u_is_own = false;
	return 0;
}

uint32_t
em_uio_next(struct em_uio *u, uint32_t *addr)
{
	if (u->u_left == 0)
		return 0;
	while (u->u_skip == u->u_seg->s_len) {
		u->u_seg++;
		u->u_skip = 0;
	}
	*addr = u->u_seg->s_base + u->u_skip;
	return em_min(u->u_seg->s_len - u->u_skip, u->u_left);
}

void
em_uio_skip(struct em_uio *u, uint32_t n)
{
	u->u_skip += n;
	u->u_left -= n;
	u->u_done += n;
}

void
em_uio_advance(struct em_uio *u, uint32_t n)
{
	while (n > 0) {
		uint32_t addr, k = em_min(em_uio_next(u, &addr), n);

		if (k == 0)
			return;
		em_uio_skip(u, k);
		n -= k;
	}
}

enum uio_way { UIO_OUT, UIO_IN, UIO_ZERO };

/* The window or ring that bytes come from may fault too. */
static int32_t
uio_copy(const struct em_uio *u, uint32_t addr, void *mem, uint32_t n, enum uio_way way)
{
	static const char zeroes[UIO_PAGE];
	const void *from = way == UIO_ZERO ? zeroes : mem;

	if (way == UIO_IN)
		return u->u_is_own ? em_touch_copy(mem, (void *)(uintptr_t)addr, n) : em_copyin(mem, addr, n);
	return u->u_is_own ? em_touch_copy((void *)(uintptr_t)addr, from, n) : em_copyout(addr, from, n);
}

/* A copy of N bytes failed: do the part before the faulting page, page by page. */
static void
uio_copy_part(struct em_uio *u, uint32_t addr, char *mem, uint32_t n, enum uio_way way)
{
	while (n > 0) {
		uint32_t k = em_min(n, UIO_PAGE - addr % UIO_PAGE);

		if (uio_copy(u, addr, mem, k, way) < 0)
			return;
		em_uio_skip(u, k);
		addr += k;
		mem += way == UIO_ZERO ? 0 : k;
		n -= k;
	}
}

static int32_t
uio_move(struct em_uio *u, char *mem, uint32_t n, enum uio_way way)
{
	while (n > 0) {
		uint32_t addr = 0, k = em_min(em_uio_next(u, &addr), n);

		if (k == 0)
			break;
		if (way == UIO_ZERO)
			k = em_min(k, UIO_PAGE);
		if (uio_copy(u, addr, mem, k, way) < 0) {
			uio_copy_part(u, addr, mem, k, way);
			return EM_E(EFAULT);
		}
		em_uio_skip(u, k);
		mem += way == UIO_ZERO ? 0 : k;
		n -= k;
	}
	return 0;
}

int32_t
em_uio_out(struct em_uio *u, const void *from, uint32_t n)
{
	return uio_move(u, (char *)(uintptr_t)from, n, UIO_OUT);
}

int32_t
em_uio_in(struct em_uio *u, void *to, uint32_t n)
{
	return uio_move(u, to, n, UIO_IN);
}

int32_t
em_uio_zero(struct em_uio *u, uint32_t n)
{
	return uio_move(u, NULL, n, UIO_ZERO);
}
