/*
 * proc_fresh.c - a task that is nobody's child: for process 1, and for a program that changes its process's identity.
 *
 * It is made of nothing that a process had in its hands: emulib's image from the boot archive, the system area, rights that proc
 * inserts, and a piece of stack with struct em_boot. It runs when everything else is done.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdlib.h>
#include <string.h>
#include <mach/task_special_ports.h>
#include <mach/i386/thread_status.h>
#include <masix/mach.h>
#include "server.h"
#include "worker.h"
#include "../../emulib/boot.h"
#include "../../emulib/emulib.h"
#include "mach.h"
#include "mach_port.h"

#define PAGE	4096u

/* ---- The boot piece ---- */

static char *
string_put(char *at, const char *s)
{
	size_t n = strlen(s) + 1;

	memcpy(at, s, n);
	return at + n;
}

static size_t
words_size(const struct boot_words *w)
{
	size_t n = strlen(w->bw_path) + 1;

	for (uint32_t i = 0; i < w->bw_argc; i++)
		n += strlen(w->bw_argv[i]) + 1;
	for (uint32_t i = 0; i < w->bw_envc; i++)
		n += strlen(w->bw_envp[i]) + 1;
	return n;
}

static void
boot_fill(struct em_boot *b, size_t size, const struct proc *p, const struct boot_words *w)
{
	char *at = (char *)(b + 1);

	b->eb_magic = EM_BOOT_MAGIC;
	b->eb_size = size;
	b->eb_pid = p->p_pid;
	b->eb_slot = p->p_slot;
	proc_random(&b->eb_seed, sizeof(b->eb_seed));
	b->eb_umask = 022;
	b->eb_path = (uint32_t)(at - (char *)b);
	at = string_put(at, w->bw_path);
	b->eb_argc = w->bw_argc;
	b->eb_argv = (uint32_t)(at - (char *)b);
	for (uint32_t i = 0; i < w->bw_argc; i++)
		at = string_put(at, w->bw_argv[i]);
	b->eb_envc = w->bw_envc;
	b->eb_envp = (uint32_t)(at - (char *)b);
	for (uint32_t i = 0; i < w->bw_envc; i++)
		at = string_put(at, w->bw_envp[i]);
	if (w->bw_state_size > 0) {
		b->eb_state = (size + PAGE - 1) / PAGE * PAGE;
		b->eb_state_size = w->bw_state_size;
		b->eb_nports = w->bw_nports;
	}
}

/* The boot piece at the top of TASK's stack; the address of the structure in it. */
static kern_return_t
boot_write(mach_port_t task, const struct proc *p, const struct boot_words *w, uint32_t *where)
{
	size_t size = sizeof(struct em_boot) + words_size(w);
	size_t bytes = (size + PAGE - 1) / PAGE * PAGE, state = (w->bw_state_size + PAGE - 1) / PAGE * PAGE;
	vm_address_t at = EM_STACK_TOP - bytes - state, low = at - EM_BOOT_STACK;
	kern_return_t kr;
	void *pages;

	if (bytes + state > EM_BOOT_MAX)
		return MX_E2BIG;
	pages = mx_pages_alloc(bytes);
	if (pages == NULL)
		return MX_ENOMEM;
	boot_fill(pages, size, p, w);
	kr = syscall_vm_allocate(task, &low, bytes + state + EM_BOOT_STACK, FALSE);
	if (kr == KERN_SUCCESS)
		kr = vm_write(task, at, (vm_offset_t)pages, bytes);
	if (kr == KERN_SUCCESS && state > 0)
		kr = vm_write(task, at + bytes, (vm_offset_t)w->bw_state, state);
	mx_pages_free(pages, bytes);
	*where = at;
	return kr;
}

/* ---- The task ---- */

