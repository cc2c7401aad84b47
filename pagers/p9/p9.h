/*
 * p9.h - files of the host: a client of 9P2000.L.
 *
 * p9_msg.c makes and takes apart messages, p9_client.c is one function for each request, p9_channel.c carries them over a virtio
 * device, p9_node.c and p9_file.c are the table of operations. The host is believed in what its files are, not in how long its
 * answers say they are.
 *
 * Source: the 9P2000.L protocol as QEMU serves it, and Virtual I/O Device (VIRTIO) Version 1.2, section 5.12 (the 9P device).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef P9_H
#define P9_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masix/abi.h>
#include <masix/pfs.h>
#include <masix/pfs_store.h>
#include <masix/server.h>

/* ---- Messages (p9_msg.c) ---- */

#define P9_HEADER	7u	/* size, type, tag */
#define P9_NOFID	0xffffffffu

/* A message being made or read. Once something did not fit, or was not there, pm_bad stays true and values are 0. */
struct p9_msg {
	uint8_t		*pm_data;
	uint32_t	pm_size;	/* of the memory, or of the message that is read */
	uint32_t	pm_at;
	bool		pm_bad;
};

void p9_begin(struct p9_msg *m, uint8_t type);
void p9_put(struct p9_msg *m, unsigned int bytes, uint64_t value);	/* 1, 2, 4 or 8 bytes */
void p9_put_string(struct p9_msg *m, const char *s, size_t len);
void p9_put_bytes(struct p9_msg *m, const void *data, size_t len);
/* Fill in size and tag. Errors: false, it did not fit. */
bool p9_end(struct p9_msg *m, uint16_t tag);

uint64_t p9_get(struct p9_msg *m, unsigned int bytes);
const char *p9_get_string(struct p9_msg *m, uint16_t *len);		/* not terminated; in the message */
const void *p9_get_bytes(struct p9_msg *m, uint32_t len);		/* NULL: not so many left */
/* The answer in M, BYTES long as the device says, to a request of TYPE: an error, or what follows is to be read with p9_get.
 * Errors: what the host answered, MX_EIO nonsense */
kern_return_t p9_check(struct p9_msg *m, uint32_t bytes, uint8_t type);

/* ---- Requests (p9_client.c) ---- */

/* A request under way: its memory, for the question and the answer. */
struct p9_call {
	struct p9_msg	pc_out, pc_in;
};

struct p9_client {
	/* Take the memory for a request; parks until there is some. Give it back. Carry the question there and the answer back; sets pc_in's
	 * memory and *BYTES. Errors: MX_EIO */
	struct p9_call	*(*cl_take)(struct p9_client *cl);
	void		(*cl_give)(struct p9_client *cl, struct p9_call *call);
	kern_return_t	(*cl_carry)(struct p9_client *cl, struct p9_call *call, uint32_t *bytes);
	uint32_t	cl_msize;	/* bytes of a message, as agreed on */
	uint32_t	cl_next_fid;
	uint32_t	cl_free_fid[256];	/* given back */
	unsigned int	cl_nfree;
};

struct p9_attr {
	uint64_t	pa_path;	/* the file's identity */
	uint32_t	pa_mode, pa_uid, pa_gid, pa_nlink;
	uint64_t	pa_rdev, pa_size, pa_blocks;
	int64_t		pa_atime, pa_mtime, pa_ctime;
	uint32_t	pa_atime_ns, pa_mtime_ns, pa_ctime_ns;
};

/* What p9_setattr's VALID names. */
#define P9_SET_MODE	0x001u
#define P9_SET_UID	0x002u
#define P9_SET_GID	0x004u
#define P9_SET_SIZE	0x008u
#define P9_SET_ATIME	0x010u		/* now, unless _TO says which */
#define P9_SET_MTIME	0x020u
#define P9_SET_ATIME_TO	0x080u
#define P9_SET_MTIME_TO	0x100u

#define P9_DATA_MAX(cl)	((cl)->cl_msize - 24)	/* bytes of one read or write */

