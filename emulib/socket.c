/*
 * socket.c - sockets: pairs of connected local ones over rings; of the others, only that they are not there.
 *
 * A connected local socket is two rings, one for each way (pipe.c); packets are records in them. There is no name service for
 * listening sockets yet and no network: a socket can be made and told to connect, and gets the error that Linux gives when
 * nobody listens. C libraries use socketcall, musl falls back to it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ring.h"
#include "vfs.h"
#include "io.h"

#define AF_UNIX		1u
#define SOCK_STREAM	1u
#define SOCK_DGRAM	2u
#define SOCK_SEQPACKET	5u
#define SOCK_TYPE	0xfu
#define SOCK_FLAGS	(MX_O_CLOEXEC | MX_O_NONBLOCK)

#define MSG_PEEK	0x2u
#define MSG_TRUNC	0x20u
#define MSG_DONTWAIT	0x40u
#define MSG_EOR		0x80u
#define MSG_WAITALL	0x100u
#define MSG_NOSIGNAL	0x4000u
#define MSG_CMSG_CLOEXEC 0x40000000u
#define MSG_SEND	(MSG_DONTWAIT | MSG_EOR | MSG_NOSIGNAL)
#define MSG_RECV	(MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL | MSG_CMSG_CLOEXEC)

#define SOL_SOCKET	1u
enum { SO_REUSEADDR = 2, SO_TYPE, SO_ERROR, SO_SNDBUF = 7, SO_RCVBUF, SO_KEEPALIVE, SO_PEERCRED = 17, SO_ACCEPTCONN = 30, SO_PROTOCOL = 38,
	SO_DOMAIN };

#define ADDRESS_MAX	110u		/* struct sockaddr_un */

struct em_socket {
	uint32_t	so_type;
	struct em_ring	*so_out;	/* written through f_port2; f_ring is what is read; both NULL: not connected */
	uint32_t	so_peer[3];	/* pid, uid, gid of who made the pair */
	uint16_t	so_name_len;
	char		so_name[ADDRESS_MAX];
};

struct linux_msghdr { uint32_t name, namelen, iov, iovlen, control, controllen, flags; };

static struct em_socket *
socket_of(const struct em_file *f)
{
	return f->f_private;
}

static bool
socket_is_connected(const struct em_file *f)
{
	return f->f_ring != NULL;
}

static uint32_t
socket_how(const struct em_file *f, uint32_t flags)
{
	return (em_file_flags(f) & MX_O_NONBLOCK || flags & MSG_DONTWAIT ? EM_RING_NONBLOCK : 0) |
	    (flags & MSG_PEEK ? EM_RING_PEEK : 0) | (socket_of(f)->so_type != SOCK_STREAM ? EM_RING_RECORDS : 0);
}

/* ---- Moving data ---- */

/* *LENGTH is the packet's, also when less was taken. */
static int32_t
socket_receive(struct em_file *f, struct em_uio *u, uint32_t flags, uint32_t *length)
{
	uint32_t asked = u->u_left;
	int32_t n;

	*length = 0;
	if (!socket_is_connected(f))
		return socket_of(f)->so_type == SOCK_DGRAM ? EM_E(EAGAIN) : socket_of(f)->so_type == SOCK_STREAM ? EM_E(EINVAL) :
		    EM_E(ENOTCONN);
	do
		n = em_ring_read(f->f_ring->r_ring, f->f_port, u, socket_how(f, flags), length);
	while (n > 0 && flags & MSG_WAITALL && !(flags & (MSG_PEEK | MSG_DONTWAIT)) && u->u_done < asked &&
	    socket_of(f)->so_type == SOCK_STREAM);
	return em_uio_result(u, n);
}

