/*
 * file.h - open files, inside the file half of the emulation library.
 *
 * Three levels, as POSIX has them: a descriptor (struct em_fd, emulib.h) names a struct em_file of this address space, which names the
 * open file description (struct em_desc) in a page that fork shares. What kind of thing a file is decides how it is read, written and
 * polled: struct em_class, a table of functions per kind, as file servers have them.
 *
 * Lock order: em_files.fs_lock, then em_file_lock (list of files, description pages, windows). d_lock of a description is taken with
 * neither held. No lock but d_lock is held while user memory is touched or a server is asked.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EMULIB_FILE_H
#define EMULIB_FILE_H

#include "emulib.h"
#include "file_calls.h"

/* -errno by name. */
#define EM_E(name)	(-MX_ERRNO(MX_##name))

/* Kinds of files beside enum mx_kind. */
enum em_kind { EM_KIND_PIPE = 64, EM_KIND_EVENTFD, EM_KIND_TIMERFD, EM_KIND_SIGNALFD, EM_KIND_EPOLL, EM_KIND_SOCKET };

/* ---- User buffers ---- */

struct em_segment { uint32_t s_base, s_len; };	/* struct iovec */

struct em_uio {
	const struct em_segment *u_seg;		/* the current segment, of which u_skip bytes are used up */
	uint32_t	u_skip;
	uint32_t	u_left;			/* bytes in all that remain */
	uint32_t	u_done;			/* bytes moved */
	bool		u_is_own;		/* the memory is emulib's, not the program's */
};

#define EM_IOV_MAX	1024
#define EM_RW_MAX	0x7ffff000u		/* bytes of one call */

void em_uio_one(struct em_uio *u, struct em_segment *seg, uint32_t base, uint32_t len);
void em_uio_own(struct em_uio *u, struct em_segment *seg, void *mem, uint32_t len);
/* The program's vector at IOV, copied to SEGS (room for EM_IOV_MAX). Errors: -EINVAL, -EFAULT */
int32_t em_uio_vector(struct em_uio *u, struct em_segment *segs, uint32_t iov, uint32_t n);
/* Address and length of what is contiguous next; 0 bytes: nothing is left. */
uint32_t em_uio_next(struct em_uio *u, uint32_t *addr);
void em_uio_skip(struct em_uio *u, uint32_t n);	/* within what em_uio_next said */
void em_uio_advance(struct em_uio *u, uint32_t n);	/* any number of bytes */
/* Move N bytes to or from the program and advance. What was moved before a fault counts in u_done. Errors: -EFAULT */
int32_t em_uio_out(struct em_uio *u, const void *from, uint32_t n);
int32_t em_uio_in(struct em_uio *u, void *to, uint32_t n);
int32_t em_uio_zero(struct em_uio *u, uint32_t n);
/* What a call answers: the bytes moved, or ERR when none were. */
static inline int32_t
em_uio_result(const struct em_uio *u, int32_t err)
{
	return u->u_done > 0 ? (int32_t)u->u_done : err;
}

/* ---- Files ---- */

struct em_file;
struct em_poll;

#define EM_CLASS_SEEK	1	/* has a position */
#define EM_CLASS_SERVER	2	/* f_port answers io_stat, io_ioctl, ... */

/* A kind of file. Absent functions: reading and writing EINVAL, polling is always ready. POS is NULL for what has no position. */
struct em_class {
	const char	*c_name;
	uint32_t	c_flags;
	int32_t		(*c_read)(struct em_file *f, struct em_uio *u, int64_t *pos);
	int32_t		(*c_write)(struct em_file *f, struct em_uio *u, int64_t *pos);
	/* Which of EVENTS hold; registers with P (when there is one) for a wake-up if none does. */
	uint32_t	(*c_poll)(struct em_file *f, uint32_t events, struct em_poll *p);
	int32_t		(*c_ioctl)(struct em_file *f, uint32_t cmd, uint32_t arg);
	/* Differs from an earlier answer when something became readable since. */
	uint32_t	(*c_version)(struct em_file *f);
	/* The last reference in this address space goes. */
	void		(*c_release)(struct em_file *f);
};

