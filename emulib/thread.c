/*
 * thread.c - thread blocks, Mach threads, and how one thread makes another look up.
 *
 * A thread has a slot of 64 KiB: its emulib stack, and above it, in the same page as the first frames, its block. The kernel gives a
 * thread two descriptors: the program's %gs (0x4b) and the thread block (%fs, 0x53).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "mach.h"
#include "gnumach.h"
#include "mach_i386.h"
#include "mach_port.h"

#define GSYNC_BROADCAST	8

#define AT(field, offset) _Static_assert(offsetof(struct em_thread, field) == (offset), #field)
AT(t_self, T_SELF);
AT(t_stack, T_STACK);
AT(t_attention, T_ATTENTION);
AT(t_regs.r_eax, T_EAX);
AT(t_regs.r_ebx, T_EBX);
AT(t_regs.r_ecx, T_ECX);
AT(t_regs.r_edx, T_EDX);
AT(t_regs.r_esi, T_ESI);
AT(t_regs.r_edi, T_EDI);
AT(t_regs.r_ebp, T_EBP);
AT(t_regs.r_esp, T_ESP);
AT(t_regs.r_eip, T_EIP);
AT(t_regs.r_eflags, T_EFLAGS);
AT(t_entry, T_ENTRY);
AT(t_fault_resume, T_FAULT_RESUME);
AT(t_fault_stack, T_FAULT_STACK);

#define SLOTS	((EM_THREADS_END - EM_THREADS) / EM_THREAD_SLOT)
#define FLAT	0x1fu			/* the kernel's user data segment */
#define CODE	0x17u

static volatile uint32_t slots_lock;
static uint32_t slots_used[SLOTS / 32];

struct em_thread *
em_thread_alloc(struct em_process *p)
{
	struct em_thread *t = NULL;
	vm_address_t at;

	em_lock(&slots_lock);
	for (uint32_t i = 0; i < SLOTS && t == NULL; i++) {
		if (slots_used[i / 32] & 1u << i % 32)
			continue;
		at = EM_THREADS + i * EM_THREAD_SLOT;
		if (syscall_vm_allocate(em_task, &at, EM_THREAD_SLOT, FALSE) != KERN_SUCCESS)
			continue;	/* a thread that is ending still stands on it */
		slots_used[i / 32] |= 1u << i % 32;
		t = (struct em_thread *)((at + EM_THREAD_SLOT - sizeof(*t)) & ~15u);
	}
	em_unlock(&slots_lock);
	if (t == NULL)
		return NULL;
	t->t_self = t;
	t->t_process = p;
	t->t_stack = (uint32_t)t;
	t->t_alt_flags = 2;		/* SS_DISABLE */
	return t;
}

/* The slot's number may be used again; the memory goes with the thread or by em_thread_free. */
static void
slot_release(struct em_thread *t)
{
	uint32_t i = ((uint32_t)t - EM_THREADS) / EM_THREAD_SLOT;

	em_lock(&slots_lock);
	slots_used[i / 32] &= ~(1u << i % 32);
	em_unlock(&slots_lock);
}

static vm_address_t
slot_of(const struct em_thread *t)
{
	return (vm_address_t)t & ~(EM_THREAD_SLOT - 1);
}

void
em_thread_free(struct em_thread *t)
{
	vm_address_t at = slot_of(t);

	slot_release(t);
	(void)syscall_vm_deallocate(em_task, at, EM_THREAD_SLOT);	/* cannot fail: it is ours */
}

void
em_descriptor_make(uint32_t words[2], uint32_t base, uint32_t limit_pages)
{
	words[0] = base << 16 | (limit_pages & 0xffff);
	words[1] = (base & 0xff000000u) | (base >> 16 & 0xff) | 0x00c0f200u | (limit_pages & 0xf0000);
}

kern_return_t
em_set_gdt(mach_port_t thread, int selector, const uint32_t words[2])
{
	struct descriptor d = { .low_word = words[0], .high_word = words[1] };

	return i386_set_gdt(thread, &selector, d);
}

