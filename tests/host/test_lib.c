/*
 * test_lib.c - the parts of libmasix that need no Mach: fibrils and what they wait for, timers, hash tables.
 *
 * The kernel is replaced by a clock that jumps to the next timer whenever no fibril is ready.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <masix/mach.h>
#include <masix/service.h>
#include "answer.h"
#include "impl.h"
#include "mach_port.h"

static unsigned int count, failed;
static uint64_t now = 1000;

static void
ok(bool good, const char *what)
{
	printf("%sok %u - %s\n", good ? "" : "not ", ++count, what);
	failed += !good;
}

/* ---- In the place of Mach ---- */

struct mx_fibril *
mx_loop_wait(struct mx_fibril *taker, mach_msg_size_t send_size, mach_msg_return_t *send_result)
{
	struct mx_fibril *f;

	(void)taker;
	(void)send_size;
	(void)send_result;
	while ((f = mx_queue_take(&mx_ready)) == NULL) {
		if (mx_timers.hp_count == 0) {
			printf("not ok - everybody waits for ever\n");
			exit(1);
		}
		if (mx_timers.hp_nodes[1]->tn_deadline > now)
			now = mx_timers.hp_nodes[1]->tn_deadline;
		mx_timers_run();
	}
	return f;
}

struct mx_fibril *
mx_loop_reply_wait(struct mx_fibril *self, mach_msg_size_t size)
{
	(void)size;
	return mx_loop_wait(self, 0, NULL);
}

static unsigned int polls;

void
mx_loop_poll(void)
{
	polls++;
	now++;
	mx_timers_run();
}

void
mx_loop_reply(struct mx_fibril *self, mach_msg_size_t size)
{
	(void)self;
	(void)size;
}

mach_msg_size_t
mx_loop_serve(struct mx_fibril *self)
{
	(void)self;
	abort();				/* no requests here */
}

void
mx_request_watch(struct mx_fibril *f)
{
	(void)f;
}

void *
mx_stack_alloc(size_t size)
{
	return calloc(1, size);
}

void
mx_stack_free(void *stack, size_t size)
{
	(void)size;
	free(stack);
}

void
mx_rpc_forget(struct mx_fibril *f)
{
	(void)f;
}

uint64_t
mx_now_ns(void)
{
	return now;
}