static int32_t
socket_send(struct em_file *f, struct em_uio *u, uint32_t flags)
{
	int32_t n;

	if (!socket_is_connected(f))
		return EM_E(ENOTCONN);
	n = em_ring_write(socket_of(f)->so_out->r_ring, f->f_port2, u, socket_how(f, flags));
	if (n == EM_E(EPIPE) && !(flags & MSG_NOSIGNAL) && socket_of(f)->so_type != SOCK_DGRAM)
		(void)em_signal_self(MX_SIGPIPE, MX_SI_USER, 0);
	return n;
}

static int32_t
socket_read(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	uint32_t length;

	(void)pos;
	return socket_receive(f, u, 0, &length);
}

static int32_t
socket_write(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	(void)pos;
	return socket_send(f, u, 0);
}

static uint32_t
socket_events(const struct em_file *f)
{
	const struct mx_ring *in = f->f_ring->r_ring, *out = socket_of(f)->so_out->r_ring;
	bool no_more = em_ring_has_ended(in), no_peer = em_ring_has_ended(out);

	return (em_ring_filled(in) > 0 || no_more ? EM_POLL_READ : 0) | (no_more ? MX_POLLRDHUP : 0) |
	    (no_more && no_peer ? MX_POLLHUP : 0) | (em_ring_has_room(out) || no_peer ? EM_POLL_WRITE : 0);
}

/* The servers of both ends tell when the rings change. */
static uint32_t
socket_poll(struct em_file *f, uint32_t events, struct em_poll *p)
{
	uint32_t now;

	if (!socket_is_connected(f))
		return MX_POLLHUP | (events & EM_POLL_WRITE);
	now = socket_events(f) & (events | EM_POLL_ALWAYS);
	if (now != 0 || p == NULL)
		return now;
	(void)em_poll_server(f, f->f_port, EM_POLL_READ, p, true);
	if (events & EM_POLL_WRITE)
		(void)em_poll_server(f, f->f_port2, EM_POLL_WRITE, p, true);
	return socket_events(f) & (events | EM_POLL_ALWAYS);
}

static uint32_t
socket_version(struct em_file *f)
{
	return socket_is_connected(f) ? f->f_ring->r_ring->rg_tail : 0;
}

#define FIONREAD	0x541bu

static int32_t
socket_ioctl(struct em_file *f, uint32_t cmd, uint32_t arg)
{
	uint32_t n;

	if (cmd != FIONREAD)
		return EM_E(ENOTTY);
	n = socket_is_connected(f) ? em_min(em_ring_filled(f->f_ring->r_ring), MX_RING_BYTES) : 0;
	return em_copyout(arg, &n, sizeof n);
}

static void
socket_release(struct em_file *f)
{
	struct em_socket *so = socket_of(f);

	if (so == NULL)
		return;
	if (so->so_out != NULL)
		em_ring_release(so->so_out);
	if (f->f_ring != NULL)
		em_ring_release(f->f_ring);
	em_free(so, sizeof *so);
}

static const struct em_class socket_class = {
	.c_name = "socket", .c_read = socket_read, .c_write = socket_write, .c_poll = socket_poll, .c_ioctl = socket_ioctl,
	.c_version = socket_version, .c_release = socket_release,
};

/* ---- Making ---- */

/* Is DOMAIN, TYPE (with flags), PROTOCOL something we make? */
static int32_t
socket_check(uint32_t domain, uint32_t type, uint32_t protocol)
{
	uint32_t kind = type & SOCK_TYPE;

	if (type & ~(SOCK_TYPE | SOCK_FLAGS))
		return EM_E(EINVAL);
	if (domain != AF_UNIX)
		return EM_E(EAFNOSUPPORT);
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_SEQPACKET)
		return EM_E(ESOCKTNOSUPPORT);
	return protocol > 1 ? EM_E(EPROTONOSUPPORT) : 0;
}

