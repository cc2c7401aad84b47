/*
 * server.c - task A: the tests that need no second task.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <mach/mig_support.h>
#include <masix/mach.h>
#include "test.h"
#include "impl.h"
#include "io.h"
#include "mach.h"
#include "mach_host.h"
#include "mach_port.h"

static mach_port_t host_priv, task_b;

/* ---- Fibrils ---- */

static struct mx_cond ping, pong;
static unsigned int turns;
static struct mx_mutex mutex;
static unsigned int inside, worst;

static void
pinger(void *arg)
{
	(void)arg;
	for (;;) {
		mx_cond_wait(&ping);
		turns++;
		mx_cond_signal(&pong);
	}
}

static void
locker(void *arg)
{
	int i;

	for (i = 0; i < 10; i++) {
		mx_mutex_lock(&mutex);
		if (++inside > worst)
			worst = inside;
		mx_fibril_yield();
		inside--;
		mx_mutex_unlock(&mutex);
	}
	++*(unsigned int *)arg;
}

static void
timer_hit(void *arg)
{
	++*(volatile unsigned int *)arg;
}

static void
test_fibrils(void)
{
	uint64_t ticks[10];
	unsigned int i, j, done = 0, hits = 0;
	struct mx_timer *timer;
	struct mx_cond never = { { NULL, NULL } };
	uint64_t before;

	tap_ok(mx_fibril_start(pinger, NULL, "pinger") == KERN_SUCCESS, "start a fibril");
	mx_fibril_yield();
	for (i = 0; i < 10; i++) {
		ticks[i] = __builtin_ia32_rdtsc();
		for (j = 0; j < 1000; j++) {
			mx_cond_signal(&ping);
			mx_cond_wait(&pong);
		}
		ticks[i] = __builtin_ia32_rdtsc() - ticks[i];
	}
	tap_ok(turns == 10000, "condition variables: %u turns", turns);
	for (i = 0; i < 5; i++)
		(void)mx_fibril_start(locker, &done, "locker");
	while (done < 5)
		mx_fibril_yield();
	tap_ok(worst == 1, "a mutex excludes");
	timer = mx_timer_create(timer_hit, &hits);
	before = mx_now_ns();
	mx_timer_set(timer, before + 50000000);
	tap_ok(mx_cond_wait_until(&never, before + 150000000) == MX_ETIMEDOUT, "a wait times out");
	tap_ok(hits == 1, "a timer fires once");
	before = mx_now_ns() - before;
	tap_ok(before >= 150000000 && before < 400000000, "after 150 ms: %u us", (unsigned int)(before / 1000));
	mx_timer_set(timer, mx_now_ns() + 10000000);
	mx_timer_set(timer, 0);
	mx_sleep_ns(30000000);
	tap_ok(hits == 1, "a stopped timer does not");
	mx_timer_destroy(timer);
	tap_ok(mx_tsc_hz() > 100000000, "time stamp counter: %u kHz", (unsigned int)(mx_tsc_hz() / 1000));
	tap_time("two switches between fibrils", ticks, 10, 1000);
}

/* ---- Memory and threads ---- */

static volatile mach_port_t thread_port;
static volatile int thread_ran;

static void
thread_body(void *arg)
{
	mach_msg_type_number_t none = 0;
	int32_t result = -1;
	char out[4];

	thread_ran = 1 + (io_ioctl((mach_port_t)(uintptr_t)arg, 0, 0, T_FREED, 0, "", 0, out, &none, &result) == KERN_SUCCESS);
}

static void
test_threads(mach_port_t port)
{
	unsigned int i;

	tap_ok(mx_thread_start(thread_body, (void *)(uintptr_t)port, 16384) == KERN_SUCCESS, "start a kernel thread");
	for (i = 0; i < 200 && thread_ran == 0; i++)
		mx_sleep_ns(10000000);
	tap_ok(thread_ran == 2, "its RPC to a fibril's object");
}

