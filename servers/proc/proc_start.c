/*
 * proc_start.c - proc begins, and with it process 1.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include "proc_act.h"
#include "procfs.h"
#include "server.h"
#include "mach_host.h"
#include "vfs_admin.h"

#define RETRY_NS	10000000ull	/* full signal ports are tried again at each tick */
#define INIT_PATH	"/sbin/init"

mach_port_t proc_vfs_admin, proc_lookup_port;
static mach_port_t tty_control;
static struct mx_timer *retry_timer;
static bool retry_is_set;

static const char *const init_env[] = {
	"HOME=/root", "TERM=linux", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
};
#define INIT_ENV	(sizeof(init_env) / sizeof(init_env[0]))
#define SHARES		8u
#define SHARE_MAX	300u		/* bytes of one, with its name */

kern_return_t
proc_tty_control(mach_port_t *control)
{
	if (tty_control == MACH_PORT_NULL && mx_lookup("tty.control", &tty_control) != KERN_SUCCESS)
		return MX_ENOTTY;
	*control = tty_control;
	return KERN_SUCCESS;
}

mach_port_t
proc_processor_set(void)
{
	static mach_port_t set;
	mach_port_t host, name;

	if (set != MACH_PORT_NULL || mx_right("host", &host) != KERN_SUCCESS)
		return set;
	if (processor_set_default(host, &name) == KERN_SUCCESS) {
		if (host_processor_set_priv(host, name, &set) != KERN_SUCCESS)
			set = MACH_PORT_NULL;
		mx_port_release(name);
	}
	mx_port_release(host);
	return set;
}

static void
retry_run(void *arg)
{
	(void)arg;
	retry_is_set = false;
	if (proc_signal_retry())
		proc_act_retry_later();
}

void
proc_act_retry_later(void)
{
	if (retry_is_set)
		return;
	retry_is_set = true;
	mx_timer_set(retry_timer, mx_now_ns() + RETRY_NS);
}

void
proc_act_init_died(int32_t wstatus)
{
	mx_server_fail("process 1 ended with wait status 0x%x; there is nothing left to run", (unsigned int)wstatus);
}

/* Process 1 as a process: pid 1, root, a group and session of its own. */
static kern_return_t
adam_make(struct proc **out)
{
	static const struct cred root;
	struct proc *p = proc_create(&root);
	kern_return_t kr;

	if (p == NULL)
		return MX_ENOMEM;
	mx_assert(p->p_pid == 1);
	limits_init(p->p_limit);
	p->p_exit_signal = MX_SIGCHLD;
	proc_set_comm(p, "init", 4);
	kr = proc_adam(p);
	if (kr == KERN_SUCCESS)
		kr = proc_port_create(p);
	*out = p;
	return kr;
}

/* init's environment: what is the same each time, and the boot options that are its business (directories that the host shares). */
static unsigned int
init_environment(const char *env[INIT_ENV + SHARES], char shares[SHARES][SHARE_MAX])
{
	unsigned int n = INIT_ENV, i;
	const char *value;
	char key[16];

	memcpy(env, init_env, sizeof(init_env));
	for (i = 0; i < SHARES; i++) {
		(void)sniprintf(key, sizeof(key), "share%u", i);
		value = mx_boot_option(key);
		if (*value == '\0' || strlen(key) + 1 + strlen(value) >= SHARE_MAX)
			continue;
		(void)sniprintf(shares[i], SHARE_MAX, "%s=%s", key, value);
		env[n++] = shares[i];
	}
	return n;
}

static kern_return_t
init_start(void)
{
	static char shares[SHARES][SHARE_MAX], mode[16];
	const char *argv[] = { INIT_PATH, mode }, *env[INIT_ENV + SHARES];
	const struct boot_words words = { .bw_path = INIT_PATH, .bw_argc = 2, .bw_argv = argv,
		.bw_envc = init_environment(env, shares), .bw_envp = env };
	struct proc_fresh fresh;
	struct proc *p;
	mach_port_t ctx, task;
	kern_return_t kr;

	(void)sniprintf(mode, sizeof(mode), "%s", mx_boot_option("mode"));
	if (mode[0] == '\0')
		(void)sniprintf(mode, sizeof(mode), "run");
	kr = adam_make(&p);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_context_create(proc_vfs_admin, MACH_PORT_NULL, p->p_cred.c_ids, NULL, 0, &ctx);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = proc_fresh_empty(&task);
	if (kr == KERN_SUCCESS)
		kr = proc_fresh_make(&fresh, task, p, p->p_port, ctx, &words);
	mx_port_release(ctx);
	if (kr == KERN_SUCCESS)
		kr = proc_fresh_start(&fresh, p);
	return kr;
}

static kern_return_t
proc_fresh(int argc, char **argv)
{
	kern_return_t kr;

	(void)argc;
	(void)argv;
	kr = proc_sys_init();
	if (kr != KERN_SUCCESS)
		mx_server_fail("cannot make the system area: 0x%x", (unsigned int)kr);
	retry_timer = mx_timer_create(retry_run, NULL);
	if (retry_timer == NULL)
		mx_server_fail("no memory for a timer");
	kr = proc_memory_init();
	if (kr != KERN_SUCCESS)
		mx_server_fail("cannot watch the memory: 0x%x", (unsigned int)kr);
	kr = proc_task_init();
	if (kr != KERN_SUCCESS)
		mx_server_fail("cannot make worker threads: 0x%x", (unsigned int)kr);
	kr = mx_right("lookup", &proc_lookup_port);
	if (kr != KERN_SUCCESS)
		mx_server_fail("ACS gives no right \"lookup\" for Unix processes: 0x%x", (unsigned int)kr);
	kr = proc_load_init();
	if (kr != KERN_SUCCESS)
		mx_server_fail("cannot load /masix/emulib from the boot archive: 0x%x", (unsigned int)kr);
	kr = proc_swap_init();
	if (kr != KERN_SUCCESS)
		mx_server_fail("cannot find the data pager: 0x%x", (unsigned int)kr);
	kr = mx_lookup("vfs.admin", &proc_vfs_admin);
	if (kr != KERN_SUCCESS)
		mx_server_fail("cannot find vfs.admin: 0x%x", (unsigned int)kr);
	kr = proc_clock_start();
	if (kr == KERN_SUCCESS)
		kr = proc_clock_export();
	if (kr != KERN_SUCCESS)
		mx_server_fail("cannot start the clock: 0x%x", (unsigned int)kr);
	kr = mx_on_stop(proc_stop);
	if (kr != KERN_SUCCESS)
		mx_server_fail("cannot be told when the system ends: 0x%x", (unsigned int)kr);
	kr = proc_orphan_init();
	if (kr != KERN_SUCCESS)
		mx_server_fail("no memory for a timer");
	kr = procfs_start();
	if (kr != KERN_SUCCESS)
		mx_server_fail("cannot register pfs.proc: 0x%x", (unsigned int)kr);
	kr = init_start();
	if (kr != KERN_SUCCESS)
		mx_server_fail("cannot start %s: 0x%x", INIT_PATH, (unsigned int)kr);
	mx_server_ready();
	return KERN_SUCCESS;
}

const struct mx_server proc_server_main = { .ms_name = "proc", .ms_fresh = proc_fresh };
