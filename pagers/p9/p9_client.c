/*
 * p9_client.c - one function for each request of 9P2000.L.
 *
 * A request is made in memory taken from the device, carried there, and its answer taken apart before the memory is given back.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "p9.h"

enum {					/* requests; an answer has the next number */
	TSTATFS = 8, TLOPEN = 12, TSYMLINK = 16, TMKNOD = 18, TREADLINK = 22, TGETATTR = 24, TSETATTR = 26, TREADDIR = 40,
	TFSYNC = 50, TLINK = 70, TMKDIR = 72, TRENAMEAT = 74, TUNLINKAT = 76, TVERSION = 100, TATTACH = 104, TWALK = 110,
	TREAD = 116, TWRITE = 118, TCLUNK = 120,
};

#define VERSION		"9P2000.L"
#define NOTAG		0xffffu
#define GETATTR_BASIC	0x7ffull
#define AT_REMOVEDIR	0x200u
#define QID		13u		/* type, version, path */
#define MSIZE_LEAST	4096u

/* Begin a request of TYPE about FID. */
static struct p9_call *
call_begin(struct p9_client *cl, uint8_t type, uint32_t fid)
{
	struct p9_call *call = cl->cl_take(cl);

	p9_begin(&call->pc_out, type);
	p9_put(&call->pc_out, 4, fid);
	return call;
}

/* Carry it. pc_in is to be read from its first field on when this succeeds. */
static kern_return_t
call_carry(struct p9_client *cl, struct p9_call *call, uint16_t tag)
{
	uint8_t type = call->pc_out.pm_data[4];
	uint32_t bytes;
	kern_return_t kr;

	if (!p9_end(&call->pc_out, tag))
		return MX_ENAMETOOLONG;
	kr = cl->cl_carry(cl, call, &bytes);
	return kr == KERN_SUCCESS ? p9_check(&call->pc_in, bytes, type) : kr;
}

/* The end of a request whose answer was read, or says nothing. */
static kern_return_t
call_end(struct p9_client *cl, struct p9_call *call, kern_return_t kr)
{
	if (kr == KERN_SUCCESS && call->pc_in.pm_bad)
		kr = MX_EIO;
	cl->cl_give(cl, call);
	return kr;
}

static kern_return_t
call_simple(struct p9_client *cl, struct p9_call *call)
{
	return call_end(cl, call, call_carry(cl, call, 0));
}

/* ---- Fids ---- */

static uint32_t
fid_new(struct p9_client *cl)
{
	return cl->cl_nfree > 0 ? cl->cl_free_fid[--cl->cl_nfree] : cl->cl_next_fid++;
}

static void
fid_free(struct p9_client *cl, uint32_t fid)
{
	if (cl->cl_nfree < sizeof(cl->cl_free_fid) / sizeof(cl->cl_free_fid[0]))
		cl->cl_free_fid[cl->cl_nfree++] = fid;
}

kern_return_t
p9_version(struct p9_client *cl, uint32_t msize)
{
	struct p9_call *call = cl->cl_take(cl);
	const char *version;
	uint16_t len;
	kern_return_t kr;

	p9_begin(&call->pc_out, TVERSION);
	p9_put(&call->pc_out, 4, msize);
	p9_put_string(&call->pc_out, VERSION, strlen(VERSION));
	kr = call_carry(cl, call, NOTAG);
	if (kr == KERN_SUCCESS) {
		cl->cl_msize = (uint32_t)p9_get(&call->pc_in, 4);
		version = p9_get_string(&call->pc_in, &len);
		if (version == NULL || len != strlen(VERSION) || memcmp(version, VERSION, len) != 0 ||
		    cl->cl_msize > msize || cl->cl_msize < MSIZE_LEAST)
			kr = MX_EIO;
	}
	return call_end(cl, call, kr);
}