/* TASK's first thread, at ENTRY with its stack at ESP; it does not run yet. */
static kern_return_t
thread_make(mach_port_t task, uint32_t entry, uint32_t esp, mach_port_t *made)
{
	struct i386_thread_state state;
	mach_msg_type_number_t count = i386_THREAD_STATE_COUNT;
	mach_port_t thread;
	kern_return_t kr;

	kr = thread_create(task, &thread);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = thread_get_state(thread, i386_REGS_SEGS_STATE, (thread_state_t)&state, &count);
	if (kr == KERN_SUCCESS) {
		state.eip = entry;
		state.uesp = esp;
		kr = thread_set_state(thread, i386_REGS_SEGS_STATE, (thread_state_t)&state, count);
	}
	if (kr == KERN_SUCCESS)
		*made = thread;
	else
		mx_port_release(thread);
	return kr;
}

/* The rights that it is born with; and nothing of proc's own. */
static kern_return_t
rights_give(struct proc_fresh *f, struct proc_port *pp, mach_port_t ctx)
{
	mach_msg_type_name_t disposition;
	mach_port_t port = mx_object_make_send(&pp->pp_object, &disposition);
	kern_return_t kr;

	if (port == MACH_PORT_NULL)
		return MX_EAGAIN;
	kr = proc_fresh_give(f, MX_PORT_PROC, port);
	mx_port_release(port);
	if (kr == KERN_SUCCESS)
		kr = proc_fresh_give(f, MX_PORT_VFS, ctx);
	return kr;
}

static kern_return_t
fresh_fill(struct proc_fresh *f, const struct proc *p, struct proc_port *pp, mach_port_t ctx, const struct boot_words *w)
{
	uint32_t entry, boot;
	kern_return_t kr;

	/* Our own bootstrap port is what makes us proc in ACS's eyes: it must not be inherited. */
	kr = syscall_task_set_special_port(f->f_task, TASK_BOOTSTRAP_PORT, proc_lookup_port);
	if (kr == KERN_SUCCESS)
		kr = proc_task_signal_port(f->f_task, &f->f_signal);
	if (kr == KERN_SUCCESS)
		kr = proc_load_into(f->f_task, &entry);
	if (kr == KERN_SUCCESS)
		kr = proc_sys_map_into(f->f_task);
	if (kr == KERN_SUCCESS)
		kr = boot_write(f->f_task, p, w, &boot);
	if (kr == KERN_SUCCESS)
		kr = rights_give(f, pp, ctx);
	if (kr == KERN_SUCCESS)
		kr = thread_make(f->f_task, entry, boot, &f->f_thread);
	return kr;
}

/* ---- Descriptions of another task ---- */

/*
 * Open file descriptions lie in memory that processes share by inheritance, and only so: this kernel makes no memory object of
 * anonymous memory without a default pager. So the task is born as OLD's child and everything else that it was born with is taken
 * from it: memory, registered ports. An emulation vector would stay shared with OLD and turn its system calls over to whoever set it;
 * there is no reason to have one.
 */
struct inherit_job {
	struct job	ij_job;
	mach_port_t	ij_old, ij_task;
	kern_return_t	ij_result;
	bool		ij_is_done, ij_is_abandoned;
	struct mx_cond	ij_cond;
};

#define INHERIT_NS	1000000000ull
#define SPACE_END	0xc0000000u

static kern_return_t
inherited_clear(mach_port_t task)
{
	emulation_vector_t vector;
	mach_msg_type_number_t n;
	kern_return_t kr;
	int start;

	kr = task_get_emulation_vector(task, &start, &vector, &n);
	if (kr == KERN_SUCCESS)
		(void)syscall_vm_deallocate(mx_task, (vm_address_t)vector, n * sizeof(*vector));	/* ours: cannot fail */
	if (kr == KERN_SUCCESS && n > 0)
		kr = MX_EINVAL;
	if (kr == KERN_SUCCESS)
		kr = mach_ports_register(task, NULL, 0);
	if (kr == KERN_SUCCESS)
		kr = vm_deallocate(task, 0, EM_DESCS);
	if (kr == KERN_SUCCESS)
		kr = vm_deallocate(task, EM_DESCS_END, SPACE_END - EM_DESCS_END);
	return kr;
}

