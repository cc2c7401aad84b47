/*
 * futex.c - futexes, robust lists, and what a thread's end tells others.
 *
 * Futexes of one address space are queues in emulib: a waiter is on a hash chain and sleeps on a word of its own, so counts, order, bit
 * sets and requeueing are exact, and a wake-up without waiters - most are - is no kernel call. Futexes in memory that other
 * processes share are the kernel's gsync, which counts nothing: a wake of them answers 0, and requeueing wakes.
 *
 * em_futex_lock may be held while the program's memory is touched: the service thread never takes it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "core_calls.h"

#define E(name)		(-MX_ERRNO(MX_##name))

enum { FUTEX_WAIT, FUTEX_WAKE, FUTEX_REQUEUE = 3, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP, FUTEX_WAIT_BITSET = 9, FUTEX_WAKE_BITSET };
#define FUTEX_PRIVATE	128u
#define FUTEX_REALTIME	256u

#define TID_MASK	0x3fffffffu
#define OWNER_DIED	0x40000000u
#define WAITERS		0x80000000u
#define ROBUST_MAX	2048

struct em_waiter {			/* on the waiting thread's stack */
	struct em_waiter *w_next;
	uint32_t	w_addr, w_private, w_bits;
	volatile uint32_t w_sleeping;	/* 1, 0 once woken */
};

#define CHAINS		16u

static volatile uint32_t futex_lock;
static struct em_waiter *futex_chain[CHAINS];

static struct em_waiter **
chain_of(uint32_t addr)
{
	return &futex_chain[(addr >> 2 ^ addr >> 12) % CHAINS];
}

static void
waiter_append(struct em_waiter *w)
{
	struct em_waiter **at = chain_of(w->w_addr);

	while (*at != NULL)
		at = &(*at)->w_next;
	w->w_next = NULL;
	*at = w;
}

static void
waiter_remove(struct em_waiter *w)
{
	struct em_waiter **at = chain_of(w->w_addr);

	while (*at != NULL && *at != w)
		at = &(*at)->w_next;
	if (*at == w)
		*at = w->w_next;
}

/* Does the futex lie in memory that other processes see? */
static bool
is_shared(uint32_t addr, uint32_t private)
{
	struct em_vma v;

	return !private && em_mm_lookup(addr, &v) && (v.vm_flags & EM_VMA_SHARED);
}

static int32_t
wait_shared(uint32_t addr, uint32_t value, uint64_t deadline)
{
	uint32_t now;
	int32_t err;

	if (em_copyin(&now, addr, sizeof(now)) < 0)
		return E(EFAULT);
	if (now != value)
		return E(EAGAIN);
	err = em_gsync_wait((volatile uint32_t *)addr, value, deadline, true);
	return err == E(EINTR) ? EM_RESTARTSYS : err;
}

/* DEADLINE 0: none. */
static int32_t
futex_wait(uint32_t addr, uint32_t private, uint32_t value, uint32_t bits, uint64_t deadline)
{
	struct em_waiter w = { NULL, addr, private, bits, 1 };
	uint32_t now;
	int32_t err = 0;

	if (bits == 0 || addr % 4 != 0)
		return E(EINVAL);
	if (is_shared(addr, private))
		return wait_shared(addr, value, deadline);
	em_lock(&futex_lock);
	if (em_copyin(&now, addr, sizeof(now)) < 0)
		err = E(EFAULT);
	else if (now != value)
		err = E(EAGAIN);
	else
		waiter_append(&w);
	em_unlock(&futex_lock);
	while (err == 0 && w.w_sleeping) {
		err = em_gsync_wait(&w.w_sleeping, 1, deadline, false);
		if (err == E(EAGAIN))
			err = 0;
		if (err == 0)
			continue;
		em_lock(&futex_lock);
		if (w.w_sleeping)
			waiter_remove(&w);
		else
			err = 0;	/* the wake-up came first: it must not get lost */
		em_unlock(&futex_lock);
		return err == E(EINTR) ? EM_RESTARTSYS : err;
	}
	return err;
}

static void
waiter_wake(struct em_waiter *w)
{
	w->w_sleeping = 0;		/* W may be gone after the wake; the kernel only compares the address */
	em_gsync_wake(&w->w_sleeping, false, false);
}

/* Wake up to N, move up to MORE of the rest to TO. Answers how many of both. Locks: futex_lock held. */
static int32_t
wake_locked(uint32_t addr, uint32_t private, uint32_t bits, int32_t n, int32_t more, uint32_t to)
{
	struct em_waiter **at = chain_of(addr), *w, *moved = NULL, **last = &moved;
	int32_t done = 0, shifted = 0;

	while ((w = *at) != NULL && (done < n || shifted < more)) {
		if (w->w_addr != addr || w->w_private != private || !(w->w_bits & bits)) {
			at = &w->w_next;
			continue;
		}
		*at = w->w_next;
		if (done < n) {
			waiter_wake(w);
			done++;
		} else {
			w->w_addr = to;
			w->w_next = NULL;
			*last = w;
			last = &w->w_next;
			shifted++;
		}
	}
	while ((w = moved) != NULL) {
		moved = w->w_next;
		waiter_append(w);
	}
	return done + shifted;
}

