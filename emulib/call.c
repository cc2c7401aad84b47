/*
 * call.c - a system call from the program's registers to its result, and the way back.
 *
 * A handler answers a value or -errno, or one of the EM_RESTART* codes when a signal ended its wait. Then the signal is
 * looked at first: with a handler entered the program sees EINTR or, as Linux arranges it, itself before the call
 * instruction; without one the call simply runs again here.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "clone.h"
#include "proc.h"

#define NUMBER_RSEQ	386		/* every libc tries it and does well without */

/* Remember that NUMBER was asked for in vain; /proc/masix/unimplemented reads it. */
static int32_t
call_unimplemented(uint32_t number)
{
	uint32_t *u = em_public.pu_unimplemented, key = number << 16;

	for (unsigned int i = 0; i < ARRAY_LEN(em_public.pu_unimplemented); i++) {
		if (u[i] == 0 || (u[i] & 0xffff0000u) == key) {
			if ((u[i] & 0xffff) != 0xffff)
				u[i] = (u[i] | key) + 1;
			break;
		}
	}
	return -MX_ERRNO(MX_ENOSYS);
}

void
em_call_report(struct em_process *p)
{
	char out[MX_BLOB_MAX];
	mach_msg_type_number_t n = sizeof(out);
	int32_t result;
	bool is_worth = false;

	for (unsigned int i = 0; i < ARRAY_LEN(em_public.pu_unimplemented); i++)
		is_worth |= em_public.pu_unimplemented[i] != 0 && em_public.pu_unimplemented[i] >> 16 != NUMBER_RSEQ;
	if (is_worth)
		(void)proc_misc(p->p_port, MX_MISC_REPORT, 0, (const char *)&em_public, sizeof(em_public), out, &n, &result);
}

static uint32_t
rpc_count(void)
{
	return em_public.pu_rpc_vfs + em_public.pu_rpc_io + em_public.pu_rpc_proc + em_public.pu_rpc_other;
}

static bool
is_restart(int32_t result)
{
	return result <= EM_RESTARTSYS && result >= EM_RESTARTBLOCK;
}

uint32_t
em_call(struct em_thread *t)
{
	struct em_regs *r = &t->t_regs;
	uint32_t number = r->r_eax, rpcs = rpc_count();
	em_handler *handler = number < EM_CALLS ? em_handlers[number] : NULL;
	int32_t result;

	r->r_orig_eax = number;
	t->t_full = false;
	t->t_resumed = false;
	em_public.pu_calls++;
	if (t->t_process->p_is_vfork && !em_vfork_allows(number)) {
		result = em_vfork_part(t);
		if (result > 0)
			return 1;		/* the parent's registers */
		if (result < 0) {
			r->r_eax = (uint32_t)result;
			return 0;
		}
	}
	for (;;) {
		result = handler != NULL ? handler(r->r_ebx, r->r_ecx, r->r_edx, r->r_esi, r->r_edi, r->r_ebp) :
			call_unimplemented(number & 0xffff);
		if (t->t_full)
			return 1;	/* sigreturn: all registers are set */
		if (!is_restart(result))
			break;
		if (em_attend(t, result))
			return t->t_full;
		t->t_resumed = result == EM_RESTARTBLOCK;
	}
	if (rpcs == rpc_count())
		em_public.pu_calls_local++;
	r->r_eax = (uint32_t)result;
	return 0;
}

uint64_t
em_restart_deadline(uint64_t deadline_ns)
{
	struct em_thread *t = em_self();

	if (!t->t_resumed)
		t->t_restart_deadline = deadline_ns;
	return t->t_restart_deadline;
}

void
em_call_rewind(struct em_thread *t, uint32_t number)
{
	struct em_regs *r = &t->t_regs;

	r->r_eax = number;
	if (t->t_entry == EM_BY_CALL) {
		r->r_eip = (uint32_t)em_entry;	/* the return address still lies below the stack pointer */
		r->r_esp -= 4;
	} else {
		r->r_eip -= 2;
	}
}

uint32_t
em_attend_exit(struct em_thread *t)
{
	(void)em_attend(t, 0);
	return t->t_full;
}

/* T was taken out of the program, for a fault or a signal. */
void
em_forced(struct em_thread *t)
{
	t->t_redirected = false;
	if (t->t_fault.si_signo != 0 && em_int80_fault(t))
		(void)em_call(t);
	t->t_full = true;
}

uint32_t *
em_full_state(struct em_thread *t)
{
	struct i386_thread_state st;

	_Static_assert(sizeof(st) == sizeof(t->t_state), "i386_THREAD_STATE_COUNT");
	em_state_from_regs(&st, &t->t_regs);
	st.gs |= t->t_regs.r_gs != 0 ? 3 : 0;
	memcpy(t->t_state, &st, sizeof(st));
	return t->t_state;
}

/* The kernel refused the registers: a segment register of a forged signal frame. */
void
em_full_failed(struct em_thread *t)
{
	struct i386_thread_state st;

	em_state_init(&st, t, NULL);
	t->t_regs.r_gs = t->t_tls[1] != 0 ? EM_SEL_TLS : (uint16_t)st.ds;
	t->t_regs.r_ds = t->t_regs.r_es = (uint16_t)st.ds;
	em_signal_force(t, MX_SIGSEGV, MX_SI_KERNEL, 0);
}

void
em_enter(struct em_thread *t)
{
	t->t_full = true;
	__asm__ volatile("jmp em_exit_full");
	__builtin_unreachable();
}