/* A part of a regular file that is mapped, and its inode page (window.c). */
struct em_window {
	char		*w_addr;
	uint64_t	w_offset;
	uint32_t	w_size;
	uint32_t	w_pins;		/* copies under way */
	uint32_t	w_used;		/* a clock, to find the one not used for long */
	void		*w_info;	/* page */
	const volatile struct mx_inode *w_inode;
	bool		w_refused;	/* the server has no memory object for it */
	bool		w_is_writable;
	uint32_t	w_misses;	/* writes in a row that lay elsewhere */
	uint64_t	w_wrote_ns;	/* when it was last written to, if the server does not know; 0 */
	uint64_t	w_touch_ns;	/* when the server was last told */
	uint32_t	w_touch_seq;	/* in_seq then */
	struct mx_lease	*w_lease;	/* the file's end, when it was lent (lease.c) */
	uint32_t	w_grows;	/* writes by message that made it longer */
	uint32_t	w_lease_wait;	/* how many more before it is asked for */
};

struct em_file {
	const struct em_class *f_class;
	struct em_desc	*f_desc;
	mach_port_t	f_port;		/* io port, or MACH_PORT_NULL */
	mach_port_t	f_port2;	/* a second one, of kinds that write elsewhere than they read */
	volatile uint32_t f_refs;	/* descriptors, and calls under way */
	uint32_t	f_kind;
	bool		f_is_seekable;
	struct em_file	*f_next, *f_prev;	/* all files of the address space */
	struct mx_attr	f_attr;		/* when it was opened */
	uint64_t	f_attr_ns;	/* ... which was then; 0: too old to be believed */
	uint32_t	f_attr_changes;	/* what the process had changed by then */
	uint32_t	f_serial;	/* no two files have the same, nor one before and after em_poll_forget */
	uint32_t	f_nepolls;	/* epoll sets that have it */
	uint32_t	f_drained;	/* counts reads and writes that found less than they asked for */
	uint32_t	f_nreads;	/* reads by message so far */
	uint32_t	f_nwrites;	/* writes by message that did not make it longer */
	uint32_t	f_nstats;	/* fstats by message */
	uint32_t	f_kept;		/* what kept.c knows it by; 0: nothing, or its object is not as new any more */
	struct em_window f_window;
	struct em_ring	*f_ring;	/* of a pipe's end, an eventfd, ... (pipe.c) */
	void		*f_private;	/* of the kind: epoll set, ... */
};

extern volatile uint32_t em_file_lock;

/* A file with one reference and a fresh description. ATTR may be NULL. Errors: NULL, no memory (PORT stays the caller's). */
struct em_file *em_file_create(uint32_t kind, const struct em_class *cls, mach_port_t port, uint32_t flags,
	const struct mx_attr *attr);
/* A file with one reference for the description at DESC, which came from another task; its ports are to be set.
 * Errors: NULL, no memory or no such description. */
struct em_file *em_file_adopt(uint32_t kind, const struct em_class *cls, uint32_t desc, const struct mx_attr *attr);
uint32_t em_file_serial(void);
void em_file_hold(struct em_file *f);
void em_file_release(struct em_file *f);

/* Access mode and flags of the description. */
static inline uint32_t
em_file_flags(const struct em_file *f)
{
	return f->f_desc->d_flags;
}
static inline bool
em_file_is_readable(const struct em_file *f)
{
	return (f->f_desc->d_flags & (MX_O_ACCMODE | MX_O_PATH)) != MX_O_WRONLY && !(f->f_desc->d_flags & MX_O_PATH);
}
static inline bool
em_file_is_writable(const struct em_file *f)
{
	return (f->f_desc->d_flags & MX_O_ACCMODE) != MX_O_RDONLY && !(f->f_desc->d_flags & MX_O_PATH);
}

/* The description's lock: survives the death of its owner. Blocks: until the other process is through with its call. */
void em_desc_lock(struct em_desc *d);
void em_desc_unlock(struct em_desc *d);
/* A lock in shared memory whose value is the owner's pid (also of pipes). */
void em_shared_lock(volatile uint32_t *word);
void em_shared_unlock(volatile uint32_t *word);

