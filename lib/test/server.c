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
#include "gnumach.h"
#include "hw_notify.h"

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

static volatile int thread_ran;
static unsigned int wired_hits;

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

/* Have the kernel give back all pages of what is mapped at AT, as it does when it needs the memory. */
static kern_return_t
flush(void *at)
{
	vm_address_t address = (vm_address_t)at;
	mach_port_t object = MACH_PORT_NULL;
	vm_inherit_t inherit;
	vm_prot_t prot, max;
	boolean_t is_shared;
	vm_offset_t offset;
	vm_size_t size;
	kern_return_t kr;

	kr = vm_region(mx_task, &address, &size, &prot, &max, &inherit, &is_shared, &object, &offset);
	if (kr == KERN_SUCCESS)
		kr = vm_object_sync(object, 0, size, TRUE, TRUE, TRUE);
	mx_port_release(object);
	return kr;
}

static void
test_export_basic(char *pages)
{
	mach_port_t memory = MACH_PORT_NULL;
	vm_address_t at = 0;
	kern_return_t kr;

	strcpy(pages, "before");
	kr = mx_memory_export(pages, 12288, VM_PROT_READ, &memory);
	tap_ok(kr == KERN_SUCCESS && memory != MACH_PORT_NULL, "export memory: %#x", kr);
	kr = vm_map(mx_task, &at, 12288, 0, TRUE, memory, 0, FALSE, VM_PROT_READ, VM_PROT_READ, VM_INHERIT_SHARE);
	mx_port_release(memory);
	tap_ok(kr == KERN_SUCCESS, "map it: %#x", kr);
	if (kr != KERN_SUCCESS)
		return;
	tap_ok(strcmp((char *)at, "before") == 0, "it shows what was written");
	strcpy(pages, "after");
	strcpy(pages + 4096, "second");
	tap_ok(strcmp((char *)at, "after") == 0 && strcmp((char *)at + 4096, "second") == 0, "and what is written later");
	tap_ok(vm_protect(mx_task, at, 4096, FALSE, VM_PROT_READ | VM_PROT_WRITE) != KERN_SUCCESS, "it cannot be made writable");
	kr = flush(pages);
	tap_ok(kr == KERN_SUCCESS && strcmp((char *)at, "after") == 0 && strcmp(pages + 4096, "second") == 0 && pages[8192] == 0,
		"its pages come back after they were evicted: %#x", kr);
	strcpy(pages + 4096, "third");
	kr = flush(pages);
	tap_ok(kr == KERN_SUCCESS && strcmp((char *)at + 4096, "third") == 0, "and again");
	(void)vm_deallocate(mx_task, at, 12288);
}

/* Rights and memory of exports that are over. */
static void
test_export_end(void)
{
	mach_port_t memory = MACH_PORT_NULL;
	int before = 0, after, i;
	char *pages;

	for (i = 0; i < 60; i++) {
		if (i == 10)
			mx_sleep_ns(50000000);
		if (i == 10)
			before = test_names();
		pages = mx_pages_alloc(8192);
		pages[0] = 1;
		if (mx_memory_export(pages, 8192, VM_PROT_READ | VM_PROT_WRITE, &memory) != KERN_SUCCESS)
			break;
		pages[1] = 1;
		mx_pages_free(pages, 8192);
		mx_port_release(memory);
	}
	mx_sleep_ns(50000000);
	after = test_names();
	tap_ok(i == 60 && after <= before + 1, "exports that are over leave nothing: %d names, then %d", before, after);
}

static void
test_memory(void)
{
	char *pages = mx_pages_alloc(12288), *heap;

	test_export_basic(pages);
	mx_pages_free(pages, 12288);
	test_export_end();
	heap = malloc(1000000);
	tap_ok(heap != NULL && (memset(heap, 1, 1000000), heap[999999] == 1), "malloc");
	free(heap);
}

/* A message that finds a full queue must not cost a reference to the port. */
static void
test_full_queue(void)
{
	mach_port_t port = mach_reply_port();
	mach_port_urefs_t before = 0, after = 0;
	int i, full = 0;

	(void)mach_port_insert_right(mx_task, port, port, MACH_MSG_TYPE_MAKE_SEND);
	(void)mach_port_get_refs(mx_task, port, MACH_PORT_RIGHT_SEND, &before);
	for (i = 0; i < 40; i++)
		full += hw_interrupt(port, 1) == MACH_SEND_TIMED_OUT;
	(void)mach_port_get_refs(mx_task, port, MACH_PORT_RIGHT_SEND, &after);
	tap_ok(full > 0 && before == 1 && after == 1, "%d messages to a full queue leave %u references", full, after);
	(void)mach_port_mod_refs(mx_task, port, MACH_PORT_RIGHT_RECEIVE, -1);
	mx_port_release(port);
}

static void
test_wired(mach_port_t port)
{
	kern_return_t kr = mx_wire_all(host_priv);
	char *pages;

	tap_ok(kr == KERN_SUCCESS, "wire everything: %#x", kr);
	thread_ran = 0;
	pages = mx_pages_alloc(65536);
	tap_ok(pages != NULL && mx_fibril_start(timer_hit, &wired_hits, "wired") == KERN_SUCCESS, "and get more memory");
	mx_fibril_yield();
	test_threads(port);
	tap_ok(wired_hits == 1, "fibrils run as before");
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
	test_full_queue();
	door = test_door_make();
	port = test_object_port();
	test_threads(port);
	start_b(door);
	for (i = 0; i < 6000 && test_deaths == 0; i++)
		mx_sleep_ns(10000000);
	mx_sleep_ns(100000000);
	test_wired(port);
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