kern_return_t p9_version(struct p9_client *cl, uint32_t msize);
/* *FID is new and names the root. */
kern_return_t p9_attach(struct p9_client *cl, uint32_t *fid);
/* *OUT is new and names NAME in DIR; LEN 0: the same as DIR. */
kern_return_t p9_walk(struct p9_client *cl, uint32_t dir, const char *name, size_t len, uint32_t *out);
void p9_clunk(struct p9_client *cl, uint32_t fid);
kern_return_t p9_getattr(struct p9_client *cl, uint32_t fid, struct p9_attr *out);
kern_return_t p9_setattr(struct p9_client *cl, uint32_t fid, uint32_t valid, const struct mx_setattr *set);
kern_return_t p9_open(struct p9_client *cl, uint32_t fid, uint32_t flags);
kern_return_t p9_read(struct p9_client *cl, uint32_t fid, uint64_t offset, void *buf, size_t count, size_t *done);
kern_return_t p9_write(struct p9_client *cl, uint32_t fid, uint64_t offset, const void *buf, size_t count, size_t *done);
kern_return_t p9_fsync(struct p9_client *cl, uint32_t fid, bool dataonly);
kern_return_t p9_statfs(struct p9_client *cl, uint32_t fid, struct mx_statfs *st);
kern_return_t p9_readlink(struct p9_client *cl, uint32_t fid, char *buf, size_t size, size_t *len);
/* Anything but a symbolic link. */
kern_return_t p9_mknod(struct p9_client *cl, uint32_t dir, const char *name, size_t len, const struct pfs_new *what);
kern_return_t p9_symlink(struct p9_client *cl, uint32_t dir, const char *name, size_t len, const struct pfs_new *what);
kern_return_t p9_link(struct p9_client *cl, uint32_t dir, const char *name, size_t len, uint32_t fid);
kern_return_t p9_unlink(struct p9_client *cl, uint32_t dir, const char *name, size_t len, bool rmdir);
kern_return_t p9_rename(struct p9_client *cl, uint32_t dir1, const char *name1, size_t len1, uint32_t dir2,
	const char *name2, size_t len2);
/* Entries of the open directory FID from OFFSET on: EACH for one after the other, until it answers false. *MORE: there may be more. */
typedef bool p9_each_t(void *arg, uint64_t path, uint64_t next, uint8_t type, const char *name, size_t len);
kern_return_t p9_readdir(struct p9_client *cl, uint32_t fid, uint64_t offset, p9_each_t *each, void *arg, bool *more);

/* ---- Devices (p9_channel.c) ---- */

/* Claim and start every 9P device there is. */
kern_return_t p9_channels_start(void);
/* The client of the device with the tag TAG, ready for p9_attach. Errors: MX_ENODEV */
kern_return_t p9_channel_find(const char *tag, size_t len, struct p9_client **out);

/* ---- Volumes ---- */

struct p9_node {
	struct pfs_node	nd_node;	/* first */
	struct p9_node	*nd_next;	/* in its chain */
	uint32_t	nd_fid;		/* names it */
	uint32_t	nd_io;		/* is open for reading, or also for writing; P9_NOFID: not open yet */
	bool		nd_io_writes;
	bool		nd_wrote;	/* something may not be on the host yet */
	bool		nd_stored;	/* what the guest wrote has moved the host's times since they were asked for */
	bool		nd_is_lost;	/* the name by which the host knows nd_fid may be gone */
	bool		nd_dying;	/* released; the kernel may still have pages of it */
};

#define P9_CHAINS	256u

struct p9_volume {
	struct p9_client *pv_client;
	struct p9_node	*pv_chain[P9_CHAINS];	/* nodes in use, by identity */
	unsigned int	pv_nodes;
	struct mx_cond	pv_gone;	/* a node went */
};

extern const struct mx_server p9_description;
extern const struct pfs_ops p9_ops;
extern const struct pfs_store_ops p9_store_ops;		/* p9_file.c */
kern_return_t p9_file_fsync(struct pfs_node *node, bool dataonly);

struct p9_client *p9_client_of(const struct pfs_node *node);
/* nd_io for reading, or for writing, too. */
kern_return_t p9_node_open(struct p9_node *nd, bool writes);

#endif