static struct em_file *
socket_create(uint32_t type)
{
	static uint64_t next_ino = 1;
	const volatile struct mx_sys_proc *sp = em_sys_proc();
	struct mx_attr at = { .at_mode = MX_S_IFSOCK | 0777, .at_nlink = 1, .at_blksize = 4096, .at_uid = sp->sp_euid, .at_gid = sp->sp_egid };
	struct em_socket *so = em_alloc(sizeof *so);
	struct em_file *f;

	if (so == NULL)
		return NULL;
	at.at_ino = (uint64_t)em_proc()->p_pid << 32 | __atomic_add_fetch(&next_ino, 1, __ATOMIC_RELAXED);
	f = em_file_create(EM_KIND_SOCKET, &socket_class, MACH_PORT_NULL, MX_O_RDWR | (type & MX_O_NONBLOCK), &at);
	if (f == NULL) {
		em_free(so, sizeof *so);
		return NULL;
	}
	so->so_type = type & SOCK_TYPE;
	so->so_peer[0] = (uint32_t)em_proc()->p_pid;
	so->so_peer[1] = sp->sp_euid;
	so->so_peer[2] = sp->sp_egid;
	f->f_private = so;
	return f;
}

/* ---- In another task (carry.c) ---- */

const struct em_class *
em_socket_class(uint32_t kind)
{
	return kind == EM_KIND_SOCKET ? &socket_class : NULL;
}

void
em_socket_save(const struct em_file *f, uint32_t *word)
{
	const struct em_socket *so = f->f_kind == EM_KIND_SOCKET ? socket_of(f) : NULL;

	if (so == NULL)
		return;
	word[0] = so->so_type;
	for (uint32_t i = 0; i < 3; i++)
		word[1 + i] = so->so_peer[i];
	word[4] = socket_is_connected(f);
}

int32_t
em_socket_load(struct em_file *f, const uint32_t *word)
{
	struct em_socket *so = em_alloc(sizeof *so);
	int32_t err = 0;

	if (so == NULL)
		return EM_E(ENOMEM);
	f->f_private = so;
	so->so_type = word[0];
	for (uint32_t i = 0; i < 3; i++)
		so->so_peer[i] = word[1 + i];
	if (word[4] != 0)
		err = em_ring_of(f->f_port, &f->f_ring);
	if (err == 0 && word[4] != 0)
		err = em_ring_of(f->f_port2, &so->so_out);
	return err;
}

int32_t
sys_socket(uint32_t domain, uint32_t type, uint32_t protocol, uint32_t d, uint32_t e, uint32_t x)
{
	int32_t fd = socket_check(domain, type, protocol);
	struct em_file *f;

	(void)d, (void)e, (void)x;
	if (fd < 0)
		return fd;
	f = socket_create(type);
	if (f == NULL)
		return EM_E(ENOMEM);
	fd = em_fd_install(f, em_fd_cloexec(type), 0);
	if (fd < 0)
		em_file_release(f);
	return fd;
}

/* Connect A's output to B's input. */
static int32_t
socket_join(struct em_file *a, struct em_file *b)
{
	mach_port_t reader = MACH_PORT_NULL, writer = MACH_PORT_NULL;
	struct em_ring *r = NULL;
	int32_t err = em_ring_make(&r, &reader, &writer);

	if (err < 0)
		return err;
	r->r_refs++;
	socket_of(a)->so_out = r;
	a->f_port2 = writer;
	b->f_ring = r;
	b->f_port = reader;
	return 0;
}

static int32_t
socket_pair_install(struct em_file *f[2], uint32_t flags, uint32_t out)
{
	int32_t fd[2];

	for (int i = 0; i < 2; i++) {
		fd[i] = em_fd_install(f[i], em_fd_cloexec(flags), 0);
		if (fd[i] < 0) {
			em_file_release(f[1]);
			if (i == 0)
				em_file_release(f[0]);
			else
				(void)sys_close((uint32_t)fd[0], 0, 0, 0, 0, 0);
			return fd[i];
		}
	}
	if (em_copyout(out, fd, sizeof fd) == 0)
		return 0;
	for (int i = 0; i < 2; i++)
		(void)sys_close((uint32_t)fd[i], 0, 0, 0, 0, 0);
	return EM_E(EFAULT);
}

