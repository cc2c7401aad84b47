/*
 * ext2_htree.c - indexed directories: a tree of one or two levels, ordered by the hashes of names.
 *
 * The root (block 0, behind "." and "..") and the nodes hold pairs: from this hash on, names are in that block. The first pair's hash
 * is not stored, its place has the numbers of pairs. Names with the same hash may reach into the next block; then the lowest bit of
 * that one's hash is set. A full block is split in the middle of its names by hash, a full node likewise.
 *
 * What the index says is checked as it is read; when it is wrong (MX_EINVAL) the directory is searched block by block.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "ext2.h"

#define LEVELS 3u

struct frame {				/* a node of the index, and where in it */
	struct ext2_buf	*fr_buf;
	struct ext2_dx_entry *fr_entries;
	uint32_t	fr_at;
};

struct path {
	struct ext2_node *pa_dir;
	struct frame	pa_frames[LEVELS];
	unsigned int	pa_n;
	unsigned int	pa_version;
};

struct named {				/* an entry of a block, for sorting */
	uint32_t	na_hash, na_minor;
	struct ext2_dirent *na_entry;
};

bool
ext2_dir_is_indexed(const struct ext2_node *dir)
{
	return (dir->en_flags & EXT2_FL_INDEX) != 0 && ext2_has_compat(dir->en_volume, EXT2_COMPAT_DIR_INDEX) &&
		ext2_dir_blocks(dir) > 1;
}

static struct ext2_dx_limit *
limit_of(struct ext2_dx_entry *entries)
{
	return (struct ext2_dx_limit *)entries;
}

static uint32_t
count_of(const struct frame *fr)
{
	return limit_of(fr->fr_entries)->dx_count;
}

static uint32_t
block_of(const struct frame *fr, uint32_t i)
{
	return fr->fr_entries[i].dx_block & EXT2_DX_BLOCK;
}

static void
path_put(struct path *pa)
{
	while (pa->pa_n > 0)
		ext2_buf_put(pa->pa_frames[--pa->pa_n].fr_buf);
}

/* The version of the volume's hash as ext2_hash takes it. */
static unsigned int
hash_version(const struct ext2_volume *ev, unsigned int version)
{
	if (version <= EXT2_HASH_TEA && (ev->ev_super->s_flags & EXT2_FLAGS_UNSIGNED_HASH))
		version += EXT2_HASH_UNSIGNED;
	return version;
}

static bool
hash_name(const struct ext2_volume *ev, unsigned int version, const char *name, size_t len, uint32_t *hash, uint32_t *minor)
{
	return ext2_hash(hash_version(ev, version), ev->ev_hash_seed, name, len, hash, minor);
}

/* ---- The way down ---- */

/* BU, whose pairs begin at OFFSET, becomes the path's next frame. */
static kern_return_t
frame_push(struct path *pa, struct ext2_buf *bu, uint32_t offset)
{
	const struct ext2_volume *ev = pa->pa_dir->en_volume;
	struct frame *fr = &pa->pa_frames[pa->pa_n++];
	uint32_t room = (ev->ev_block_size - offset) / sizeof(struct ext2_dx_entry), i;
	const struct ext2_dx_limit *li;

	*fr = (struct frame){ bu, (struct ext2_dx_entry *)(bu->bu_data + offset), 0 };
	li = limit_of(fr->fr_entries);
	/* What is changed here must not be anybody's directory entries. */
	if (offset == EXT2_DX_NODE_OFFSET && (((const struct ext2_dirent *)bu->bu_data)->de_inode != 0 ||
	    ((const struct ext2_dirent *)bu->bu_data)->de_rec_len != ev->ev_block_size))
		return MX_EINVAL;
	/* With checksums the last pair's place is theirs. */
	if ((li->dx_limit != room && li->dx_limit + 1u != room) || li->dx_count == 0 || li->dx_count > li->dx_limit)
		return MX_EINVAL;
	for (i = 0; i < li->dx_count; i++)
		if (block_of(fr, i) == 0 || block_of(fr, i) >= ext2_dir_blocks(pa->pa_dir))
			return MX_EINVAL;
	return KERN_SUCCESS;
}

static void
frame_search(struct frame *fr, uint32_t hash)
{
	uint32_t low = 1, high = count_of(fr), mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (fr->fr_entries[mid].dx_hash > hash)
			high = mid;
		else
			low = mid + 1;
	}
	fr->fr_at = low - 1;
}