/* ---- Description pages (desc.c); em_file_lock is held ---- */
struct em_desc *em_desc_alloc(void);
void em_desc_free(struct em_desc *d);
void em_desc_freeze(void);
/* The first page behind the one at ADDR (0: of all) that is mapped; 0: none. */
uint32_t em_desc_page_next(uint32_t addr);
/* Pages, which this task inherited, and descriptions that another made and this one goes on with (carry.c). Errors: NULL, there can
 * be none. */
void em_desc_page_adopt(uint32_t addr);
struct em_desc *em_desc_adopt(uint32_t addr);
/* May another process hold D? (No lock.) */
bool em_desc_is_shared(const struct em_desc *d);

/* ---- Descriptors (fd.c) ---- */

/* The file behind FD, held. Errors: NULL, bad descriptor. */
struct em_file *em_fd_get(int32_t fd);
/* The same, not opened with O_PATH. */
struct em_file *em_fd_get_io(int32_t fd);
/* A descriptor not below MINFD for F (its reference goes to the table; on error it stays). Errors: -EMFILE, -ENOMEM */
int32_t em_fd_install(struct em_file *f, uint32_t fdflags, int32_t minfd);
/* F as FD in a table where that is free, with a reference of its own; nothing when that cannot be. */
void em_fd_place(struct em_file *f, uint32_t fd, uint32_t fdflags);
/* Is there room for one more? 0 or -EMFILE. */
int32_t em_fd_room(void);
/* FD_CLOEXEC of FD: SET tells whether FLAGS are new. Errors: -EBADF */
int32_t em_fd_flags(int32_t fd, bool set, uint32_t flags);
/* A second descriptor for OLDFD, not below MINFD. Errors: -EBADF, -EMFILE, -EINVAL (MINFD beyond the limit) */
int32_t em_fd_dup(int32_t oldfd, int32_t minfd, uint32_t fdflags);
#define EM_FD_CLOEXEC	1u
static inline uint32_t
em_fd_cloexec(uint32_t open_flags)
{
	return open_flags & MX_O_CLOEXEC ? EM_FD_CLOEXEC : 0;
}

/* ---- Locks (lock.c) ---- */
/* A descriptor of F was closed: the process's POSIX locks on the file go. */
void em_lock_closed(struct em_file *f);
void em_lock_forked(void);
/* Has the process POSIX locks? It may have them on any file (after its change of task). */
bool em_lock_any(void);
void em_lock_assume(void);
int32_t em_lock_fcntl(struct em_file *f, uint32_t cmd, uint32_t arg);

/* ---- Pipes (pipe.c) ---- */
/* One mapping of a ring, shared by the files of this address space that use it. */
struct em_ring {
	struct mx_ring	*r_ring;
	uint32_t	r_refs;
};
/* Map MEMORY. Rights: MEMORY is released. Errors: NULL */
struct em_ring *em_ring_map(mach_port_t memory);
void em_ring_release(struct em_ring *r);
/* A file for the end IO of a FIFO. Rights: IO is the file's on success. Errors: -errno */
int32_t em_pipe_open_fifo(mach_port_t io, uint32_t flags, const struct mx_attr *attr, struct em_file **out);
/* Map F's ring. Errors: -errno */
int32_t em_pipe_load(struct em_file *f);
/* What files of these kinds have beside a port and a description, in eight words, for another task; nothing for other kinds. */
void em_event_save(const struct em_file *f, uint32_t *word);
void em_event_load(struct em_file *f, const uint32_t *word);
void em_socket_save(const struct em_file *f, uint32_t *word);
int32_t em_socket_load(struct em_file *f, const uint32_t *word);	/* Errors: -errno */
const struct em_class *em_event_class(uint32_t kind);		/* NULL: not one of these */
const struct em_class *em_socket_class(uint32_t kind);
/* F_SETPIPE_SZ, F_GETPIPE_SZ */
int32_t em_pipe_size(struct em_file *f, bool set, uint32_t size);