static void
inherit_run(struct job *job)
{
	struct inherit_job *j = (struct inherit_job *)job;

	j->ij_result = syscall_task_create(j->ij_old, TRUE, &j->ij_task);
	if (j->ij_result != KERN_SUCCESS)
		return;
	j->ij_result = inherited_clear(j->ij_task);
	if (j->ij_result != KERN_SUCCESS)
		(void)syscall_task_terminate(j->ij_task);	/* it never ran */
}

static void
inherit_done(struct job *job)
{
	struct inherit_job *j = (struct inherit_job *)job;

	mx_port_release(j->ij_old);
	if (j->ij_result != KERN_SUCCESS) {
		mx_port_release(j->ij_task);
		j->ij_task = MACH_PORT_NULL;
	}
	j->ij_is_done = true;
	mx_cond_signal(&j->ij_cond);
	if (!j->ij_is_abandoned)
		return;
	if (j->ij_task != MACH_PORT_NULL)
		(void)syscall_task_terminate(j->ij_task);
	mx_port_release(j->ij_task);
	free(j);
}

kern_return_t
proc_fresh_inherit(mach_port_t old, mach_port_t *task)
{
	struct inherit_job *j = calloc(1, sizeof(*j));
	uint64_t deadline = mx_now_ns() + INHERIT_NS;
	kern_return_t kr;

	if (j == NULL)
		return MX_EAGAIN;
	/* The process may end meanwhile, and the name be another's. */
	if (mach_port_mod_refs(mx_task, old, MACH_PORT_RIGHT_SEND, 1) != KERN_SUCCESS) {
		free(j);
		return MX_EAGAIN;
	}
	j->ij_job = (struct job){ .jb_run = inherit_run, .jb_done = inherit_done };
	j->ij_old = old;
	worker_submit(&j->ij_job);
	while (!j->ij_is_done) {
		if (mx_cond_wait_until(&j->ij_cond, deadline) != KERN_SUCCESS && !j->ij_is_done) {
			j->ij_is_abandoned = true;
			return MX_EAGAIN;
		}
	}
	kr = j->ij_result;
	*task = j->ij_task;
	free(j);
	return kr;
}

/* ---- All of it ---- */

kern_return_t
proc_fresh_empty(mach_port_t *task)
{
	return syscall_task_create(mx_task, FALSE, task);
}

kern_return_t
proc_fresh_make(struct proc_fresh *f, mach_port_t task, const struct proc *p, struct proc_port *pp, mach_port_t ctx,
	const struct boot_words *words)
{
	kern_return_t kr;

	*f = (struct proc_fresh){ .f_task = task };
	kr = fresh_fill(f, p, pp, ctx, words);
	if (kr != KERN_SUCCESS)
		proc_fresh_destroy(f);
	return kr;
}

kern_return_t
proc_fresh_give(const struct proc_fresh *f, mach_port_t name, mach_port_t right)
{
	return syscall_mach_port_insert_right(f->f_task, name, right, MACH_MSG_TYPE_COPY_SEND);
}

void
proc_fresh_forget(mach_port_t task)
{
	(void)syscall_task_terminate(task);	/* it never ran: nothing in it can make this wait */
	mx_port_release(task);
}

void
proc_fresh_destroy(struct proc_fresh *f)
{
	mx_port_release(f->f_thread);
	mx_port_release(f->f_signal);
	proc_fresh_forget(f->f_task);
}

kern_return_t
proc_fresh_start(struct proc_fresh *f, struct proc *p)
{
	kern_return_t kr = proc_task_own(p, f->f_task, f->f_signal);

	if (kr != KERN_SUCCESS)
		return kr;
	(void)thread_resume(f->f_thread);	/* fails when it has been ended already */
	mx_port_release(f->f_thread);
	return KERN_SUCCESS;
}
