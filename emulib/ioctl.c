/*
 * ioctl.c - ioctl, and the job control of terminals.
 *
 * Nearly all ioctls of real programs ask whether something is a terminal and are told no: that is answered here. A terminal's go to its
 * server with the argument's bytes, whose number the request's number says, or a table for the old ones. The controlling terminal is proc's.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "poll.h"
#include "io.h"
#include "proc.h"

#define TIOCSCTTY	0x540eu
#define TIOCSPGRP	0x5410u
#define FIONREAD	0x541bu
#define FIONBIO		0x5421u
#define TIOCNOTTY	0x5422u
#define TIOCGPTN	0x80045430u
#define TIOCSIG		0x40045436u	/* its argument is the number itself, whatever its own number says */
#define TIOCGPTPEER	0x5441u
#define BLKGETSIZE64	0x80041272u	/* its number says 4 bytes, where a size_t has 4; it is 8 everywhere */
#define FIONCLEX	0x5450u
#define FIOCLEX		0x5451u
#define FIOASYNC	0x5452u
#define FIGETBSZ	2u
#define FICLONE		0x40049409u
#define FICLONERANGE	0x4020940du
#define FS_IOC_FIEMAP	0xc020660bu

/* An encoded request: bytes of the argument, and which way they go. */
#define IOC_IN		0x40000000u
#define IOC_OUT		0x80000000u
#define IOC_SIZE(cmd)	((cmd) >> 16 & 0x3fff)
#define IOC_TYPE(cmd)	((cmd) >> 8 & 0xff)

/* ---- Background processes ---- */

static const volatile struct mx_sys_proc *
tty_find_process(int32_t pid)
{
	for (uint32_t i = 0; i < MX_PROC_SLOTS; i++)
		if (MX_SYS->sy_proc[i].sp_pid == pid)
			return &MX_SYS->sy_proc[i];
	return NULL;
}

/* Is there nobody outside the caller's process group, but in its session, who could continue it? */
static bool
tty_group_is_orphaned(void)
{
	const volatile struct mx_sys_proc *me = em_sys_proc(), *parent;

	for (uint32_t i = 0; i < MX_PROC_SLOTS; i++) {
		const volatile struct mx_sys_proc *sp = &MX_SYS->sy_proc[i];

		if (sp->sp_pid == 0 || sp->sp_pgrp != me->sp_pgrp || sp->sp_ppid == 1)
			continue;
		parent = tty_find_process(sp->sp_ppid);
		if (parent != NULL && parent->sp_pgrp != me->sp_pgrp && parent->sp_sid == me->sp_sid)
			return false;
	}
	return true;
}

static bool
tty_signal_is_off(int signo)
{
	return em_self()->t_mask >> (signo - 1) & 1 || em_proc()->p_action[signo - 1].sa_handler == 1;
}

int32_t
em_tty_background(bool writing)
{
	int signo = writing ? MX_SIGTTOU : MX_SIGTTIN;

	if (tty_signal_is_off(signo))
		return writing ? 0 : EM_E(EIO);
	if (tty_group_is_orphaned())
		return EM_E(EIO);
	return em_signal_group(signo) < 0 ? EM_E(EIO) : EM_RESTARTSYS;
}

/* ---- The argument ---- */

struct ioctl_shape { uint16_t cmd; uint8_t in, out; };

/* Requests from before their numbers told the size. What is not here has no argument in memory. */
static const struct ioctl_shape ioctl_shapes[] = {
	{ 0x5401, 0, 36 }, { 0x5402, 36, 0 }, { 0x5403, 36, 0 }, { 0x5404, 36, 0 },	/* TCGETS, TCSETS... */
	{ 0x5405, 0, 18 }, { 0x5406, 18, 0 }, { 0x5407, 18, 0 }, { 0x5408, 18, 0 },	/* TCGETA, TCSETA... */
	{ 0x540f, 0, 4 }, { 0x5411, 0, 4 }, { 0x5412, 1, 0 }, { 0x5413, 0, 8 }, { 0x5414, 8, 0 },
	{ 0x5415, 0, 4 }, { 0x5416, 4, 0 }, { 0x5417, 4, 0 }, { 0x5418, 4, 0 }, { 0x5419, 0, 4 }, { 0x541a, 4, 0 },
	{ 0x541b, 0, 4 }, { 0x541c, 1, 0 }, { 0x541e, 0, 60 }, { 0x5420, 4, 0 }, { 0x5423, 4, 0 }, { 0x5424, 0, 4 },
	{ 0x5429, 0, 4 },
	/* Disks: HDIO_GETGEO, BLKROGET, BLKGETSIZE, BLKRAGET, BLKSECTGET, BLKSSZGET, BLKDISCARD, ... */
	{ 0x0301, 0, 8 }, { 0x125e, 0, 4 }, { 0x1260, 0, 4 }, { 0x1263, 0, 4 }, { 0x1267, 0, 2 }, { 0x1268, 0, 4 },
	{ 0x1277, 16, 0 }, { 0x1278, 0, 4 }, { 0x1279, 0, 4 }, { 0x127a, 0, 4 }, { 0x127b, 0, 4 }, { 0x127c, 0, 4 },
	{ 0x127e, 0, 2 }, { 0x127f, 16, 0 },
};

