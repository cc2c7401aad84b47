/*
 * core.h - what the core half of emulib shares among its own files.
 *
 * Topics and files: entry.S and call.c the way in and out; thread.c thread blocks; service.c exceptions, signals from outside and
 * time-outs; int80.c rewriting; signal.c, sigframe.c, sigcall.c signals; start.c, exec.c, elf.c programs; fork.c, clone.c
 * new processes and threads; mm.c, vma.c the program's memory; futex.c; time.c, timer.c; ids.c, process.c, misc.c the rest.
 *
 * Locks, in this order: em_mm_lock (memory list), p_lock (threads, signals), em_heap's own. The service thread takes all three, so
 * none of them is held while the program's memory is touched; em_futex_lock may be, since the service thread never takes it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EMULIB_CORE_H
#define EMULIB_CORE_H

#include "emulib.h"
#include "offsets.h"
#include "vma.h"
#include <mach/machine/thread_status.h>
#include <mach/mig_support.h>
#include <mach/machine/mach_i386_types.h>

#define EM_PAGE		4096u
#define EM_PAGE_ALIGN(n) (((n) + EM_PAGE - 1) & ~(EM_PAGE - 1))
#define EM_BIT(signo)	(1ull << ((signo) - 1))
#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))

/* ---- Traps (trap.S) ---- */
mach_msg_return_t mach_msg_trap(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
	mach_msg_size_t rcv_size, mach_port_t rcv_name, mach_msg_timeout_t timeout, mach_port_t notify);
mach_port_t mach_reply_port(void);
mach_port_t mach_thread_self(void);
mach_port_t mach_host_self(void);
mach_port_t (mach_task_self)(void);
void mach_print(const char *s);
boolean_t swtch_pri(int pri);
kern_return_t syscall_vm_map(mach_port_t task, vm_address_t *addr, vm_size_t size, vm_address_t mask, boolean_t anywhere,
	mach_port_t object, vm_offset_t offset, boolean_t copy, vm_prot_t prot, vm_prot_t maxprot, vm_inherit_t inherit);
kern_return_t syscall_vm_allocate(mach_port_t task, vm_address_t *addr, vm_size_t size, boolean_t anywhere);
kern_return_t syscall_vm_deallocate(mach_port_t task, vm_address_t addr, vm_size_t size);
kern_return_t syscall_task_create(mach_port_t parent, boolean_t inherit, mach_port_t *child);
kern_return_t syscall_task_terminate(mach_port_t task);
kern_return_t syscall_mach_port_allocate(mach_port_t task, mach_port_right_t right, mach_port_t *name);
kern_return_t syscall_mach_port_deallocate(mach_port_t task, mach_port_t name);
kern_return_t syscall_mach_port_insert_right(mach_port_t task, mach_port_t name, mach_port_t port, mach_msg_type_name_t type);

/* ---- entry.S ---- */
extern char em_user_code[], em_user_code_end[], em_vdso_text[], em_vdso_text_end[], em_text_end[], em_data_end[];
extern char em_sigreturn_code[], em_rt_sigreturn_code[], em_stubs[];
extern char em_entry[], em_entry_patched[], em_entry_moves[], em_entry_int80[], em_entry_forced[], em_entry_child[];
extern char em_entry_service[], em_exit[], em_exit_end[], em_exit_full[], em_exit_full_end[];
extern char em_msg_intr_trapped[], em_msg_intr_out[];
mach_msg_return_t em_msg_intr(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
	mach_msg_size_t rcv_size, mach_port_t rcv_name, mach_msg_timeout_t timeout, mach_port_t notify);
int32_t em_touch_copy(void *to, const void *from, size_t n);
int32_t em_touch_set(void *to, int byte, size_t n);
int32_t em_touch_str(char *to, const char *from, size_t size);
int32_t em_touch_store8(void *at, const uint8_t old[8], const uint8_t new[8]);
int32_t em_touch_cmpxchg(uint32_t *word, uint32_t old, uint32_t new, uint32_t *was);

/* ---- Called from entry.S ---- */
struct em_boot;
void em_start(struct em_boot *boot) __attribute__((noreturn));
uint32_t em_call(struct em_thread *t);
uint32_t em_call_moves(struct em_thread *t);
uint32_t em_call_exception(struct em_thread *t);
uint32_t em_attend_exit(struct em_thread *t);
void em_forced(struct em_thread *t);
uint32_t *em_full_state(struct em_thread *t);
void em_full_failed(struct em_thread *t);
uint32_t em_fork_child(struct em_thread *t, const uint32_t words[6]);
void em_service(struct em_thread *t) __attribute__((noreturn));

/* ---- call.c ---- */
extern em_handler *const em_handlers[EM_CALLS];
extern const char *const em_call_names[EM_CALLS];
/* Make T run its call again when it leaves: as Linux does, the program sees itself before the instruction. */
void em_call_rewind(struct em_thread *t, uint32_t number);
/* Enter a program: T leaves with everything in t_regs. */
void em_enter(struct em_thread *t) __attribute__((noreturn));