static kern_return_t
root_load(struct path *pa, unsigned int *levels)
{
	const struct ext2_volume *ev = pa->pa_dir->en_volume;
	const struct ext2_dx_info *info;
	struct ext2_buf *bu;
	kern_return_t kr = ext2_dir_block(pa->pa_dir, 0, &bu);

	if (kr != KERN_SUCCESS)
		return kr;
	if (bu == NULL)
		return MX_EINVAL;
	info = (const struct ext2_dx_info *)(bu->bu_data + EXT2_DX_INFO_OFFSET);
	kr = frame_push(pa, bu, EXT2_DX_INFO_OFFSET + sizeof(*info));
	*levels = info->dx_levels;
	pa->pa_version = info->dx_hash_version;
	if (((const struct ext2_dirent *)bu->bu_data)->de_rec_len != EXT2_DIRENT_LEN(1) ||
	    ((const struct ext2_dirent *)(bu->bu_data + EXT2_DIRENT_LEN(1)))->de_rec_len != ev->ev_block_size - EXT2_DIRENT_LEN(1) ||
	    info->dx_reserved != 0 ||
	    info->dx_info_length != sizeof(*info) || info->dx_hash_version > EXT2_HASH_TEA || (info->dx_flags & 1) ||
	    info->dx_levels > (ext2_has_incompat(ev, EXT2_IN_LARGEDIR) ? 2 : 1))
		return MX_EINVAL;
	return kr;
}

/* From the top frame to the lowest. NAME, or (NULL) HASH, says which way. */
static kern_return_t
path_find(struct path *pa, struct ext2_node *dir, const char *name, size_t len, uint32_t *hash)
{
	unsigned int levels;
	uint32_t minor;
	struct ext2_buf *bu;
	kern_return_t kr;

	*pa = (struct path){ .pa_dir = dir };
	kr = root_load(pa, &levels);
	if (kr == KERN_SUCCESS && name != NULL && !hash_name(dir->en_volume, pa->pa_version, name, len, hash, &minor))
		kr = MX_EINVAL;
	while (kr == KERN_SUCCESS) {
		frame_search(&pa->pa_frames[pa->pa_n - 1], *hash);
		if (levels-- == 0)
			return KERN_SUCCESS;
		kr = ext2_dir_block(dir, block_of(&pa->pa_frames[pa->pa_n - 1], pa->pa_frames[pa->pa_n - 1].fr_at), &bu);
		if (kr == KERN_SUCCESS && bu == NULL)
			kr = MX_EINVAL;
		if (kr == KERN_SUCCESS)
			kr = frame_push(pa, bu, EXT2_DX_NODE_OFFSET);
	}
	path_put(pa);
	return kr;
}

static uint32_t
path_block(const struct path *pa)
{
	const struct frame *fr = &pa->pa_frames[pa->pa_n - 1];

	return block_of(fr, fr->fr_at);
}