static int32_t
futex_wake(uint32_t addr, uint32_t private, uint32_t bits, int32_t n)
{
	int32_t done;

	if (bits == 0 || addr % 4 != 0)
		return E(EINVAL);
	if (is_shared(addr, private)) {
		for (int32_t i = 0; i < (n > 8 ? 1 : n); i++)
			em_gsync_wake((volatile uint32_t *)addr, n > 8, true);
		return 0;
	}
	if (*chain_of(addr) == NULL)
		return 0;
	em_lock(&futex_lock);
	done = wake_locked(addr, private, bits, n, 0, 0);
	em_unlock(&futex_lock);
	return done;
}

static int32_t
futex_requeue(uint32_t addr, uint32_t private, int32_t n, int32_t more, uint32_t to, bool compare, uint32_t value)
{
	uint32_t now;
	int32_t done;

	if (addr % 4 != 0 || to % 4 != 0 || n < 0 || more < 0)
		return E(EINVAL);
	if (is_shared(addr, private)) {
		if (compare && em_copyin(&now, addr, sizeof(now)) < 0)
			return E(EFAULT);
		if (compare && now != value)
			return E(EAGAIN);
		return futex_wake(addr, private, ~0u, 0x7fffffff);
	}
	em_lock(&futex_lock);
	if (compare && em_copyin(&now, addr, sizeof(now)) < 0)
		done = E(EFAULT);
	else if (compare && now != value)
		done = E(EAGAIN);
	else
		done = wake_locked(addr, private, ~0u, n, more, to);
	em_unlock(&futex_lock);
	return done;
}

/* FUTEX_WAKE_OP's arithmetic: ENCODED is op:4 cmp:4 oparg:12 cmparg:12. */
static int32_t
wake_op_apply(uint32_t addr, uint32_t encoded, bool *match)
{
	uint32_t op = encoded >> 28 & 7, cmp = encoded >> 24 & 15, old, new, was;
	int32_t arg = (int32_t)(encoded << 8) >> 20, cmparg = (int32_t)(encoded << 20) >> 20;

	if (encoded >> 31)
		arg = 1 << (arg & 31);
	do {
		if (em_copyin(&old, addr, sizeof(old)) < 0)
			return E(EFAULT);
		switch (op) {
		case 0: new = (uint32_t)arg; break;
		case 1: new = old + (uint32_t)arg; break;
		case 2: new = old | (uint32_t)arg; break;
		case 3: new = old & ~(uint32_t)arg; break;
		case 4: new = old ^ (uint32_t)arg; break;
		default: return E(ENOSYS);
		}
		if (em_touch_cmpxchg((uint32_t *)addr, old, new, &was) < 0)
			return E(EFAULT);
	} while (was != old);
	switch (cmp) {
	case 0: *match = (int32_t)old == cmparg; return 0;
	case 1: *match = (int32_t)old != cmparg; return 0;
	case 2: *match = (int32_t)old < cmparg; return 0;
	case 3: *match = (int32_t)old <= cmparg; return 0;
	case 4: *match = (int32_t)old > cmparg; return 0;
	case 5: *match = (int32_t)old >= cmparg; return 0;
	default: return E(ENOSYS);
	}
}

static int32_t
futex_wake_op(uint32_t addr, uint32_t private, int32_t n, int32_t n2, uint32_t addr2, uint32_t encoded)
{
	bool match;
	int32_t err, done;

	if (addr % 4 != 0 || addr2 % 4 != 0 || addr2 > EM_USER_END - 4)
		return E(EINVAL);
	err = wake_op_apply(addr2, encoded, &match);
	if (err < 0)
		return err;
	done = futex_wake(addr, private, ~0u, n);
	return match && done >= 0 ? done + futex_wake(addr2, private, ~0u, n2) : done;
}

static int32_t
futex(uint32_t addr, uint32_t op, uint32_t value, bool timed, uint64_t ns, uint32_t value2, uint32_t addr2, uint32_t value3)
{
	uint32_t private = op & FUTEX_PRIVATE, command = op & ~(FUTEX_PRIVATE | FUTEX_REALTIME);
	uint64_t deadline = 0, now;
	int32_t err;

	if ((op & FUTEX_REALTIME) && command != FUTEX_WAIT && command != FUTEX_WAIT_BITSET)
		return E(ENOSYS);
	if (timed && command == FUTEX_WAIT) {
		deadline = em_restart_deadline(em_now_ns() + ns);
	} else if (timed) {
		now = op & FUTEX_REALTIME ? em_real_ns() : em_now_ns();
		deadline = em_now_ns() + (ns > now ? ns - now : 0);
	}
	switch (command) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		err = futex_wait(addr, private, value, command == FUTEX_WAIT ? ~0u : value3, deadline);
		return err == EM_RESTARTSYS && timed ? EM_RESTARTBLOCK : err;
	case FUTEX_WAKE:
		return futex_wake(addr, private, ~0u, (int32_t)value);
	case FUTEX_WAKE_BITSET:
		return futex_wake(addr, private, value3, (int32_t)value);
	case FUTEX_REQUEUE:
		return futex_requeue(addr, private, (int32_t)value, (int32_t)value2, addr2, false, 0);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(addr, private, (int32_t)value, (int32_t)value2, addr2, true, value3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(addr, private, (int32_t)value, (int32_t)value2, addr2, value3);
	default:
		return E(ENOSYS);	/* priority inheritance */
	}
}