/* ---- thread.c ---- */
extern mach_port_t em_task;		/* mach_task_self */
/* A thread block with its stack, zeroed; NULL: no slot or no memory. Locks: none. */
struct em_thread *em_thread_alloc(struct em_process *p);
void em_thread_free(struct em_thread *t);
/* A Mach thread in TASK whose block is T, suspended, that will begin with *STATE; its descriptors are set up. Errors: kern_return_t.
 * Rights: *PORT is the caller's. */
kern_return_t em_thread_make(mach_port_t task, const struct em_thread *t, const struct i386_thread_state *state, mach_port_t *port);
/* The registers of a stopped thread, i386_REGS_SEGS_STATE. Errors: kern_return_t */
kern_return_t em_state_get(mach_port_t thread, struct i386_thread_state *st);
kern_return_t em_state_set(mach_port_t thread, const struct i386_thread_state *st);
void em_state_init(struct i386_thread_state *st, const struct em_thread *t, const char *eip);
void em_state_from_regs(struct i386_thread_state *st, const struct em_regs *r);
void em_descriptor_make(uint32_t words[2], uint32_t base, uint32_t limit_pages);
kern_return_t em_set_gdt(mach_port_t thread, int selector, const uint32_t words[2]);
/* Add T to P's threads. Locks: p_lock held, or nobody else is there yet. */
void em_thread_link(struct em_process *p, struct em_thread *t);
void em_thread_unlink(struct em_process *p, struct em_thread *t);
/* Are the registers ST, of a stopped thread, the program's? */
bool em_thread_in_program(const struct i386_thread_state *st);
/* Take T, stopped in the program with the registers ST, into emulib at ENTRY. */
void em_thread_redirect(struct em_thread *t, struct i386_thread_state *st, const char *entry);
/* Stop T and make it look at t_attention soon. Locks: p_lock held. T is not the caller. */
void em_thread_kick(struct em_thread *t);
/* End all threads but the caller. Locks: none. */
void em_thread_kill_others(struct em_process *p);
/* The calling thread ends, and with the last one the process, with WSTATUS. */
void em_thread_exit(struct em_thread *t, int wstatus) __attribute__((noreturn));
int32_t em_thread_number(const struct em_thread *t);
void em_thread_forked(struct em_process *p, struct em_thread *t);
void em_thread_relock(bool take);
void em_service_start(struct em_process *p);
void em_service_forked(struct em_process *p);
extern struct em_thread *em_service_thread;

/* ---- mig.c ---- */
void em_panic(const char *what) __attribute__((noreturn));
void em_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- futex.c ---- */
/* Robust list, and clear_child_tid too, of a thread that ends or executes a program. */
void em_futex_robust_exit(struct em_thread *t);
void em_futex_thread_exit(struct em_thread *t);
void em_futex_forked(void);
void em_futex_relock(bool take);

/* ---- service.c ---- */
/* The service thread's time-outs changed: let it look. */
void em_service_poke(void);
void em_service_sync(void);
/* What the kernel keeps for threads that raised exceptions goes: their task is about to be ended from outside. */
void em_service_forget(void);
/* The calling thread, T, which raised exceptions, ends; the process does. */
void em_service_end(struct em_thread *t) __attribute__((noreturn));
void em_service_die(int wstatus) __attribute__((noreturn));

/* ---- vfork.c ---- */
struct em_thread *em_vfork_thread(struct em_process *parent, mach_port_t port);

/* ---- int80.c ---- */
/* Where the program goes on that wants to go on at EIP: not into the middle of a rewritten site. */
uint32_t em_int80_resume(uint32_t eip);
/* T faulted pushing a return address at a rewritten site: make it the system call that it is. */
bool em_int80_fault(struct em_thread *t);
void em_int80_exec(void);

/* ---- signal.c ---- */
/* Something to do on the way out. RESTART: 0 or the EM_RESTART* that the call ended with. True: a handler was entered, or the program's
 * registers were set otherwise; the call's result is void. */
bool em_attend(struct em_thread *t, int32_t restart);
/* Put a signal into T's or, T NULL, the process's pending set, and wake who should take it. Locks: p_lock held. */
void em_signal_post(struct em_process *p, struct em_thread *t, const struct mx_siginfo *info);
/* The next pending signal in WHICH that T may take, taken; 0: none. Locks: p_lock held. */
int em_signal_take(struct em_process *p, struct em_thread *t, em_sigset which, struct mx_siginfo *info);
void em_signal_exec(struct em_process *p, struct em_thread *t);
/* CLONE_CLEAR_SIGHAND, if WANTED: caught signals get their default action. */
void em_signal_clear_handlers(struct em_process *p, bool wanted);
void em_signal_thread_exit(struct em_process *p, struct em_thread *t);
void em_signal_forget(struct em_process *p);
void em_signal_forked(struct em_process *p, struct em_thread *t);
void em_signal_tell_ignored(struct em_process *p);
/* SIGNO's disposition changed: pending ones go if it is ignored now. Locks: p_lock held. */
void em_signal_discard(struct em_process *p, int signo);
bool em_signal_deliverable(struct em_process *p, struct em_thread *t);
/* T must take SIGNO as a fault, whatever its mask and disposition say. */
void em_signal_force(struct em_thread *t, int signo, int code, uint32_t addr);
void em_process_die(int wstatus) __attribute__((noreturn));
/* P ends: tell proc of system calls that it wanted and that are not there. */
void em_call_report(struct em_process *p);

