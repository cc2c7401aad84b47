/*
 * service.c - the service thread: exceptions of its siblings, signals from proc, time-outs.
 *
 * It is the task's exception handler (a message inside one task costs less than half of one to another), and nothing it does may itself
 * raise an exception or wait for one: it never touches the program's memory, and holds no lock that somebody holds who
 * does. What needs the program's memory is done by the thread concerned, which is sent to em_entry_forced or em_entry_int80
 * with its registers saved.
 *
 * An exception can be old news when it is read: the thread was redirected by a signal meanwhile (t_redirected). It is answered
 * and forgotten; the instruction runs again and faults again, if it still does.
 *
 * The kernel makes a reply port for a thread at its first exception and forgets to free it when the thread is terminated; thread_abort
 * frees it. So a thread that has raised one is ended by the service thread (em_service_end, em_service_die).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include <mach/exception.h>
#include <mach/machine/exception.h>
#include <mach/mig_errors.h>
#include "mach.h"
#include "mach_port.h"
#include "proc.h"

#define EXCEPTION_ID	2400
#define SIGNAL_ID	415000
#define POKE_ID		415090
#define SYNC_ID		415091
#define END_ID		415092
#define DIE_ID		415093
#define FORGET_ID	415094

#define TICK_NS		10000000u	/* of the kernel's time-outs */

struct exception_msg {
	mach_msg_header_t	head;
	mach_msg_type_t		thread_type;
	mach_port_t		thread;
	mach_msg_type_t		task_type;
	mach_port_t		task;
	mach_msg_type_t		exception_type;
	int			exception;
	mach_msg_type_t		code_type;
	int			code;
	mach_msg_type_t		subcode_type;
	uint32_t		subcode;
};

struct signal_msg {
	mach_msg_header_t	head;
	mach_msg_type_t		tid_type;
	int32_t			tid;
	mach_msg_type_t		info_type;
	struct mx_siginfo	info;
};

struct end_msg {
	mach_msg_header_t	head;
	mach_msg_type_t		value_type;
	uint32_t		value;		/* struct em_thread *, or a wait status */
};

union service_msg {
	mach_msg_header_t	head;
	struct exception_msg	exception;
	struct signal_msg	signal;
	struct end_msg		end;
	mig_reply_header_t	reply;
	char			room[512];
};

struct em_thread *em_service_thread;

static struct em_thread *
thread_by_port(struct em_process *p, mach_port_t port)
{
	struct em_thread *t = p->p_threads;

	while (t != NULL && t->t_port != port)
		t = t->t_next;
	return t != NULL || p->p_borrows == NULL ? t : em_vfork_thread(p, port);
}

/* ---- Exceptions ---- */

struct fault {
	int	signo, code;
	uint32_t addr, trapno, error, cr2;
};

/* The signal that Linux sends for an exception that is not a page fault, or for a page fault that nothing helps. */
static void
fault_classify(const struct exception_msg *m, const struct i386_thread_state *st, int segv_code, struct fault *f)
{
	*f = (struct fault){ .signo = MX_SIGSEGV, .code = MX_SI_KERNEL, .trapno = 13 };
	switch (m->exception) {
	case EXC_BAD_ACCESS:
		f->trapno = 14;
		f->addr = f->cr2 = m->subcode;
		f->error = m->code == KERN_PROTECTION_FAILURE ? 5 : 4;
		f->code = segv_code;
		if (m->code == KERN_MEMORY_ERROR || m->code == KERN_MEMORY_FAILURE) {
			f->signo = MX_SIGBUS;
			f->code = 2;		/* BUS_ADRERR */
		}
		break;
	case EXC_BAD_INSTRUCTION:
		if (m->code == EXC_I386_INVOP) {
			*f = (struct fault){ .signo = MX_SIGILL, .code = 2, .addr = st->eip, .trapno = 6 };	/* ILL_ILLOPN */
		} else {
			f->error = m->subcode;
		}
		break;
	case EXC_ARITHMETIC:
		*f = (struct fault){ .signo = MX_SIGFPE, .code = 1, .addr = st->eip, .trapno = 0 };	/* FPE_INTDIV */
		if (m->code == EXC_I386_INTO) {
			*f = (struct fault){ .signo = MX_SIGSEGV, .code = MX_SI_KERNEL, .trapno = 4 };
		} else if (m->code == EXC_I386_EXTERR) {
			uint32_t sw = m->subcode;

			f->trapno = 16;
			f->code = sw & 1 ? 7 : sw & 4 ? 3 : sw & 0x12 ? 5 : sw & 8 ? 4 : sw & 0x20 ? 6 : 7;
		}
		break;
	case EXC_SOFTWARE:
		*f = (struct fault){ .signo = MX_SIGSEGV, .code = MX_SI_KERNEL, .trapno = 5 };	/* bound */
		break;
	case EXC_BREAKPOINT:
		*f = (struct fault){ .signo = MX_SIGTRAP, .code = MX_SI_KERNEL, .trapno = 3 };
		if (m->code == EXC_I386_SGL)
			*f = (struct fault){ .signo = MX_SIGTRAP, .code = 2, .addr = st->eip, .trapno = 1 };	/* TRAP_TRACE */
		break;
	}
}