static void
test_memory(void)
{
	char *pages = mx_pages_alloc(8192), *heap;
	mach_port_t memory = MACH_PORT_NULL;
	vm_address_t at = 0;
	kern_return_t kr;

	strcpy(pages, "before");
	kr = mx_memory_export(pages, 8192, VM_PROT_READ, &memory);
	tap_ok(kr == KERN_SUCCESS && memory != MACH_PORT_NULL, "export memory: %#x", kr);
	kr = vm_map(mx_task, &at, 8192, 0, TRUE, memory, 0, FALSE, VM_PROT_READ, VM_PROT_READ, VM_INHERIT_SHARE);
	tap_ok(kr == KERN_SUCCESS, "map it: %#x", kr);
	if (kr == KERN_SUCCESS) {
		tap_ok(strcmp((char *)at, "before") == 0, "it shows what was written");
		strcpy(pages, "after");
		strcpy(pages + 4096, "second");
		tap_ok(strcmp((char *)at, "after") == 0 && strcmp((char *)at + 4096, "second") == 0,
			"and what is written later");
		tap_ok(vm_protect(mx_task, at, 4096, FALSE, VM_PROT_READ | VM_PROT_WRITE) != KERN_SUCCESS,
			"it cannot be made writable");
	}
	kr = vm_map(mx_task, &at, 8192, 0, TRUE, memory, 0, FALSE, VM_PROT_READ | VM_PROT_WRITE,
		VM_PROT_READ | VM_PROT_WRITE, VM_INHERIT_SHARE);
	tap_print("# mapping it writable: %#x\n", kr);
	heap = malloc(1000000);
	tap_ok(heap != NULL && (memset(heap, 1, 1000000), heap[999999] == 1), "malloc");
	free(heap);
}

/* ---- The run ---- */

static void
b_died(void *arg, mach_port_t port)
{
	(void)arg;
	mx_port_release(port);
	test_deaths++;
}

static void
start_b(struct mx_dev *door)
{
	mach_port_t port = mx_object_send_right(&door->dv_object);
	kern_return_t kr;

	kr = mach_port_insert_right(task_b, DOOR_NAME, port, MACH_MSG_TYPE_MOVE_SEND);
	tap_ok(kr == KERN_SUCCESS, "give task B the door: %#x", kr);
	kr = mx_on_dead_name(task_b, b_died, NULL);
	tap_ok(kr == KERN_SUCCESS, "watch task B: %#x", kr);
	kr = task_resume(task_b);
	tap_ok(kr == KERN_SUCCESS, "start task B: %#x", kr);
}

kern_return_t
server_fresh(int argc, char **argv)
{
	struct mx_dev *door;
	mach_port_t port;
	unsigned int i;

	host_priv = argc > 2 ? (mach_port_t)atoi(argv[2]) : MACH_PORT_NULL;
	task_b = argc > 3 ? (mach_port_t)atoi(argv[3]) : MACH_PORT_NULL;
	mx_sleep_ns(150000000);
	test_fibrils();
	test_memory();
	door = test_door_make();
	port = test_object_port();
	test_threads(port);
	start_b(door);
	for (i = 0; i < 6000 && test_deaths == 0; i++)
		mx_sleep_ns(10000000);
	mx_sleep_ns(100000000);
	tap_ok(test_deaths == 1, "task B's death was noticed");
	tap_ok(test_interrupted() >= 2, "its waiting request ended: %u", test_interrupted());
	tap_ok(mx_object_from_port(port, &tobj_class) != NULL, "an object is found by its port");
	tap_ok(mx_object_from_port(port, &door_class) == NULL, "but not as another class");
	tap_print("# %u fibrils, %u objects, %u spares, %llu requests, %llu switches\n", (unsigned int)mx_stats.st_fibrils_max,
		(unsigned int)mx_stats.st_objects, tobj_class.mc_nspare, mx_stats.st_requests, mx_stats.st_switches);
	tap_done();
	(void)host_reboot(host_priv, 0);
	return KERN_SUCCESS;
}
