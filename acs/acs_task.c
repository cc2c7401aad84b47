/*
 * acs_task.c - make a server's task from its image, and take what it does wrong.
 *
 * Whole pages of the image are written with vm_write, which shares them until somebody writes; the last page of a segment is
 * copied, so that what follows the segment in the file does not get in. The exception port of a server is ACS: a server that faults
 * has died, and what can be known of why goes to the log first.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs.h"

#include <exc_S.h>
#include <gnumach.h>
#include <hw.h>
#include <mach.h>
#include <mach_host.h>
#include <mach_port.h>
#include <mach/machine/thread_status.h>
#include <mach/task_special_ports.h>
#include <mach/vm_wire.h>
#include <stdio.h>
#include <string.h>

#define STACK_TOP	0xc0000000u
#define STACK_SIZE	0x00040000u
#define ACS_PRIORITY	9	/* of ACS itself; the kernel's own threads have 6 */
#define END_STACK	16384
#define FAULT_WAIT_NS	3000000000ull
#define FRAMES_MAX	16

extern boolean_t exc_server(mach_msg_header_t *in, mach_msg_header_t *out);

mach_port_t acs_processor_set;

static void
thread_raise(mach_port_t thread, uint32_t priority)
{
	(void)thread_max_priority(thread, acs_processor_set, (int)priority);	/* else it runs at a lower one */
	(void)thread_priority(thread, (int)priority, FALSE);
}

/* ACS itself goes before the servers: who starts and ends them must not wait for one that runs wild. */
kern_return_t
acs_task_setup(void)
{
	mach_port_t name, self = mach_thread_self();
	kern_return_t kr;

	kr = processor_set_default(mach_host_self(), &name);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = host_processor_set_priv(acs_host_priv, name, &acs_processor_set);
	mx_port_release(name);
	if (kr == KERN_SUCCESS)
		thread_raise(self, ACS_PRIORITY);
	mx_port_release(self);
	return kr;
}

/* ---- Memory ---- */

/* The page at ADDRESS of TASK: SIZE bytes of DATA, then zeros. */
static kern_return_t
page_write(mach_port_t task, vm_address_t address, const char *data, size_t size)
{
	char *page = mx_pages_alloc(ACS_PAGE);
	kern_return_t kr;

	if (!page)
		return KERN_RESOURCE_SHORTAGE;
	memcpy(page, data, size);
	kr = vm_write(task, address, (vm_offset_t)page, ACS_PAGE);
	mx_pages_free(page, ACS_PAGE);
	return kr;
}

static kern_return_t
segment_load(mach_port_t task, const char *data, const struct acs_segment *seg)
{
	vm_address_t address = seg->se_address;
	size_t whole = seg->se_file_size / ACS_PAGE * ACS_PAGE, rest = seg->se_file_size - whole;
	kern_return_t kr;

	kr = syscall_vm_allocate(task, &address, seg->se_pages_size, FALSE);
	if (kr == KERN_SUCCESS && whole > 0)
		kr = vm_write(task, address, (vm_offset_t)(data + seg->se_offset), whole);
	if (kr == KERN_SUCCESS && rest > 0)
		kr = page_write(task, address + whole, data + seg->se_offset + whole, rest);
	if (kr == KERN_SUCCESS && !seg->se_write)
		kr = vm_protect(task, address, seg->se_pages_size, FALSE,
			seg->se_execute ? VM_PROT_READ | VM_PROT_EXECUTE : VM_PROT_READ);
	return kr;
}

static kern_return_t
image_load(mach_port_t task, const char *data, const struct acs_image *image)
{
	kern_return_t kr = KERN_SUCCESS;

	for (unsigned int i = 0; i < image->im_count && kr == KERN_SUCCESS; i++)
		kr = segment_load(task, data, &image->im_segment[i]);
	return kr;
}

static kern_return_t
stack_make(mach_port_t task, const struct acs_spec *spec, uint32_t *sp)
{
	vm_address_t base = STACK_TOP - STACK_SIZE;
	char *page = mx_pages_alloc(ACS_PAGE);
	kern_return_t kr;

	if (!page)
		return KERN_RESOURCE_SHORTAGE;
	*sp = acs_stack_build(page, ACS_PAGE, STACK_TOP, spec->sp_name, &spec->sp_args);
	kr = *sp == 0 ? MX_E2BIG : syscall_vm_allocate(task, &base, STACK_SIZE, FALSE);
	if (kr == KERN_SUCCESS)
		kr = vm_write(task, STACK_TOP - ACS_PAGE, (vm_offset_t)page, ACS_PAGE);
	mx_pages_free(page, ACS_PAGE);
	return kr;
}

/* ---- Threads and ports ---- */