static void
fault_deliver(struct em_thread *t, struct i386_thread_state *st, const struct fault *f)
{
	t->t_fault = (struct mx_siginfo){ .si_signo = (uint32_t)f->signo, .si_code = f->code, .si_value = f->addr };
	t->t_fault_trapno = f->trapno;
	t->t_fault_error = f->error;
	t->t_fault_cr2 = f->cr2;
	t->t_attention = 1;
	t->t_redirected = true;
	em_thread_redirect(t, st, em_entry_forced);
}

/* emulib touched the program's memory in vain: on at the recovery address. */
static void
fault_recover(struct em_thread *t, struct i386_thread_state *st)
{
	st->eip = t->t_fault_resume;
	st->uesp = t->t_fault_stack;
	(void)em_state_set(t->t_port, st);
}

static void
fault_in_emulib(const struct exception_msg *m, const struct i386_thread_state *st)
{
	em_trace("emulib: exception %d code %x address %x at %x esp %x ebp %x\n", m->exception, (uint32_t)m->code, m->subcode,
		 st->eip, st->uesp, st->ebp);
	em_panic("the fault is emulib's own");
}

static void
exception_handle(struct em_process *p, struct em_thread *t, const struct exception_msg *m)
{
	struct i386_thread_state st;
	struct fault f;
	int code = MX_SI_KERNEL;

	(void)p;
	t->t_raised = true;
	if (t->t_redirected || em_state_get(t->t_port, &st) != KERN_SUCCESS)
		return;
	if (m->exception == EXC_BAD_INSTRUCTION && m->code == EXC_I386_GPFLT && m->subcode == 0x402 && em_thread_in_program(&st)) {
		em_public.pu_int80++;
		st.eip += 2;
		em_thread_redirect(t, &st, em_entry_int80);
		t->t_entry = EM_BY_INT80;
		return;
	}
	em_public.pu_faults++;
	if (m->exception == EXC_BAD_ACCESS && m->code != KERN_MEMORY_ERROR) {
		code = em_mm_fault(m->subcode, m->code);
		if (code == 0)
			return;
	}
	if (em_thread_in_program(&st)) {
		fault_classify(m, &st, code, &f);
		fault_deliver(t, &st, &f);
	} else if (m->exception == EXC_BAD_ACCESS && t->t_fault_resume != 0) {
		fault_recover(t, &st);
	} else {
		fault_in_emulib(m, &st);
	}
}

/* Answers whether there is a reply to send, in *M. */
static bool
exception_receive(struct em_process *p, union service_msg *m)
{
	mach_port_t reply_port = m->head.msgh_remote_port;
	mach_msg_bits_t bits = MACH_MSGH_BITS_REMOTE(m->head.msgh_bits);
	mach_port_t thread = m->exception.thread, task = m->exception.task;
	struct em_thread *t;

	em_lock(&p->p_lock);
	t = thread_by_port(p, thread);
	if (t != NULL)
		exception_handle(p, t, &m->exception);
	else if (thread == em_self()->t_port)
		em_panic("the service thread faulted");
	em_unlock(&p->p_lock);
	(void)syscall_mach_port_deallocate(em_task, thread);
	(void)syscall_mach_port_deallocate(em_task, task);
	if (reply_port == MACH_PORT_NULL)
		return false;
	m->reply.Head = (mach_msg_header_t){
		.msgh_bits = MACH_MSGH_BITS(bits, 0), .msgh_size = sizeof(m->reply),
		.msgh_remote_port = reply_port, .msgh_id = EXCEPTION_ID + 100,
	};
	m->reply.RetCodeType = (mach_msg_type_t){
		.msgt_name = MACH_MSG_TYPE_INTEGER_32, .msgt_size = 32, .msgt_number = 1, .msgt_inline = TRUE,
	};
	m->reply.RetCode = KERN_SUCCESS;
	return true;
}

