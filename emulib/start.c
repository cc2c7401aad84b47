/*
 * start.c - the first code in a fresh task: from proc's struct em_boot to the first program.
 *
 * There is no thread block, no %fs and hardly a stack. Once the block exists, the rest is an ordinary exec.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "boot.h"
#include "carry.h"
#include "file.h"
#include <mach/mig_support.h>

static struct em_process start_process;

static bool
boot_is_sane(const struct em_boot *b)
{
	return b->eb_magic == EM_BOOT_MAGIC && b->eb_size >= sizeof(*b) && b->eb_size <= EM_BOOT_MAX &&
	       b->eb_state <= EM_BOOT_MAX && b->eb_state_size <= EM_BOOT_MAX && b->eb_path < b->eb_size &&
	       b->eb_argv <= b->eb_size && b->eb_envp <= b->eb_size && ((const char *)b)[b->eb_size - 1] == '\0';
}

/* The calling thread gets its block. */
static struct em_thread *
thread_first(struct em_process *p)
{
	struct em_thread *t;
	uint32_t self[2];

	t = em_thread_alloc(p);
	if (t == NULL)
		em_panic("no memory for the first thread");
	t->t_port = mach_thread_self();
	em_descriptor_make(self, (uint32_t)t, 0xfffff);
	if (em_set_gdt(t->t_port, EM_SEL_SELF, self) != KERN_SUCCESS)
		em_panic("no descriptor for the first thread");
	t->t_reply = mig_get_reply_port();
	__asm__ volatile("movw %w0,%%fs" : : "r"(EM_SEL_SELF));
	em_thread_link(p, t);
	return t;
}

static void
process_first(struct em_process *p, const struct em_boot *b)
{
	p->p_pid = b->eb_pid;
	p->p_slot = b->eb_slot;
	p->p_port = MX_PORT_PROC;
	p->p_vfs = MX_PORT_VFS;
	p->p_vfs_owner = p->p_pid;
	p->p_umask = b->eb_umask;
	p->p_dumpable = 1;
	p->p_files = em_files_create();
	if (p->p_files == NULL)
		em_panic("no memory for descriptors");
	em_random_seed(p, b->eb_seed.w, ARRAY_LEN(b->eb_seed.w));
	em_limits_load(p);
	em_kept_init();
}

/* N strings at FROM, appended. */
static void
strings_take(struct em_args *a, const char *from, uint32_t n)
{
	uint32_t len;

	for (; n > 0; n--, from += len) {
		len = (uint32_t)strlen(from) + 1;
		if (a->ea_end + len > a->ea_block + a->ea_size)
			em_panic("too many strings for the first program");
		memcpy(a->ea_end, from, len);
		a->ea_end += len;
	}
}

/* Go on with a process that had another task before. */
static void __attribute__((noreturn))
start_carried(struct em_thread *t, const struct em_boot *b)
{
	const char *path, *name;
	struct em_args a;
	int32_t err = em_args_begin(&a);

	if (err == 0)
		err = em_carry_take(t, (const struct em_carry *)((const char *)b + b->eb_state), b->eb_state_size, b->eb_nports, &a, &path,
			&name);
	if (err == 0)
		err = em_exec_carried(t, EM_PORT_PROGRAM, path, name, &a);
	if (err < 0)
		em_process_die(MX_SIGKILL);	/* as on Linux, when the program cannot be made after all */
	em_port_release(EM_PORT_PROGRAM);
	em_enter(t);
}

/* On the thread's own stack: the boot piece goes when the program comes. */
static void __attribute__((noreturn, used))
start_program(struct em_thread *t, const struct em_boot *b)
{
	struct em_args a;
	char path[MX_PATH_MAX];
	const char *s = (const char *)b;
	int32_t err;

	if (b->eb_state != 0)
		start_carried(t, b);
	if (em_args_begin(&a) < 0 || strlen(s + b->eb_path) >= sizeof(path))
		em_panic("no room for the first program's strings");
	strings_take(&a, s + b->eb_argv, b->eb_argc);
	a.ea_envp = a.ea_end;
	strings_take(&a, s + b->eb_envp, b->eb_envc);
	a.ea_argc = b->eb_argc;
	a.ea_envc = b->eb_envc;
	memcpy(path, s + b->eb_path, strlen(s + b->eb_path) + 1);
	err = em_exec(t, path, &a);
	if (err < 0) {
		em_trace("emulib: cannot execute %s: error %d\n", path, -err);
		em_process_die(127 << 8);
	}
	em_enter(t);
}

void
em_start(struct em_boot *boot)
{
	struct em_process *p = &start_process;
	struct em_thread *t;

	em_task = mach_task_self();
	if (!boot_is_sane(boot))
		em_panic("the boot structure is not sane");
	em_mm_init();
	t = thread_first(p);
	process_first(p, boot);
	em_public.pu_process = p;
	t->t_tid = p->p_pid;
	em_service_start(p);
	__asm__ volatile("movl %0,%%esp; subl $8,%%esp; pushl %2; pushl %1; call start_program" : :
		"r"(t->t_stack), "r"(t), "r"(boot) : "memory");
	__builtin_unreachable();
}