static kern_return_t
thread_make(mach_port_t task, uint32_t priority, uint32_t eip, uint32_t esp, mach_port_t *thread)
{
	struct i386_thread_state state;
	mach_msg_type_number_t count = i386_THREAD_STATE_COUNT;
	kern_return_t kr;

	kr = task_priority(task, (int)priority, FALSE);
	if (kr == KERN_SUCCESS)
		kr = thread_create(task, thread);
	if (kr != KERN_SUCCESS)
		return kr;
	thread_raise(*thread, priority);
	kr = thread_get_state(*thread, i386_REGS_SEGS_STATE, (thread_state_t)&state, &count);
	if (kr == KERN_SUCCESS) {
		state.eip = eip;
		state.uesp = esp;
		kr = thread_set_state(*thread, i386_REGS_SEGS_STATE, (thread_state_t)&state, i386_THREAD_STATE_COUNT);
	}
	if (kr != KERN_SUCCESS)
		mx_port_release(*thread);
	return kr;
}

/* A task inherits both ports from its creator: ACS has no bootstrap port, but a server must never have ACS's exceptions. */
static kern_return_t
ports_give(mach_port_t task, struct acs_door *door, struct acs_guard *guard)
{
	mach_port_t boot = mx_object_send_right(&door->do_object), exc = mx_object_send_right(&guard->gu_object);
	kern_return_t kr = KERN_RESOURCE_SHORTAGE;

	if (boot != MACH_PORT_NULL && exc != MACH_PORT_NULL) {
		kr = syscall_task_set_special_port(task, TASK_BOOTSTRAP_PORT, boot);
		if (kr == KERN_SUCCESS)
			kr = syscall_task_set_special_port(task, TASK_EXCEPTION_PORT, exc);
	}
	mx_port_release(boot);
	mx_port_release(exc);
	return kr;
}

static kern_return_t
task_fill(mach_port_t task, const struct acs_spec *spec, const char *data, const struct acs_image *image,
	struct acs_door *door, struct acs_guard *guard, mach_port_t *thread)
{
	uint32_t sp;
	kern_return_t kr;

	(void)task_set_name(task, spec->sp_name);	/* only for the kernel's own messages */
	kr = ports_give(task, door, guard);
	if (kr == KERN_SUCCESS)
		kr = image_load(task, data, image);
	if (kr == KERN_SUCCESS)
		kr = stack_make(task, spec, &sp);
	if (kr == KERN_SUCCESS)
		kr = spec->sp_wired ? vm_wire_all(acs_host_priv, task, VM_WIRE_ALL) : KERN_SUCCESS;
	if (kr == KERN_SUCCESS)
		kr = thread_make(task, spec->sp_priority, image->im_entry, sp, thread);
	return kr;
}

kern_return_t
acs_task_create(const struct acs_spec *spec, const char *data, size_t size, struct acs_door *door, struct acs_guard *guard,
	mach_port_t *task, mach_port_t *thread, struct acs_error *err)
{
	struct acs_image image;
	const char *wrong = acs_elf_check(data, size, &image);
	kern_return_t kr;

	if (wrong) {
		(void)acs_error_set(err, "the image cannot be used: %s", wrong);
		return MX_ENOEXEC;
	}
	kr = syscall_task_create(mx_task, FALSE, task);
	if (kr != KERN_SUCCESS) {
		(void)acs_error_set(err, "no task could be made: error 0x%x", (unsigned int)kr);
		return kr;
	}
	kr = task_fill(*task, spec, data, &image, door, guard, thread);
	if (kr != KERN_SUCCESS) {
		(void)acs_error_set(err, "its task could not be filled: error 0x%x", (unsigned int)kr);
		(void)syscall_task_terminate(*task);
		mx_port_release(*task);
	}
	return kr;
}

/* ---- The end of a task ---- */

struct end {
	volatile bool	en_is_used;	/* the thread's to clear */
	mach_port_t	en_task, en_hw;	/* one reference each */
};

/* (1) Its devices become quiet: the kernel gives its memory to others at once, and they would go on writing into it. hw answers soon or is
 * not waited for. (2) The task ends. */
static void
task_end_run(void *arg)
{
	struct end *en = arg;

	if (en->en_hw != MACH_PORT_NULL) {
		(void)hw_quiesce(en->en_hw, en->en_task);
		(void)syscall_mach_port_deallocate(mx_task, en->en_hw);
	}
	(void)syscall_task_terminate(en->en_task);
	(void)syscall_mach_port_deallocate(mx_task, en->en_task);
	en->en_is_used = false;
}

static mach_port_t
hw_right(void)
{
	const struct acs_name *e = acs_names_find(&acs_names, "hw.power");

	if (!e || mach_port_mod_refs(mx_task, e->na_service, MACH_PORT_RIGHT_SEND, 1) != KERN_SUCCESS)
		return MACH_PORT_NULL;
	return e->na_service;
}

/* On a thread of its own: task_terminate waits while a thread of the task is in a page fault that a pager does not answer. */
void
acs_task_end(mach_port_t task)
{
	static struct end ends[ACS_SERVERS_MAX];
	struct end *en = ends;

	if (mach_port_mod_refs(mx_task, task, MACH_PORT_RIGHT_SEND, 1) != KERN_SUCCESS)
		return;			/* it is dead */
	while (en < ends + ACS_SERVERS_MAX && en->en_is_used)
		en++;
	if (en < ends + ACS_SERVERS_MAX) {
		*en = (struct end){ true, task, hw_right() };
		if (mx_thread_start(task_end_run, en, END_STACK) == KERN_SUCCESS)
			return;
		mx_port_release(en->en_hw);
		en->en_is_used = false;
	}
	(void)syscall_task_terminate(task);
	mx_port_release(task);
}