void
mx_log(enum mx_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

void
mx_panic(const char *file, int line, const char *what)
{
	printf("not ok - panic: %s:%d: %s\n", file, line, what);
	exit(1);
}

/* ---- The heap and the table ---- */

static void
test_heap(void)
{
	static struct mx_timer_node nodes[500];
	struct mx_heap h = { NULL, 0, 0 };
	uint64_t last = 0;
	unsigned int i, n = 0;
	bool good = true;

	for (i = 0; i < 20000; i++) {
		struct mx_timer_node *t = &nodes[rand() % 500];

		if (t->tn_index == 0) {
			t->tn_deadline = (uint64_t)rand() % 1000;
			good &= mx_heap_insert(&h, t);
			n++;
		} else {
			mx_heap_remove(&h, t);
			n--;
		}
		good &= h.hp_count == n;
	}
	while (h.hp_count != 0) {
		struct mx_timer_node *t = h.hp_nodes[1];

		good &= t->tn_index == 1 && t->tn_deadline >= last;
		last = t->tn_deadline;
		mx_heap_remove(&h, t);
	}
	for (i = 0; i < 500; i++)
		good &= nodes[i].tn_index == 0;
	free(h.hp_nodes);
	ok(good, "the timer heap gives the earliest first, whatever is put in and taken out");
}

static void
test_hash(void)
{
	static struct mx_hash_entry entries[3000];
	static bool in[3000];
	struct mx_hash h = { NULL, 0, 0 };
	unsigned int i, k;
	bool good = mx_hash_find(&h, 1) == NULL;

	for (i = 0; i < 100000; i++) {
		k = (unsigned int)rand() % 3000;
		entries[k].he_key = k * 4;
		good &= (mx_hash_find(&h, k * 4) == (in[k] ? &entries[k] : NULL));
		if (in[k])
			mx_hash_remove(&h, &entries[k]);
		else
			good &= mx_hash_insert(&h, &entries[k]);
		in[k] = !in[k];
	}
	free(h.ha_buckets);
	ok(good, "the hash table finds what is in it and nothing else");
}

/* ---- Waiting ---- */

static struct mx_cond cond;
static char order[64];
static size_t norder;

static void
waiter(void *arg)
{
	mx_cond_wait(&cond);
	order[norder++] = *(const char *)arg;
}

static void
test_cond(void)
{
	(void)mx_fibril_start(waiter, "a", "a");
	(void)mx_fibril_start(waiter, "b", "b");
	(void)mx_fibril_start(waiter, "c", "c");
	mx_fibril_yield();
	ok(norder == 0, "a condition holds its waiters");
	mx_cond_signal(&cond);
	mx_fibril_yield();
	ok(norder == 1 && order[0] == 'a', "a signal wakes the first");
	mx_cond_broadcast(&cond);
	mx_fibril_yield();
	ok(norder == 3 && memcmp(order, "abc", 3) == 0, "a broadcast wakes all, in order");
	mx_cond_signal(&cond);
	ok(mx_cond_wait_until(&cond, now + 5) == MX_ETIMEDOUT, "a signal to nobody is not remembered");
}

static kern_return_t race_result;

static void
racer(void *arg)
{
	(void)arg;
	race_result = mx_cond_wait_until(&cond, now + 10);
}

static void
test_timeout_race(void)
{
	(void)mx_fibril_start(racer, NULL, "racer");
	mx_fibril_yield();
	mx_cond_signal(&cond);			/* it is ready now, and its time runs out before it runs */
	now += 20;
	mx_timers_run();
	mx_fibril_yield();
	ok(race_result == KERN_SUCCESS, "a signal that came before the time-out counts");
	ok(mx_timers.hp_count == 0, "no timer is left behind");
}

static void
cancelled(void *arg)
{
	*(kern_return_t *)arg = mx_cond_wait_cancellable(&cond, 7);
}

static void
test_cancel(void)
{
	kern_return_t kr = KERN_SUCCESS;
	struct mx_fibril *f = mx_fibril_launch(cancelled, &kr, "cancelled");

	mx_fibril_yield();
	ok(f->fb_cancellable && f->fb_tag == 7, "a cancellable wait says so");
	mx_fibril_wake(f, MX_EINTR);
	mx_fibril_yield();
	ok(kr == MX_EINTR && !f->fb_cancellable, "and can be ended");
}

/* ---- Timers ---- */

static void
hit(void *arg)
{
	++*(unsigned int *)arg;
}

static void
test_timers(void)
{
	unsigned int hits = 0;
	struct mx_timer *t = mx_timer_create(hit, &hits);
	uint64_t before = now;

	mx_timer_set(t, now + 100);
	mx_timer_set(t, now + 50);
	mx_sleep_ns(60);
	mx_fibril_yield();
	ok(hits == 1 && now - before >= 60, "a timer that was set anew fires once");
	mx_timer_set(t, now + 10);
	now += 20;
	mx_timers_run();			/* it has fired, its fibril has not begun */
	mx_timer_set(t, 0);
	mx_fibril_yield();
	ok(hits == 1, "a timer that was stopped does not call, even at the last moment");
	mx_timer_destroy(t);
}

/* ---- Locks, under a random schedule ---- */

static struct mx_rwlock rw;
static struct mx_mutex mutex;
static int readers, writers, in_mutex, finished;
static bool broken;

static void
lounge(void)
{
	int n = rand() % 3;

	while (n-- > 0) {
		if (rand() % 4 == 0)
			mx_sleep_ns((uint64_t)(rand() % 50));
		else
			mx_fibril_yield();
	}
}

static void
locker(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 200; i++) {
		if (rand() % 3 == 0) {
			mx_rwlock_wrlock(&rw);
			broken |= ++writers != 1 || readers != 0;
			lounge();
			writers--;
		} else {
			mx_rwlock_rdlock(&rw);
			readers++;
			broken |= writers != 0;
			lounge();
			readers--;
		}
		mx_rwlock_unlock(&rw);
		mx_mutex_lock(&mutex);
		broken |= ++in_mutex != 1;
		lounge();
		in_mutex--;
		mx_mutex_unlock(&mutex);
	}
	finished++;
}

static void
test_locks(void)
{
	int i;

	for (i = 0; i < 20; i++)
		(void)mx_fibril_start(locker, NULL, "locker");
	while (finished < 20)
		mx_sleep_ns(1000);
	ok(!broken, "locks exclude as they should");
	ok(rw.rw_readers == 0 && rw.rw_writer == NULL && mutex.mm_owner == NULL, "and are free at the end");
}

static void
nothing(void *arg)
{
	++*(unsigned int *)arg;
}

static void
test_pool(void)
{
	unsigned int ran = 0, i;

	for (i = 0; i < 1000; i++)
		(void)mx_fibril_start(nothing, &ran, "nothing");
	ok(mx_stats.st_fibrils >= 1000, "a thousand fibrils at once");
	mx_sleep_ns(1);
	ok(ran == 1000, "all have run");
	ok(mx_stats.st_fibrils < 200, "most of them were given back");
	while (mx_stats.st_fibrils < MX_FIBRILS_MAX + 1 && mx_fibril_launch(nothing, &ran, "nothing") != NULL)
		continue;
	ok(mx_stats.st_fibrils == MX_FIBRILS_MAX, "there is a limit");
	mx_sleep_ns(1);
}

