/*
 * masix/server.h - how a server is written: objects, fibrils, requests.
 *
 * A server is one port set and one kernel thread that runs fibrils (more kernel threads only for pagers, see pager.h).
 * A request arrives, a fibril is taken from a pool, the MIG routine runs on it. An RPC made by the routine through an
 * ordinary MIG stub sends its message and parks only the fibril; the reply comes back through the same port set. So
 * server code is written straight-line, and between two points where a fibril may park nothing else of the server runs:
 * a structure that is consistent at every RPC, wait and yield needs no lock.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_SERVER_H
#define MASIX_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <mach/mach_types.h>
#include <mach/message.h>
#include <masix/types.h>

/* ---- Objects: what a receive right stands for. ---- */

/*
 * A MIG server function, or one written by hand for messages that MIG does not describe: FALSE when IN is not its business. The
 * object is (struct mx_object *)in->msgh_protected_payload.
 */
typedef boolean_t mx_demux_t(mach_msg_header_t *in, mach_msg_header_t *out);

struct mx_hash_entry { unsigned int he_key; struct mx_hash_entry *he_next; };	/* private */

struct mx_class {
	const char	*mc_name;
	size_t		mc_size;	/* of the structure that begins with struct mx_object */
	mx_demux_t *const *mc_demux;	/* NULL-terminated: the MIG servers that this kind of port answers */
	/* No send right is left. The object may be freed here (mx_object_release of the creator's reference); when it is not, and
	 * rights are given out again, this is called again. */
	void		(*mc_no_senders)(struct mx_object *obj);
	/* The last reference went: release what the object holds; libmasix takes back port and memory. */
	void		(*mc_free)(struct mx_object *obj);
	bool		mc_remembers;	/* keep answers to numbered requests (masix/service.h) */
	struct mx_object *mc_spare;	/* private: dead objects with their ports, to be used again */
	unsigned int	mc_nspare;
	unsigned int	mc_live;
	struct mx_report_class *mc_report;
};

struct mx_object {
	struct mx_class	*mo_class;
	mach_port_t	mo_port;	/* receive right; its protected payload is this object's address */
	unsigned int	mo_refs;
	/* private: */
	bool		mo_armed;	/* a no-senders notification is registered or on its way */
	bool		mo_sent;	/* send rights may exist */
	struct mx_hash_entry mo_entry;	/* by port name */
	struct mx_fibril *mo_requests;	/* those that are being served */
	unsigned int	mo_nrequests;
};

/* A zeroed object with one reference and a port in the server's port set. Errors: NULL, no memory. */
void *mx_object_create(struct mx_class *cls);
/* The same for PORT, a receive right that somebody else made and that others have rights to.
 * Errors: NULL, no memory. Rights: PORT is the object's on success. */
void *mx_object_adopt(struct mx_class *cls, mach_port_t port);
void mx_object_hold(struct mx_object *obj);
/* When the last reference goes and send rights are left, they become dead names. */
void mx_object_release(struct mx_object *obj);
/* A new send right for an `out mach_port_send_t', with its disposition; asks for no-senders when the class wants them.
 * Always use one of these three to give rights away: the library has to know that there are some.
 * Errors: MACH_PORT_NULL. Rights: the message's, or the caller's if it does not send it. */
mach_port_t mx_object_make_send(struct mx_object *obj, mach_msg_type_name_t *disposition);
/* The same without a disposition: a send right to be given away in any way. */
mach_port_t mx_object_send_right(struct mx_object *obj);
/* The same without being told when no right is left, which costs the client that gives it up a switch to this task and back: for
 * objects that may stay a while when nobody has them any more. */
mach_port_t mx_object_send_right_unwatched(struct mx_object *obj);
/* mc_no_senders is to be called for OBJ after all; at once when nobody has it. */
void mx_object_watch(struct mx_object *obj);
/* Has anybody a right to OBJ, which was given away, or is a request on its way? Asks the kernel. */
bool mx_object_has_users(const struct mx_object *obj);
/* Has nobody a right to OBJ any more, nor is a request on its way? Asks the kernel. Then it may be released. */
bool mx_object_is_deserted(struct mx_object *obj);
/* The port for a `mach_port_make_send_t' argument of a call. Rights: none moved. */
mach_port_t mx_object_port(struct mx_object *obj);
/* The object of class CLS that the send right PORT names in this task, or NULL: a port somebody else serves. No reference. */
void *mx_object_from_port(mach_port_t port, struct mx_class *cls);
/* Is PORT a port of this server itself? A server that keeps a right to its own object, because a client gave it, keeps that for
 * ever: refuse such rights. */
bool mx_port_is_own(mach_port_t port);
/* OBJ as an object of class CLS, or NULL. */
void *mx_object_cast(struct mx_object *obj, struct mx_class *cls);

/* For MIG (masix_types.defs). */
mx_object_ptr_t mx_object_intran(mach_port_t port);
mx_object_ptr_t mx_object_intran_payload(unsigned long payload);
void mx_object_destruct(mx_object_ptr_t obj);

