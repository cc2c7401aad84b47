/*
 * proc_setid.c - a program that gives its process another identity.
 *
 * emulib lies in the program's memory, so whoever had the process in his hands before - the program, its threads, others to whom it gave
 * rights - could rule the new program if that got the same task. It gets a fresh one (proc_fresh.c), and nothing that stood
 * for the process is left to the old one: the task, the signal port, the process port and the file context are all new. The process stays
 * what it was to everybody else: pid, parent, group, session, limits, children, pending signals.
 *
 * What the old emulib says is believed in nothing that matters: the file's owner and mode come from vfs, the right to execute it is
 * checked here, and the state that it hands over is read by the fresh emulib as the words of an enemy.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "proc_act.h"
#include "server.h"
#include "proc_S.h"
#include "vfs_admin.h"
#include <masix/mach.h>
#include "../../emulib/boot.h"

#define PAGE		4096u
#define PORTS_MAX	16384u

/* What is to become of a process. */
struct change {
	struct cred	ch_old, ch_new;
	mach_port_t	ch_ctx, ch_task;	/* new, ours */
};

/* The credentials that P gets from FILE, and its file context.
 * Errors: MX_EPERM nothing changes, MX_EACCES, MX_EINVAL, MX_EBADF, MX_ENOMEM.  Blocks: vfs; P may be gone then */
static kern_return_t
change_prepare(struct proc *p, mach_port_t file, mach_port_t ctx, struct change *ch)
{
	bool forbidden = p->p_no_new_privs;
	struct mx_attr at;
	boolean_t is_honoured;
	kern_return_t kr;

	ch->ch_old = p->p_cred;
	if (!MACH_PORT_VALID(file))
		return MX_EINVAL;
	kr = vfs_identify(proc_vfs_admin, file, &at, &is_honoured);
	if (kr != KERN_SUCCESS)
		return kr;
	if (!cred_may_exec(&ch->ch_old, &at))
		return MX_EACCES;
	if (!is_honoured || forbidden || !cred_exec(&ch->ch_old, &at, &ch->ch_new))
		return MX_EPERM;
	return proc_context_make(ctx, &ch->ch_new, &ch->ch_ctx);
}

/* Is the process behind OBJ still what it was? Errors: MX_ESTALEPROC, MX_EAGAIN */
static kern_return_t
change_check(struct mx_object *obj, const struct change *ch, struct proc **p)
{
	kern_return_t kr = proc_port_caller(obj, p);

	if (kr == KERN_SUCCESS && !cred_is_same(&ch->ch_old, &(*p)->p_cred))
		kr = MX_EAGAIN;			/* another thread was faster */
	return kr;
}

/* The rights for F. A dead one is left out: emulib finds out when it uses it. */
static kern_return_t
rights_give(const struct proc_fresh *f, mach_port_t file, const_mx_ports_t ports, uint32_t n)
{
	kern_return_t kr = proc_fresh_give(f, EM_PORT_PROGRAM, file);

	for (uint32_t i = 0; i < n && kr == KERN_SUCCESS; i++) {
		if (!MACH_PORT_VALID(ports[i]))
			continue;
		kr = proc_fresh_give(f, EM_PORT_STATE + i, ports[i]);
		if (kr == KERN_INVALID_CAPABILITY || kr == KERN_INVALID_VALUE)
			kr = KERN_SUCCESS;
	}
	return kr;
}

/* P becomes what CH says, in the task F. Nothing here parks. Errors: MX_EAGAIN, nothing has changed */
static kern_return_t
change_do(struct proc *p, const struct change *ch, struct proc_fresh *f, struct proc_port *pp)
{
	struct cred old = p->p_cred;
	kern_return_t kr;

	p->p_cred = ch->ch_new;
	proc_act_publish(p);
	p->p_holds_signals = false;
	kr = proc_fresh_start(f, p);
	if (kr != KERN_SUCCESS) {
		p->p_cred = old;
		proc_act_publish(p);
		return kr;
	}
	p->p_death_signal = 0;
	proc_port_replace(p, pp);
	proc_act_retry_later();
	return KERN_SUCCESS;
}

/* Build the task and go over to it. */
static kern_return_t
change_carry_out(struct proc *p, const struct change *ch, mach_port_t file, const struct boot_words *words, const_mx_ports_t ports)
{
	struct proc_port *pp = proc_port_spare();
	struct proc_fresh f;
	kern_return_t kr;

	if (pp == NULL) {
		proc_fresh_forget(ch->ch_task);
		return MX_EAGAIN;
	}
	kr = proc_fresh_make(&f, ch->ch_task, p, pp, ch->ch_ctx, words);
	if (kr == KERN_SUCCESS) {
		kr = rights_give(&f, file, ports, words->bw_nports);
		if (kr == KERN_SUCCESS)
			kr = change_do(p, ch, &f, pp);
		if (kr != KERN_SUCCESS)
			proc_fresh_destroy(&f);
	}
	if (kr != KERN_SUCCESS)
		proc_port_discard(pp);
	return kr;
}

kern_return_t
S_proc_exec_setid(struct mx_object *obj, mach_port_t file, mach_port_t ctx, vm_offset_t state, mach_msg_type_number_t size,
	mx_ports_t ports, mach_msg_type_number_t nports)
{
	const struct boot_words words = { .bw_path = "", .bw_state = (const void *)state, .bw_state_size = size, .bw_nports = nports };
	struct change ch = { .ch_ctx = MACH_PORT_NULL, .ch_task = MACH_PORT_NULL };
	struct proc *p;
	kern_return_t kr;

	kr = proc_port_caller(obj, &p);
	if (kr != KERN_SUCCESS)
		return kr;
	if (size == 0 || state % PAGE != 0)
		kr = MX_EINVAL;
	else if (size > MX_OOL_MAX || nports > PORTS_MAX)
		kr = MX_E2BIG;
	if (kr == KERN_SUCCESS)
		kr = change_prepare(p, file, ctx, &ch);
	if (kr == KERN_SUCCESS)
		kr = change_check(obj, &ch, &p);
	if (kr == KERN_SUCCESS)
		kr = proc_fresh_inherit(p->p_task, &ch.ch_task);
	if (kr == KERN_SUCCESS) {
		kr = change_check(obj, &ch, &p);
		if (kr == KERN_SUCCESS)
			kr = change_carry_out(p, &ch, file, &words, ports);
		else
			proc_fresh_forget(ch.ch_task);
	}
	mx_port_release(ch.ch_ctx);
	if (kr != KERN_SUCCESS) {
		if (proc_port_caller(obj, &p) == KERN_SUCCESS)
			p->p_holds_signals = false;
		return kr;
	}
	mx_port_release(file);
	mx_port_release(ctx);
	for (uint32_t i = 0; i < nports; i++)
		mx_port_release(ports[i]);
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)ports, nports * sizeof(*ports));	/* both are ours: cannot fail */
	(void)syscall_vm_deallocate(mx_task, state, size);
	return KERN_SUCCESS;
}
