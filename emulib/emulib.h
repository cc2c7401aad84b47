/*
 * emulib.h - the emulation library's own structures.
 *
 * emulib is mapped at a fixed high address in every Unix process and answers the program's system calls there. It keeps its thread block behind
 * %fs, its process block behind the thread block (never in a global: a vfork child runs in its parent's memory with a process block of
 * its own), switches to its own stack at once, and never runs a signal handler while it is inside a call: a call finishes, or is
 * abandoned at an interruptible wait, and the handler's frame is built on the way out.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EMULIB_H
#define EMULIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <mach/mach_types.h>
#include <mach/message.h>
#include <masix/types.h>
#include <masix/abi.h>
#include <masix/ring.h>

/* ---- Address space ---- */
#define EM_STACK_TOP	0xb8000000u	/* the program's stack ends here */
#define EM_STACK_MAX	0x00800000u
#define EM_USER_END	0xb8000000u	/* nothing of the program lies above */
#define EM_WINDOWS	0xb8000000u	/* windows of files, rings of pipes */
#define EM_WINDOWS_END	0xbc400000u
#define EM_SCRATCH	0xbc400000u	/* large temporary memory (em_pages_alloc) */
#define EM_SCRATCH_END	0xbd000000u
#define EM_THREADS	0xbd000000u	/* one slot of EM_THREAD_SLOT bytes per thread: stack, then struct em_thread at its end */
#define EM_THREAD_SLOT	0x00010000u
#define EM_THREADS_END	0xbf000000u
#define EM_TEXT		0xbf000000u	/* emulib's image: text, then data */
#define EM_HEAP		0xbf200000u	/* em_alloc */
#define EM_HEAP_END	0xbf600000u
#define EM_DESCS	0xbf600000u	/* description pages */
#define EM_DESCS_END	0xbf800000u
#define EM_CHANGES	0xbfa00000u	/* vfs's struct mx_changes; the system area lies below */
#define EM_KEPT		0xbfa01000u	/* kept.c */

/* ---- Registers as the program had them at its call, and as a signal frame needs them ---- */
struct em_regs {
	uint32_t	r_eax, r_ebx, r_ecx, r_edx, r_esi, r_edi, r_ebp, r_esp, r_eip, r_eflags;
	uint16_t	r_gs, r_fs, r_es, r_ds;
	uint32_t	r_orig_eax;	/* the call's number, -1 when not in a call */
};

typedef uint64_t em_sigset;		/* bit n-1 is signal n */

struct em_sigaction {
	uint32_t	sa_handler;	/* 0 SIG_DFL, 1 SIG_IGN */
	uint32_t	sa_flags;
	uint32_t	sa_restorer;
	em_sigset	sa_mask;
};

struct em_process;
struct em_poll_state;

/* One thread. The first fields are known to entry.S by offset (offsets.h). */
struct em_thread {
	struct em_thread *t_self;	/* %fs:0 */
	struct em_process *t_process;
	uint32_t	t_stack;	/* where the emulib stack begins */
	volatile uint32_t t_attention;	/* something to do at the exit: signal, stop, exit */
	struct em_regs	t_regs;		/* the program's */
	uint32_t	t_entry;	/* enum em_entry: how the program came in */
	uint32_t	t_fault_resume;	/* where to go on when touching user memory faults, 0: none */
	uint32_t	t_fault_stack;	/* %esp there */

	int32_t		t_tid;
	mach_port_t	t_port;		/* the Mach thread */
	mach_port_t	t_reply;	/* reply port, 0 until first used */
	mach_port_t	t_poll;		/* where io_poll_ready arrives, 0 until first used */
	struct em_poll_state *t_poll_state;	/* poll.c; em_poll_thread_done gives it back */
	uint32_t	t_tag;		/* of the blocking request under way, 0: none */
	mach_port_t	t_block;	/* where that request went: MACH_PORT_NULL outside em_block_begin...end */