/* ---- Exceptions ---- */

static void
guard_free(struct mx_object *obj)
{
	(void)obj;		/* it holds nothing */
}

static struct mx_class guard_class = {
	.mc_name = "exceptions", .mc_size = sizeof(struct acs_guard),
	.mc_demux = (mx_demux_t *const[]){ exc_server, NULL }, .mc_free = guard_free,
};

struct acs_guard *
acs_guard_create(struct acs_server *sv)
{
	struct acs_guard *g = mx_object_create(&guard_class);

	if (g)
		g->gu_server = sv;
	return g;
}

/* Two words of TASK's memory. */
static bool
frame_read(mach_port_t task, uint32_t address, uint32_t frame[2])
{
	vm_offset_t data;
	mach_msg_type_number_t count;

	if (vm_read(task, address, 8, &data, &count) != KERN_SUCCESS)
		return false;
	memcpy(frame, (const void *)data, 8);
	(void)vm_deallocate(mx_task, data, count);
	return true;
}

/* A frame pointer is taken for one only above the stack pointer and not far from it: memory elsewhere might be a pager's, and the
 * pager might be the very server that is dead. */
static void
backtrace_format(mach_port_t task, const struct i386_thread_state *s, char *text, size_t size)
{
	uint32_t frame[2], ebp = s->ebp;
	size_t n = 0;

	ACS_APPEND(text, n, size, "backtrace: %08x", s->eip);
	for (int i = 0; i < FRAMES_MAX && ebp % 4 == 0 && ebp >= s->uesp && ebp - s->uesp < STACK_SIZE; i++) {
		if (!frame_read(task, ebp, frame) || frame[1] == 0)
			break;
		ACS_APPEND(text, n, size, " %08lx", (unsigned long)frame[1]);
		if (frame[0] <= ebp)
			break;
		ebp = frame[0];
	}
}

static void
exception_log(const struct acs_server *sv, const struct i386_thread_state *s, int exception, int code, unsigned long subcode)
{
	char text[300];
	int n;

	n = snprintf(text, sizeof text, "exception %d, code %d, subcode 0x%lx at eip %08x", exception, code, subcode, s->eip);
	acs_log_line(MX_LOG_ERROR, sv->sv_spec.sp_name, text, (size_t)n);
	n = snprintf(text, sizeof text, "eax %08x ebx %08x ecx %08x edx %08x esi %08x edi %08x ebp %08x esp %08x eflags %08x",
		s->eax, s->ebx, s->ecx, s->edx, s->esi, s->edi, s->ebp, s->uesp, s->efl);
	acs_log_line(MX_LOG_ERROR, sv->sv_spec.sp_name, text, (size_t)n);
	backtrace_format(sv->sv_task, s, text, sizeof text);
	acs_log_line(MX_LOG_ERROR, sv->sv_spec.sp_name, text, strlen(text));
}

/* Is THREAD a thread of TASK, and not a port that somebody would let ACS wait at for ever? */
static bool
thread_genuine(mach_port_t task, mach_port_t thread)
{
	mach_port_t *threads;
	mach_msg_type_number_t count;
	bool found = false;

	if (task_threads(task, &threads, &count) != KERN_SUCCESS)
		return false;
	for (mach_msg_type_number_t i = 0; i < count; i++) {
		found = found || threads[i] == thread;
		mx_port_release(threads[i]);
	}
	(void)vm_deallocate(mx_task, (vm_address_t)threads, count * sizeof *threads);
	return found;
}

/* The port's protected payload arrives where MIG thinks the port's name is. */
kern_return_t
catch_exception_raise(mach_port_t port, mach_port_t thread, mach_port_t task, integer_t exception, integer_t code,
	rpc_long_integer_t subcode)
{
	struct acs_guard *g = mx_object_cast((struct mx_object *)(uintptr_t)port, &guard_class);
	struct i386_thread_state state;
	mach_msg_type_number_t count = i386_THREAD_STATE_COUNT;
	uint32_t id;

	if (!g || !g->gu_server || g->gu_server->sv_task != task || !thread_genuine(task, thread))
		return KERN_INVALID_ARGUMENT;
	if (thread_get_state(thread, i386_REGS_SEGS_STATE, (thread_state_t)&state, &count) == KERN_SUCCESS)
		exception_log(g->gu_server, &state, exception, code, (unsigned long)subcode);
	id = g->gu_server->sv_id;
	acs_task_end(task);
	(void)acs_death_wait(g->gu_server, id, FAULT_WAIT_NS);
	return KERN_FAILURE;		/* not handled: if it lives still, the kernel ends the task */
}
