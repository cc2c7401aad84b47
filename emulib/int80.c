/*
 * int80.c - int 0x80 sites in the program's code, rewritten so that they trap no more.
 *
 * An int 0x80 is an exception and costs twenty times a call. A site that has trapped a few times is rewritten, in place and in one store,
 * when what stands before it is one of two things:
 *
 *	b8 NN NN NN NN  cd 80			mov $N,%eax; int $0x80
 *	e8 rel32        cd 80			call stub_N, which returns behind the int
 *
 *	8b MM 24 DD  8b MM 24 DD  cd 80		two loads from the stack (cancellable calls of libraries, Go); int $0x80
 *	e8 rel32  DD DD RR        cd 80		call em_entry_moves, which does the loads; DD DD RR tell it which
 *
 * The int $0x80 stays where it was: the address that the program and its signal frames see is the original one, a jump to it
 * and a restart of the call work, and a thread that stands between the two instructions goes on. Only the middle of the two
 * loads is an address that the rewriting makes invalid: a thread found there postpones it, a frame that returns there is sent
 * to the beginning. Nothing is written into memory that is shared. Other sites remain exceptions.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "mach.h"

#define STUB_SIZE	10u
#define TRIES		3u		/* exceptions before a site is rewritten: most sites run once per program */
#define SITES		16u
#define MOVES		32u

static volatile uint32_t site_lock;
static struct { uint32_t addr, count; } site_seen[SITES];	/* by address; forgotten when another takes the place */
static uint32_t moves_start[MOVES];				/* sites of the second kind, by their first byte */
static uint32_t moves_count;

/* A new program: new text. */
void
em_int80_exec(void)
{
	memset(site_seen, 0, sizeof(site_seen));
	moves_count = 0;
}

uint32_t
em_int80_resume(uint32_t eip)
{
	for (uint32_t i = 0; i < moves_count; i++)
		if (eip > moves_start[i] && eip < moves_start[i] + 8)
			return moves_start[i];
	return eip;
}

/* Has the site trapped often enough? */
static bool
site_is_due(uint32_t site)
{
	uint32_t i = (site ^ site >> 6 ^ site >> 12) % SITES;

	if (site_seen[i].addr != site) {
		site_seen[i].addr = site;
		site_seen[i].count = 0;
	}
	return ++site_seen[i].count == TRIES;
}

static bool
is_stack_load(const uint8_t *b)
{
	return b[0] == 0x8b && (b[1] & 0xc7) == 0x44 && (b[1] >> 3 & 7) != 4 && b[2] == 0x24;
}

static void
put_call(uint8_t *b, uint32_t at, uint32_t target)
{
	uint32_t rel = target - (at + 5);

	b[0] = 0xe8;
	memcpy(b + 1, &rel, 4);
}

/* The eight bytes before the site's int, or the six and the int itself, changed: new contents of *START. False: not a site we know. */
static bool
site_rewrite(uint32_t site, uint32_t number, const uint8_t old[10], uint8_t new[8], uint32_t *start, bool *moves)
{
	uint32_t imm;

	if (old[8] != 0xcd || old[9] != 0x80)
		return false;
	memcpy(&imm, old + 4, 4);
	if (old[3] == 0xb8 && imm == number && number < EM_CALLS) {
		memcpy(new, old, 8);
		put_call(new + 3, site - 5, (uint32_t)em_stubs + number * STUB_SIZE);
		*start = site - 8;
		*moves = false;
		return true;
	}
	if (is_stack_load(old) && is_stack_load(old + 4)) {
		put_call(new, site - 8, (uint32_t)em_entry_moves);
		new[5] = old[3];
		new[6] = old[7];
		new[7] = (uint8_t)((old[1] >> 3 & 7) | (old[5] & 0x38));
		*start = site - 8;
		*moves = true;
		return true;
	}
	return false;
}

/* Does a thread but the caller stand between START and START + 8? Leaves all others stopped. Locks: p_lock held. */
static bool
others_stop(struct em_process *p, uint32_t start)
{
	struct i386_thread_state st;
	bool inside = false;

	for (struct em_thread *t = p->p_threads; t != NULL; t = t->t_next) {
		if (t == em_self())
			continue;
		if (thread_suspend(t->t_port) != KERN_SUCCESS ||
		    em_state_get(t->t_port, &st) != KERN_SUCCESS)
			continue;
		if ((st.eip > start && st.eip < start + 8) || (t->t_regs.r_eip > start && t->t_regs.r_eip < start + 8))
			inside = true;
	}
	return inside;
}

static void
others_go(struct em_process *p)
{
	for (struct em_thread *t = p->p_threads; t != NULL; t = t->t_next)
		if (t != em_self())
			(void)thread_resume(t->t_port);
}