/* ---- The address space above the program (space.c) ---- */
extern mach_port_t em_task;
/* Copy memory that may fault, wherever it lies. 0 or -EFAULT. */
int32_t em_touch_copy(void *to, const void *from, size_t n);
/* Room of SIZE bytes for a window; NULL. em_file_lock is held. */
void *em_space_alloc(uint32_t size);
void em_space_free(void *addr, uint32_t size);
/* Map OBJECT (MACH_PORT_NULL: zeroes) shared and inherited as shared. Rights: OBJECT stays the caller's. 0 or -errno. */
int32_t em_space_map(void *addr, uint32_t size, mach_port_t object, uint64_t offset, int prot);
void em_space_unmap(void *addr, uint32_t size);
void em_port_release(mach_port_t port);		/* one reference of a right */
int32_t em_port_give(mach_port_t task, mach_port_t port);	/* a send right for TASK under the same name */
void em_pause(void);				/* let others run for a moment, not interruptible */

/* ---- Windows (window.c) ---- */
/* Read through the window: bytes, 0 at the end of the file, -EFAULT, -EIO; -ENODEV: this file has none. */
int32_t em_window_read(struct em_file *f, struct em_uio *u, uint64_t pos);
/* Write the next bytes of U at POS through the window: bytes, -EFAULT; -ENODEV: by message. */
int32_t em_window_write(struct em_file *f, struct em_uio *u, uint64_t pos);
/* Tell the server of writes through the window that it does not know of. */
void em_window_flush(struct em_file *f);
/* Is reading N bytes at POS by message the better way? */
bool em_window_is_wanted(const struct em_file *f, uint64_t pos, uint32_t n);
/* The current size if the inode page is mapped. */
bool em_window_size(const struct em_file *f, uint64_t *size);
/* The current attributes if the inode page is mapped. */
bool em_window_attr(const struct em_file *f, struct mx_attr *attr);
/* Map the inode page, if the file has one. */
void em_window_inode(struct em_file *f);
void em_window_release(struct em_file *f);
/* The file whose unpinned window was not used for longest; NULL. Locks: em_file_lock */
struct em_file *em_window_oldest(void);

/* F was written to behind its end. */
void em_window_appended(struct em_file *f);

/* ---- The end of a file that was lent (lease.c) ---- */
/* Append the next bytes of U, which come at *POS: bytes (*POS is behind them then), -EFAULT; -ENODEV: by message. */
int32_t em_lease_write(struct em_file *f, struct em_uio *u, int64_t *pos);
/* The size of the file, if its end was lent to this description. */
bool em_lease_size(const struct em_file *f, uint64_t *size);
void em_lease_release(struct em_window *w);

/* ---- Classes ---- */
extern const struct em_class em_class_file, em_class_stream, em_class_tty, em_class_dir, em_class_null, em_class_zero,
	em_class_full, em_class_random, em_class_path, em_class_pipe;
const struct em_class *em_class_of(uint32_t kind);

/* read and write of any file. POS NULL: the description's own position. */
int32_t em_file_read(struct em_file *f, struct em_uio *u, int64_t *pos);
int32_t em_file_write(struct em_file *f, struct em_uio *u, int64_t *pos);
/* Attributes now. */
int32_t em_file_stat(struct em_file *f, struct mx_attr *attr);
void em_file_stat_fresh(struct em_file *f);	/* f_attr is true now */
/* MX_IO_* as the descriptor's flags want it. */
uint32_t em_file_io_flags(const struct em_file *f);
/* This process changed some file: attributes that came with an open are not believed any more. */
void em_file_changed(void);
uint32_t em_file_changes(void);		/* how often */
/* The terminal says that this is a background process. 0: do it anyway (the signal is blocked or ignored and WRITING); -EIO;
 * EM_RESTARTSYS: the group got SIGTTIN or SIGTTOU. */
int32_t em_tty_background(bool writing);

/* ---- Pipes that need no ring yet (pipe.c) ---- */

/* F, if it is the end of a pipe, gets its ring and its right; before anything that needs one. Errors: -errno.  Blocks: asks vfs */
int32_t em_pipe_ready(struct em_file *f);
bool em_pipe_is_ready(const struct em_file *f);

/* ---- Answers that are kept (kept.c): of the paths of em_path_get ---- */