/* ---- Requests by name, and numbered ones ---- */

mach_port_t mx_task = 1;
static unsigned int lookups, releases;
static mach_port_t server_port = 100;	/* the instance that lives; older ones are dead */
static kern_return_t lookup_error;

kern_return_t
mx_lookup(const char *name, mach_port_t *service)
{
	lookups++;
	*service = server_port - (strcmp(name, "slow") == 0 && lookups < 4);	/* ACS does not know of the death yet */
	mx_fibril_yield();
	return lookup_error;
}

void
mx_port_release(mach_port_t port)
{
	(void)port;
	releases++;
}

kern_return_t
mach_port_type(mach_port_t task, mach_port_t name, mach_port_type_t *type)
{
	(void)task;
	*type = name == server_port ? MACH_PORT_TYPE_SEND : MACH_PORT_TYPE_DEAD_NAME;
	return KERN_SUCCESS;
}

/* A request that ends as FATES say: d the server dies, l the answer is lost, o it is done, e it fails. */
static kern_return_t
request(mach_port_t port, const char **fate, uint32_t *number)
{
	char f = *(*fate)++;

	*number = mx_current->fb_attempt->at_number;
	if (mx_current->fb_attempt->at_port != port || port != server_port)
		return MX_EINVAL;
	mx_fibril_yield();
	if (f == 'd')
		server_port++;
	return f == 'o' ? KERN_SUCCESS : f == 'e' ? MX_EIO : MX_ESERVERDIED;
}

static void
test_service(void)
{
	struct mx_service sv = MX_SERVICE("some"), slow = MX_SERVICE("slow");
	uint32_t number = 1, first;
	const char *fate = "o";

	ok(MX_CALL(&sv, port, request(port, &fate, &number)) == KERN_SUCCESS && lookups == 1 && number == 0, "a call by name");
	fate = "do";
	ok(MX_CALL(&sv, port, request(port, &fate, &number)) == KERN_SUCCESS && lookups == 2 && releases == 1,
		"the server dies: it is looked up and asked again");
	fate = "e";
	ok(MX_CALL(&sv, port, request(port, &fate, &number)) == MX_EIO && *fate == '\0', "an error is an answer");
	fate = "lo";
	ok(MX_CALL_ONCE(&sv, port, request(port, &fate, &first)) == KERN_SUCCESS && first != 0 && lookups == 2,
		"an answer is lost: the same server is asked again");
	fate = "o";
	ok(MX_CALL_ONCE(&sv, port, request(port, &fate, &number)) == KERN_SUCCESS && number != first, "another request, another number");
	fate = "dddddddd";
	ok(MX_CALL(&sv, port, request(port, &fate, &number)) == MX_ESERVERDIED && strlen(fate) == 8 - MX_CALL_DEATHS,
		"not for ever");
	lookups = 0;
	fate = "o";
	ok(MX_CALL(&slow, port, request(port, &fate, &number)) == KERN_SUCCESS && lookups == 4, "a dead port is not used");
	lookup_error = MX_ENOENT;
	sv.sv_port = MACH_PORT_NULL;
	ok(MX_CALL(&sv, port, request(port, &fate, &number)) == MX_ENOENT, "a server that does not come back");
	ok(mx_current->fb_attempt == NULL, "nothing is left of an attempt");
}

struct numbered {
	mach_msg_header_t head;
	uint32_t	body[20];
};

static const struct mx_number one = { .nu_client = { 1, 2 }, .nu_number = 3 }, other = { .nu_client = { 1, 2 }, .nu_number = 4 },
	alien = { .nu_client = { 1, 3 }, .nu_number = 3 };

static void
test_numbers(void)
{
	struct numbered m = { .head = { .msgh_size = sizeof(mach_msg_header_t) + 8, .msgh_id = 411000 }, .body = { 7, 8, 9 } };
	struct mx_number n;

	mx_number_put(&m.head, &one);
	ok(m.head.msgh_size == sizeof(mach_msg_header_t) + 8 + sizeof(n) && m.head.msgh_id != 411000, "a number goes on a message");
	ok(mx_number_take(&m.head, &n) && memcmp(&n, &one, sizeof(n)) == 0 && m.head.msgh_id == 411000 &&
		m.head.msgh_size == sizeof(mach_msg_header_t) + 8 && m.body[0] == 7 && m.body[1] == 8, "and off again");
	ok(!mx_number_take(&m.head, &n), "a message without");
	m.head.msgh_id |= MX_ID_NUMBERED;
	m.head.msgh_size = sizeof(mach_msg_header_t) + 4;
	ok(!mx_number_take(&m.head, &n) && m.head.msgh_id == 411000, "one that lies about it");
}