/* ---- sigframe.c ---- */
/* Build the frame of a handler and point T's registers at the handler. -EFAULT: the stack is bad. */
int32_t em_frame_build(struct em_thread *t, const struct em_sigaction *sa, const struct mx_siginfo *info, em_sigset mask);
/* SS_* of T's alternate stack when the stack pointer is ESP; set it, as sigaltstack does. */
uint32_t em_alt_stack_flags(const struct em_thread *t, uint32_t esp);
int32_t em_alt_stack_set(struct em_thread *t, uint32_t sp, uint32_t flags, uint32_t size, uint32_t esp);
/* struct siginfo of Linux, 128 bytes. */
void em_siginfo_fill(uint32_t out[32], const struct mx_siginfo *info);

/* ---- mm.c ---- */
/* What the fault at ADDR means, when the kernel says KIND (kern_return_t): 0 tries again, else si_code. */
int em_mm_fault(uint32_t addr, int kind);
void em_mm_init(void);
/* For exec: everything goes; a fixed place is mapped (flags EM_VMA_*); the break and the stack's limit. Errors: -errno */
void em_mm_clear(void);
int32_t em_mm_map_anon(uint32_t addr, uint32_t size, uint32_t flags);
int32_t em_mm_map_object(uint32_t addr, uint32_t size, uint32_t flags, mach_port_t memory, uint32_t offset, vm_prot_t maxprot);
void em_mm_exec(uint32_t brk);
uint32_t em_mm_find(uint32_t size);
bool em_mm_lookup(uint32_t addr, struct em_vma *out);
void em_mm_fork(void);
/* Whether a new task gets the program's memory: no, or as it was. Locks: mm_lock held. */
void em_mm_inherit(bool yes);
void em_mm_lock(void);
void em_mm_unlock(void);

/* ---- heap.c ---- */
void em_heap_relock(bool take);
/* A scratch area for large temporary data: page-aligned, outside the program. NULL */
void *em_pages_alloc(size_t n);
void em_pages_free(void *p, size_t n);

/* ---- exec.c ---- */
/* The strings of a new program, argv's first, each with its NUL, in one block with room in front for what #! adds. */
struct em_args {
	char		*ea_block;
	uint32_t	ea_size;
	char		*ea_first;	/* the first string */
	char		*ea_envp;	/* the first of the environment */
	char		*ea_end;
	uint32_t	ea_argc, ea_envc;
};
/* An empty block. -ENOMEM */
int32_t em_args_begin(struct em_args *a);
void em_args_end(struct em_args *a);
/* Put the program PATH with A's strings in the place of the running one: T's registers are the new program's then (leave by a full
 * exit), and the block is gone. -errno: nothing has changed, and the block is the caller's. */
int32_t em_exec(struct em_thread *t, const char *path, const struct em_args *a);

/* In a fresh task that was made for it: FILE, of which proc knows that it may be executed. A script is not: its name could mean another
 * file by now. Errors: -errno */
int32_t em_exec_carried(struct em_thread *t, mach_port_t file, const char *path, const char *name, const struct em_args *a);

/* The rest of it, in the task of its own that a vfork child got (clone.h): rights for that task, and the program. */
struct em_exec;
int32_t em_exec_give(struct em_exec *x, mach_port_t task);
void em_exec_enter(struct em_thread *t, struct em_exec *x);

/* ---- time.c ---- */
uint64_t em_cpu_ns(mach_port_t thread);	/* of one thread, or of the task: MACH_PORT_NULL */
/* Wait until DEADLINE (monotonic). 0, or -EINTR. */
int32_t em_sleep_until(uint64_t deadline_ns);

int32_t em_clock_read(uint32_t clock, uint64_t *ns);	/* -EINVAL */

/* ---- timer.c: called by the service thread, p_lock held ---- */
uint64_t em_timers_run(struct em_process *p, uint64_t now);	/* the next deadline, 0: none */
void em_timers_exec(struct em_process *p);
void em_timers_forked(struct em_process *p);

/* ---- sigframe.c ---- */
void em_fpu_reset(void);

/* ---- misc.c, process.c ---- */
void em_limits_load(struct em_process *p);
int32_t em_rusage_out(uint32_t to, const struct mx_rusage *u);
/* struct user_desc of the program at FROM as a descriptor for the program's slot; *ENTRY: what it named, -1 to choose. */
int32_t em_tls_decode(uint32_t from, uint32_t words[2], uint32_t *entry);

/* ---- random.c ---- */
void em_random_seed(struct em_process *p, const uint32_t *words, uint32_t n);

/* ---- mem.c ---- */
void *memset(void *p, int c, size_t n);
void *memmove(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

#endif /* EMULIB_CORE_H */