/* ---- Fibrils ---- */

struct mx_fibril;
struct mx_queue { struct mx_fibril *mq_first, *mq_last; };

/* Run FN(ARG) on a fibril of its own, soon: 60 KiB of stack. Errors: KERN_RESOURCE_SHORTAGE */
kern_return_t mx_fibril_start(void (*fn)(void *), void *arg, const char *name);
void mx_fibril_yield(void);

struct mx_mutex { struct mx_fibril *mm_owner; struct mx_queue mm_waiters; };
void mx_mutex_lock(struct mx_mutex *m);
void mx_mutex_unlock(struct mx_mutex *m);

struct mx_rwlock { int rw_readers; struct mx_fibril *rw_writer; struct mx_queue rw_waiters; };
void mx_rwlock_rdlock(struct mx_rwlock *l);
void mx_rwlock_wrlock(struct mx_rwlock *l);
void mx_rwlock_unlock(struct mx_rwlock *l);
#include <masix/debug.h>	/* in a debug build they look at the order, too */

struct mx_cond { struct mx_queue co_waiters; };
void mx_cond_wait(struct mx_cond *c);
void mx_cond_signal(struct mx_cond *c);
void mx_cond_broadcast(struct mx_cond *c);
/* As mx_cond_wait, at most until DEADLINE (mx_now_ns). Errors: MX_ETIMEDOUT */
kern_return_t mx_cond_wait_until(struct mx_cond *c, uint64_t deadline_ns);
/* Wait so that the client may give up: the running request was made with TAG, a number of the client's choice.
 * Errors: MX_EINTR  the client sent mx_cancel for TAG, or is gone */
kern_return_t mx_cond_wait_cancellable(struct mx_cond *c, uint32_t tag);
kern_return_t mx_cond_wait_cancellable_until(struct mx_cond *c, uint32_t tag, uint64_t deadline_ns);

/* ---- Time ---- */

uint64_t mx_now_ns(void);		/* monotonic */
uint64_t mx_real_ns(void);		/* since 1970; as processes see it, once proc is there */
/* Take the time from CLOCK from now on; for proc, whose it is. */
void mx_clock_use(const volatile struct mx_sys_clock *clock);
uint64_t mx_tsc_hz(void);		/* of the processor's time stamp counter; 0 in a server's first 100 ms */
void mx_sleep_ns(uint64_t ns);		/* parks the fibril; resolution of the kernel: 10 ms */

struct mx_timer;			/* calls FN(ARG) on a fibril; never any more once it is stopped or destroyed */
struct mx_timer *mx_timer_create(void (*fn)(void *), void *arg);
void mx_timer_set(struct mx_timer *t, uint64_t deadline_ns);	/* 0: stop */
void mx_timer_destroy(struct mx_timer *t);

/* ---- Notifications about other people's ports ---- */

/* FN(ARG, PORT) on a fibril when PORT (a send right the server holds, a task port too) dies; the right is a dead name then
 * and FN's to release. One per port. Errors: KERN_NAME_EXISTS, KERN_INVALID_ARGUMENT no such right */
kern_return_t mx_on_dead_name(mach_port_t port, void (*fn)(void *arg, mach_port_t port), void *arg);
void mx_forget_dead_name(mach_port_t port);

/* ---- Rights and messages ---- */

/* Give up one reference to a send right, send-once right or dead name (MACH_PORT_NULL and _DEAD: nothing). */
void mx_port_release(mach_port_t port);
/* Destroy the rights and out-of-line memory in a message that was received, or (RECEIVED false) that could not be sent. */
void mx_message_destroy(mach_msg_header_t *msg, bool received);

/* ---- A server's life ---- */

extern mach_port_t mx_acs;		/* the bootstrap port */
extern mach_port_t mx_task;		/* mach_task_self */

/* Called by libmasix on the first fibril: look up, make objects, register, then mx_server_ready. */
struct mx_server {
	const char	*ms_name;
	kern_return_t	(*ms_fresh)(int argc, char **argv);
	/* After a crash, with the ports that ACS kept; NULL: fresh start. */
	kern_return_t	(*ms_restart)(int argc, char **argv);
};
/* The main of a server that is alone in its task; never returns. */
void mx_server_main(const struct mx_server *server, int argc, char **argv) __attribute__((noreturn));

kern_return_t mx_register(const char *name, struct mx_object *obj);
kern_return_t mx_lookup(const char *name, mach_port_t *service);
kern_return_t mx_right(const char *name, mach_port_t *right);
/* The value of KEY on the boot command, "" without; static storage of libmasix until the next call. */
const char *mx_boot_option(const char *key);
void mx_server_ready(void);
/* The server has nothing to do on this machine: it ends for good, and its names are unknown from now on. */
void mx_server_done(const char *why) __attribute__((noreturn));
/* When the whole system ends, ACS has FN run on a fibril of its own: save what has to be saved, in at most five seconds. The task
 * ends when FN returns. A server without is simply ended. One per task. */
