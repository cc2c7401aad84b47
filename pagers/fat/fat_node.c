/*
 * fat_node.c - nodes: their life, their numbers, their attributes in a slot.
 *
 * A file has no number on the disk. While it is in use it is known by the place of its slot, and its number is its first cluster, or
 * made of that place when it has none; it keeps it until nobody uses it, whatever becomes of the file.
 *
 * A file that nobody uses any more stays for a while, idle, when it has pages: they are what makes opening it again cheap. Only
 * when it is one too many is it released for good; who wants it in that moment waits until it is gone and then makes it anew.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "fat.h"

#define INO_ROOT	1u
#define INO_POS		0x10000000u	/* numbers made of places; clusters are less */

/* ---- The tables ---- */

static struct fat_node **
pos_chain(struct fat_volume *fv, uint64_t pos)
{
	return &fv->fv_by_pos[pos / FAT_SLOT % FAT_HASH];
}

static struct fat_node **
ino_chain(struct fat_volume *fv, uint64_t ino)
{
	return &fv->fv_by_ino[ino % FAT_HASH];
}

struct fat_node *
fat_node_at(struct fat_volume *fv, uint64_t pos)
{
	struct fat_node *fn;

	for (fn = *pos_chain(fv, pos); fn != NULL && fn->fn_pos != pos; fn = fn->fn_next_pos)
		;
	return fn;
}

static bool
ino_is_used(struct fat_volume *fv, uint64_t ino)
{
	struct fat_node *fn;

	for (fn = *ino_chain(fv, ino); fn != NULL && fn->fn_node.pn_attr.at_ino != ino; fn = fn->fn_next_ino)
		;
	return fn != NULL;
}

static void
pos_remove(struct fat_node *fn)
{
	struct fat_node **p = pos_chain(fn->fn_volume, fn->fn_pos);

	if (fn->fn_pos == 0)
		return;
	while (*p != fn)
		p = &(*p)->fn_next_pos;
	*p = fn->fn_next_pos;
}

void
fat_node_move(struct fat_node *fn, uint64_t pos)
{
	struct fat_node **p = pos_chain(fn->fn_volume, pos);

	pos_remove(fn);
	fn->fn_pos = pos;
	if (pos == 0)
		return;
	fn->fn_next_pos = *p;
	*p = fn;
}

static void
ino_insert(struct fat_node *fn)
{
	struct fat_node **p = ino_chain(fn->fn_volume, fn->fn_node.pn_attr.at_ino);

	fn->fn_next_ino = *p;
	*p = fn;
}

static void
ino_remove(struct fat_node *fn)
{
	struct fat_node **p = ino_chain(fn->fn_volume, fn->fn_node.pn_attr.at_ino);

	while (*p != fn)
		p = &(*p)->fn_next_ino;
	*p = fn->fn_next_ino;
}

uint64_t
fat_node_ino(struct fat_volume *fv, const struct fat_entry *en)
{
	struct fat_node *fn = fat_node_at(fv, en->en_pos);
	uint64_t ino = fat_raw_first(en->en_raw);

	if (fn != NULL)
		return fn->fn_node.pn_attr.at_ino;
	if (ino >= 2 && ino < INO_POS && !ino_is_used(fv, ino))
		return ino;
	return INO_POS + en->en_pos / FAT_SLOT;
}

/* The same for a node that begins to be used: nobody has it. */
static uint64_t
ino_choose(struct fat_volume *fv, const struct fat_entry *en)
{
	uint64_t ino = fat_node_ino(fv, en);

	while (ino_is_used(fv, ino))
		ino = --fv->fv_next_ino;
	return ino;
}

/* ---- Attributes ---- */

void
fat_node_mode_set(struct fat_node *fn)
{
	struct fat_volume *fv = fn->fn_volume;
	struct mx_attr *at = &fn->fn_node.pn_attr;

	if (fn->fn_attr & FAT_DIRECTORY)
		at->at_mode = MX_S_IFDIR | (0777 & ~fv->fv_dmask);
	else
		at->at_mode = MX_S_IFREG | (0777 & ~fv->fv_fmask & (fn->fn_attr & FAT_RDONLY ? ~0222u : ~0u));
	at->at_uid = fv->fv_uid;
	at->at_gid = fv->fv_gid;
}

void
fat_blocks_set(struct fat_node *fn)
{
	struct mx_attr *at = &fn->fn_node.pn_attr;
	uint64_t cluster = fn->fn_volume->fv_cluster;

	at->at_blocks = (at->at_size + cluster - 1) / cluster * (cluster / 512);
}

