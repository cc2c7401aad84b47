/*
 * mig.c - what MIG's stubs need: messages, reply ports, and requests that a signal may end.
 *
 * A thread has one reply port, made when it is first used. Between em_block_begin and em_block_end the wait for a reply is
 * interruptible: when a signal comes, the server is asked to give the request up (mx_cancel) and its answer, which comes soon
 * then, is taken as it is - the request was done, or MX_EINTR. So no reply is ever left behind, and nothing done is forgotten.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include <stdarg.h>
#include <mach/mig_errors.h>
#include <mach/mig_support.h>
#include "mx.h"
#include "mach_port.h"
#include "gnumach.h"
#include "proc.h"

struct em_public em_public __attribute__((section(".data.em_public"))) = { .pu_magic = 0x42555045 };

mach_port_t em_task;

/* Stands in for the thread block until the first thread has %fs. */
static struct em_thread mig_early;

static struct em_thread *
mig_self(void)
{
	struct em_thread *t = &mig_early;
	uint16_t fs;

	__asm__ volatile("movw %%fs,%0" : "=r"(fs));
	if (fs == EM_SEL_SELF)
		__asm__ volatile("movl %%fs:0,%0" : "=r"(t));	/* volatile: not to be tried before the comparison */
	return t;
}

mach_port_t
mig_get_reply_port(void)
{
	struct em_thread *t = mig_self();

	if (t->t_reply == MACH_PORT_NULL)
		t->t_reply = mach_reply_port();
	return t->t_reply;
}

/* A failed receive: an answer may still come to PORT, so it is given up. */
void
mig_dealloc_reply_port(mach_port_t port)
{
	struct em_thread *t = mig_self();

	if (t->t_reply != port || port == MACH_PORT_NULL)
		return;
	t->t_reply = MACH_PORT_NULL;
	(void)mach_port_mod_refs(em_task, port, MACH_PORT_RIGHT_RECEIVE, -1);
}

void
mig_put_reply_port(mach_port_t port)
{
	(void)port;
}

void
mig_allocate(vm_address_t *addr, vm_size_t size)
{
	*addr = (vm_address_t)em_pages_alloc(size);
}

void
mig_deallocate(vm_address_t addr, vm_size_t size)
{
	if (addr >= EM_SCRATCH && addr < EM_SCRATCH_END)
		em_pages_free((void *)addr, size);
	else
		(void)syscall_vm_deallocate(em_task, addr, size);
}

vm_size_t
mig_strncpy(char *dst, const char *src, vm_size_t len)
{
	vm_size_t n = 0;

	if (len == 0)
		return 0;
	for (; n < len - 1 && src[n] != '\0'; n++)
		dst[n] = src[n];
	dst[n] = '\0';
	return n;
}

static void
message_count(const mach_msg_header_t *msg)
{
	switch (msg->msgh_id / 1000) {
	case 411:
		em_public.pu_rpc_io++;
		break;
	case 412:
		em_public.pu_rpc_vfs++;
		break;
	case 414:
		em_public.pu_rpc_proc++;
		break;
	default:
		if (msg->msgh_id < 100000)
			em_public.pu_rpc_kernel++;
		else
			em_public.pu_rpc_other++;
	}
}

/* Send and receive, whatever interrupts. */
static mach_msg_return_t
message_plain(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size, mach_msg_size_t rcv_size,
	mach_port_t rcv_name, mach_msg_timeout_t timeout, mach_port_t notify)
{
	mach_msg_return_t mr;

	for (;;) {
		mr = mach_msg_trap(msg, option, send_size, rcv_size, rcv_name, timeout, notify);
		if (mr == MACH_RCV_INTERRUPTED && !(option & MACH_RCV_INTERRUPT))
			option &= ~MACH_SEND_MSG;
		else if (mr != MACH_SEND_INTERRUPTED || (option & MACH_SEND_INTERRUPT))
			return mr;
	}
}

/* Send and receive so that a signal ends the wait. */
static mach_msg_return_t
message_interruptible(struct em_thread *t, mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
	mach_msg_size_t rcv_size, mach_port_t rcv_name)
{
	mach_msg_return_t mr;

	for (;;) {
		mr = em_msg_intr(msg, option, send_size, rcv_size, rcv_name, 0, MACH_PORT_NULL);
		if (mr == MACH_RCV_INTERRUPTED || (mr == MACH_SEND_INTERRUPTED && !(option & MACH_SEND_MSG))) {
			option &= ~MACH_SEND_MSG;
			if (!em_signal_waiting())
				continue;
			if (t->t_tag != 0)
				(void)mx_cancel(t->t_block, t->t_tag);	/* a dead server's reply port tells */
			return message_plain(msg, option, 0, rcv_size, rcv_name, 0, MACH_PORT_NULL);
		}
		if (mr != MACH_SEND_INTERRUPTED || em_signal_waiting())
			return mr;
	}
}

