/*
 * masix/abi.h - numbers of the Linux/i386 interface that servers and emulib share.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_ABI_H
#define MASIX_ABI_H

#include <stdint.h>

/* File types and permissions (mode). */
#define MX_S_IFMT	0170000
#define MX_S_IFSOCK	0140000
#define MX_S_IFLNK	0120000
#define MX_S_IFREG	0100000
#define MX_S_IFBLK	0060000
#define MX_S_IFDIR	0040000
#define MX_S_IFCHR	0020000
#define MX_S_IFIFO	0010000
#define MX_S_ISUID	0004000
#define MX_S_ISGID	0002000
#define MX_S_ISVTX	0001000

/* open flags */
#define MX_O_ACCMODE	03
#define MX_O_RDONLY	0
#define MX_O_WRONLY	01
#define MX_O_RDWR	02
#define MX_O_CREAT	0100
#define MX_O_EXCL	0200
#define MX_O_NOCTTY	0400
#define MX_O_TRUNC	01000
#define MX_O_APPEND	02000
#define MX_O_NONBLOCK	04000
#define MX_O_DSYNC	010000
#define MX_O_ASYNC	020000
#define MX_O_DIRECT	040000
#define MX_O_LARGEFILE	0100000
#define MX_O_DIRECTORY	0200000
#define MX_O_NOFOLLOW	0400000
#define MX_O_NOATIME	01000000
#define MX_O_CLOEXEC	02000000
#define MX_O_SYNC	04010000
#define MX_O_PATH	010000000
#define MX_O_TMPFILE	020200000
#define MX_OPEN_EXEC	0x40000000	/* ours: open for execve */

/* *at flags */
#define MX_AT_FDCWD		(-100)
#define MX_AT_SYMLINK_NOFOLLOW	0x100
#define MX_AT_EACCESS		0x200
#define MX_AT_REMOVEDIR		0x200
#define MX_AT_SYMLINK_FOLLOW	0x400
#define MX_AT_EMPTY_PATH	0x1000

/* setxattr(2) */
#define MX_XATTR_CREATE		1u
#define MX_XATTR_REPLACE	2u
#define MX_XATTR_REMOVE		0x10000u	/* ours: removexattr(2) */

/* io_read, io_write flags */
#define MX_IO_NONBLOCK	1
#define MX_IO_APPEND	2
#define MX_IO_SYNC	4
#define MX_IO_DIRECT	8	/* io_write: on the disk when it is answered, as far as O_DIRECT promises */

/* poll events */
#define MX_POLLIN	0x0001
#define MX_POLLPRI	0x0002
#define MX_POLLOUT	0x0004
#define MX_POLLERR	0x0008
#define MX_POLLHUP	0x0010
#define MX_POLLNVAL	0x0020
#define MX_POLLRDNORM	0x0040
#define MX_POLLWRNORM	0x0100
#define MX_POLLRDHUP	0x2000

/* io_lock */
#define MX_LOCK_FLOCK	1
#define MX_LOCK_POSIX	2
#define MX_LOCK_GET	0
#define MX_LOCK_SET	1
#define MX_LOCK_WAIT	2
#define MX_F_RDLCK	0
#define MX_F_WRLCK	1
#define MX_F_UNLCK	2

/* pfs cache policy */
#define MX_CACHE_FOREVER 0
#define MX_CACHE_NONE	1
#define MX_REMOUNT_FORCE (1u << 31) /* pfs_remount: even if files are open for writing */
#define MX_UNMOUNT_SOON	2u	/* pfs_unmount: who is to notice that nobody uses it does not wait long */
#define MX_UNMOUNT_LAZY	1u	/* pfs_unmount: it ends when nobody uses it any more */

/* directory entry types are mode >> 12 */
#define MX_DT(mode)	(((mode) & MX_S_IFMT) >> 12)