kern_return_t
p9_attach(struct p9_client *cl, uint32_t *fid)
{
	struct p9_call *call;
	kern_return_t kr;

	*fid = fid_new(cl);
	call = call_begin(cl, TATTACH, *fid);
	p9_put(&call->pc_out, 4, P9_NOFID);
	p9_put_string(&call->pc_out, "root", 4);
	p9_put_string(&call->pc_out, "", 0);
	p9_put(&call->pc_out, 4, 0);
	kr = call_simple(cl, call);
	if (kr != KERN_SUCCESS)
		fid_free(cl, *fid);
	return kr;
}

kern_return_t
p9_walk(struct p9_client *cl, uint32_t dir, const char *name, size_t len, uint32_t *out)
{
	struct p9_call *call;
	unsigned int names = len > 0;
	kern_return_t kr;

	*out = fid_new(cl);
	call = call_begin(cl, TWALK, dir);
	p9_put(&call->pc_out, 4, *out);
	p9_put(&call->pc_out, 2, names);
	if (names > 0)
		p9_put_string(&call->pc_out, name, len);
	kr = call_carry(cl, call, 0);
	if (kr == KERN_SUCCESS && p9_get(&call->pc_in, 2) != names)
		kr = MX_ENOENT;
	kr = call_end(cl, call, kr);
	if (kr != KERN_SUCCESS)
		fid_free(cl, *out);
	return kr;
}

void
p9_clunk(struct p9_client *cl, uint32_t fid)
{
	if (fid == P9_NOFID)
		return;
	(void)call_simple(cl, call_begin(cl, TCLUNK, fid));	/* the number is free even after an error */
	fid_free(cl, fid);
}

/* ---- Attributes ---- */

static void
time_get(struct p9_msg *m, int64_t *sec, uint32_t *ns)
{
	*sec = (int64_t)p9_get(m, 8);
	*ns = (uint32_t)p9_get(m, 8) % 1000000000u;
}

kern_return_t
p9_getattr(struct p9_client *cl, uint32_t fid, struct p9_attr *out)
{
	struct p9_call *call = call_begin(cl, TGETATTR, fid);
	struct p9_msg *m = &call->pc_in;
	kern_return_t kr;

	p9_put(&call->pc_out, 8, GETATTR_BASIC);
	kr = call_carry(cl, call, 0);
	if (kr == KERN_SUCCESS) {
		(void)p9_get_bytes(m, 8 + 1 + 4);	/* what is valid; the identity's type and version */
		out->pa_path = p9_get(m, 8);
		out->pa_mode = (uint32_t)p9_get(m, 4);
		out->pa_uid = (uint32_t)p9_get(m, 4);
		out->pa_gid = (uint32_t)p9_get(m, 4);
		out->pa_nlink = (uint32_t)p9_get(m, 8);
		out->pa_rdev = p9_get(m, 8);
		out->pa_size = p9_get(m, 8);
		(void)p9_get(m, 8);
		out->pa_blocks = p9_get(m, 8);
		time_get(m, &out->pa_atime, &out->pa_atime_ns);
		time_get(m, &out->pa_mtime, &out->pa_mtime_ns);
		time_get(m, &out->pa_ctime, &out->pa_ctime_ns);
		if (out->pa_size > INT64_MAX)
			kr = MX_EIO;
	}
	return call_end(cl, call, kr);
}

kern_return_t
p9_setattr(struct p9_client *cl, uint32_t fid, uint32_t valid, const struct mx_setattr *set)
{
	struct p9_call *call = call_begin(cl, TSETATTR, fid);
	struct p9_msg *m = &call->pc_out;

	p9_put(m, 4, valid);
	p9_put(m, 4, set->sa_mode);
	p9_put(m, 4, set->sa_uid);
	p9_put(m, 4, set->sa_gid);
	p9_put(m, 8, set->sa_size);
	p9_put(m, 8, (uint64_t)set->sa_atime);
	p9_put(m, 8, set->sa_atime_ns);
	p9_put(m, 8, (uint64_t)set->sa_mtime);
	p9_put(m, 8, set->sa_mtime_ns);
	return call_simple(cl, call);
}