void
em_state_init(struct i386_thread_state *st, const struct em_thread *t, const char *eip)
{
	memset(st, 0, sizeof(*st));
	st->cs = CODE;
	st->ss = st->ds = st->es = st->gs = FLAT;
	st->fs = EM_SEL_SELF;
	st->efl = 0x202;
	st->eip = (uint32_t)eip;
	st->uesp = t->t_stack;
}

void
em_state_from_regs(struct i386_thread_state *st, const struct em_regs *r)
{
	st->eax = r->r_eax;
	st->ebx = r->r_ebx;
	st->ecx = r->r_ecx;
	st->edx = r->r_edx;
	st->esi = r->r_esi;
	st->edi = r->r_edi;
	st->ebp = r->r_ebp;
	st->uesp = r->r_esp;
	st->eip = r->r_eip;
	st->efl = r->r_eflags;
	st->gs = r->r_gs;
	st->es = r->r_es;
	st->ds = r->r_ds;
	st->fs = EM_SEL_SELF;
	st->cs = CODE;
	st->ss = FLAT;
}

static void
em_regs_from_state(struct em_regs *r, const struct i386_thread_state *st)
{
	r->r_eax = st->eax;
	r->r_ebx = st->ebx;
	r->r_ecx = st->ecx;
	r->r_edx = st->edx;
	r->r_esi = st->esi;
	r->r_edi = st->edi;
	r->r_ebp = st->ebp;
	r->r_esp = st->uesp;
	r->r_eip = st->eip;
	r->r_eflags = st->efl;
	r->r_gs = (uint16_t)st->gs;
	r->r_es = (uint16_t)st->es;
	r->r_ds = (uint16_t)st->ds;
	r->r_fs = 0;
	r->r_orig_eax = 0xffffffffu;
}

/* ---- Registers of other threads ---- */

#define STATE_GET_ID	2017		/* thread_get_state, thread_set_state of the kernel's mach.defs */
#define STATE_SET_ID	2018
#define REPLY		100

struct state_message {
	mach_msg_header_t	head;
	mach_msg_type_t		first_type;	/* the flavor; in replies the result */
	int			first;
	mach_msg_type_t		second_type;
	natural_t		second;		/* where the registers begin, or how many are asked for */
	natural_t		room[i386_THREAD_STATE_COUNT];
};

/* MIG's stubs have room for 4 KiB of registers in their frames: a page of stack more in each process that makes a thread. */
static kern_return_t
state_rpc(struct state_message *m, mach_port_t thread, mach_msg_id_t id, uint32_t size)
{
	const mach_msg_type_t word = { .msgt_name = MACH_MSG_TYPE_INTEGER_32, .msgt_size = 32, .msgt_number = 1, .msgt_inline = TRUE };
	mach_msg_return_t mr;

	m->head = (mach_msg_header_t){
		.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE), .msgh_size = size,
		.msgh_remote_port = thread, .msgh_local_port = mig_get_reply_port(), .msgh_id = id,
	};
	m->first_type = word;
	m->first = i386_REGS_SEGS_STATE;
	mr = mach_msg(&m->head, MACH_SEND_MSG | MACH_RCV_MSG, size, sizeof(*m), m->head.msgh_local_port, 0, MACH_PORT_NULL);
	if (mr != MACH_MSG_SUCCESS) {
		mig_dealloc_reply_port(m->head.msgh_local_port);
		return mr;
	}
	return m->head.msgh_id == id + REPLY ? m->first : KERN_FAILURE;
}