int32_t
sys_socketpair(uint32_t domain, uint32_t type, uint32_t protocol, uint32_t out, uint32_t e, uint32_t x)
{
	struct em_file *f[2] = { NULL, NULL };
	int32_t err = socket_check(domain, type, protocol);

	(void)e, (void)x;
	if (err < 0)
		return err == EM_E(EAFNOSUPPORT) ? EM_E(EOPNOTSUPP) : err;
	f[0] = socket_create(type);
	f[1] = socket_create(type);
	err = f[0] == NULL || f[1] == NULL ? EM_E(ENOMEM) : socket_join(f[0], f[1]);
	if (err == 0)
		err = socket_join(f[1], f[0]);
	if (err == 0)
		return socket_pair_install(f, type, out);
	for (int i = 0; i < 2; i++)
		if (f[i] != NULL)
			em_file_release(f[i]);
	return err;
}

/* ---- Calls on one socket ---- */

static int32_t
socket_get(uint32_t fd, struct em_file **out)
{
	struct em_file *f = em_fd_get_io((int32_t)fd);

	if (f == NULL)
		return EM_E(EBADF);
	if (f->f_class != &socket_class) {
		em_file_release(f);
		return EM_E(ENOTSOCK);
	}
	*out = f;
	return 0;
}

/* A local address: its path, with the length in *LEN (0: abstract or none). */
static int32_t
socket_address(uint32_t addr, uint32_t len, char path[ADDRESS_MAX], uint32_t *pathlen)
{
	struct { uint16_t family; char path[ADDRESS_MAX - 2]; } sa;

	if (len > sizeof sa || len < sizeof sa.family)
		return EM_E(EINVAL);
	if (em_copyin(&sa, addr, len) < 0)
		return EM_E(EFAULT);
	if (sa.family != AF_UNIX)
		return EM_E(EINVAL);
	*pathlen = 0;
	while (*pathlen < len - 2 && sa.path[*pathlen] != '\0') {
		path[*pathlen] = sa.path[*pathlen];
		++*pathlen;
	}
	return 0;
}

/* Nobody listens on this system: what is left to say is why not. */
static int32_t
socket_connect(struct em_file *f, uint32_t addr, uint32_t len)
{
	char path[ADDRESS_MAX];
	struct mx_attr at;
	mx_stamp_t stamp;
	uint32_t n = 0;
	int32_t err = socket_address(addr, len, path, &n);

	if (err < 0)
		return err;
	if (socket_is_connected(f))
		return EM_E(EISCONN);
	if (n == 0)
		return EM_E(ECONNREFUSED);
	err = EM_VFS(vfs_stat(em_vfs(), em_proc()->p_pid, MACH_PORT_NULL, path, n, 0, &at, &stamp));
	return err < 0 ? err : EM_E(ECONNREFUSED);
}

int32_t
sys_connect(uint32_t fd, uint32_t addr, uint32_t len, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_file *f;
	int32_t err = socket_get(fd, &f);

	(void)d, (void)e, (void)x;
	if (err < 0)
		return err;
	err = socket_connect(f, addr, len);
	em_file_release(f);
	return err;
}

/* The name is made in the file system, as Linux does; only nobody can be reached by it. */
static int32_t
socket_bind(struct em_file *f, uint32_t addr, uint32_t len)
{
	struct em_socket *so = socket_of(f);
	uint32_t n = 0;
	int32_t err;

	if (so->so_name_len != 0 || socket_is_connected(f))
		return EM_E(EINVAL);
	err = socket_address(addr, len, so->so_name, &n);
	if (err < 0)
		return err;
	if (n == 0)
		return EM_E(EOPNOTSUPP);		/* abstract names */
	err = EM_VFS(vfs_mknod(em_vfs(), em_proc()->p_pid, MACH_PORT_NULL, so->so_name, n,
	    MX_S_IFSOCK | (0777 & ~em_proc()->p_umask), 0, 0));
	if (err == 0)
		so->so_name_len = (uint16_t)n;
	em_file_changed();
	return err == EM_E(EEXIST) ? EM_E(EADDRINUSE) : err;
}