kern_return_t
p9_statfs(struct p9_client *cl, uint32_t fid, struct mx_statfs *st)
{
	struct p9_call *call = call_begin(cl, TSTATFS, fid);
	struct p9_msg *m = &call->pc_in;
	kern_return_t kr = call_carry(cl, call, 0);

	if (kr == KERN_SUCCESS) {
		(void)p9_get(m, 4);		/* the host's type */
		st->sf_bsize = (uint32_t)p9_get(m, 4);
		st->sf_blocks = p9_get(m, 8);
		st->sf_bfree = p9_get(m, 8);
		st->sf_bavail = p9_get(m, 8);
		st->sf_files = p9_get(m, 8);
		st->sf_ffree = p9_get(m, 8);
		(void)p9_get(m, 8);
		st->sf_namelen = (uint32_t)p9_get(m, 4);
	}
	return call_end(cl, call, kr);
}

kern_return_t
p9_readlink(struct p9_client *cl, uint32_t fid, char *buf, size_t size, size_t *len)
{
	struct p9_call *call = call_begin(cl, TREADLINK, fid);
	const char *target;
	uint16_t n;
	kern_return_t kr = call_carry(cl, call, 0);

	*len = 0;
	if (kr == KERN_SUCCESS) {
		target = p9_get_string(&call->pc_in, &n);
		*len = n < size ? n : size;
		if (target != NULL)
			memcpy(buf, target, *len);
	}
	return call_end(cl, call, kr);
}

/* ---- Contents ---- */

kern_return_t
p9_open(struct p9_client *cl, uint32_t fid, uint32_t flags)
{
	struct p9_call *call = call_begin(cl, TLOPEN, fid);

	p9_put(&call->pc_out, 4, flags);
	return call_simple(cl, call);
}

kern_return_t
p9_read(struct p9_client *cl, uint32_t fid, uint64_t offset, void *buf, size_t count, size_t *done)
{
	struct p9_call *call = call_begin(cl, TREAD, fid);
	const void *data;
	uint32_t n;
	kern_return_t kr;

	*done = 0;
	if (count > P9_DATA_MAX(cl))
		count = P9_DATA_MAX(cl);
	p9_put(&call->pc_out, 8, offset);
	p9_put(&call->pc_out, 4, count);
	kr = call_carry(cl, call, 0);
	if (kr == KERN_SUCCESS) {
		n = (uint32_t)p9_get(&call->pc_in, 4);
		data = n <= count ? p9_get_bytes(&call->pc_in, n) : NULL;
		if (data == NULL)
			kr = MX_EIO;
		else
			memcpy(buf, data, *done = n);
	}
	return call_end(cl, call, kr);
}

kern_return_t
p9_write(struct p9_client *cl, uint32_t fid, uint64_t offset, const void *buf, size_t count, size_t *done)
{
	struct p9_call *call = call_begin(cl, TWRITE, fid);
	kern_return_t kr;

	*done = 0;
	if (count > P9_DATA_MAX(cl))
		count = P9_DATA_MAX(cl);
	p9_put(&call->pc_out, 8, offset);
	p9_put(&call->pc_out, 4, count);
	p9_put_bytes(&call->pc_out, buf, count);
	kr = call_carry(cl, call, 0);
	if (kr == KERN_SUCCESS) {
		*done = (size_t)p9_get(&call->pc_in, 4);
		if (*done > count || (*done == 0 && count > 0))
			kr = MX_EIO;
	}
	return call_end(cl, call, kr);
}

kern_return_t
p9_fsync(struct p9_client *cl, uint32_t fid, bool dataonly)
{
	struct p9_call *call = call_begin(cl, TFSYNC, fid);

	p9_put(&call->pc_out, 4, dataonly);
	return call_simple(cl, call);
}

/* ---- Names ---- */