/* signals */
enum {
	MX_SIGHUP = 1, MX_SIGINT, MX_SIGQUIT, MX_SIGILL, MX_SIGTRAP, MX_SIGABRT, MX_SIGBUS, MX_SIGFPE, MX_SIGKILL,
	MX_SIGUSR1, MX_SIGSEGV, MX_SIGUSR2, MX_SIGPIPE, MX_SIGALRM, MX_SIGTERM, MX_SIGSTKFLT, MX_SIGCHLD,
	MX_SIGCONT, MX_SIGSTOP, MX_SIGTSTP, MX_SIGTTIN, MX_SIGTTOU, MX_SIGURG, MX_SIGXCPU, MX_SIGXFSZ,
	MX_SIGVTALRM, MX_SIGPROF, MX_SIGWINCH, MX_SIGIO, MX_SIGPWR, MX_SIGSYS, MX_SIGRTMIN, MX_NSIG = 65
};

/* si_code */
#define MX_SI_USER	0
#define MX_SI_KERNEL	0x80
#define MX_SI_QUEUE	(-1)
#define MX_SI_TIMER	(-2)
#define MX_SI_TKILL	(-6)
#define MX_CLD_EXITED	1
#define MX_CLD_KILLED	2
#define MX_CLD_DUMPED	3
#define MX_CLD_STOPPED	5
#define MX_CLD_CONTINUED 6

/* proc_wait */
#define MX_P_ALL	0
#define MX_P_PID	1
#define MX_P_PGID	2
#define MX_WNOHANG	1
#define MX_WUNTRACED	2
#define MX_WEXITED	4
#define MX_WCONTINUED	8
#define MX_WNOWAIT	0x01000000
#define MX_WALL		0x40000000
#define MX_WCLONE	0x80000000u

/* proc_set_ignored */
#define MX_CHLD_NOWAIT	1
#define MX_CHLD_NOSTOP	2

/* proc_setcred operations */
enum { MX_SETUID = 1, MX_SETGID, MX_SETREUID, MX_SETREGID, MX_SETRESUID, MX_SETRESGID, MX_SETFSUID, MX_SETFSGID,
	MX_SETGROUPS };

/* proc_ctty operations */
enum { MX_CTTY_ATTACH = 1, MX_CTTY_DETACH, MX_CTTY_SETPGRP, MX_CTTY_OPEN };

/* proc_fork flags */
#define MX_FORK_VFORK	1
#define MX_FORK_PARENT	2	/* CLONE_PARENT */

/* proc_misc operations */
enum { MX_MISC_SETHOSTNAME = 1, MX_MISC_SETDOMAINNAME, MX_MISC_SETTIME, MX_MISC_SETCOMM, MX_MISC_PDEATHSIG,
	MX_MISC_SUBREAPER, MX_MISC_LOADAVG, MX_MISC_NPROCS,
	MX_MISC_HOLD,		/* ARG 1: keep signals for the caller until proc_exec_setid was answered, or ARG 0 */
	MX_MISC_NO_NEW_PRIVS,	/* as prctl: for ever, and for all children */
	MX_MISC_REPORT,	/* IN: struct em_public of a process that ends and has seen calls that are not implemented */
	MX_MISC_SWAPON,	/* ARG: flags of swapon(2), IN: struct mx_swap_request */
	MX_MISC_SWAPOFF,
	MX_MISC_SWAPINFO /* OUT: KB of swap, and how much of it is free */
};

struct mx_swap_request {
	uint32_t	sr_major, sr_minor;	/* of the disk */
	uint32_t	sr_length;
	char		sr_path[255];		/* for /proc/swaps */
	char		sr_pad;
};

/* resource limits */
enum { MX_RLIMIT_CPU, MX_RLIMIT_FSIZE, MX_RLIMIT_DATA, MX_RLIMIT_STACK, MX_RLIMIT_CORE, MX_RLIMIT_RSS,
	MX_RLIMIT_NPROC, MX_RLIMIT_NOFILE, MX_RLIMIT_MEMLOCK, MX_RLIMIT_AS, MX_RLIMIT_LOCKS,
	MX_RLIMIT_SIGPENDING, MX_RLIMIT_MSGQUEUE, MX_RLIMIT_NICE, MX_RLIMIT_RTPRIO, MX_RLIMIT_RTTIME, MX_RLIM_NLIMITS };
#define MX_RLIM_INFINITY	(~0ull)

/* Character devices of MASIX (others as Linux numbers them). */
#define MX_MAJOR_EXEC	240	/* minors: 0 stdin, 1 stdout, 2 stderr, 3 control */
#define MX_MAJOR_ACS	241	/* minor 0: control of ACS, 1: log */

#endif /* MASIX_ABI_H */