	/* Signals; guarded by p_lock, but t_mask is written by its own thread only. */
	em_sigset	t_mask, t_pending;
	em_sigset	t_waitset;	/* of sigtimedwait: blocked, and waited for */
	em_sigset	t_saved_mask;	/* of sigsuspend, ppoll, pselect: restored by the handler's return */
	bool		t_restore_mask;
	bool		t_full;		/* leave with every register as in t_regs (sigreturn, interrupted program) */
	bool		t_redirected;	/* taken out of the program's code, and has not noticed yet */
	bool		t_resumed;	/* the call runs again after EM_RESTARTBLOCK */
	bool		t_dead;		/* is ending */
	bool		t_is_last;	/* its next message ends it: it is sent and waited upon in one trap, so that nothing is left to run */
	bool		t_raised;	/* has raised an exception: the kernel keeps a port for it (service.c) */
	struct mx_siginfo t_fault;	/* signo != 0: the fault this thread must take first */
	uint32_t	t_fault_trapno, t_fault_error, t_fault_cr2;
	uint64_t	t_restart_deadline;	/* of a call that EM_RESTARTBLOCK ended */
	uint32_t	t_alt_sp, t_alt_size, t_alt_flags;
	uint32_t	t_clear_tid, t_robust, t_robust_size;
	uint32_t	t_tls[2];	/* descriptor behind selector 0x4b */
	struct em_thread *t_next;	/* all threads of the process */
	uint32_t	t_state[17];	/* i386_REGS_SEGS_STATE for a full exit */
	char		t_comm[16];
};

static inline struct em_thread *
em_self(void)
{
	struct em_thread *t;

	__asm__("movl %%fs:0,%0" : "=r"(t));
	return t;
}

/* ---- Descriptors (emfile) ---- */

/* One open file description: lies in a page that fork shares. */
struct em_desc {
	volatile uint32_t d_lock;	/* gsync word, SHARED */
	volatile uint32_t d_flags;	/* O_APPEND, O_NONBLOCK, access mode... */
	volatile uint64_t d_offset;	/* bytes; of directories a cookie */
	uint32_t	d_kind;		/* enum mx_kind, or EM_KIND_* */
	uint32_t	d_used;		/* slot taken (only its maker looks) */
	int32_t		d_owner;	/* F_SETOWN, F_SETSIG: kept, never used, as there is no O_ASYNC */
	uint32_t	d_signal;
};

/* The same in one task, shared by the descriptors that dup made, copied by fork: struct em_file, emulib/file.h. */
struct em_file;

struct em_fd {
	struct em_file	*fd_file;
	uint32_t	fd_flags;	/* FD_CLOEXEC 1 */
};

struct em_files {			/* CLONE_FILES shares one */
	volatile uint32_t fs_lock;
	uint32_t	fs_refs;
	uint32_t	fs_size;	/* entries of fs_fd */
	uint32_t	fs_lowest;	/* no free descriptor is below */
	struct em_fd	*fs_fd;
};

/* ---- A process ---- */
struct em_queued;			/* a pending signal, signal.c */
struct em_timer;			/* timer.c */
struct em_borrow;			/* vfork.c */