int32_t
sys_bind(uint32_t fd, uint32_t addr, uint32_t len, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_file *f;
	int32_t err = socket_get(fd, &f);

	(void)d, (void)e, (void)x;
	if (err < 0)
		return err;
	err = socket_bind(f, addr, len);
	em_file_release(f);
	return err;
}

int32_t
sys_listen(uint32_t fd, uint32_t backlog, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_file *f;
	int32_t err = socket_get(fd, &f);

	(void)backlog, (void)c, (void)d, (void)e, (void)x;
	if (err < 0)
		return err;
	em_file_release(f);
	return EM_E(EOPNOTSUPP);
}

int32_t
sys_accept4(uint32_t fd, uint32_t addr, uint32_t len, uint32_t flags, uint32_t e, uint32_t x)
{
	struct em_file *f;
	int32_t err = socket_get(fd, &f);

	(void)addr, (void)len, (void)flags, (void)e, (void)x;
	if (err < 0)
		return err;
	err = socket_of(f)->so_type == SOCK_DGRAM ? EM_E(EOPNOTSUPP) : EM_E(EINVAL);	/* it does not listen */
	em_file_release(f);
	return err;
}

/* An answer of N bytes at OUT, of which the program has room for what is at SIZE. */
static int32_t
socket_answer(uint32_t out, uint32_t size, const void *value, uint32_t n)
{
	uint32_t room = 0;

	if (em_copyin(&room, size, sizeof room) < 0)
		return EM_E(EFAULT);
	if ((int32_t)room < 0)
		return EM_E(EINVAL);
	if (em_copyout(out, value, em_min(room, n)) < 0)
		return EM_E(EFAULT);
	return em_copyout(size, &n, sizeof n);
}

static int32_t
socket_name(uint32_t fd, uint32_t out, uint32_t size, bool is_peer)
{
	struct { uint16_t family; char path[ADDRESS_MAX]; } sa = { .family = AF_UNIX };
	struct em_socket *so;
	struct em_file *f;
	uint32_t n = 2;
	int32_t err = socket_get(fd, &f);

	if (err < 0)
		return err;
	so = socket_of(f);
	if (is_peer && !socket_is_connected(f))
		err = EM_E(ENOTCONN);
	if (!is_peer && so->so_name_len > 0) {
		__builtin_memcpy(sa.path, so->so_name, so->so_name_len);
		n += so->so_name_len + 1u;
	}
	em_file_release(f);
	return err < 0 ? err : socket_answer(out, size, &sa, n);
}

int32_t
sys_getsockname(uint32_t fd, uint32_t out, uint32_t size, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return socket_name(fd, out, size, false);
}

int32_t
sys_getpeername(uint32_t fd, uint32_t out, uint32_t size, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return socket_name(fd, out, size, true);
}

/* ---- Options ---- */

/* The number that option NAME is. Errors: -ENOPROTOOPT */
static int32_t
socket_option(const struct em_socket *so, uint32_t name, uint32_t *value)
{
	switch (name) {
	case SO_TYPE:
		*value = so->so_type;
		return 0;
	case SO_DOMAIN:
		*value = AF_UNIX;
		return 0;
	case SO_SNDBUF: case SO_RCVBUF:
		*value = MX_RING_BYTES;
		return 0;
	case SO_ERROR: case SO_ACCEPTCONN: case SO_PROTOCOL: case SO_REUSEADDR: case SO_KEEPALIVE:
		*value = 0;
		return 0;
	default:
		return EM_E(ENOPROTOOPT);
	}
}