/* Go to the block that follows. *HASH: where it begins. False: there is none. */
static kern_return_t
path_next(struct path *pa, bool *more, uint32_t *hash)
{
	unsigned int n = pa->pa_n, i = n;
	struct ext2_buf *bu;
	kern_return_t kr;

	*more = false;
	while (i > 0 && pa->pa_frames[i - 1].fr_at + 1 >= count_of(&pa->pa_frames[i - 1]))
		i--;
	if (i == 0)
		return KERN_SUCCESS;
	pa->pa_frames[i - 1].fr_at++;
	*hash = pa->pa_frames[i - 1].fr_entries[pa->pa_frames[i - 1].fr_at].dx_hash;
	*more = true;
	while (pa->pa_n > i)
		ext2_buf_put(pa->pa_frames[--pa->pa_n].fr_buf);
	while (pa->pa_n < n) {
		kr = ext2_dir_block(pa->pa_dir, path_block(pa), &bu);
		if (kr == KERN_SUCCESS)
			kr = bu != NULL ? frame_push(pa, bu, EXT2_DX_NODE_OFFSET) : MX_EINVAL;
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return KERN_SUCCESS;
}

kern_return_t
ext2_htree_find(struct ext2_node *dir, const char *name, size_t len, struct ext2_place *out)
{
	struct path pa;
	uint32_t hash, next = 0;
	bool more = true;
	kern_return_t kr = path_find(&pa, dir, name, len, &hash);

	if (kr != KERN_SUCCESS)
		return kr;
	for (;;) {
		kr = ext2_dir_block(dir, path_block(&pa), &out->pl_buf);
		if (kr != KERN_SUCCESS)
			break;
		if (out->pl_buf != NULL)
			out->pl_entry = ext2_dir_search(dir->en_volume, out->pl_buf, name, len, &out->pl_prev);
		if (out->pl_entry != NULL)
			break;
		ext2_buf_put(out->pl_buf);
		out->pl_buf = NULL;
		kr = path_next(&pa, &more, &next);
		if (kr != KERN_SUCCESS)
			break;
		if (!more || next != (hash | 1)) {
			kr = MX_ENOENT;
			break;
		}
	}
	path_put(&pa);
	return kr;
}

/* ---- Entries in the order of their hashes ---- */

static int
by_hash(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	if (x->na_hash != y->na_hash)
		return x->na_hash < y->na_hash ? -1 : 1;
	if (x->na_minor != y->na_minor)
		return x->na_minor < y->na_minor ? -1 : 1;
	return x->na_entry < y->na_entry ? -1 : x->na_entry > y->na_entry;
}

static bool
is_dot(const struct ext2_volume *ev, const struct ext2_dirent *de)
{
	uint32_t len = ext2_dirent_name_len(ev, de);

	return de->de_name[0] == '.' && (len == 1 || (len == 2 && de->de_name[1] == '.'));
}

/* The entries of BU but "." and "..", sorted; memory of the caller's. NULL: no memory */
static struct named *
block_sort(const struct ext2_volume *ev, unsigned int version, struct ext2_buf *bu, uint32_t *n)
{
	struct named *list = malloc((ev->ev_block_size / EXT2_DIRENT_LEN(1)) * sizeof(*list));
	struct ext2_dirent *de;
	uint32_t at;

	*n = 0;
	if (list == NULL)
		return NULL;
	for (at = 0; at < ev->ev_block_size; at += de->de_rec_len) {
		de = (struct ext2_dirent *)(bu->bu_data + at);
		if (de->de_inode == 0 || is_dot(ev, de))
			continue;
		list[*n].na_entry = de;
		(void)hash_name(ev, version, de->de_name, ext2_dirent_name_len(ev, de), &list[*n].na_hash, &list[*n].na_minor);
		++*n;
	}
	qsort(list, *n, sizeof(*list), by_hash);
	return list;
}

/* ---- Reading ---- */

struct reader {
	struct ext2_volume *re_volume;
	struct pfs_dirents *re_out;
	uint64_t	re_cookie;	/* half of the first hash that is wanted */
	size_t		re_mark;	/* where the entries with hash re_run begin */
	uint32_t	re_run;
	bool		re_any, re_full;
};

static uint32_t
dirent_mode(const struct ext2_volume *ev, const struct ext2_dirent *de)
{
	static const uint32_t modes[8] = { 0, MX_S_IFREG, MX_S_IFDIR, MX_S_IFCHR, MX_S_IFBLK, MX_S_IFIFO, MX_S_IFSOCK, MX_S_IFLNK };

	return ext2_has_incompat(ev, EXT2_IN_FILETYPE) ? modes[de->de_file_type & 7] : 0;
}

/* Names with the same hash are given all or not at all, as there is one cookie for them - unless they alone are too many. */
static void
reader_entry(struct reader *re, const struct named *na)
{
	const struct ext2_dirent *de = na->na_entry;
	uint32_t len = ext2_dirent_name_len(re->re_volume, de), half = na->na_hash >> 1;

	if (half < re->re_cookie || memchr(de->de_name, '/', len) != NULL || memchr(de->de_name, '\0', len) != NULL)
		return;
	if (!re->re_any || half != re->re_run)
		re->re_mark = pfs_dirent_mark(re->re_out);
	re->re_any = true;
	re->re_run = half;
	if (pfs_dirent_add(re->re_out, de->de_inode, (uint64_t)half + 1, dirent_mode(re->re_volume, de), de->de_name, len))
		return;
	re->re_full = true;
	if (re->re_mark > 0)
		pfs_dirent_rewind(re->re_out, re->re_mark);
}

static kern_return_t
reader_block(struct reader *re, struct ext2_node *dir, unsigned int version, uint32_t block)
{
	struct ext2_buf *bu;
	struct named *list;
	uint32_t i, n;
	kern_return_t kr = ext2_dir_block(dir, block, &bu);

	if (kr != KERN_SUCCESS || bu == NULL)
		return kr;
	list = block_sort(re->re_volume, version, bu, &n);
	for (i = 0; list != NULL && i < n && !re->re_full; i++)
		reader_entry(re, &list[i]);
	free(list);
	ext2_buf_put(bu);
	return list != NULL ? KERN_SUCCESS : MX_ENOMEM;
}

kern_return_t
ext2_htree_read(struct ext2_node *dir, uint64_t cookie, struct pfs_dirents *out)
{
	struct ext2_volume *ev = dir->en_volume;
	struct reader re = { .re_volume = ev, .re_out = out, .re_cookie = cookie };
	uint32_t hash = (uint32_t)cookie << 1, next;
	struct path pa;
	bool more = true;
	kern_return_t kr;

	if (cookie > INT32_MAX)
		return KERN_SUCCESS;
	if (!ext2_dir_is_indexed(dir))
		return ev->ev_super->s_def_hash_version <= EXT2_HASH_TEA ?
			reader_block(&re, dir, ev->ev_super->s_def_hash_version, 0) : MX_EINVAL;
	kr = path_find(&pa, dir, NULL, 0, &hash);
	if (kr != KERN_SUCCESS)
		return kr;
	while (kr == KERN_SUCCESS && more && !re.re_full) {
		kr = reader_block(&re, dir, pa.pa_version, path_block(&pa));
		if (kr == KERN_SUCCESS)
			kr = path_next(&pa, &more, &next);
	}
	path_put(&pa);
	return kr == MX_EINVAL ? ext2_error(ev, "directory %u's index cannot be right", dir->en_ino) : kr;
}

/* ---- Adding ---- */

/* The pair (HASH, BLOCK) behind the one where the frame is; there is room. */
static void
pair_insert(struct ext2_volume *ev, struct frame *fr, uint32_t hash, uint32_t block)
{
	struct ext2_dx_entry *at = &fr->fr_entries[fr->fr_at + 1];
	uint32_t count = count_of(fr);

	memmove(at + 1, at, (count - fr->fr_at - 1) * sizeof(*at));
	at->dx_hash = hash;
	at->dx_block = block;
	limit_of(fr->fr_entries)->dx_count = (uint16_t)(count + 1);
	ext2_buf_dirty(ev, fr->fr_buf, EXT2_BUF_NAME);
}

static bool
frame_is_full(const struct frame *fr)
{
	return count_of(fr) >= limit_of(fr->fr_entries)->dx_limit;
}

/* N pairs become a node in BU, a fresh block. */
static struct ext2_dx_entry *
node_fill(struct ext2_volume *ev, struct ext2_buf *bu, const struct ext2_dx_entry *from, uint32_t n)
{
	struct ext2_dx_entry *entries = (struct ext2_dx_entry *)(bu->bu_data + EXT2_DX_NODE_OFFSET);

	memcpy(entries, from, n * sizeof(*from));
	limit_of(entries)->dx_limit = (uint16_t)((ev->ev_block_size - EXT2_DX_NODE_OFFSET) / sizeof(*entries));
	limit_of(entries)->dx_count = (uint16_t)n;
	return entries;
}

/* The root is full and there is nothing between it and the blocks: now there is. */
static kern_return_t
root_deepen(struct path *pa)
{
	struct ext2_volume *ev = pa->pa_dir->en_volume;
	struct frame *root = &pa->pa_frames[0], *fr = &pa->pa_frames[1];
	struct ext2_buf *bu;
	uint32_t n;
	kern_return_t kr = ext2_dir_grow(pa->pa_dir, &n, &bu);

	if (kr != KERN_SUCCESS)
		return kr;
	*fr = (struct frame){ bu, node_fill(ev, bu, root->fr_entries, count_of(root)), root->fr_at };
	pa->pa_n = 2;
	limit_of(root->fr_entries)->dx_count = 1;
	root->fr_entries[0].dx_block = n;
	root->fr_at = 0;
	((struct ext2_dx_info *)(root->fr_buf->bu_data + EXT2_DX_INFO_OFFSET))->dx_levels = 1;
	ext2_buf_dirty(ev, root->fr_buf, EXT2_BUF_NAME);
	return KERN_SUCCESS;
}

/* The lower node is full, the root is not: half of the node goes to a new one. */
static kern_return_t
node_split(struct path *pa)
{
	struct ext2_volume *ev = pa->pa_dir->en_volume;
	struct frame *root = &pa->pa_frames[0], *fr = &pa->pa_frames[1];
	uint32_t count = count_of(fr), half = count / 2, n;
	struct ext2_dx_entry *entries;
	struct ext2_buf *bu;
	kern_return_t kr = ext2_dir_grow(pa->pa_dir, &n, &bu);

	if (kr != KERN_SUCCESS)
		return kr;
	pair_insert(ev, root, fr->fr_entries[half].dx_hash, n);
	entries = node_fill(ev, bu, fr->fr_entries + half, count - half);
	limit_of(fr->fr_entries)->dx_count = (uint16_t)half;
	ext2_buf_dirty(ev, fr->fr_buf, EXT2_BUF_NAME);
	if (fr->fr_at < half) {
		ext2_buf_put(bu);
		return KERN_SUCCESS;
	}
	ext2_buf_put(fr->fr_buf);
	*fr = (struct frame){ bu, entries, fr->fr_at - half };
	root->fr_at++;
	return KERN_SUCCESS;
}

/* Make room for one more pair in the lowest node. */
static kern_return_t
index_make_room(struct path *pa)
{
	if (!frame_is_full(&pa->pa_frames[pa->pa_n - 1]))
		return KERN_SUCCESS;
	if (pa->pa_n == 1)
		return root_deepen(pa);
	return pa->pa_n > 2 || frame_is_full(&pa->pa_frames[0]) ? MX_ENOSPC : node_split(pa);
}

/* Entries LIST[FROM..N) fill BU, a block or the memory of one, from its beginning. */
static void
block_pack(const struct ext2_volume *ev, uint8_t *data, const struct named *list, uint32_t from, uint32_t n)
{
	struct ext2_dirent *to = NULL;
	uint32_t at = 0, len;

	memset(data, 0, ev->ev_block_size);
	for (; from < n; from++, at += len) {
		len = EXT2_DIRENT_LEN(ext2_dirent_name_len(ev, list[from].na_entry));
		to = (struct ext2_dirent *)(data + at);
		memcpy(to, list[from].na_entry, EXT2_DIRENT_HEAD + ext2_dirent_name_len(ev, list[from].na_entry));
		to->de_rec_len = (uint16_t)len;
	}
	if (to == NULL)
		to = (struct ext2_dirent *)data;
	to->de_rec_len = (uint16_t)(ev->ev_block_size - (uint32_t)((uint8_t *)to - data));
}

/* How many of LIST's N entries stay: as many as fill half of the block. */
static uint32_t
split_point(const struct ext2_volume *ev, const struct named *list, uint32_t n)
{
	uint32_t size = 0, i;

	for (i = n; i > 1; i--) {
		size += EXT2_DIRENT_LEN(ext2_dirent_name_len(ev, list[i - 1].na_entry));
		if (size > ev->ev_block_size / 2)
			break;
	}
	return i < n ? i : n - 1;
}

/* Half of the full block BU goes to a new one; *BU becomes the one where HASH belongs. */
static kern_return_t
block_split(struct path *pa, struct ext2_buf **bu, uint32_t hash)
{
	struct ext2_volume *ev = pa->pa_dir->en_volume;
	uint32_t n, stay, block;
	uint8_t *data = malloc(ev->ev_block_size);
	struct named *list = block_sort(ev, pa->pa_version, *bu, &n);
	struct ext2_buf *other;
	kern_return_t kr = data != NULL && list != NULL ? KERN_SUCCESS : MX_ENOMEM;

	if (kr == KERN_SUCCESS)
		kr = n > 1 ? ext2_dir_grow(pa->pa_dir, &block, &other) : MX_EINVAL;
	if (kr != KERN_SUCCESS)
		goto out;
	stay = split_point(ev, list, n);
	block_pack(ev, other->bu_data, list, stay, n);
	block_pack(ev, data, list, 0, stay);
	pair_insert(ev, &pa->pa_frames[pa->pa_n - 1], list[stay].na_hash | (list[stay].na_hash == list[stay - 1].na_hash), block);
	if (hash >= list[stay].na_hash) {
		memcpy((*bu)->bu_data, data, ev->ev_block_size);
		ext2_buf_dirty(ev, *bu, EXT2_BUF_NAME);
		ext2_buf_put(*bu);
		*bu = other;
	} else {
		memcpy((*bu)->bu_data, data, ev->ev_block_size);
		ext2_buf_dirty(ev, *bu, EXT2_BUF_NAME);
		ext2_buf_put(other);
	}
out:
	free(list);
	free(data);
	return kr;
}

kern_return_t
ext2_htree_add(struct ext2_node *dir, const char *name, size_t len, uint32_t ino, uint32_t mode)
{
	struct ext2_volume *ev = dir->en_volume;
	struct ext2_buf *bu = NULL;
	struct path pa;
	uint32_t hash;
	kern_return_t kr = path_find(&pa, dir, name, len, &hash);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = ext2_dir_block(dir, path_block(&pa), &bu);
	if (kr == KERN_SUCCESS && bu == NULL)
		kr = MX_EINVAL;
	if (kr != KERN_SUCCESS || ext2_dir_put(dir, bu, name, len, ino, mode))
		goto out;
	/* Nothing is begun that might end in its middle: two blocks, and what finding them may take. */
	kr = ev->ev_free_blocks > ev->ev_delayed + 10 ? index_make_room(&pa) : MX_ENOSPC;
	if (kr == KERN_SUCCESS)
		kr = block_split(&pa, &bu, hash);
	if (kr == KERN_SUCCESS && !ext2_dir_put(dir, bu, name, len, ino, mode))
		kr = MX_ENOSPC;
out:
	ext2_buf_put(bu);
	path_put(&pa);
	return kr;
}

kern_return_t
ext2_htree_make(struct ext2_node *dir)
{
	struct ext2_volume *ev = dir->en_volume;
	unsigned int version = ev->ev_super->s_def_hash_version;
	struct ext2_buf *root, *bu;
	struct ext2_dx_entry *entries;
	struct ext2_dx_info *info;
	struct ext2_dirent *dotdot;
	struct named *list;
	uint32_t n, block;
	kern_return_t kr;

	if (version > EXT2_HASH_TEA)
		return MX_EINVAL;
	if (ev->ev_free_blocks <= ev->ev_delayed + 10)
		return MX_ENOSPC;
	kr = ext2_dir_block(dir, 0, &root);
	if (kr != KERN_SUCCESS || root == NULL)
		return kr != KERN_SUCCESS ? kr : MX_EINVAL;
	dotdot = (struct ext2_dirent *)(root->bu_data + EXT2_DIRENT_LEN(1));
	list = block_sort(ev, version, root, &n);
	if (list == NULL || ((struct ext2_dirent *)root->bu_data)->de_rec_len != EXT2_DIRENT_LEN(1) ||
	    ext2_dirent_name_len(ev, dotdot) != 2) {
		ext2_buf_put(root);
		free(list);
		return list == NULL ? MX_ENOMEM : MX_EINVAL;
	}
	kr = ext2_dir_grow(dir, &block, &bu);
	if (kr == KERN_SUCCESS) {
		block_pack(ev, bu->bu_data, list, 0, n);
		ext2_buf_put(bu);
		dotdot->de_rec_len = (uint16_t)(ev->ev_block_size - EXT2_DIRENT_LEN(1));
		memset(root->bu_data + EXT2_DX_INFO_OFFSET, 0, ev->ev_block_size - EXT2_DX_INFO_OFFSET);
		info = (struct ext2_dx_info *)(root->bu_data + EXT2_DX_INFO_OFFSET);
		*info = (struct ext2_dx_info){ 0, (uint8_t)version, sizeof(*info), 0, 0 };
		entries = (struct ext2_dx_entry *)(info + 1);
		limit_of(entries)->dx_limit = (uint16_t)((ev->ev_block_size - EXT2_DX_INFO_OFFSET - sizeof(*info)) / sizeof(*entries));
		limit_of(entries)->dx_count = 1;
		entries[0].dx_block = block;
		ext2_buf_dirty(ev, root, EXT2_BUF_NAME);
		dir->en_flags |= EXT2_FL_INDEX;
		ext2_node_changed(dir);
	}
	ext2_buf_put(root);
	free(list);
	return kr;
}