struct em_process {
	int32_t		p_pid;
	uint32_t	p_slot;		/* in MX_SYS->sy_proc */
	mach_port_t	p_port;		/* MX_PORT_PROC; another name in a vfork child */
	volatile uint32_t p_lock;	/* guards threads and signals; never held while touching user memory or in an RPC to a server */
	struct em_thread *p_threads;	/* without the service thread */
	uint32_t	p_nthreads;
	struct em_files	*p_files;
	mach_port_t	p_vfs;		/* file context: MX_PORT_VFS, another name after chdir, chroot, setuid; em_file_fork inserts it */
	int32_t		p_vfs_owner;	/* pid of who made that name; a vfork child borrows its parent's */
	uint32_t	p_umask;
	/* Signals */
	struct em_sigaction p_action[64];
	em_sigset	p_pending;
	struct em_queued *p_queue;	/* what came with pending signals, in order */
	uint32_t	p_nqueued;
	uint32_t	p_told_ignored;	/* what proc_set_ignored said last */
	uint32_t	p_conts;	/* SIGCONTs received, for proc_stop */
	uint64_t	p_alarm_ns, p_alarm_interval_ns;	/* ITIMER_REAL, monotonic; the service thread's time-out */
	uint64_t	p_virtual_ns[2], p_virtual_interval_ns[2];	/* ITIMER_VIRTUAL, ITIMER_PROF: processor time */
	struct em_timer	*p_timers;
	/* Limits that emulib keeps; proc has the others */
	uint64_t	p_rlimit_nofile, p_rlimit_stack, p_rlimit_as, p_rlimit_data, p_rlimit_fsize;
	char		p_exe[256];	/* path of the program, for /proc/self/exe */
	char		p_comm[16];
	uint32_t	p_seed[12];	/* of the random generator */
	struct em_borrow *p_borrows;	/* vfork children, vfork.c */
	uint32_t	p_personality, p_dumpable, p_no_new_privs, p_keepcaps, p_pdeathsig;
	bool		p_ending;	/* a thread executes a program: the others end */
	bool		p_is_vfork;	/* borrows its parent's memory: descriptors' rights are not released */
};

static inline struct em_process *
em_proc(void)
{
	return em_self()->t_process;
}

/* What proc and /proc/masix read of a process, at this fixed address (the first bytes of emulib's data). */
struct em_public {
	uint32_t	pu_magic;	/* 0x42555045 */
	struct em_process *pu_process;	/* the process whose address space this is: its descriptors and threads, for /proc */
	uint32_t	pu_calls_local;	/* answered without any kernel entry but traps */
	uint32_t	pu_calls;	/* all */
	uint32_t	pu_int80;	/* int 0x80 taken as exceptions */
	uint32_t	pu_patched;	/* sites rewritten */
	uint32_t	pu_faults;	/* other exceptions */
	uint32_t	pu_rpc_vfs, pu_rpc_io, pu_rpc_proc, pu_rpc_other;
	uint32_t	pu_unimplemented[64];	/* number << 16 | count, most recent kinds of ENOSYS */
	uint32_t	pu_rpc_kernel;	/* messages to the kernel */
};
extern struct em_public em_public;

/* ---- A system call handler: sys_NAME, six arguments, answers a value or -errno. ---- */
typedef int32_t em_handler(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f);

#define EM_RESTARTSYS	(-512)	/* restart if SA_RESTART, else EINTR */
#define EM_RESTARTNOINTR (-513)	/* restart always */
#define EM_RESTARTNOHAND (-514)	/* restart unless a handler runs */
#define EM_RESTARTBLOCK	(-516)	/* EINTR with a handler; else continue until the same deadline */
/* For calls with a relative time-out that answer EM_RESTARTBLOCK: DEADLINE (monotonic) at first, the first one's when the call runs
 * again. */
uint64_t em_restart_deadline(uint64_t deadline_ns);

/* kern_return_t of an RPC -> 0 or -errno. */
int32_t em_errno(kern_return_t kr);

/* ---- User memory: never a crash. 0 or -EFAULT. The string copy answers the length without NUL, -ENAMETOOLONG if SIZE is not enough. ---- */
int32_t em_copyin(void *to, uint32_t from, size_t n);
int32_t em_copyout(uint32_t to, const void *from, size_t n);
int32_t em_copyin_str(char *to, uint32_t from, size_t size);

/* ---- Blocking (emcore) ---- */
/* Run the MIG stub call EXPR so that a signal may end it: gives the kern_return_t, MX_EINTR when a signal came and the server gave up.
 * Use: kr = EM_INTERRUPTIBLE(port, tag, io_read(port, tag, ...)); the tag is t->t_tag, set by em_block_begin. */
