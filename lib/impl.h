/*
 * impl.h - what the files of libmasix know of each other.
 *
 * Only the fibril thread uses any of this, except where a function says otherwise.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MX_IMPL_H
#define MX_IMPL_H

#include <masix/server.h>

#define MX_BUFFER_SIZE	16384u		/* the largest message that is received */
#define MX_RPC_COPY_MAX	2048u		/* a request up to this size is copied, to send it and receive in one trap */
#define MX_FIBRIL_STACK	(60u * 1024)
#define MX_FIBRILS_MAX	2048u
#define MX_FIBRILS_MANY	1536u		/* when so many are busy one object's requests get only a few */
#define MX_FIBRILS_FEW	4u
#define MX_OUR_IDS	400000		/* message ids from here on are MASIX's own interfaces */

/* ---- The page for /proc/masix/objects (report.c) ---- */

/* Errors: none; a task without goes without. */
void mx_report_init(const char *name);

/* ---- Timers (heap.c) ---- */

struct mx_timer_node {
	uint64_t	tn_deadline;
	unsigned int	tn_index;	/* in the heap, from 1; 0: not set */
	void		(*tn_fire)(struct mx_timer_node *node);
};

struct mx_heap { struct mx_timer_node **hp_nodes; unsigned int hp_count, hp_size; };

/* Errors: false, no memory */
bool mx_heap_insert(struct mx_heap *h, struct mx_timer_node *node);
void mx_heap_remove(struct mx_heap *h, struct mx_timer_node *node);

extern struct mx_heap mx_timers;
/* Set NODE, which may be set already; a deadline that cannot be kept for want of memory fires at once. */
void mx_timer_node_set(struct mx_timer_node *node, uint64_t deadline_ns);
void mx_timer_node_stop(struct mx_timer_node *node);
/* Fire what is due. */
void mx_timers_run(void);
/* Nanoseconds until the first timer; 0: it is due. */
uint64_t mx_timers_wait(void);
/* NS as a time-out for the kernel: at least 1. */
mach_msg_timeout_t mx_timer_ms(uint64_t ns);

/* ---- The thread that watches the clock (alarm.c) ---- */

#define MX_ID_TICK	400001		/* its message */
/* Have the fibrils woken at DEADLINE at the latest. False: the caller has to use a time-out. */
bool mx_alarm_set(uint64_t deadline_ns);
/* Its message has come. */
void mx_alarm_tick(void);

/* ---- Hash tables by a number (hash.c) ---- */

struct mx_hash { struct mx_hash_entry **ha_buckets; unsigned int ha_size, ha_count; };

/* Errors: false, no memory (only for the first entry of all) */
bool mx_hash_insert(struct mx_hash *h, struct mx_hash_entry *e);
void mx_hash_remove(struct mx_hash *h, struct mx_hash_entry *e);
struct mx_hash_entry *mx_hash_find(const struct mx_hash *h, unsigned int key);
#define mx_container(p, type, field) ((type *)((char *)(p) - offsetof(type, field)))

/* ---- Fibrils (fibril.c) ---- */

struct mx_watch {			/* a port whose death is waited for (notify.c) */
	struct mx_hash_entry wa_entry;
	void		(*wa_dead)(struct mx_watch *watch, mach_port_t port);
};

#define MX_HELD_MAX	12
struct mx_held { const void *hd_lock; unsigned int hd_class; };

struct mx_fibril {
	struct mx_fibril *fb_next, *fb_prev;	/* in fb_queue, or in the pool */
	struct mx_queue	*fb_queue;
	void		*fb_sp;		/* while it does not run */
	const char	*fb_name;
	void		(*fb_fn)(void *); /* to be run; NULL: the request in fb_in is to be served */
	void		*fb_arg;
	mach_msg_header_t *fb_in, *fb_out; /* MX_BUFFER_SIZE each */

	/* The request that is being served. */
	struct mx_object *fb_object;	/* NULL: none */
	struct mx_fibril *fb_request_next, **fb_request_prev;	/* in mo_requests */
	uint32_t	fb_tag;		/* its first argument, which is the tag of a routine that may block */
	bool		fb_cancelled;
	bool		fb_cancellable;	/* it waits, and may be told to stop */
	bool		fb_watching;
	struct mx_watch	fb_watch;	/* for the client's death */

	/* The RPC that is being made. */
	mach_port_t	fb_reply_port;
	mach_msg_header_t *fb_rpc;	/* where the reply goes; NULL: none is awaited */
	mach_msg_size_t	fb_rpc_size;
	mach_msg_return_t fb_rpc_result;
	struct mx_attempt *fb_attempt;	/* what it is part of, service.c; NULL */

	/* The locks that it holds, in debug builds (debug.c). */
	struct mx_held fb_held[MX_HELD_MAX];
	unsigned int	fb_nheld;

	/* The wait that it is in. */
	bool		fb_want_write;
	kern_return_t	fb_wait_result;
	struct mx_timer_node fb_timer;
};

extern struct mx_fibril *mx_current;	/* NULL before mx_server_main */
extern struct mx_queue mx_ready;