static struct ioctl_shape
ioctl_shape_find(uint32_t cmd)
{
	for (uint32_t i = 0; i < sizeof ioctl_shapes / sizeof ioctl_shapes[0]; i++)
		if (ioctl_shapes[i].cmd == cmd)
			return ioctl_shapes[i];
	return (struct ioctl_shape){ 0 };
}

/* How many bytes go in and come back. */
static void
ioctl_sizes(uint32_t cmd, uint32_t *in, uint32_t *out)
{
	struct ioctl_shape shape = ioctl_shape_find(cmd);

	*in = shape.in;
	*out = shape.out;
	if ((cmd & IOC_IN) && cmd != TIOCSIG)
		*in = em_min(IOC_SIZE(cmd), MX_BLOB_MAX);
	if (cmd & IOC_OUT)
		*out = cmd == BLKGETSIZE64 ? 8 : em_min(IOC_SIZE(cmd), MX_BLOB_MAX);
}

/* ---- By the object's server ---- */

static int32_t
ioctl_ask(struct em_file *f, uint32_t cmd, uint32_t arg, int32_t pgrp)
{
	char in[MX_BLOB_MAX], out[MX_BLOB_MAX];
	mach_msg_type_number_t n = sizeof out;
	uint32_t insize, outsize;
	mach_port_t port = f->f_port;
	int32_t result = 0, err;
	kern_return_t kr;

	ioctl_sizes(cmd, &insize, &outsize);
	if (insize > 0 && em_copyin(in, arg, insize) < 0)
		return EM_E(EFAULT);
	kr = EM_INTERRUPTIBLE(port, tag, io_ioctl(port, tag, pgrp, cmd, arg, in, insize, out, &n, &result));
	if (kr == MX_EBACKGROUND) {
		err = em_tty_background(true);
		return err < 0 ? err : ioctl_ask(f, cmd, arg, 0);
	}
	err = em_errno(kr);
	if (err == EM_E(EIO) && em_disk_again(f, port))
		return ioctl_ask(f, cmd, arg, pgrp);
	if (err < 0)
		return err == EM_E(EINTR) ? EM_RESTARTSYS : err == EM_E(EOPNOTSUPP) ? EM_E(ENOTTY) : err;
	if (insize > 0)
		em_poll_forget(f);		/* other modes, other readiness */
	n = em_min(n, outsize);
	if (n > 0 && em_copyout(arg, out, n) < 0)
		return EM_E(EFAULT);
	return result;
}

/* ---- Controlling terminal ---- */

static int32_t
ioctl_ctty(struct em_file *f, uint32_t op, int32_t arg)
{
	mach_port_t none = MACH_PORT_NULL;

	return EM_PROC(proc_ctty(em_proc()->p_port, op, f->f_port, arg, &none));
}

static int32_t
ioctl_set_pgrp(struct em_file *f, uint32_t arg)
{
	const volatile struct mx_sys_proc *sp = em_sys_proc();
	int32_t pgrp = 0, err;

	if (em_copyin(&pgrp, arg, sizeof pgrp) < 0)
		return EM_E(EFAULT);
	if (sp->sp_tty_pgrp != 0 && sp->sp_tty_pgrp != sp->sp_pgrp) {
		err = em_tty_background(true);
		if (err < 0)
			return err;
	}
	return ioctl_ctty(f, MX_CTTY_SETPGRP, pgrp);
}

/* The slave of the pseudo-terminal whose master F is: a descriptor. */
static int32_t
ioctl_peer(struct em_file *f, uint32_t flags)
{
	char name[24] = "/dev/pts/", digits[12];
	mach_msg_type_number_t n = sizeof(uint32_t);
	uint32_t number = 0, len = 9, k = 0;
	int32_t result = 0, err;

	err = EM_IO(io_ioctl(f->f_port, 0, 0, TIOCGPTN, 0, NULL, 0, (char *)&number, &n, &result));
	if (err < 0)
		return err == EM_E(EOPNOTSUPP) ? EM_E(ENOTTY) : err;
	do
		digits[k++] = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	while (k > 0)
		name[len++] = digits[--k];
	return em_open_own(name, len, flags);
}