/* ---- Signals ---- */

static void
signal_receive(struct em_process *p, const struct signal_msg *m)
{
	struct em_thread *t = NULL;

	if (m->head.msgh_size < sizeof(*m) || m->info.si_signo == 0 || m->info.si_signo > 64)
		return;
	em_lock(&p->p_lock);
	if (m->info.si_signo == MX_SIGCONT)
		p->p_conts++;
	if (m->tid != 0) {
		for (t = p->p_threads; t != NULL && t->t_tid != m->tid; t = t->t_next)
			;
		if (t == NULL) {
			em_unlock(&p->p_lock);
			return;		/* that thread has ended */
		}
	}
	em_signal_post(p, t, &m->info);
	em_unlock(&p->p_lock);
}

/* ---- Time-outs ---- */

void
em_service_poke(void)
{
	mach_msg_header_t m = {
		.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND, 0), .msgh_size = sizeof(m),
		.msgh_remote_port = MX_PORT_SIGNAL, .msgh_id = POKE_ID,
	};

	if (em_self() == em_service_thread)
		return;
	/* A full queue needs no poke: the service thread is about to look. */
	(void)mach_msg_trap(&m, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof(m), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

/* Send the service thread ID and wait for its answer. */
static void
service_ask(mach_msg_id_t id)
{
	union service_msg m;
	mach_port_t reply = mig_get_reply_port();

	memset(&m.head, 0, sizeof(m.head));
	m.head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
	m.head.msgh_size = sizeof(m.head);
	m.head.msgh_remote_port = MX_PORT_SIGNAL;
	m.head.msgh_local_port = reply;
	m.head.msgh_id = id;
	(void)mach_msg(&m.head, MACH_SEND_MSG | MACH_RCV_MSG, sizeof(m.head), sizeof(m), reply, 0, MACH_PORT_NULL);
}

/* Wait until everything that was sent to the process so far has been looked at. */
void
em_service_sync(void)
{
	service_ask(SYNC_ID);
}

void
em_service_forget(void)
{
	service_ask(FORGET_ID);
}

static bool
sync_answer(union service_msg *m)
{
	mach_port_t reply_port = m->head.msgh_remote_port;

	m->head.msgh_bits = MACH_MSGH_BITS(MACH_MSGH_BITS_REMOTE(m->head.msgh_bits), 0);
	m->head.msgh_size = sizeof(m->head);
	m->head.msgh_local_port = MACH_PORT_NULL;
	return reply_port != MACH_PORT_NULL;
}

/* ---- The end ---- */

/* Have the service thread do ID with VALUE, and wait for what it does to the caller. */
static void __attribute__((noreturn))
end_ask(mach_msg_id_t id, uint32_t value)
{
	struct end_msg m = {
		.head = { .msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND, 0), .msgh_size = sizeof(m),
			.msgh_remote_port = MX_PORT_SIGNAL, .msgh_id = id },
		.value_type = { .msgt_name = MACH_MSG_TYPE_INTEGER_32, .msgt_size = 32, .msgt_number = 1, .msgt_inline = TRUE },
		.value = value,
	};

	(void)mach_msg(&m.head, MACH_SEND_MSG, sizeof(m), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
	for (;;)
		(void)mach_msg_trap(&m.head, MACH_RCV_MSG, 0, sizeof(m), mig_get_reply_port(), 0, MACH_PORT_NULL);
}

void
em_service_end(struct em_thread *t)
{
	end_ask(END_ID, (uint32_t)t);
}

void
em_service_die(int wstatus)
{
	end_ask(DIE_ID, (uint32_t)wstatus);
}

static void
thread_free_port(struct em_thread *t)
{
	if (t->t_raised && thread_suspend(t->t_port) == KERN_SUCCESS)
		(void)thread_abort(t->t_port);
}

/* Free the ports of threads that go on: a wait that is interrupted by this begins again. */
static void
threads_forget(struct em_process *p)
{
	em_lock(&p->p_lock);
	for (struct em_thread *t = p->p_threads; t != NULL; t = t->t_next) {
		if (!t->t_raised || thread_suspend(t->t_port) != KERN_SUCCESS)
			continue;
		(void)thread_abort(t->t_port);
		t->t_raised = false;
		(void)thread_resume(t->t_port);
	}
	em_unlock(&p->p_lock);
}

/* T has left the process's list and waits. */
static void
thread_end(struct em_thread *t)
{
	mach_port_t port = t->t_port, reply = t->t_reply;

	thread_free_port(t);
	(void)thread_terminate(port);
	(void)syscall_mach_port_deallocate(em_task, port);
	if (reply != MACH_PORT_NULL)
		(void)mach_port_mod_refs(em_task, reply, MACH_PORT_RIGHT_RECEIVE, -1);
	em_thread_free(t);
}

static void
process_end(struct em_process *p, int wstatus)
{
	em_lock(&p->p_lock);
	for (struct em_thread *t = p->p_threads; t != NULL; t = t->t_next)
		thread_free_port(t);
	em_unlock(&p->p_lock);
	em_self()->t_is_last = true;
	(void)proc_exit(p->p_port, wstatus);	/* it ends this thread, too */
}

/* Fire what is due; milliseconds until the next, 0: none. */
static mach_msg_timeout_t
timers_run(struct em_process *p)
{
	uint64_t now, next;

	em_lock(&p->p_lock);
	now = em_now_ns();
	next = em_timers_run(p, now);
	em_unlock(&p->p_lock);
	if (next == 0)
		return 0;
	if (next <= now)
		return 1;
	return next - now > 1000000000ull * 3600 ? 3600 * 1000 : (mach_msg_timeout_t)((uint32_t)((next - now) / 1000000u) + 1);
}

void
em_service(struct em_thread *self)
{
	struct em_process *p = self->t_process;
	union service_msg m;
	mach_msg_option_t option;
	mach_msg_timeout_t timeout;
	mach_msg_return_t mr;
	bool reply = false;

	for (;;) {
		timeout = timers_run(p);
		option = MACH_RCV_MSG | (timeout != 0 ? MACH_RCV_TIMEOUT : 0) | (reply ? MACH_SEND_MSG : 0);
		mr = mach_msg_trap(&m.head, option, reply ? m.head.msgh_size : 0, sizeof(m), MX_PORT_SIGNAL, timeout,
				   MACH_PORT_NULL);
		reply = false;
		if (mr != MACH_MSG_SUCCESS)
			continue;
		switch (m.head.msgh_id) {
		case EXCEPTION_ID:
			reply = exception_receive(p, &m);
			break;
		case SIGNAL_ID:
			signal_receive(p, &m.signal);
			break;
		case FORGET_ID:
			threads_forget(p);
			reply = sync_answer(&m);
			break;
		case SYNC_ID:
			reply = sync_answer(&m);
			break;
		case END_ID:
			thread_end((struct em_thread *)m.end.value);
			break;
		case DIE_ID:
			process_end(p, (int)m.end.value);
			break;
		}
	}
}

static void
service_launch(struct em_thread *t)
{
	struct i386_thread_state st;

	em_state_init(&st, t, em_entry_service);
	if (em_thread_make(em_task, t, &st, &t->t_port) != KERN_SUCCESS)
		em_panic("no service thread");
	(void)thread_resume(t->t_port);
}

void
em_service_start(struct em_process *p)
{
	em_service_thread = em_thread_alloc(p);
	if (em_service_thread == NULL)
		em_panic("no memory for the service thread");
	service_launch(em_service_thread);
}

/* In a fork child: the block and the stack are there, the thread is not. */
void
em_service_forked(struct em_process *p)
{
	em_service_thread->t_process = p;
	em_service_thread->t_reply = MACH_PORT_NULL;
	service_launch(em_service_thread);
}