int32_t
sys_getsockopt(uint32_t fd, uint32_t level, uint32_t name, uint32_t out, uint32_t size, uint32_t x)
{
	struct em_socket *so;
	struct em_file *f;
	uint32_t value = 0;
	int32_t err = socket_get(fd, &f);

	(void)x;
	if (err < 0)
		return err;
	so = socket_of(f);
	if (level != SOL_SOCKET)
		err = EM_E(EOPNOTSUPP);
	else if (name == SO_PEERCRED)
		err = socket_answer(out, size, so->so_peer, sizeof so->so_peer);
	else {
		err = socket_option(so, name, &value);
		if (err == 0)
			err = socket_answer(out, size, &value, sizeof value);
	}
	em_file_release(f);
	return err;
}

/* Sizes of buffers and the like are hints, and not taken; what would change behaviour is refused. */
int32_t
sys_setsockopt(uint32_t fd, uint32_t level, uint32_t name, uint32_t value, uint32_t size, uint32_t x)
{
	struct em_file *f;
	int32_t err = socket_get(fd, &f), n;

	(void)x;
	if (err < 0)
		return err;
	if (level != SOL_SOCKET)
		err = EM_E(EOPNOTSUPP);
	else if (name != SO_SNDBUF && name != SO_RCVBUF && name != SO_REUSEADDR && name != SO_KEEPALIVE)
		err = EM_E(ENOPROTOOPT);
	else if (size < sizeof n)
		err = EM_E(EINVAL);
	else
		err = em_copyin(&n, value, sizeof n);
	em_file_release(f);
	return err;
}

int32_t
sys_shutdown(uint32_t fd, uint32_t how, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_file *f;
	int32_t err = socket_get(fd, &f);

	(void)c, (void)d, (void)e, (void)x;
	if (err < 0)
		return err;
	if (how > 2)
		err = EM_E(EINVAL);
	else if (!socket_is_connected(f))
		err = EM_E(ENOTCONN);
	if (err == 0 && how != 1)
		em_ring_end_reading(f->f_ring->r_ring, f->f_port);
	if (err == 0 && how != 0)
		em_ring_end_writing(socket_of(f)->so_out->r_ring, f->f_port2);
	em_file_release(f);
	em_poll_poke();
	return err;
}

/* ---- Messages ---- */

/* Send what U has to the peer; an address is only right where Linux ignores it. */
static int32_t
socket_sendto(uint32_t fd, struct em_uio *u, uint32_t flags, bool has_address)
{
	struct em_file *f;
	int32_t err = socket_get(fd, &f);

	if (err < 0)
		return err;
	if (flags & ~MSG_SEND)
		err = EM_E(EOPNOTSUPP);
	else if (has_address && socket_is_connected(f))
		err = EM_E(EISCONN);
	else if (has_address)
		err = EM_E(ECONNREFUSED);
	else
		err = socket_send(f, u, flags);
	em_file_release(f);
	return err;
}

/* OUTFLAGS get MSG_TRUNC when a packet was longer than the room for it; with MSG_TRUNC in FLAGS its length is the answer. */
static int32_t
socket_recvfrom(uint32_t fd, struct em_uio *u, uint32_t flags, uint32_t *outflags)
{
	struct em_file *f;
	uint32_t length = 0;
	int32_t n = socket_get(fd, &f);

	if (n < 0)
		return n;
	*outflags = 0;
	if (flags & ~MSG_RECV)
		n = EM_E(EOPNOTSUPP);
	else
		n = socket_receive(f, u, flags, &length);
	if (n >= 0 && length > (uint32_t)n) {
		*outflags = MSG_TRUNC;
		n = flags & MSG_TRUNC ? (int32_t)length : n;
	}
	em_file_release(f);
	return n;
}

int32_t
sys_sendto(uint32_t fd, uint32_t buf, uint32_t n, uint32_t flags, uint32_t addr, uint32_t len)
{
	struct em_segment seg;
	struct em_uio u;

	(void)len;
	em_uio_one(&u, &seg, buf, n);
	return socket_sendto(fd, &u, flags, addr != 0);
}