kern_return_t
em_state_get(mach_port_t thread, struct i386_thread_state *st)
{
	struct state_message m;
	kern_return_t kr;

	m.second_type = (mach_msg_type_t){ .msgt_name = MACH_MSG_TYPE_INTEGER_32, .msgt_size = 32, .msgt_number = 1, .msgt_inline = TRUE };
	m.second = i386_THREAD_STATE_COUNT;
	kr = state_rpc(&m, thread, STATE_GET_ID, offsetof(struct state_message, room));
	if (kr == KERN_SUCCESS && m.second_type.msgt_number != i386_THREAD_STATE_COUNT)
		kr = KERN_FAILURE;
	if (kr == KERN_SUCCESS)
		memcpy(st, &m.second, sizeof(*st));
	return kr;
}

kern_return_t
em_state_set(mach_port_t thread, const struct i386_thread_state *st)
{
	struct state_message m;

	m.second_type = (mach_msg_type_t){ .msgt_name = MACH_MSG_TYPE_INTEGER_32, .msgt_size = 32,
		.msgt_number = i386_THREAD_STATE_COUNT, .msgt_inline = TRUE };
	memcpy(&m.second, st, sizeof(*st));
	return state_rpc(&m, thread, STATE_SET_ID, offsetof(struct state_message, second) + sizeof(*st));
}

kern_return_t
em_thread_make(mach_port_t task, const struct em_thread *t, const struct i386_thread_state *state, mach_port_t *port)
{
	uint32_t self[2];
	kern_return_t kr;

	em_descriptor_make(self, (uint32_t)t, 0xfffff);
	kr = thread_create(task, port);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = em_set_gdt(*port, EM_SEL_SELF, self);
	if (kr == KERN_SUCCESS && t->t_tls[1] != 0)
		kr = em_set_gdt(*port, EM_SEL_TLS, t->t_tls);
	if (kr == KERN_SUCCESS)
		kr = em_state_set(*port, state);
	if (kr != KERN_SUCCESS) {
		(void)thread_terminate(*port);
		(void)syscall_mach_port_deallocate(em_task, *port);
		*port = MACH_PORT_NULL;
	}
	return kr;
}

/* Do registers with this EIP belong to the program? */
static bool
eip_is_user(uint32_t eip)
{
	if (eip < EM_TEXT || eip >= (uint32_t)em_text_end)
		return true;
	return (eip >= (uint32_t)em_user_code && eip < (uint32_t)em_user_code_end) ||
	       (eip >= (uint32_t)em_vdso_text && eip < (uint32_t)em_vdso_text_end) ||
	       eip == (uint32_t)em_entry || eip == (uint32_t)em_entry_patched || eip == (uint32_t)em_entry_moves;
}

bool
em_thread_in_program(const struct i386_thread_state *st)
{
	return eip_is_user(st->eip);
}

/* Take T, stopped in the program with the registers ST, into emulib; ENTRY is where. */
void
em_thread_redirect(struct em_thread *t, struct i386_thread_state *st, const char *entry)
{
	struct i386_thread_state in;

	em_regs_from_state(&t->t_regs, st);
	t->t_entry = EM_BY_FORCE;
	em_state_init(&in, t, entry);
	in.gs = st->gs;
	(void)em_state_set(t->t_port, &in);
}

void
em_thread_kick(struct em_thread *t)
{
	struct i386_thread_state st;
	bool changed = false;

	t->t_attention = 1;
	if (t == em_self() || t->t_redirected || thread_suspend(t->t_port) != KERN_SUCCESS)
		return;
	if (em_state_get(t->t_port, &st) != KERN_SUCCESS)
		goto out;
	if (eip_is_user(st.eip)) {
		t->t_redirected = true;
		em_thread_redirect(t, &st, em_entry_forced);
	} else if (st.eip >= (uint32_t)em_exit && st.eip < (uint32_t)em_exit_end) {
		st.eip = (uint32_t)em_exit;
		changed = true;
	} else if (st.eip >= (uint32_t)em_exit_full && st.eip < (uint32_t)em_exit_full_end) {
		st.eip = (uint32_t)em_exit_full;
		changed = true;
	} else if (st.eip >= (uint32_t)em_msg_intr && st.eip < (uint32_t)em_msg_intr_trapped) {
		st.eip = (uint32_t)em_msg_intr_out;
		changed = true;
	} else if (st.eip == (uint32_t)em_msg_intr_trapped) {
		(void)thread_abort(t->t_port);		/* harmless when the wait is over already */
	}
	if (changed)
		(void)em_state_set(t->t_port, &st);
out:
	(void)thread_resume(t->t_port);
}

