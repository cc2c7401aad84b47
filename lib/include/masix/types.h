/*
 * masix/types.h - the data structures that cross interfaces.
 *
 * Numbers (errors, open flags, modes, signals) have the values that Linux/i386 gives them: an environment other than
 * linux translates in its own emulation library. Every structure is fixed-size, without padding, and a multiple of 4
 * bytes, because it travels as struct[N] of uint32_t.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_TYPES_H
#define MASIX_TYPES_H

#include <stdint.h>
#include <mach/port.h>
#include <mach/machine/vm_types.h>
#include <mach/kern_return.h>
#include <mach/message.h>

#define MX_NAME_MAX	255
#define MX_PATH_MAX	4096
#define MX_DATA_MAX	8192	/* bytes of an inline transfer; more goes out of line */
#define MX_BLOB_MAX	2048
#define MX_IDS_MAX	64
#define MX_OOL_MAX	(4u << 20)	/* bytes of one out-of-line transfer */

/* As parameters these are pointers, to const where MIG says const. */
typedef char mx_name_t[];
typedef char mx_path_t[];
typedef char mx_data_t[];
typedef char mx_blob_t[];
typedef uint32_t mx_ids_t[];
typedef mach_port_t *mx_ports_t;
typedef const mach_port_t *const_mx_ports_t;
typedef const char *const_mx_name_t;
typedef const char *const_mx_path_t;
typedef const char *const_mx_data_t;
typedef const char *const_mx_blob_t;
typedef const uint32_t *const_mx_ids_t;

/*
 * Errors. Servers return kern_return_t; a POSIX error E (Linux's number) is MX_ERR(E). Only emulib makes -errno of it.
 */
#define MX_ERR_BASE	0x4d580000
#define MX_ERR(e)	((kern_return_t)(MX_ERR_BASE | (e)))
#define MX_IS_ERR(kr)	(((uint32_t)(kr) & 0xffff0000u) == MX_ERR_BASE)
#define MX_ERRNO(kr)	((int)((uint32_t)(kr) & 0xffff))

#include <masix/errno.h>

struct mx_attr {			/* 28 words */
	uint64_t	at_ino;
	uint64_t	at_size;	/* bytes */
	uint64_t	at_blocks;	/* of 512 bytes */
	uint32_t	at_dev_major, at_dev_minor;	/* the volume */
	uint32_t	at_rdev_major, at_rdev_minor;	/* a device node's device */
	uint32_t	at_mode;	/* type and permissions, as st_mode */
	uint32_t	at_nlink;
	uint32_t	at_uid, at_gid;
	uint32_t	at_blksize;
	uint32_t	at_generation;	/* changes whenever the contents may have changed */
	int64_t		at_atime, at_mtime, at_ctime, at_btime;	/* seconds since 1970 */
	uint32_t	at_atime_ns, at_mtime_ns, at_ctime_ns, at_btime_ns;
};

/* What io_map's INFO object holds at INFO_OFFSET: kept true by the file's server, read by everybody who has the file open. */
struct mx_inode {			/* 128 bytes */
	volatile uint32_t in_seq;	/* odd: being written */
	uint32_t	in_is_lent;	/* its end is lent (io_lease): ask when it matters whether there is more */
	uint32_t	in_pad[2];
	struct mx_attr	in_attr;
};

/* What io_lease's MEMORY begins with. A borrower sets MX_LEASE_BUSY (if neither bit is set), puts bytes behind those that are used, and
 * then stores how many are used, without it. */
struct mx_lease {
	volatile uint32_t le_used;	/* bytes, and the bits */
	volatile uint32_t le_serial;	/* differs when it was lent again */
	volatile uint64_t le_base;	/* the size of the file without them */
	volatile uint32_t le_length;	/* how many there may be */
};
#define MX_LEASE_USED	0x00ffffffu
#define MX_LEASE_BUSY	0x40000000u	/* a borrower is copying */
#define MX_LEASE_BACK	0x80000000u	/* taken back */
#define MX_LEASE_DATA	64u		/* where the bytes are */
#define MX_LEASE_BYTES	65536u		/* of memory */

/* What mx_setattr.sa_valid names. *_NOW means the server's clock. */
#define MX_SET_MODE	0x001
#define MX_SET_UID	0x002
#define MX_SET_GID	0x004
#define MX_SET_SIZE	0x008
#define MX_SET_ATIME	0x010
#define MX_SET_MTIME	0x020
#define MX_SET_ATIME_NOW 0x040
#define MX_SET_MTIME_NOW 0x080