int32_t
sys_recvfrom(uint32_t fd, uint32_t buf, uint32_t n, uint32_t flags, uint32_t addr, uint32_t len)
{
	struct em_segment seg;
	struct em_uio u;
	uint32_t outflags, none = 0;
	int32_t result;

	em_uio_one(&u, &seg, buf, n);
	result = socket_recvfrom(fd, &u, flags, &outflags);
	if (result >= 0 && addr != 0 && em_copyout(len, &none, sizeof none) < 0)
		return EM_E(EFAULT);
	return result;
}

/* Descriptors are not passed yet: control data are refused. */
int32_t
sys_sendmsg(uint32_t fd, uint32_t msg, uint32_t flags, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_segment segs[EM_IOV_MAX];
	struct linux_msghdr m;
	struct em_uio u;
	int32_t err;

	(void)d, (void)e, (void)x;
	if (em_copyin(&m, msg, sizeof m) < 0)
		return EM_E(EFAULT);
	if (m.iovlen > EM_IOV_MAX)
		return EM_E(EMSGSIZE);
	err = em_uio_vector(&u, segs, m.iov, m.iovlen);
	if (err < 0)
		return err;
	if (m.controllen != 0)
		return EM_E(EOPNOTSUPP);
	return socket_sendto(fd, &u, flags, m.name != 0 && m.namelen != 0);
}

int32_t
sys_recvmsg(uint32_t fd, uint32_t msg, uint32_t flags, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_segment segs[EM_IOV_MAX];
	struct linux_msghdr m;
	struct em_uio u;
	int32_t n;

	(void)d, (void)e, (void)x;
	if (em_copyin(&m, msg, sizeof m) < 0)
		return EM_E(EFAULT);
	if (m.iovlen > EM_IOV_MAX)
		return EM_E(EMSGSIZE);
	n = em_uio_vector(&u, segs, m.iov, m.iovlen);
	if (n < 0)
		return n;
	n = socket_recvfrom(fd, &u, flags, &m.flags);
	if (n < 0)
		return n;
	m.namelen = 0;
	m.controllen = 0;
	return em_copyout(msg, &m, sizeof m) < 0 ? EM_E(EFAULT) : n;
}

/* ---- The multiplexer ---- */

static int32_t
socket_accept(uint32_t fd, uint32_t addr, uint32_t len, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return sys_accept4(fd, addr, len, 0, 0, 0);
}

static int32_t
socket_plain_send(uint32_t fd, uint32_t buf, uint32_t n, uint32_t flags, uint32_t e, uint32_t x)
{
	(void)e, (void)x;
	return sys_sendto(fd, buf, n, flags, 0, 0);
}

static int32_t
socket_plain_recv(uint32_t fd, uint32_t buf, uint32_t n, uint32_t flags, uint32_t e, uint32_t x)
{
	(void)e, (void)x;
	return sys_recvfrom(fd, buf, n, flags, 0, 0);
}

/* Call number A with its arguments in memory. */
int32_t
sys_socketcall(uint32_t call, uint32_t args, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	static const struct { em_handler *handler; uint32_t n; } calls[] = {
		[1] = { sys_socket, 3 }, { sys_bind, 3 }, { sys_connect, 3 }, { sys_listen, 2 }, { socket_accept, 3 },
		{ sys_getsockname, 3 }, { sys_getpeername, 3 }, { sys_socketpair, 4 }, { socket_plain_send, 4 },
		{ socket_plain_recv, 4 }, { sys_sendto, 6 }, { sys_recvfrom, 6 }, { sys_shutdown, 2 }, { sys_setsockopt, 5 },
		{ sys_getsockopt, 5 }, { sys_sendmsg, 3 }, { sys_recvmsg, 3 }, { sys_accept4, 4 },
	};
	uint32_t a[6] = { 0 };

	(void)c, (void)d, (void)e, (void)x;
	if (call == 0 || call >= sizeof calls / sizeof calls[0])
		return EM_E(EINVAL);
	if (em_copyin(a, args, calls[call].n * 4) < 0)
		return EM_E(EFAULT);
	return calls[call].handler(a[0], a[1], a[2], a[3], a[4], a[5]);
}