static int32_t
ioctl_tty(struct em_file *f, uint32_t cmd, uint32_t arg)
{
	switch (cmd) {
	case TIOCSCTTY:
		return ioctl_ctty(f, MX_CTTY_ATTACH, (int32_t)arg);
	case TIOCNOTTY:
		return ioctl_ctty(f, MX_CTTY_DETACH, 0);
	case TIOCSPGRP:
		return ioctl_set_pgrp(f, arg);
	case TIOCGPTPEER:
		return ioctl_peer(f, arg);
	default:
		return ioctl_ask(f, cmd, arg, em_sys_proc()->sp_pgrp);
	}
}

/* ---- For any file ---- */

static int32_t
ioctl_nonblock(struct em_file *f, uint32_t arg)
{
	int32_t on = 0;

	if (em_copyin(&on, arg, sizeof on) < 0)
		return EM_E(EFAULT);
	em_desc_lock(f->f_desc);
	if (on)
		f->f_desc->d_flags |= MX_O_NONBLOCK;
	else
		f->f_desc->d_flags &= ~(uint32_t)MX_O_NONBLOCK;
	em_desc_unlock(f->f_desc);
	return 0;
}

/* There are no SIGIO: only switching it off works. */
static int32_t
ioctl_async(uint32_t arg)
{
	int32_t on = 0;

	if (em_copyin(&on, arg, sizeof on) < 0)
		return EM_E(EFAULT);
	return on ? EM_E(ENOTTY) : 0;
}

static int32_t
ioctl_unread(struct em_file *f, uint32_t arg)
{
	struct mx_attr at;
	int32_t err, n;

	if (f->f_kind == MX_KIND_STREAM)
		return ioctl_ask(f, FIONREAD, arg, 0);
	if (f->f_kind != MX_KIND_FILE)
		return EM_E(ENOTTY);
	err = em_file_stat(f, &at);
	if (err < 0)
		return err;
	n = (int32_t)(at.at_size - f->f_desc->d_offset);
	return em_copyout(arg, &n, sizeof n);
}

static int32_t
ioctl_block_size(struct em_file *f, uint32_t arg)
{
	struct mx_attr at;
	int32_t err = em_file_stat(f, &at);

	if (err < 0)
		return err;
	return em_copyout(arg, &at.at_blksize, sizeof at.at_blksize);
}

static int32_t
ioctl_file(struct em_file *f, uint32_t cmd, uint32_t arg)
{
	bool is_disk = f->f_kind == MX_KIND_FILE || f->f_kind == MX_KIND_DIR;

	switch (cmd) {
	case FIGETBSZ:
		return is_disk ? ioctl_block_size(f, arg) : EM_E(ENOTTY);
	case FICLONE: case FICLONERANGE: case FS_IOC_FIEMAP:
		return is_disk ? EM_E(EOPNOTSUPP) : EM_E(ENOTTY);
	case FIONREAD:
		return ioctl_unread(f, arg);
	default:
		break;
	}
	if (IOC_TYPE(cmd) == 'T' || !(f->f_class->c_flags & EM_CLASS_SERVER))
		return EM_E(ENOTTY);
	return ioctl_ask(f, cmd, arg, 0);
}

static int32_t
ioctl_any(struct em_file *f, uint32_t fd, uint32_t cmd, uint32_t arg)
{
	switch (cmd) {
	case FIOCLEX: case FIONCLEX:
		return em_fd_flags((int32_t)fd, true, cmd == FIOCLEX ? EM_FD_CLOEXEC : 0);
	case FIONBIO:
		return ioctl_nonblock(f, arg);
	case FIOASYNC:
		return ioctl_async(arg);
	default:
		break;
	}
	if (f->f_class->c_ioctl != NULL)
		return f->f_class->c_ioctl(f, cmd, arg);
	return f->f_kind == MX_KIND_TTY ? ioctl_tty(f, cmd, arg) : ioctl_file(f, cmd, arg);
}

/* Errors: -EBADF, -ENOTTY, -EFAULT, what the server answers */
int32_t
sys_ioctl(uint32_t fd, uint32_t cmd, uint32_t arg, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_file *f = em_fd_get_io((int32_t)fd);
	int32_t result;

	(void)d, (void)e, (void)x;
	if (f == NULL)
		return EM_E(EBADF);
	result = ioctl_any(f, fd, cmd, arg);
	em_file_release(f);
	return result;
}