mach_msg_return_t
mach_msg(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size, mach_msg_size_t rcv_size,
	mach_port_t rcv_name, mach_msg_timeout_t timeout, mach_port_t notify)
{
	struct em_thread *t = mig_self();

	if (option & MACH_SEND_MSG)
		message_count(msg);
	if (t->t_is_last) {
		option |= MACH_RCV_MSG;
		rcv_name = mig_get_reply_port();
	}
	if (t->t_block != MACH_PORT_NULL && (option & (MACH_SEND_MSG | MACH_RCV_MSG)) == (MACH_SEND_MSG | MACH_RCV_MSG) &&
	    msg->msgh_remote_port == t->t_block)
		return message_interruptible(t, msg, option, send_size, rcv_size, rcv_name);
	return message_plain(msg, option, send_size, rcv_size, rcv_name, timeout, notify);
}

/* The tag names the request among all that processes with the same open object have under way there. */
uint32_t
em_block_begin(mach_port_t port)
{
	static uint32_t serial;
	struct em_thread *t = em_self();

	t->t_tag = t->t_process->p_slot << 20 | (__atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED) & 0xfffff);
	if (t->t_tag == 0)
		t->t_tag = 1u << 19;
	t->t_block = port;
	return t->t_tag;
}

void
em_block_end(void)
{
	em_self()->t_block = MACH_PORT_NULL;
}

/* proc has ended this process, which is about to lose its task: nothing may be said or done any more. */
static void
killed(void)
{
	while (!em_proc()->p_is_vfork)		/* the task of such a child is its parent's */
		(void)em_sleep_until(~0ull);
}

int32_t
em_errno(kern_return_t kr)
{
	if (kr == KERN_SUCCESS)
		return 0;
	if (MX_IS_ERR(kr) && MX_ERRNO(kr) > 0 && MX_ERRNO(kr) < 512)
		return -MX_ERRNO(kr);
	if (kr == MX_ESTALEPROC)
		killed();
	switch (kr) {
	case KERN_NO_SPACE:
	case KERN_RESOURCE_SHORTAGE:
	case MACH_SEND_NO_BUFFER:
		return -MX_ERRNO(MX_ENOMEM);
	case KERN_INVALID_ADDRESS:
	case MACH_SEND_INVALID_MEMORY:
		return -MX_ERRNO(MX_EFAULT);
	case KERN_PROTECTION_FAILURE:
		return -MX_ERRNO(MX_EACCES);
	case KERN_INVALID_ARGUMENT:
		return -MX_ERRNO(MX_EINVAL);
	case MACH_SEND_INTERRUPTED:
	case MACH_RCV_INTERRUPTED:
		return -MX_ERRNO(MX_EINTR);
	case MIG_BAD_ID:
		return -MX_ERRNO(MX_EOPNOTSUPP);
	default:
		return -MX_ERRNO(MX_EIO);	/* the server is gone, or talks nonsense */
	}
}

/* ---- Locks ---- */

/* 0 free, 1 taken, 2 taken and somebody sleeps. */
void
em_lock(volatile uint32_t *word)
{
	struct em_thread *t;
	mach_port_t block;
	uint32_t v = 0;

	if (__atomic_compare_exchange_n(word, &v, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	t = mig_self();
	block = t->t_block;
	t->t_block = MACH_PORT_NULL;
	while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE) != 0)
		(void)gsync_wait(em_task, (vm_address_t)word, 2, 0, 0, 0);	/* looked at again */
	t->t_block = block;
}

void
em_unlock(volatile uint32_t *word)
{
	if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2)
		(void)gsync_wake(em_task, (vm_address_t)word, 0, 0);
}

/* ---- Last words ---- */

static char *
print_number(char *p, char *end, uint32_t v, uint32_t base)
{
	char digits[12];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v != 0);
	while (n > 0 && p < end)
		*p++ = digits[--n];
	return p;
}

/* To the kernel's console: %s %d %u %x only. For faults of emulib itself, never on account of what a program does. */
void
em_trace(const char *fmt, ...)
{
	char line[160], *p = line, *end = line + sizeof(line) - 1;
	const char *s;
	va_list ap;
	int v;

	va_start(ap, fmt);
	for (; *fmt != '\0' && p < end; fmt++) {
		if (*fmt != '%') {
			*p++ = *fmt;
			continue;
		}
		switch (*++fmt) {
		case 's':
			for (s = va_arg(ap, const char *); *s != '\0' && p < end; s++)
				*p++ = *s;
			break;
		case 'd':
			v = va_arg(ap, int);
			if (v < 0)
				*p++ = '-';
			p = print_number(p, end, v < 0 ? 0u - (uint32_t)v : (uint32_t)v, 10);
			break;
		case 'u':
			p = print_number(p, end, va_arg(ap, uint32_t), 10);
			break;
		case 'x':
			p = print_number(p, end, va_arg(ap, uint32_t), 16);
			break;
		}
	}
	va_end(ap);
	*p = '\0';
	mach_print(line);
}

void
em_panic(const char *what)
{
	em_trace("emulib: %s\n", what);
	(void)proc_exit(MX_PORT_PROC, MX_SIGKILL);
	(void)syscall_task_terminate(em_task);
	for (;;)
		(void)swtch_pri(0);
}