kern_return_t mx_on_stop(void (*fn)(void));
/* The server cannot start: says so and ends the task. */
void mx_server_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* ---- Log and assertions ---- */

/* Where log lines go: by default to ACS, or to the kernel's console for a task without bootstrap port. */
extern void (*mx_log_sink)(unsigned int level, const char *line);
/* What to do after a failed assertion was logged, instead of ending the task; NULL: nothing. For ACS, whom nobody restarts. */
extern void (*mx_panic_end)(void);
/* Called when the task ends itself, after a failed assertion, too: makes devices quiet that know its memory (lib/virtio). NULL: nothing */
extern void (*mx_before_end)(void);

enum mx_level { MX_LOG_ERROR, MX_LOG_WARNING, MX_LOG_INFO, MX_LOG_DEBUG };
void mx_log(enum mx_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void mx_panic(const char *file, int line, const char *what) __attribute__((noreturn));
void mx_backtrace(void);		/* of the caller, to the log: addresses for addr2line */
/* Our own bugs only; prints a backtrace and ends the server, which ACS brings back. */
#define mx_assert(x) ((x) ? (void)0 : mx_panic(__FILE__, __LINE__, #x))

/* ---- Memory ---- */

/* Page-aligned, zeroed. Errors: NULL */
void *mx_pages_alloc(size_t bytes);
void mx_pages_free(void *p, size_t bytes);
/* Let this thread, and all that mx_thread_start makes from now on, use the kernel's reserve of memory: for servers that make memory
 * free. (The kernel lets a thread do that only for itself.) They must not use it up: see mx_memory_is_short. */
kern_return_t mx_privilege(mach_port_t host_priv);
/* Wire everything this task has and gets, and let its threads use the kernel's reserve (needs the "host" right). */
kern_return_t mx_wire_all(mach_port_t host_priv);
/* The same for what this task has, and the stacks of fibrils to come, but not for what it receives: memory in messages would be copied
 * to be wired. For a server that touches such memory only while its sender waits, and needs no more heap than MORE bytes. */
kern_return_t mx_wire_own(mach_port_t host_priv, size_t more);
/* Is less than PERCENT of the memory free? Who may use the kernel's reserve must not use it up: the kernel panics then. Below 10 the
 * kernel pages out, below 5 it makes others wait. */
bool mx_memory_is_short(unsigned int percent);
/* SIZE bytes (at most 4 MiB) in TASK that are contiguous at PHYSICAL, below LIMIT; wired, not cleared.
 * Errors: KERN_RESOURCE_SHORTAGE there is no such block, or too little memory to look for one */
kern_return_t mx_contiguous_alloc(mach_port_t host_priv, mach_port_t task, vm_size_t size, uint64_t limit, vm_address_t *address,
	uint64_t *physical);
/* A send right to be given away for mapping PAGES, which came from mx_pages_alloc, with at most PROT; again for other protections
 * or parts. Works without a default pager. The pages live until mx_pages_free here and the last mapping elsewhere.
 * Rights: the caller owns MEMORY. */
kern_return_t mx_memory_export(void *pages, size_t bytes, vm_prot_t prot, mach_port_t *memory);

/* ---- Kernel threads beside the fibrils (pagers) ---- */

/* Run FN(ARG) as a kernel thread with STACK_BYTES of stack. Such a thread makes no fibril call and no malloc: it uses plain
 * mach_msg, its own reply port, and talks to fibrils by messages to objects of the server. */
kern_return_t mx_thread_start(void (*fn)(void *), void *arg, size_t stack_bytes);
/* Give back what threads that have ended left. True: there was something. Only for the thread of the fibrils. */
bool mx_thread_collect(void);

/* Counters, shown in /proc/masix. */
struct mx_stats { uint64_t st_requests, st_replies, st_rpcs, st_switches; uint32_t st_fibrils, st_fibrils_max, st_objects; };
extern struct mx_stats mx_stats;

/* What a server tells whoever may read its memory (proc, for /proc/masix/objects): a page of it at MX_REPORT_ADDRESS. It is for people
 * and tests; nothing may depend on it. */
#define MX_REPORT_ADDRESS	0x0000f000u	/* below all images */
#define MX_REPORT_MAGIC		0x7270784du
#define MX_REPORT_NAME		20
struct mx_report_class { char rc_name[MX_REPORT_NAME]; uint32_t rc_live, rc_spare; };
struct mx_report {
	uint32_t	re_magic;
	char		re_name[MX_REPORT_NAME];	/* the server's; not terminated when it is as long */
	uint32_t	re_nclasses;
	struct mx_report_class re_classes[64];
};
/* A line NAME beside the classes: rc_live and rc_spare are the caller's to set. NULL: no place. */
struct mx_report_class *mx_report_add(const char *name);

#endif /* MASIX_SERVER_H */
