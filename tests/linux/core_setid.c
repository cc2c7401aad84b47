/*
 * core_setid.c - execve of set-user-id and set-group-id programs: who runs then, and what the program keeps of the process.
 *
 * It needs root to make such programs. Each is a copy of this program, which looks at itself and says what it finds through descriptor 9.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include "core.h"

#define REPORT	9		/* the descriptor that the report is written to */
#define WHO	1000		/* who executes */

extern char **environ;

struct report {
	uid_t	u[3];
	gid_t	g[3];
	int	secure, dumpable, no_new_privs;
	int	auxv_uid, auxv_euid, auxv_gid, auxv_egid;
	int	pid, ppid, pgrp, sid;
	int	argc, umask, ngroups;
	char	arg[64], env[64], cwd[64], execfn[64];
	sigset_t mask, pending;
	int	ignored, caught, waitable;
	off_t	offset;
	int	cloexec_is_there, file_text, pipe_byte, socket_byte, event_value, timer_left, flags;
	long	alarm_left;
	int	root_file, limit;
	int	value;		/* of the signal that waited */
};

static char self[200], dir[64];

static void
copy_text(char *to, size_t n, const char *from)
{
	snprintf(to, n, "%s", from != NULL ? from : "(none)");
}

static int
byte_from(int fd)
{
	unsigned char c;

	return fcntl(fd, F_GETFD) >= 0 && read(fd, &c, 1) == 1 ? c : -1;
}

static void
look_at_files(struct report *r)
{
	uint64_t n = 0;
	struct itimerspec it;

	r->offset = lseek(20, 0, SEEK_CUR);
	r->file_text = byte_from(20);
	r->flags = fcntl(20, F_GETFL) & (O_APPEND | O_ACCMODE);
	r->cloexec_is_there = fcntl(21, F_GETFD) >= 0;
	r->pipe_byte = byte_from(22);
	r->socket_byte = byte_from(24);
	r->event_value = read(25, &n, sizeof n) == sizeof n ? (int)n : -1;
	r->timer_left = timerfd_gettime(26, &it) == 0 ? (int)it.it_value.tv_sec : -1;
	r->root_file = open("secret", O_RDONLY);
}

static void
look_at_signals(struct report *r)
{
	struct timespec now = { 0, 0 };
	struct sigaction sa;
	struct itimerval it;
	siginfo_t info = { .si_value.sival_int = -1 };
	sigset_t usr1;

	sigprocmask(SIG_BLOCK, NULL, &r->mask);
	sigpending(&r->pending);
	sigaction(SIGUSR2, NULL, &sa);
	r->ignored = sa.sa_handler == SIG_IGN;
	sigaction(SIGHUP, NULL, &sa);
	r->caught = sa.sa_handler != SIG_DFL;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGRTMIN);
	sigtimedwait(&usr1, &info, &now);
	r->value = info.si_value.sival_int;
	getitimer(ITIMER_REAL, &it);
	r->alarm_left = it.it_value.tv_sec;
	r->waitable = waitpid(-1, NULL, 0) > 0;
}

/* What the executed program does. */
static int
look(int argc, char **argv)
{
	struct report r;
	struct rlimit rl;

	memset(&r, 0, sizeof r);
	getresuid(&r.u[0], &r.u[1], &r.u[2]);
	getresgid(&r.g[0], &r.g[1], &r.g[2]);
	r.secure = (int)getauxval(AT_SECURE);
	r.auxv_uid = (int)getauxval(AT_UID);
	r.auxv_euid = (int)getauxval(AT_EUID);
	r.auxv_gid = (int)getauxval(AT_GID);
	r.auxv_egid = (int)getauxval(AT_EGID);
	r.dumpable = prctl(PR_GET_DUMPABLE);
	r.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	r.pid = getpid();
	r.ppid = getppid();
	r.pgrp = getpgrp();
	r.sid = getsid(0);
	r.argc = argc;
	r.ngroups = getgroups(0, NULL);
	copy_text(r.arg, sizeof r.arg, argc > 2 ? argv[2] : NULL);
	copy_text(r.env, sizeof r.env, getenv("CORE_SETID"));
	copy_text(r.execfn, sizeof r.execfn, (const char *)getauxval(AT_EXECFN));
	if (getcwd(r.cwd, sizeof r.cwd) == NULL)
		copy_text(r.cwd, sizeof r.cwd, NULL);
	r.umask = (int)umask(0);
	getrlimit(RLIMIT_CORE, &rl);
	r.limit = (int)rl.rlim_cur;
	look_at_files(&r);
	look_at_signals(&r);
	return write(REPORT, &r, sizeof r) == sizeof r ? 33 : 34;
}