struct mx_setattr {			/* 12 words */
	uint32_t	sa_valid;	/* MX_SET_* */
	uint32_t	sa_mode;	/* permission bits only */
	uint32_t	sa_uid, sa_gid;
	uint64_t	sa_size;
	int64_t		sa_atime, sa_mtime;
	uint32_t	sa_atime_ns, sa_mtime_ns;
};

struct mx_statfs {			/* 16 words */
	uint64_t	sf_blocks, sf_bfree, sf_bavail, sf_files, sf_ffree;
	uint32_t	sf_type;	/* the magic number */
	uint32_t	sf_bsize, sf_namelen, sf_flags;
	uint32_t	sf_fsid[2];
};

/* A disk or a partition, as blk_open describes it. */
#define BLK_FUA		1u	/* blk_write: durable when it is answered */
#define BLK_RDONLY	1u	/* bi_flags */
#define BLK_DISCARDS	2u
struct mx_blk_info {			/* 12 words */
	uint64_t	bi_sectors;	/* of 512 bytes */
	uint64_t	bi_start;	/* of the partition on its disk; 0 for a disk */
	uint32_t	bi_max;		/* sectors of one request */
	uint32_t	bi_block;	/* bytes that the device writes as one */
	uint32_t	bi_flags;	/* BLK_* */
	uint32_t	bi_pad;
	char		bi_name[16];	/* "vda1" */
};

/* The data pager's numbers; pages are of 4 KiB. */
struct mx_data_info {			/* 24 words */
	uint64_t	di_kept, di_given;	/* pages that came from the kernel and went back to it, ever */
	uint64_t	di_written, di_read;	/* pages to and from swap, ever */
	uint64_t	di_swap, di_swap_left;	/* slots of all areas; free ones */
	uint32_t	di_pages;	/* in the store */
	uint32_t	di_store_kb;	/* memory that the store has */
	uint32_t	di_store_max_kb;
	uint32_t	di_zeros;	/* pages that are nothing but zeros */
	uint32_t	di_swapped;	/* pages on swap */
	uint32_t	di_objects;
	uint32_t	di_waiting;	/* pages that there is no room for */
	uint32_t	di_errors;	/* of swap's disks */
	uint32_t	di_busy;	/* requests to them that are not answered yet */
	uint32_t	di_pad[3];
};

struct mx_cred {			/* 8 words; supplementary groups travel beside it */
	uint32_t	cr_ruid, cr_euid, cr_suid, cr_fsuid;
	uint32_t	cr_rgid, cr_egid, cr_sgid, cr_fsgid;
};

struct mx_rusage {			/* 12 words */
	uint64_t	ru_utime_us, ru_stime_us;
	uint32_t	ru_maxrss_kb, ru_minflt, ru_majflt, ru_inblock, ru_oublock, ru_nvcsw, ru_nivcsw, ru_nsignals;
};

struct mx_siginfo {			/* 8 words */
	uint32_t	si_signo;
	int32_t		si_errno, si_code;
	int32_t		si_pid;		/* or timer id */
	uint32_t	si_uid;		/* or overrun */
	uint32_t	si_value;	/* sival_ptr, or si_addr, or si_status of a child */
	uint32_t	si_utime, si_stime;	/* clock ticks (100 Hz), of a child */
};

/*
 * What vfs counts in a page that every process can read: an answer about a name is as good as new while neither the names' count nor that
 * of its file has moved. Files share counts; a count that moves for another one's sake costs a question.
 */
#define MX_CHANGES_PLACES 1024u
struct mx_changes {
	uint32_t	ch_names;	/* made, moved, removed; mounts; who may search a directory */
	uint32_t	ch_nodes[MX_CHANGES_PLACES - 1];	/* attributes; 0 is not used */
};

struct mx_stamp {
	uint32_t	st_place;	/* in ch_nodes; 0: the answer is good for once */
	uint32_t	st_names, st_count;	/* what the counts were */
	uint32_t	st_spare;	/* 0 */
};

struct mx_exe {				/* a program's absolute path, terminated; "": too long, or it has none */
	char		ex_path[192];
};