static struct mx_object subject, elsewhere;
static struct mx_answer *slow_answer;
static bool slow_given;

static void
wait_for_answer(void *arg)
{
	struct numbered in = { .head = { .msgh_remote_port = 55 } }, out;

	(void)arg;
	slow_given = mx_answer_give(slow_answer, &subject, &other, &in.head, &out.head) && out.body[0] == 43 &&
		out.head.msgh_remote_port == 55;
}

static void
test_answers(void)
{
	struct numbered in = { .head = { .msgh_remote_port = 77 } }, out, reply = { .head = { .msgh_size = sizeof(reply), .msgh_id = 411100 },
		.body = { 42 } };
	struct mx_answer *a = mx_answer_begin(&subject, &one);

	ok(a != NULL && a->an_state == MX_ANSWER_NEW, "a request that is new");
	a->an_state = MX_ANSWER_BUSY;
	mx_answer_keep(a, &reply.head, sizeof(reply));
	memset(&out, 0, sizeof(out));
	a = mx_answer_begin(&subject, &one);
	ok(a->an_state == MX_ANSWER_DONE && mx_answer_give(a, &subject, &one, &in.head, &out.head) && out.body[0] == 42 &&
		out.head.msgh_remote_port == 77 && out.head.msgh_id == 411100, "the same again gets the same answer");
	ok(mx_answer_begin(&subject, &alien)->an_state == MX_ANSWER_NEW, "the same number of another client is new");
	ok(mx_answer_begin(&elsewhere, &one)->an_state == MX_ANSWER_NEW, "and for another object");
	slow_answer = mx_answer_begin(&subject, &other);
	slow_answer->an_state = MX_ANSWER_BUSY;
	(void)mx_fibril_start(wait_for_answer, NULL, "wait");
	mx_sleep_ns(10);
	ok(!slow_given, "who asks again while it is being done waits");
	reply.body[0] = 43;
	mx_answer_keep(slow_answer, &reply.head, sizeof(reply));
	mx_sleep_ns(10);
	ok(slow_given, "and gets the answer");
	a = mx_answer_begin(&subject, &(struct mx_number){ .nu_number = 99 });
	a->an_state = MX_ANSWER_BUSY;
	reply.head.msgh_bits = MACH_MSGH_BITS_COMPLEX;
	mx_answer_keep(a, &reply.head, sizeof(reply));
	ok(!mx_answer_give(a, &subject, &(struct mx_number){ .nu_number = 99 }, &in.head, &out.head), "rights are not remembered");
	for (uint32_t i = 1000; i < 2000; i++) {
		a = mx_answer_begin(&subject, &(struct mx_number){ .nu_number = i });
		a->an_state = MX_ANSWER_BUSY;
		reply.head.msgh_bits = 0;
		mx_answer_keep(a, &reply.head, sizeof(reply));
	}
	ok(mx_answer_begin(&subject, &(struct mx_number){ .nu_number = 1999 })->an_state == MX_ANSWER_DONE &&
		mx_answer_begin(&subject, &one)->an_state == MX_ANSWER_NEW, "the last answers are known, older ones not");
	mx_answers_forget(&subject);
	ok(mx_answer_begin(&subject, &(struct mx_number){ .nu_number = 1998 })->an_state == MX_ANSWER_NEW, "an object ends with its answers");
}

/* ---- Fairness ---- */

static bool stop;

static void
busy(void *arg)
{
	(void)arg;
	while (!stop) {
		mx_cond_signal(&cond);
		mx_cond_wait(&cond);
	}
}

static void
test_polling(void)
{
	unsigned int before;

	(void)mx_fibril_start(busy, NULL, "busy");
	(void)mx_fibril_start(busy, NULL, "busy");
	before = polls;
	mx_sleep_ns(10);			/* wakes only because the clock is looked at now and then */
	stop = true;
	ok(polls > before, "fibrils that keep each other busy let messages in");
}

static void
run(void *arg)
{
	(void)arg;
	test_heap();
	test_hash();
	test_cond();
	test_timeout_race();
	test_cancel();
	test_timers();
	test_locks();
	test_service();
	test_numbers();
	test_answers();
	test_pool();
	test_polling();
	printf("1..%u\n", count);
	exit(failed != 0);
}

int
main(void)
{
	srand(1);
	mx_fibril_begin(run, NULL);
}