static int64_t
time_decode(uint32_t date, uint32_t time)
{
	return od_seconds(1980 + (int)(date >> 9), (int)(date >> 5 & 15), (int)(date & 31), (int)(time >> 11), (int)(time >> 5 & 63),
		(int)(time & 31) * 2);
}

static void
time_encode(int64_t seconds, uint8_t *date, uint8_t *time)
{
	int d[6];

	od_date(seconds, d);
	if (d[0] < 1980 || d[0] > 2107)
		od_date(d[0] < 1980 ? 315532800 : INT64_C(4354819198), d);
	od_le16_put(date, (uint16_t)((d[0] - 1980) << 9 | d[1] << 5 | d[2]));
	if (time != NULL)
		od_le16_put(time, (uint16_t)(d[3] << 11 | d[4] << 5 | d[5] / 2));
}

void
fat_node_times_round(struct fat_node *fn)
{
	struct mx_attr *at = &fn->fn_node.pn_attr;

	at->at_mtime &= ~INT64_C(1);
	at->at_mtime_ns = 0;
	at->at_ctime = at->at_mtime;
	at->at_ctime_ns = 0;
	at->at_atime_ns = 0;
}

static void
times_load(struct mx_attr *at, const uint8_t *raw)
{
	at->at_mtime = time_decode(od_le16(raw + FAT_MDATE), od_le16(raw + FAT_MTIME));
	at->at_ctime = at->at_mtime;
	at->at_atime = time_decode(od_le16(raw + FAT_ADATE), 0);
	at->at_btime = time_decode(od_le16(raw + FAT_CDATE), od_le16(raw + FAT_CTIME)) + raw[FAT_CTIME_10MS] / 100;
	at->at_btime_ns = raw[FAT_CTIME_10MS] % 100 * 10000000u;
	at->at_mtime_ns = at->at_ctime_ns = at->at_atime_ns = 0;
}

void
fat_node_encode(const struct fat_node *fn, uint8_t raw[FAT_SLOT])
{
	const struct mx_attr *at = &fn->fn_node.pn_attr;
	uint32_t first = fn->fn_disk_size != 0 || pfs_node_is_dir(&fn->fn_node) ? fn->fn_chain.fc_first : 0;

	raw[FAT_ATTR] = fn->fn_attr;
	time_encode(at->at_mtime, raw + FAT_MDATE, raw + FAT_MTIME);
	time_encode(at->at_atime, raw + FAT_ADATE, NULL);
	time_encode(at->at_btime, raw + FAT_CDATE, raw + FAT_CTIME);
	raw[FAT_CTIME_10MS] = (uint8_t)((at->at_btime & 1) * 100 + at->at_btime_ns / 10000000u);
	od_le16_put(raw + FAT_FIRST_LOW, (uint16_t)first);
	od_le16_put(raw + FAT_FIRST_HIGH, (uint16_t)(first >> 16));
	od_le32_put(raw + FAT_SIZE, pfs_node_is_dir(&fn->fn_node) ? 0 : fn->fn_disk_size);
}

/* ---- Dirty ones ---- */

void
fat_node_dirty(struct fat_node *fn)
{
	if (fn->fn_is_dirty || fn->fn_pos == 0 || fn->fn_volume->fv_readonly)
		return;
	fn->fn_is_dirty = true;
	fn->fn_dirty_next = fn->fn_volume->fv_dirty;
	fn->fn_volume->fv_dirty = fn;
}

void
fat_node_clean(struct fat_node *fn)
{
	struct fat_node **p = &fn->fn_volume->fv_dirty;

	if (!fn->fn_is_dirty)
		return;
	while (*p != fn)
		p = &(*p)->fn_dirty_next;
	*p = fn->fn_dirty_next;
	fn->fn_is_dirty = false;
}

/* ---- Life ---- */

static struct fat_node *
node_alloc(struct fat_volume *fv, uint64_t ino, uint8_t attr, uint32_t first)
{
	struct fat_node *fn = calloc(1, sizeof(*fn));

	if (fn == NULL)
		return NULL;
	fn->fn_volume = fv;
	fn->fn_attr = attr;
	fn->fn_chain.fc_first = first;
	pfs_node_init(&fn->fn_node, fv->fv_volume, ino, attr & FAT_DIRECTORY ? MX_S_IFDIR : MX_S_IFREG);
	fat_node_mode_set(fn);
	fn->fn_node.pn_attr.at_nlink = 1;	/* directories too: who reads 2 would think that there are none below */
	ino_insert(fn);
	fv->fv_nnodes++;
	return fn;
}