void mx_switch(void **save, void *to);
void mx_queue_append(struct mx_queue *q, struct mx_fibril *f);
void mx_queue_remove(struct mx_fibril *f);
struct mx_fibril *mx_queue_take(struct mx_queue *q);
/* Put F, which waits, on the ready queue. */
void mx_fibril_ready(struct mx_fibril *f);
/* Run something else until this fibril is ready. The caller has noted it down where somebody will find it. */
void mx_fibril_park(void);
/* Leave the stack we are on for F. */
void mx_fibril_switch(struct mx_fibril *f);
/* An idle fibril out of the pool, or a new one, or NULL; and back. */
struct mx_fibril *mx_fibril_take(void);
void mx_fibril_put(struct mx_fibril *f);
unsigned int mx_fibrils_busy(void);
/* As mx_fibril_start, but returns the fibril, or NULL; and take it back as long as it has not begun. */
struct mx_fibril *mx_fibril_launch(void (*fn)(void *), void *arg, const char *name);
void mx_fibril_unlaunch(struct mx_fibril *f);
/* Begin with FN(ARG) as the first fibril; never returns. */
void mx_fibril_begin(void (*fn)(void *), void *arg) __attribute__((noreturn));
/* Wake F out of the wait it is in, with RESULT. */
void mx_fibril_wake(struct mx_fibril *f, kern_return_t result);

/* The exported memory at BASE, if it was, is not mapped here any more (export.c). */
void mx_export_forget(vm_address_t base);
/* Memory for a fibril (memory.c): SIZE bytes with an unmapped page below. */
void *mx_stack_alloc(size_t size);
void mx_stack_free(void *stack, size_t size);
/* Let the thread that calls use the kernel's reserve, if this server's threads do. */
kern_return_t mx_privilege_thread(void);
/* A stack was made: wire it, if this server is wired (mx_wire_own). */
kern_return_t mx_wire_stack(vm_address_t base, vm_size_t size);

/* ---- The loop (loop.c) ---- */

/* Send the SEND_SIZE bytes in TAKER->fb_in (0: nothing) and wait for something to do.
 * Returns the fibril that can go on: TAKER, with a request in fb_in, or another; NULL: the message could not be sent, and
 * *SEND_RESULT says why. */
struct mx_fibril *mx_loop_wait(struct mx_fibril *taker, mach_msg_size_t send_size, mach_msg_return_t *send_result);
/* See what has arrived without waiting. */
void mx_loop_poll(void);
/* Serve the request in SELF->fb_in. Returns the size of the reply in fb_out, 0 for none. */
mach_msg_size_t mx_loop_serve(struct mx_fibril *self);
/* Send the reply in SELF->fb_out. */
void mx_loop_reply(struct mx_fibril *self, mach_msg_size_t size);
/* The same, and wait as mx_loop_wait does, with SELF as the taker. */
struct mx_fibril *mx_loop_reply_wait(struct mx_fibril *self, mach_msg_size_t size);
kern_return_t mx_loop_init(void);
extern mach_port_t mx_set;		/* the port set of this server */

/* What a protected payload's low bits say it is the address of. */
#define MX_PAYLOAD_OBJECT	0u
#define MX_PAYLOAD_FIBRIL	1u
#define MX_PAYLOAD_NOTIFY	2u
#define MX_PAYLOAD_MASK		3u
/* Give the receive right PORT a payload and make it a member of the set. */
kern_return_t mx_port_adopt(mach_port_t port, uintptr_t payload);

/* ---- Requests (request.c) ---- */

/* Notice when the client of the request that F serves dies: F is cancelled then. */
void mx_request_watch(struct mx_fibril *f);
/* F begins and ends to serve the request in fb_in to OBJ. */
void mx_request_begin(struct mx_fibril *f, struct mx_object *obj);
void mx_request_end(struct mx_fibril *f);

/* ---- RPC (rpc.c) ---- */

mach_msg_return_t mx_rpc(mach_msg_header_t *msg, mach_msg_size_t send_size, mach_msg_size_t rcv_size);
/* MSG is the reply to what F asked. */
void mx_rpc_reply(struct mx_fibril *f, mach_msg_header_t *msg);
/* F makes no RPC any more. */
void mx_rpc_forget(struct mx_fibril *f);

/* The interface that SERVER must not send message ID of (IS_CALL: and wait for an answer), or NULL: it may (rules.c). */
const char *mx_rule_broken(const char *server, int id, bool is_call);
extern const char *mx_server_name;	/* of mx_server_main */

/* ---- Notifications (notify.c) ---- */

kern_return_t mx_notify_init(void);
/* A send right to the port of notifications, for this task itself. */
mach_port_t mx_notify_send_right(void);
void mx_notify_message(mach_msg_header_t *msg);
/* Have WATCH called when PORT dies. */
kern_return_t mx_watch_start(struct mx_watch *watch, mach_port_t port);
void mx_watch_stop(struct mx_watch *watch);
/* A no-senders notification for OBJ. */
void mx_object_no_senders(struct mx_object *obj);
/* The object whose receive right is called PORT in this task; NULL: no object of ours. No reference. */
struct mx_object *mx_object_by_name(mach_port_t port);

/* ---- Start (start.c), threads (thread.c), messages (msg.c) ---- */

void mx_start(int *stack) __attribute__((noreturn));
/* End this task. */
void mx_task_end(void) __attribute__((noreturn));
void mx_thread_main(void (*fn)(void *), void *arg) __attribute__((noreturn));
/* Is the caller a kernel thread of mx_thread_start? Then its reply port's place, else NULL. */
mach_port_t *mx_thread_reply_port(void);
void mx_time_init(void);
/* Follow the clock of processes as soon as there is one (clock.c). */
void mx_clock_start(void);
bool mx_clock_is_shared(void);
/* The size of the type descriptor at P, and the number of its elements; 0 when it does not lie before END. */
size_t mx_item_size(const char *p, const char *end, mach_msg_type_number_t *number);

#endif /* MX_IMPL_H */