uint32_t em_block_begin(mach_port_t port);	/* answers the tag */
void em_block_end(void);
#define EM_INTERRUPTIBLE(port, tagvar, expr) __extension__ ({ \
	uint32_t tagvar = em_block_begin(port); kern_return_t kr_ = (expr); em_block_end(); kr_; })
/* Is there a signal that this thread should take now? */
bool em_signal_waiting(void);
/* ppoll, pselect: MASK replaces the thread's until the call's end. A call that a signal ended returns -EINTR or EM_RESTARTNOHAND and
 * leaves the mask to the way out; every other end is em_mask_end. */
void em_mask_begin(em_sigset mask);
void em_mask_end(void);
/* struct timespec (32-bit or 64-bit seconds) of the program as nanoseconds. -EFAULT, -EINVAL. */
int32_t em_timespec_in(uint64_t *ns, uint32_t from);
int32_t em_timespec64_in(uint64_t *ns, uint32_t from);
int32_t em_timespec_out(uint32_t to, uint64_t ns);
int32_t em_timespec64_out(uint32_t to, uint64_t ns);
/* gsync in shared memory or private. DEADLINE 0: none. 0, -EAGAIN (value differs), -ETIMEDOUT, -EINTR. */
int32_t em_gsync_wait(volatile uint32_t *word, uint32_t value, uint64_t deadline_ns, bool shared);
void em_gsync_wake(volatile uint32_t *word, bool all, bool shared);
/* Wait on PORT (a receive right) for one message of at most SIZE bytes. DEADLINE 0: none. 0, -ETIMEDOUT, -EINTR. */
int32_t em_wait_message(mach_port_t port, mach_msg_header_t *msg, size_t size, uint64_t deadline_ns);
void em_lock(volatile uint32_t *word);		/* private, short */
void em_unlock(volatile uint32_t *word);

uint64_t em_now_ns(void);			/* CLOCK_MONOTONIC */
uint64_t em_real_ns(void);			/* CLOCK_REALTIME */

/* ---- emulib's own memory (emcore): small blocks; never the program's heap ---- */
void *em_alloc(size_t n);			/* zeroed; NULL */
void em_free(void *p, size_t n);

/* ---- Between the halves ---- */
struct em_files *em_files_create(void);				/* an empty table with one reference; NULL */
struct em_files *em_files_copy(struct em_files *from);		/* for a process in this address space (vfork); NULL */
void em_files_release(struct em_files *fs);
void em_file_vfork_done(struct em_process *p);			/* P ran in this address space and is gone: its table and context */
void em_vfs_replace(struct em_process *p, mach_port_t ctx);	/* CTX, the caller's right, is P's file context from now on */
void em_poll_thread_done(struct em_thread *t);			/* T is gone, or executes a program */
void em_file_exit(struct em_process *p);			/* the process ends: locks that would outlive it */
/* Around task_create and em_file_fork: nobody else changes tables and descriptions meanwhile. */
void em_file_fork_begin(struct em_process *p, bool execs);	/* EXECS: the child executes a program before anything else */
void em_file_fork_end(struct em_process *p);
int32_t em_signal_self(int signo, int code, uint32_t value);	/* to the calling process: SIGPIPE, SIGTTIN... */
int32_t em_signal_group(int signo);				/* to the caller's process group, through proc */
void em_kept_init(void);					/* in a fresh task */
void em_file_exec(struct em_process *p);			/* close FD_CLOEXEC descriptors */
/* fork: give the child task rights under the same names for p_vfs and everything open. 0 or -errno. */
int32_t em_file_fork(struct em_process *p, mach_port_t child_task, bool execs);
void em_file_forked(struct em_process *p, bool execs);			/* in the child, first thing */
/* mmap of a descriptor: its memory object (a send right, the caller's) and how it may be mapped; -errno. */
int32_t em_file_memory(int fd, int prot, int flags, mach_port_t *memory, int *maxprot);
void em_random(void *to, size_t n);

#endif /* EMULIB_H */