/* In a fork child only T and the service thread are left: the other slots go. */
void
em_thread_forked(struct em_process *p, struct em_thread *t)
{
	vm_address_t at;

	slots_lock = 0;
	for (uint32_t i = 0; i < SLOTS; i++) {
		at = EM_THREADS + i * EM_THREAD_SLOT;
		if (!(slots_used[i / 32] & 1u << i % 32) || at == slot_of(t) || at == slot_of(em_service_thread))
			continue;
		slots_used[i / 32] &= ~(1u << i % 32);
		(void)syscall_vm_deallocate(em_task, at, EM_THREAD_SLOT);	/* cannot fail: it is ours */
	}
	t->t_next = NULL;
	p->p_threads = t;
	p->p_nthreads = 1;
}

void
em_thread_relock(bool take)
{
	if (take)
		em_lock(&slots_lock);
	else
		em_unlock(&slots_lock);
}

/* A number for a thread that is not its process's first: no process has it, nor a thread of another process. */
int32_t
em_thread_number(const struct em_thread *t)
{
	return (int32_t)(0x200000u + t->t_process->p_slot * SLOTS + ((uint32_t)t - EM_THREADS) / EM_THREAD_SLOT);
}

void
em_thread_link(struct em_process *p, struct em_thread *t)
{
	struct em_thread **at = &p->p_threads;

	while (*at != NULL)
		at = &(*at)->t_next;
	t->t_next = NULL;
	*at = t;
	p->p_nthreads++;
}

void
em_thread_unlink(struct em_process *p, struct em_thread *t)
{
	struct em_thread **at = &p->p_threads;

	while (*at != NULL && *at != t)
		at = &(*at)->t_next;
	if (*at == t) {
		*at = t->t_next;
		p->p_nthreads--;
	}
}

void
em_thread_exit(struct em_thread *t, int wstatus)
{
	struct em_process *p = t->t_process;
	mach_port_t port = t->t_port, reply;
	vm_address_t slot = slot_of(t);

	em_futex_thread_exit(t);
	em_lock(&p->p_lock);
	if (p->p_nthreads == 1) {
		em_unlock(&p->p_lock);
		em_process_die(wstatus);
	}
	em_thread_unlink(p, t);
	em_signal_thread_exit(p, t);
	em_unlock(&p->p_lock);
	(void)gsync_wake(em_task, (vm_address_t)&p->p_nthreads, 0, GSYNC_BROADCAST);
	em_poll_thread_done(t);
	if (t->t_raised)
		em_service_end(t);
	reply = t->t_reply;
	slot_release(t);
	for (;;)
		(void)thread_terminate_release(port, em_task, port, reply, slot, EM_THREAD_SLOT);
}

/* They end by themselves on their way out, so that none dies with a lock or a reply port in its hands. */
void
em_thread_kill_others(struct em_process *p)
{
	struct em_thread *self = em_self(), *t;
	uint32_t n;

	em_lock(&p->p_lock);
	for (t = p->p_threads; t != NULL; t = t->t_next) {
		if (t == self)
			continue;
		t->t_dead = true;
		em_thread_kick(t);
	}
	p->p_ending = true;		/* for those that come back from a vfork */
	em_unlock(&p->p_lock);
	while ((n = __atomic_load_n(&p->p_nthreads, __ATOMIC_ACQUIRE)) > 1 || p->p_borrows != NULL)
		(void)gsync_wait(em_task, (vm_address_t)&p->p_nthreads, n, 0, 0, 0);	/* looked at again */
	p->p_ending = false;
}