/* ---- The tests ---- */

static void
on_signal(int sig)
{
	(void)sig;
}

/* A copy of this program called NAME with OWNER, GROUP and MODE. */
static void
make(const char *name, uid_t owner, gid_t group, int mode)
{
	static char block[65536];
	int from = open(self, O_RDONLY), to = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t n;

	while ((n = read(from, block, sizeof block)) > 0)
		if (write(to, block, (size_t)n) != n)
			printf("# cannot write %s\n", name);
	close(from);
	if (fchown(to, owner, group) < 0 || fchmod(to, (mode_t)mode) < 0)
		printf("# cannot change %s\n", name);
	close(to);
}

static int status;
static pid_t child;

/* What NAME, executed by WHO (after PREPARE), says. */
static struct report
ask(const char *name, uid_t who, void (*prepare)(void))
{
	char *argv[] = { (char *)name, "look", "an argument", NULL }, *envp[] = { "CORE_SETID=yes", NULL };
	struct report r;
	int fds[2];

	memset(&r, 0xff, sizeof r);
	pipe(fds);
	child = fork();
	if (child == 0) {
		dup2(fds[1], REPORT);
		close(fds[0]);
		close(fds[1]);
		if (who != 0 && (setgroups(0, NULL) < 0 || setresgid(who, who, who) < 0 || setresuid(who, who, who) < 0))
			_exit(40);
		if (prepare != NULL)
			prepare();
		execve(name, argv, envp);
		_exit(errno);
	}
	close(fds[1]);
	if (read(fds[0], &r, sizeof r) != sizeof r)
		printf("# no report, errno %d\n", errno);
	close(fds[0]);
	waitpid(child, &status, 0);
	return r;
}

static bool
ids_are(const struct report *r, uid_t ru, uid_t eu, uid_t su, gid_t rg, gid_t eg, gid_t sg)
{
	bool good = r->u[0] == ru && r->u[1] == eu && r->u[2] == su && r->g[0] == rg && r->g[1] == eg && r->g[2] == sg;

	if (!good)
		printf("# uids %d %d %d gids %d %d %d\n", (int)r->u[0], (int)r->u[1], (int)r->u[2], (int)r->g[0], (int)r->g[1],
			(int)r->g[2]);
	return good;
}

static void
test_identity(void)
{
	struct report r = ask("./suid", WHO, NULL);

	ok(WIFEXITED(status) && WEXITSTATUS(status) == 33, "a set-user-id program runs to its end");
	ok(ids_are(&r, WHO, 2000, 2000, WHO, WHO, WHO), "effective and saved user id are the file's owner");
	ok(r.secure == 1, "AT_SECURE is set");
	ok(r.auxv_uid == WHO && r.auxv_euid == 2000 && r.auxv_gid == WHO && r.auxv_egid == WHO, "the auxiliary vector tells the ids");
	ok(r.dumpable == 0, "it is not dumpable");
	ok(r.pid == child && r.ppid == getpid() && r.pgrp == getpgrp() && r.sid == getsid(0), "pid, parent, group, session stay");
	ok(r.argc == 3 && strcmp(r.arg, "an argument") == 0 && strcmp(r.env, "yes") == 0, "arguments and environment");
	ok(strcmp(r.execfn, "./suid") == 0 && strcmp(r.cwd, dir) == 0, "name and directory");
	r = ask("./sgid", WHO, NULL);
	ok(ids_are(&r, WHO, WHO, WHO, WHO, 3000, 3000) && r.secure == 1, "set-group-id");
	r = ask("./both", WHO, NULL);
	ok(ids_are(&r, WHO, 2000, 2000, WHO, 3000, 3000) && r.secure == 1, "both");
	r = ask("./root", WHO, NULL);
	ok(ids_are(&r, WHO, 0, 0, WHO, WHO, WHO) && r.root_file >= 0, "a program of root reads what root may");
	r = ask("./suid", WHO, NULL);
	ok(r.root_file < 0, "another user's does not");
	r = ask("./plain", WHO, NULL);
	ok(ids_are(&r, WHO, WHO, WHO, WHO, WHO, WHO) && r.secure == 0 && r.dumpable == 1, "a file without the bits changes nothing");
	r = ask("./sgid-nox", WHO, NULL);
	ok(ids_are(&r, WHO, WHO, WHO, WHO, WHO, WHO) && r.secure == 0, "set-group-id without group execution is none");
	r = ask("./suid", 2000, NULL);
	ok(ids_are(&r, 2000, 2000, 2000, 2000, 2000, 2000) && r.secure == 0, "one's own set-user-id program changes nothing");
	r = ask("./suid", 0, NULL);
	ok(r.u[0] == 0 && r.u[1] == 2000 && r.u[2] == 2000 && r.secure == 1, "root becomes the owner");
}

