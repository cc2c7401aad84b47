/*
 * file_calls.h - the system calls that the file half answers.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EMULIB_FILE_CALLS_H
#define EMULIB_FILE_CALLS_H

#include "emulib.h"

/* fd.c */
em_handler sys_close, sys_close_range, sys_dup, sys_dup2, sys_dup3;
/* fcntl.c */
em_handler sys_fcntl, sys_fcntl64;
/* rw.c */
em_handler sys_read, sys_write, sys_readv, sys_writev, sys_pread64, sys_pwrite64, sys_preadv, sys_pwritev, sys_preadv2, sys_pwritev2,
	sys_lseek, sys_llseek;
/* fileop.c */
em_handler sys_ftruncate, sys_ftruncate64, sys_fsync, sys_fdatasync, sys_sync, sys_syncfs, sys_sync_file_range, sys_fallocate,
	sys_sendfile, sys_sendfile64, sys_copy_file_range, sys_readahead, sys_fadvise64, sys_fadvise64_64;
/* open.c */
em_handler sys_open, sys_openat, sys_openat2, sys_creat, sys_memfd_create;
/* names.c */
em_handler sys_access, sys_faccessat, sys_faccessat2, sys_readlink, sys_readlinkat, sys_mkdir, sys_mkdirat, sys_mknod, sys_mknodat,
	sys_symlink, sys_symlinkat, sys_link, sys_linkat, sys_rename, sys_renameat, sys_renameat2, sys_unlink, sys_unlinkat, sys_rmdir,
	sys_chmod, sys_fchmod, sys_fchmodat, sys_fchmodat2, sys_chown, sys_lchown, sys_fchown, sys_chown32, sys_lchown32, sys_fchown32,
	sys_fchownat, sys_utime, sys_utimes, sys_futimesat, sys_utimensat, sys_utimensat_time64, sys_truncate, sys_truncate64,
	sys_chdir, sys_fchdir, sys_chroot, sys_getcwd, sys_umask, sys_mount, sys_umount, sys_umount2,
	sys_swapon, sys_swapoff;
/* stat.c */
em_handler sys_oldstat, sys_oldlstat, sys_oldfstat, sys_stat, sys_lstat, sys_fstat, sys_stat64, sys_lstat64, sys_fstat64, sys_fstatat64,
	sys_statx, sys_statfs, sys_fstatfs, sys_statfs64, sys_fstatfs64;
/* lock.c */
em_handler sys_flock;
/* poll.c */
em_handler sys_poll, sys_ppoll, sys_ppoll_time64, sys_select, sys_newselect, sys_pselect6, sys_pselect6_time64;
/* epoll.c */
em_handler sys_epoll_create, sys_epoll_create1, sys_epoll_ctl, sys_epoll_wait, sys_epoll_pwait, sys_epoll_pwait2;
/* event.c */
em_handler sys_eventfd, sys_eventfd2, sys_timerfd_create, sys_timerfd_settime, sys_timerfd_settime64, sys_timerfd_gettime,
	sys_timerfd_gettime64, sys_signalfd, sys_signalfd4;
/* ioctl.c */
em_handler sys_ioctl;
/* pipe.c */
em_handler sys_pipe, sys_pipe2;
/* socket.c */
em_handler sys_socketcall, sys_socket, sys_socketpair, sys_bind, sys_connect, sys_listen, sys_accept4, sys_getsockopt, sys_setsockopt,
	sys_getsockname, sys_getpeername, sys_sendto, sys_sendmsg, sys_recvfrom, sys_recvmsg, sys_shutdown;
/* xattr.c */
em_handler sys_setxattr, sys_lsetxattr, sys_fsetxattr, sys_getxattr, sys_lgetxattr, sys_fgetxattr, sys_listxattr, sys_llistxattr,
	sys_flistxattr, sys_removexattr, sys_lremovexattr, sys_fremovexattr;
/* dir.c */
em_handler sys_getdents, sys_getdents64, sys_readdir;

#endif /* EMULIB_FILE_CALLS_H */