kern_return_t
p9_mknod(struct p9_client *cl, uint32_t dir, const char *name, size_t len, const struct pfs_new *what)
{
	bool is_dir = (what->nw_mode & MX_S_IFMT) == MX_S_IFDIR;
	struct p9_call *call = call_begin(cl, is_dir ? TMKDIR : TMKNOD, dir);

	p9_put_string(&call->pc_out, name, len);
	p9_put(&call->pc_out, 4, is_dir ? what->nw_mode & 07777 : what->nw_mode);
	if (!is_dir) {
		p9_put(&call->pc_out, 4, what->nw_rdev_major);
		p9_put(&call->pc_out, 4, what->nw_rdev_minor);
	}
	p9_put(&call->pc_out, 4, what->nw_gid);
	return call_simple(cl, call);
}

kern_return_t
p9_symlink(struct p9_client *cl, uint32_t dir, const char *name, size_t len, const struct pfs_new *what)
{
	struct p9_call *call = call_begin(cl, TSYMLINK, dir);

	p9_put_string(&call->pc_out, name, len);
	p9_put_string(&call->pc_out, what->nw_target, what->nw_target_len);
	p9_put(&call->pc_out, 4, what->nw_gid);
	return call_simple(cl, call);
}

kern_return_t
p9_link(struct p9_client *cl, uint32_t dir, const char *name, size_t len, uint32_t fid)
{
	struct p9_call *call = call_begin(cl, TLINK, dir);

	p9_put(&call->pc_out, 4, fid);
	p9_put_string(&call->pc_out, name, len);
	return call_simple(cl, call);
}

kern_return_t
p9_unlink(struct p9_client *cl, uint32_t dir, const char *name, size_t len, bool rmdir)
{
	struct p9_call *call = call_begin(cl, TUNLINKAT, dir);

	p9_put_string(&call->pc_out, name, len);
	p9_put(&call->pc_out, 4, rmdir ? AT_REMOVEDIR : 0);
	return call_simple(cl, call);
}

kern_return_t
p9_rename(struct p9_client *cl, uint32_t dir1, const char *name1, size_t len1, uint32_t dir2, const char *name2, size_t len2)
{
	struct p9_call *call = call_begin(cl, TRENAMEAT, dir1);

	p9_put_string(&call->pc_out, name1, len1);
	p9_put(&call->pc_out, 4, dir2);
	p9_put_string(&call->pc_out, name2, len2);
	return call_simple(cl, call);
}

/* Hand out the entries in M, COUNT bytes. Errors: MX_EIO */
static kern_return_t
entries_each(struct p9_msg *m, uint32_t count, p9_each_t *each, void *arg)
{
	uint32_t end = m->pm_at + count;
	uint64_t path, next;
	const char *name;
	uint16_t len;
	uint8_t type;

	if (count > m->pm_size - m->pm_at)
		return MX_EIO;
	while (m->pm_at < end) {
		(void)p9_get_bytes(m, QID - 8);
		path = p9_get(m, 8);
		next = p9_get(m, 8);
		type = (uint8_t)p9_get(m, 1);
		name = p9_get_string(m, &len);
		if (m->pm_bad || len == 0 || len > MX_NAME_MAX || memchr(name, '/', len) != NULL || memchr(name, 0, len) != NULL)
			return MX_EIO;
		if (!each(arg, path, next, type, name, len))
			break;
	}
	return KERN_SUCCESS;
}

kern_return_t
p9_readdir(struct p9_client *cl, uint32_t fid, uint64_t offset, p9_each_t *each, void *arg, bool *more)
{
	struct p9_call *call = call_begin(cl, TREADDIR, fid);
	uint32_t count;
	kern_return_t kr;

	*more = false;
	p9_put(&call->pc_out, 8, offset);
	p9_put(&call->pc_out, 4, P9_DATA_MAX(cl));
	kr = call_carry(cl, call, 0);
	if (kr == KERN_SUCCESS) {
		count = (uint32_t)p9_get(&call->pc_in, 4);
		*more = count > 0;
		kr = entries_each(&call->pc_in, count, each, arg);
	}
	return call_end(cl, call, kr);
}