static void
become_half(void)
{
	if (setresuid(WHO, WHO, 2000) < 0)
		_exit(41);
}

static void
test_saved(void)
{
	struct report r = ask("./plain", 0, become_half);

	ok(r.u[0] == WHO && r.u[1] == WHO && r.u[2] == WHO, "execve makes the saved id the effective one");
}

static void
test_permission(void)
{
	(void)ask("./suid-others-not", WHO, NULL);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == EACCES, "no permission to execute it: EACCES");
	(void)ask("./suid-nothing", WHO, NULL);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == ENOEXEC, "not a program: ENOEXEC");
}

static void
no_new_privs(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void
test_no_new_privs(void)
{
	struct report r = ask("./suid", WHO, no_new_privs);

	ok(ids_are(&r, WHO, WHO, WHO, WHO, WHO, WHO) && r.no_new_privs == 1 && r.secure == 0, "PR_SET_NO_NEW_PRIVS forbids it");
}

static void
prepare_files(void)
{
	int fds[2];
	struct itimerspec it = { .it_value.tv_sec = 1000 };
	uint64_t seven = 7;

	dup2(open("text", O_RDWR | O_APPEND), 20);
	lseek(20, 3, SEEK_SET);
	dup2(20, 21);
	fcntl(21, F_SETFD, FD_CLOEXEC);
	pipe(fds);
	write(fds[1], "p", 1);
	dup2(fds[0], 22);
	dup2(fds[1], 23);
	socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
	write(fds[1], "s", 1);
	dup2(fds[0], 24);
	dup2(eventfd(0, EFD_SEMAPHORE), 25);
	write(25, &seven, sizeof seven);
	dup2(timerfd_create(CLOCK_REALTIME, 0), 26);
	timerfd_settime(26, 0, &it, NULL);
	umask(027);
}

static void
test_files(void)
{
	struct report r;
	int shared, fd = open("text", O_RDWR | O_CREAT, 0666);

	write(fd, "0123456789", 10);
	fchmod(fd, 0666);
	close(fd);
	r = ask("./suid", WHO, prepare_files);
	ok(r.offset == 3 && r.file_text == '3', "an open file keeps its position");
	ok(r.flags == (O_APPEND | O_RDWR), "and its flags");
	ok(!r.cloexec_is_there, "FD_CLOEXEC closes");
	ok(r.pipe_byte == 'p', "a pipe keeps what is in it");
	ok(r.socket_byte == 's', "a socket, too");
	ok(r.event_value == 1, "an eventfd, too");
	ok(r.timer_left > 900 && r.timer_left <= 1000, "a timerfd goes on");
	ok(r.umask == 027, "umask");

	/* The description is one with the parent's. */
	shared = open("text", O_RDONLY);
	dup2(shared, 20);
	lseek(20, 5, SEEK_SET);
	r = ask("./suid", WHO, NULL);
	ok(r.offset == 5 && lseek(shared, 0, SEEK_CUR) == 6, "reading there moves the parent's position");
	close(20);
	close(shared);
}

static void
prepare_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct itimerval it = { .it_value.tv_sec = 500 };
	struct rlimit rl = { 4096, 4096 };
	sigset_t set;

	sigaction(SIGHUP, &sa, NULL);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 4711 });
	setitimer(ITIMER_REAL, &it, NULL);
	setrlimit(RLIMIT_CORE, &rl);
	if (fork() == 0)
		_exit(0);
}

static void
test_signals(void)
{
	struct report r = ask("./suid", WHO, prepare_signals);

	ok(sigismember(&r.mask, SIGUSR1) == 1 && sigismember(&r.mask, SIGHUP) == 0, "blocked signals stay blocked");
	ok(sigismember(&r.pending, SIGUSR1) == 1 && sigismember(&r.pending, SIGRTMIN) == 1, "pending ones pending");
	ok(r.value == 4711, "with what came with them");
	ok(r.ignored == 1 && r.caught == 0, "ignored ones ignored, caught ones default");
	ok(r.alarm_left > 400, "an interval timer goes on");
	ok(r.limit == 4096, "limits stay");
	ok(r.waitable == 1, "children stay");
}