static void
node_free(struct fat_node *fn)
{
	struct fat_volume *fv = fn->fn_volume;

	fat_node_clean(fn);
	pos_remove(fn);
	ino_remove(fn);
	fat_chain_free(&fn->fn_chain);
	free(fn);
	fv->fv_nnodes--;
	mx_cond_broadcast(&fv->fv_gone);
}

/* A directory's size is that of its clusters, as far as they can be found. */
static void
dir_size_set(struct fat_node *fn)
{
	struct fat_volume *fv = fn->fn_volume;
	uint32_t length = 0;

	if (fn->fn_chain.fc_first == 0 && fv->fv_root_bytes != 0) {
		fn->fn_node.pn_attr.at_size = fv->fv_root_bytes;
	} else {
		(void)fat_chain_length(fv, &fn->fn_chain, FAT_SLOTS_MAX * FAT_SLOT / fv->fv_cluster, &length);
		fn->fn_node.pn_attr.at_size = (uint64_t)fn->fn_chain.fc_known * fv->fv_cluster;
	}
	fat_blocks_set(fn);
}

kern_return_t
fat_node_root(struct fat_volume *fv, struct fat_node **out)
{
	uint32_t first = fv->fv_root_bytes != 0 ? 0 : (uint32_t)fv->fv_root;
	struct fat_node *fn = node_alloc(fv, INO_ROOT, FAT_DIRECTORY, first);

	if (fn == NULL)
		return MX_ENOMEM;
	fn->fn_is_root = true;
	dir_size_set(fn);
	*out = fn;
	return KERN_SUCCESS;
}

static void
idle_remove(struct fat_node *fn)
{
	struct fat_volume *fv = fn->fn_volume;

	if (fn->fn_idle_prev != NULL)
		fn->fn_idle_prev->fn_idle_next = fn->fn_idle_next;
	else
		fv->fv_idle_first = fn->fn_idle_next;
	if (fn->fn_idle_next != NULL)
		fn->fn_idle_next->fn_idle_prev = fn->fn_idle_prev;
	else
		fv->fv_idle_last = fn->fn_idle_prev;
	fn->fn_is_idle = false;
	fv->fv_nidle--;
	if (fn->fn_is_uncounted)
		pfs_volume_opened(fv->fv_volume);
	fn->fn_is_uncounted = false;
}

/* FN is idle: its memory object does not keep the volume while nobody uses it. */
static void
idle_uncount(struct fat_node *fn)
{
	if (fn->fn_node.pn_pager == NULL || fn->fn_is_uncounted)
		return;
	fn->fn_is_uncounted = true;
	pfs_volume_closed(fn->fn_volume->fv_volume);
}

static void
idle_insert(struct fat_node *fn)
{
	struct fat_volume *fv = fn->fn_volume;

	fn->fn_idle_next = NULL;
	fn->fn_idle_prev = fv->fv_idle_last;
	if (fv->fv_idle_last != NULL)
		fv->fv_idle_last->fn_idle_next = fn;
	else
		fv->fv_idle_first = fn;
	fv->fv_idle_last = fn;
	fn->fn_is_idle = true;
	fv->fv_nidle++;
	idle_uncount(fn);
}

void
fat_node_hold(struct fat_node *fn)
{
	if (fn->fn_is_idle)
		idle_remove(fn);
	pfs_node_hold(&fn->fn_node);
}

/* A node for EN that nobody has. */
static kern_return_t
node_make(struct fat_volume *fv, const struct fat_entry *en, struct fat_node **out)
{
	uint32_t first = fat_raw_first(en->en_raw);
	bool is_dir = (en->en_raw[FAT_ATTR] & FAT_DIRECTORY) != 0;
	struct fat_node *fn;
	kern_return_t kr = KERN_SUCCESS;

	if (first != 0 && !fat_cluster_ok(fv, first))
		return MX_EIO;
	if (is_dir && first == 0)
		return MX_EIO;				/* damaged; it would be the root */
	fn = node_alloc(fv, ino_choose(fv, en), en->en_raw[FAT_ATTR] & 0x3f, first);
	if (fn == NULL)
		return MX_ENOMEM;
	times_load(&fn->fn_node.pn_attr, en->en_raw);
	fn->fn_disk_mtime = fn->fn_node.pn_attr.at_mtime;
	fat_node_move(fn, en->en_pos);
	if (is_dir) {
		dir_size_set(fn);
	} else {
		fn->fn_disk_size = od_le32(en->en_raw + FAT_SIZE);
		fn->fn_valid = fn->fn_promised = fn->fn_node.pn_attr.at_size = fn->fn_disk_size;
		fat_blocks_set(fn);
		kr = pfs_store_attach(&fn->fn_node, &fn->fn_node.pn_store, &fat_store_ops);
	}
	if (kr != KERN_SUCCESS) {
		node_free(fn);
		return kr;
	}
	*out = fn;
	return KERN_SUCCESS;
}