struct em_path;
/* What stat with FLAGS (MX_AT_SYMLINK_NOFOLLOW) says of P, if vfs need not be asked. */
bool em_kept_attr(const struct em_path *p, uint32_t flags, struct mx_attr *attr);
/* vfs said ATTR of P for the context CTX, when em_file_changes() had been OWN. Answers what f_kept may be, 0. */
uint32_t em_kept_note(const struct em_path *p, uint32_t flags, mach_port_t ctx, uint32_t own, const struct mx_attr *attr,
	const struct mx_stamp *stamp);
/* A closed object of P, opened for reading, to be used again. Rights: the caller's. MACH_PORT_NULL: none is kept. */
mach_port_t em_kept_open(const struct em_path *p, struct mx_attr *attr, uint32_t *serial);
/* F's last reference goes. True: its right is kept. */
bool em_kept_close(struct em_file *f);
/* The process changed its context, or executes a program. */
void em_kept_forget(void);
void em_kept_forked(void);

/* ---- Disks (disk.c) ---- */

/* Is F a disk, and COUNT enough for one of these? Both do one message's worth; bytes or -errno, and 0 or -errno. */
bool em_disk_is_wanted(const struct em_file *f, uint32_t count);
int32_t em_disk_read(struct em_file *f, struct em_uio *u, int64_t pos);
int32_t em_disk_write(struct em_file *f, struct em_uio *u, int64_t *pos);
/* What was asked of F at WAS, its port then, ended with -EIO. Is F a disk whose driver has died, and open again, so that it may be asked
 * once more? Blocks: until the driver is back */
bool em_disk_again(struct em_file *f, mach_port_t was);

/* ---- Paths (path.c) ---- */

struct em_path {
	mach_port_t	p_dir;		/* MACH_PORT_NULL: the current directory */
	struct em_file	*p_file;	/* behind p_dir, held; NULL */
	uint32_t	p_flags;	/* MX_AT_EMPTY_PATH: p_dir is the object itself */
	uint32_t	p_len;
	char		p_name[MX_PATH_MAX];
};

/* Take DIRFD and the program's string PATH. With MX_AT_EMPTY_PATH in FLAGS an empty path names DIRFD itself (p_len 0).
 * Errors: -EFAULT, -ENAMETOOLONG, -ENOENT (empty), -EBADF, -ENOTDIR. em_path_done afterwards, only when 0. */
int32_t em_path_get(struct em_path *p, int32_t dirfd, uint32_t path, uint32_t flags);
void em_path_done(struct em_path *p);
/* The same for calls that follow a link at the end unless FLAGS say MX_AT_SYMLINK_NOFOLLOW: the name of an own descriptor becomes
 * that descriptor's object. */
int32_t em_path_get_object(struct em_path *p, int32_t dirfd, uint32_t path, uint32_t flags);
/* P becomes the object behind FD. Errors: -EBADF */
int32_t em_path_from_fd(struct em_path *p, int32_t fd);
/* The name of F's object as /proc/self/fd shows it: at most SIZE bytes, no NUL. The length, or -errno. */
int32_t em_path_of_file(struct em_file *f, char *name, uint32_t size);
static inline mach_port_t
em_vfs(void)
{
	return em_proc()->p_vfs;
}
/* Open a name of emulib's own (at most MX_PATH_MAX - 1 bytes). A descriptor, or -errno. */
int32_t em_open_own(const char *name, uint32_t len, uint32_t flags);
/* What follows /proc/self/ in P's path (also of its other names); NULL. */
const char *em_path_proc_self(const struct em_path *p);
/* The number N if the path is one of /dev/fd/N, /proc/self/fd/N, /dev/stdin...; -1. */
int32_t em_path_fd(const struct em_path *p);

/* A request's answer as 0 or -errno (mach_msg counts requests). */
#define EM_IO(call)	em_errno(call)
#define EM_VFS(call)	em_errno(call)
#define EM_PROC(call)	em_errno(call)

static inline uint64_t
em_u64(uint32_t lo, uint32_t hi)
{
	return (uint64_t)hi << 32 | lo;
}
static inline uint32_t
em_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}
/* What proc publishes about this process. */
static inline const volatile struct mx_sys_proc *
em_sys_proc(void)
{
	return &MX_SYS->sy_proc[em_proc()->p_slot];
}

#endif /* EMULIB_FILE_H */