/* In a vfork child, and with other threads about. */
static void
test_spawn(void)
{
	char *argv[] = { "./root", "look", NULL };
	posix_spawn_file_actions_t fa;
	struct report r;
	int fds[2];
	pid_t pid;

	memset(&r, 0xff, sizeof r);
	pipe(fds);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, fds[1], REPORT);
	child = fork();
	if (child == 0) {
		if (setresgid(WHO, WHO, WHO) < 0 || setresuid(WHO, WHO, WHO) < 0)
			_exit(40);
		if (posix_spawn(&pid, "./root", &fa, NULL, argv, environ) != 0)
			_exit(42);
		waitpid(pid, &status, 0);
		_exit(WIFEXITED(status) && WEXITSTATUS(status) == 33 ? 0 : 43);
	}
	close(fds[1]);
	read(fds[0], &r, sizeof r);
	close(fds[0]);
	waitpid(child, &status, 0);
	ok(status == 0 && ids_are(&r, WHO, 0, 0, WHO, WHO, WHO), "posix_spawn of a set-user-id program");
}

/* Signals that come at any time are not lost on the way. */
static void
test_storm(void)
{
	struct report r;
	int fds[2], found = 0;
	char *argv[] = { "./suid", "look", NULL };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (int i = 0; i < 20; i++) {
		memset(&r, 0, sizeof r);
		pipe(fds);
		child = fork();
		if (child == 0) {
			sigprocmask(SIG_BLOCK, &set, NULL);
			dup2(fds[1], REPORT);
			close(fds[1]);
			close(fds[0]);
			setresuid(WHO, WHO, WHO);
			execv("./suid", argv);
			_exit(1);
		}
		close(fds[1]);
		usleep((useconds_t)(i * 300));
		kill(child, SIGUSR1);
		/* It may not have blocked it yet; then it is dead and says nothing. */
		if (read(fds[0], &r, sizeof r) != sizeof r || sigismember(&r.pending, SIGUSR1) == 1)
			found++;
		close(fds[0]);
		waitpid(child, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 33 && sigismember(&r.pending, SIGUSR1) != 1)
			found++;		/* it came after the look: nothing can be said */
	}
	ok(found == 20, "signals sent meanwhile kill or wait");
}

static void
test_nosuid(void)
{
	struct report r;

	mkdir("mnt", 0755);
	if (mount("none", "mnt", "tmpfs", MS_NOSUID, "mode=755") < 0) {
		ok(0, "a tmpfs can be mounted");
		return;
	}
	ok(1, "a tmpfs can be mounted");
	make("mnt/suid", 2000, 3000, 06755);
	r = ask("mnt/suid", WHO, NULL);
	ok(ids_are(&r, WHO, WHO, WHO, WHO, WHO, WHO) && r.secure == 0, "a mount with nosuid forbids it");
	umount("mnt");
}

int
main(int argc, char **argv)
{
	int fd;

	if (argc > 1 && strcmp(argv[1], "look") == 0)
		return look(argc, argv);
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		copy_text(self, sizeof self, argv[0]);
	tap_begin();
	if (getcwd(dir, sizeof dir) == NULL || chmod(".", 0755) < 0 || getuid() != 0) {
		printf("1..0 # needs root\n");
		return 1;
	}
	make("suid", 2000, 3000, 04755);
	make("sgid", 2000, 3000, 02755);
	make("both", 2000, 3000, 06755);
	make("root", 0, 0, 04755);
	make("plain", 2000, 3000, 0755);
	make("sgid-nox", 2000, 3000, 02745);
	make("suid-others-not", 2000, 3000, 04754);
	fd = open("suid-nothing", O_WRONLY | O_CREAT, 0600);
	write(fd, "nothing\n", 8);
	fchmod(fd, 04755);
	close(fd);
	fd = open("secret", O_WRONLY | O_CREAT, 0600);
	close(fd);
	test_identity();
	test_saved();
	test_permission();
	test_no_new_privs();
	test_files();
	test_signals();
	test_spawn();
	test_storm();
	test_nosuid();
	return tap_end();
}