kern_return_t
fat_node_get(struct fat_volume *fv, const struct fat_entry *en, struct fat_node **out)
{
	struct fat_node *fn = fat_node_at(fv, en->en_pos);

	if (fn == NULL)
		return node_make(fv, en, out);
	if (fn->fn_is_dying)
		return MX_EAGAIN;
	fat_node_hold(fn);
	*out = fn;
	return KERN_SUCCESS;
}

/* Nobody has it, and its pages have been stored. */
static void
node_done(struct pfs_node *node)
{
	struct fat_node *fn = fat_node_of(node);
	struct fat_volume *fv = fn->fn_volume;
	uint64_t size = node->pn_attr.at_size;

	if (fn->fn_pos != 0 && fn->fn_is_dirty)
		(void)fat_file_fill(fn, size);
	mx_mutex_lock(&fv->fv_mutex);
	if (!fv->fv_readonly && fn->fn_pos == 0) {
		(void)fat_chain_cut(fv, &fn->fn_chain, 0);
	} else if (!fv->fv_readonly && fn->fn_is_dirty) {
		(void)fat_chain_cut(fv, &fn->fn_chain, (uint32_t)((size + fv->fv_cluster - 1) / fv->fv_cluster));
		(void)fat_slot_update(fn, size);
	}
	mx_mutex_unlock(&fv->fv_mutex);
	node_free(fn);
}

static void
node_end(struct fat_node *fn)
{
	if (fn->fn_is_idle)
		idle_remove(fn);
	fn->fn_is_dying = true;
	pfs_store_release(&fn->fn_node, fn->fn_pos != 0, node_done);
}

void
fat_nodes_uncount(struct fat_volume *fv)
{
	struct fat_node *fn;

	for (fn = fv->fv_idle_first; fn != NULL && !fv->fv_volume->pv_dying; fn = fn->fn_idle_next)
		idle_uncount(fn);
	while (fv->fv_volume->pv_dying && fv->fv_idle_first != NULL)
		node_end(fv->fv_idle_first);		/* the last of them may end the volume, but not from here */
}

/* A directory, whose contents are in the cache of metadata. */
static void
dir_end(struct fat_node *fn)
{
	struct fat_volume *fv = fn->fn_volume;

	fn->fn_is_dying = true;
	mx_mutex_lock(&fv->fv_mutex);
	if (!fv->fv_readonly && fn->fn_pos == 0 && !fn->fn_is_root)
		(void)fat_chain_cut(fv, &fn->fn_chain, 0);
	else if (!fv->fv_readonly && fn->fn_is_dirty)
		(void)fat_slot_update(fn, 0);
	mx_mutex_unlock(&fv->fv_mutex);
	node_free(fn);
}

void
fat_node_release(struct pfs_node *node)
{
	struct fat_node *fn = fat_node_of(node);
	struct fat_volume *fv = fn->fn_volume;

	if (pfs_node_is_dir(node)) {
		dir_end(fn);
		return;
	}
	if (fn->fn_pos == 0 || fv->fv_is_ending || fv->fv_volume->pv_dying) {
		node_end(fn);
		return;
	}
	idle_insert(fn);
	if (fv->fv_nidle > FAT_IDLE_MAX)
		node_end(fv->fv_idle_first);
}

void
fat_nodes_end(struct fat_volume *fv)
{
	fv->fv_is_ending = true;
	pfs_volume_opened(fv->fv_volume);		/* their memory objects, when they go, are not what ends it */
	while (fv->fv_idle_first != NULL)
		node_end(fv->fv_idle_first);
	while (fv->fv_nnodes > 1)
		mx_cond_wait(&fv->fv_gone);
}
