/*
 * core_calls.h - the system calls that the core half answers.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EMULIB_CORE_CALLS_H
#define EMULIB_CORE_CALLS_H

#include "emulib.h"

/* sigframe.c */
em_handler sys_sigreturn, sys_rt_sigreturn;
/* sigcall.c */
em_handler sys_rt_sigprocmask, sys_sigprocmask, sys_sgetmask, sys_ssetmask, sys_rt_sigpending, sys_sigpending,
	sys_rt_sigaction, sys_sigaction, sys_signal, sys_sigaltstack, sys_rt_sigsuspend, sys_sigsuspend, sys_pause,
	sys_rt_sigtimedwait, sys_rt_sigtimedwait_time64, sys_kill, sys_tgkill, sys_tkill, sys_rt_sigqueueinfo, sys_rt_tgsigqueueinfo,
	sys_restart_syscall;
/* process.c */
em_handler sys_exit_group, sys_exit, sys_wait4, sys_waitpid, sys_waitid, sys_getpid, sys_gettid, sys_getppid, sys_getpgrp,
	sys_getpgid, sys_getsid, sys_setpgid, sys_setsid;
/* ids.c */
em_handler sys_getresuid32, sys_getresgid32, sys_getresuid, sys_getresgid, sys_setfsuid32, sys_setfsgid32, sys_setfsuid,
	sys_setfsgid, sys_getgroups32, sys_getgroups, sys_setgroups32, sys_setgroups, sys_getuid, sys_geteuid, sys_getgid, sys_getegid,
	sys_getuid32, sys_geteuid32, sys_getgid32, sys_getegid32, sys_setuid32, sys_setgid32, sys_setreuid32, sys_setregid32,
	sys_setresuid32, sys_setresgid32, sys_setuid, sys_setgid, sys_setreuid, sys_setregid, sys_setresuid, sys_setresgid;
/* time.c */
em_handler sys_clock_gettime, sys_clock_gettime64, sys_clock_getres, sys_clock_getres_time64, sys_gettimeofday, sys_time,
	sys_clock_settime, sys_clock_settime64, sys_settimeofday, sys_stime, sys_nanosleep, sys_clock_nanosleep,
	sys_clock_nanosleep_time64;
/* timer.c */
em_handler sys_getitimer, sys_setitimer, sys_alarm, sys_timer_create, sys_timer_delete, sys_timer_settime, sys_timer_settime64,
	sys_timer_gettime, sys_timer_gettime64, sys_timer_getoverrun;
/* futex.c */
em_handler sys_futex, sys_futex_time64, sys_set_robust_list, sys_get_robust_list, sys_set_tid_address;
/* mm.c */
em_handler sys_brk, sys_mmap2, sys_mmap, sys_munmap, sys_mprotect, sys_madvise, sys_mincore, sys_msync, sys_mlock, sys_mlock2,
	sys_munlock, sys_mlockall, sys_munlockall, sys_mremap;
/* clone.c */
em_handler sys_clone, sys_clone3, sys_fork, sys_vfork;
/* exec.c */
em_handler sys_execve, sys_execveat;
/* random.c */
em_handler sys_getrandom;
/* misc.c */
em_handler sys_uname, sys_olduname, sys_oldolduname, sys_sethostname, sys_setdomainname, sys_sysinfo, sys_getrusage, sys_times,
	sys_ugetrlimit, sys_getrlimit, sys_setrlimit, sys_prlimit64, sys_prctl, sys_personality, sys_capget, sys_capset,
	sys_sched_yield, sys_sched_getaffinity, sys_sched_setaffinity, sys_sched_getscheduler, sys_sched_setscheduler,
	sys_sched_getparam, sys_sched_setparam, sys_sched_get_priority_max, sys_sched_get_priority_min, sys_sched_rr_get_interval,
	sys_sched_rr_get_interval_time64, sys_getcpu, sys_getpriority, sys_setpriority, sys_nice, sys_set_thread_area,
	sys_get_thread_area;

#endif /* EMULIB_CORE_CALLS_H */