/* Store the eight bytes at once. The pages are writable and present by now. */
static bool
site_store(struct em_process *p, uint32_t start, const uint8_t old[8], const uint8_t new[8], bool moves)
{
	bool done = false;

	if (em_touch_store8((void *)start, old, old) < 0)	/* brings the pages in */
		return false;
	if (!moves)
		return em_touch_store8((void *)start, old, new) == 0;
	em_lock(&p->p_lock);
	if (!others_stop(p, start)) {
		moves_start[moves_count] = start;
		done = em_touch_store8((void *)start, old, new) == 0;
		moves_count += done;
	}
	others_go(p);
	em_unlock(&p->p_lock);
	return done;
}

static void
site_patch(struct em_process *p, uint32_t site, uint32_t number)
{
	uint8_t old[10], new[8];
	struct em_vma v;
	uint32_t start, page, size;
	bool moves;

	if (em_copyin(old, site - 8, sizeof(old)) < 0 || !site_rewrite(site, number, old, new, &start, &moves))
		return;
	if (moves && (moves_count == MOVES || p->p_is_vfork))	/* a vfork child does not know its parent's threads */
		return;
	page = start & ~(EM_PAGE - 1);
	size = EM_PAGE_ALIGN(start + 8) - page;
	if (!em_mm_lookup(site, &v) || (v.vm_flags & (EM_VMA_SHARED | EM_VMA_STACK)) || v.vm_start > page ||
	    v.vm_end < page + size)
		return;
	em_mm_lock();		/* nobody unmaps or protects meanwhile; a fault here is the kernel's to resolve */
	if (vm_protect(em_task, page, size, FALSE, VM_PROT_READ | VM_PROT_WRITE) == KERN_SUCCESS) {
		if (site_store(p, start, old, new, moves))
			em_public.pu_patched++;
		if (!(v.vm_flags & EM_VMA_WRITE))
			(void)vm_protect(em_task, page, size, FALSE, VM_PROT_READ);
	}
	em_mm_unlock();
}

/* T stands behind an int 0x80 that trapped. */
uint32_t
em_call_exception(struct em_thread *t)
{
	uint32_t site = t->t_regs.r_eip - 2;

	if (site < EM_USER_END) {
		em_lock(&site_lock);
		if (site_is_due(site))
			site_patch(t->t_process, site, t->t_regs.r_eax);
		em_unlock(&site_lock);
	}
	return em_call(t);
}

static uint32_t *
register_of(struct em_regs *r, unsigned int number)
{
	uint32_t *const all[8] = { &r->r_eax, &r->r_ecx, &r->r_edx, &r->r_ebx, &r->r_esp, &r->r_ebp, &r->r_esi, &r->r_edi };

	return all[number & 7];
}

/* The two loads that em_entry_moves' call took the place of. */
static int32_t
moves_do(struct em_regs *r)
{
	uint8_t b[3];

	if (em_copyin(b, r->r_eip - 5, sizeof(b)) < 0 ||
	    em_copyin(register_of(r, b[2]), r->r_esp + (uint32_t)(int8_t)b[0], 4) < 0)
		return -1;
	return em_copyin(register_of(r, b[2] >> 3), r->r_esp + (uint32_t)(int8_t)b[1], 4);
}

uint32_t
em_call_moves(struct em_thread *t)
{
	if (moves_do(&t->t_regs) == 0)
		return em_call(t);
	t->t_regs.r_eip -= 10;		/* the loads would have faulted: before them */
	t->t_regs.r_orig_eax = 0xffffffffu;
	em_signal_force(t, MX_SIGSEGV, 1, t->t_regs.r_esp);
	return 0;
}

bool
em_int80_fault(struct em_thread *t)
{
	struct em_regs *r = &t->t_regs;
	uint32_t rel, target;
	uint8_t b[5];

	if (t->t_fault.si_signo != MX_SIGSEGV || t->t_fault.si_value != r->r_esp - 4 || em_copyin(b, r->r_eip, 5) < 0 || b[0] != 0xe8)
		return false;
	memcpy(&rel, b + 1, 4);
	target = r->r_eip + 5 + rel;
	if (target >= (uint32_t)em_stubs && target < (uint32_t)em_stubs + EM_CALLS * STUB_SIZE) {
		r->r_eax = (target - (uint32_t)em_stubs) / STUB_SIZE;
		r->r_eip += 7;
	} else if (target == (uint32_t)em_entry_moves) {
		r->r_eip += 10;
		if (moves_do(r) < 0) {
			r->r_eip -= 10;
			return false;
		}
	} else {
		return false;
	}
	t->t_fault.si_signo = 0;
	t->t_entry = EM_BY_INT80;
	return true;
}