static bool
has_timeout(uint32_t op)
{
	uint32_t command = op & ~(FUTEX_PRIVATE | FUTEX_REALTIME);

	return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
}

int32_t
sys_futex(uint32_t addr, uint32_t op, uint32_t value, uint32_t timeout, uint32_t addr2, uint32_t value3)
{
	bool timed = has_timeout(op) && timeout != 0;
	uint64_t ns = 0;
	int32_t err = timed ? em_timespec_in(&ns, timeout) : 0;

	return err < 0 ? err : futex(addr, op, value, timed, ns, timeout, addr2, value3);
}

int32_t
sys_futex_time64(uint32_t addr, uint32_t op, uint32_t value, uint32_t timeout, uint32_t addr2, uint32_t value3)
{
	bool timed = has_timeout(op) && timeout != 0;
	uint64_t ns = 0;
	int32_t err = timed ? em_timespec64_in(&ns, timeout) : 0;

	return err < 0 ? err : futex(addr, op, value, timed, ns, timeout, addr2, value3);
}

/* ---- The end of a thread ---- */

/* One lock that the ending thread T held. */
static void
robust_release(const struct em_thread *t, uint32_t addr, bool pending)
{
	uint32_t v, was;

	if (addr % 4 != 0 || em_copyin(&v, addr, sizeof(v)) < 0)
		return;
	if (pending && v == 0) {
		(void)futex_wake(addr, 0, ~0u, 1);
		return;
	}
	while ((v & TID_MASK) == (uint32_t)t->t_tid) {
		if (em_touch_cmpxchg((uint32_t *)addr, v, (v & WAITERS) | OWNER_DIED, &was) < 0)
			return;
		if (was == v) {
			if (v & WAITERS)
				(void)futex_wake(addr, 0, ~0u, 1);
			return;
		}
		v = was;
	}
}

static void
robust_walk(struct em_thread *t)
{
	struct { uint32_t next; int32_t offset; uint32_t pending; } head;
	uint32_t entry, next;

	if (t->t_robust == 0 || em_copyin(&head, t->t_robust, sizeof(head)) < 0)
		return;
	entry = head.next & ~1u;
	for (int n = 0; entry != t->t_robust && n < ROBUST_MAX; n++) {
		if (em_copyin(&next, entry, sizeof(next)) < 0)
			return;
		if (entry != (head.pending & ~1u))
			robust_release(t, entry + (uint32_t)head.offset, false);
		entry = next & ~1u;
	}
	if ((head.pending & ~1u) != 0)
		robust_release(t, (head.pending & ~1u) + (uint32_t)head.offset, true);
}

void
em_futex_robust_exit(struct em_thread *t)
{
	robust_walk(t);
	t->t_robust = 0;
}

void
em_futex_thread_exit(struct em_thread *t)
{
	static const uint32_t zero;

	em_futex_robust_exit(t);
	if (t->t_clear_tid != 0 && t->t_process->p_nthreads > 1 &&
	    em_copyout(t->t_clear_tid, &zero, sizeof(zero)) == 0)
		(void)futex_wake(t->t_clear_tid, 0, ~0u, 1);
	t->t_clear_tid = 0;
}

/* In a fork child nobody waits. */
void
em_futex_forked(void)
{
	futex_lock = 0;
	memset(futex_chain, 0, sizeof(futex_chain));
}

void
em_futex_relock(bool take)
{
	if (take)
		em_lock(&futex_lock);
	else
		em_unlock(&futex_lock);
}

int32_t
sys_set_robust_list(uint32_t head, uint32_t size, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	if (size != 12)
		return E(EINVAL);
	em_self()->t_robust = head;
	return 0;
}

int32_t
sys_get_robust_list(uint32_t tid, uint32_t head_at, uint32_t size_at, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_process *p = em_proc();
	struct em_thread *t;
	uint32_t head = 0, size = 12;

	(void)d, (void)e, (void)f;
	em_lock(&p->p_lock);
	for (t = p->p_threads; t != NULL && tid != 0 && t->t_tid != (int32_t)tid; t = t->t_next)
		;
	if (t != NULL)
		head = tid == 0 ? em_self()->t_robust : t->t_robust;
	em_unlock(&p->p_lock);
	if (t == NULL)
		return E(ESRCH);
	return em_copyout(size_at, &size, sizeof(size)) < 0 || em_copyout(head_at, &head, sizeof(head)) < 0 ? E(EFAULT) : 0;
}

int32_t
sys_set_tid_address(uint32_t at, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_thread *t = em_self();

	(void)b, (void)c, (void)d, (void)e, (void)f;
	t->t_clear_tid = at;
	return t->t_tid;
}