typedef struct mx_exe mx_exe_t;
typedef struct mx_stamp mx_stamp_t;
typedef struct mx_attr mx_attr_t;
typedef struct mx_setattr mx_setattr_t;
typedef struct mx_statfs mx_statfs_t;
typedef struct mx_cred mx_cred_t;
typedef struct mx_rusage mx_rusage_t;
typedef struct mx_siginfo mx_siginfo_t;
typedef struct mx_blk_info mx_blk_info_t;
typedef struct mx_data_info mx_data_info_t;
typedef struct { uint32_t w[8]; } mx_seed_t;
typedef vm_offset_t mx_ool_t;
struct mx_object;			/* masix/object.h, in servers */
typedef struct mx_object *mx_object_ptr_t;

/* One entry of a directory as io_getdents and pfs_readdir give them; entries are packed, each a multiple of 8 bytes. */
struct mx_dirent {
	uint64_t	de_ino;
	uint64_t	de_cookie;	/* where the next entry begins */
	uint16_t	de_reclen;	/* bytes to the next entry */
	uint8_t		de_type;	/* DT_* */
	uint8_t		de_namelen;
	char		de_name[4];	/* de_namelen bytes and a NUL */
};
#define MX_DIRENT_NAME	20		/* offsetof(struct mx_dirent, de_name) */

/* What kind of thing vfs_open opened: how emulib treats the descriptor. */
enum mx_kind {
	MX_KIND_NONE,
	MX_KIND_FILE,		/* regular file: seekable, mappable */
	MX_KIND_DIR,
	MX_KIND_STREAM,		/* a device or pseudo-file answered by io_read and io_write, seekable if it says so */
	MX_KIND_TTY,
	MX_KIND_FIFO,		/* open it with vfs_fifo_open */
	MX_KIND_SOCKET,
	MX_KIND_NULL, MX_KIND_ZERO, MX_KIND_FULL, MX_KIND_RANDOM,	/* devices that emulib is */
	MX_KIND_CTTY,		/* /dev/tty: ask proc for the controlling terminal */
	MX_KIND_PATH,		/* opened with O_PATH */
};

/*
 * The system area: one memory object made by proc, mapped read-only at MX_SYS_BASE in every process. Read-mostly facts
 * that every process asks for all the time; the writer bumps the sequence numbers (odd: being written).
 */
#define MX_SYS_BASE	0xbf800000u
#define MX_SYS_SIZE	0x00080000u
#define MX_PROC_SLOTS	4096		/* also the largest number of processes */

struct mx_sys_clock {
	volatile uint32_t ck_seq;
	uint32_t	ck_mult;	/* ns = (tsc - ck_tsc) * ck_mult >> ck_shift, then + ck_mono_ns */
	uint32_t	ck_shift;
	uint32_t	ck_pad;
	uint64_t	ck_tsc;
	uint64_t	ck_mono_ns;	/* monotonic time at ck_tsc: nanoseconds since the kernel started */
	uint64_t	ck_real_ns;	/* add to monotonic: nanoseconds since 1970 */
	uint64_t	ck_tsc_hz;
};

struct mx_sys_proc {			/* 64 bytes; what a process may know of itself without asking */
	volatile uint32_t sp_seq;
	int32_t		sp_pid;		/* 0: free slot */
	int32_t		sp_ppid, sp_pgrp, sp_sid;
	int32_t		sp_tty_pgrp;	/* foreground group of its terminal, 0 without one */
	uint32_t	sp_ruid, sp_euid, sp_suid, sp_rgid, sp_egid, sp_sgid;
	uint32_t	sp_pad[4];
};

struct mx_sys {
	uint32_t	sy_magic;	/* MX_SYS_MAGIC */
	uint32_t	sy_version;
	struct mx_sys_clock sy_clock;
	uint32_t	sy_mem_kb;
	uint32_t	sy_ncpu;
	uint32_t	sy_swap_kb;
	char		sy_nodename[65], sy_release[65], sy_osversion[65], sy_domain[65];
	char		sy_pad[4096 - 8 - 48 - 12 - 260];
	struct mx_sys_proc sy_proc[MX_PROC_SLOTS];	/* from the second page on */
};
#define MX_SYS_MAGIC	0x5853594d
#define MX_SYS		((const volatile struct mx_sys *)MX_SYS_BASE)

/*
 * Names of the rights that every Unix process has. The creator (proc for a fresh task, the parent's emulib in fork)
 * inserts them; the others get whatever name the kernel gives.
 */
#define MX_PORT_PROC	0x101		/* send: its process object at proc */
#define MX_PORT_VFS	0x102		/* send: its file context (credentials, root, cwd) at vfs */
#define MX_PORT_SIGNAL	0x103		/* receive: exceptions of its threads and signals from proc */

#endif /* MASIX_TYPES_H */
