/*
 * iso_dir.c - directory records.
 *
 * A directory is a row of records that do not cross sectors. Names are those of Rock Ridge, else of Joliet (UTF-16), else the plain ones
 * in small letters and without version, as Linux shows them.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "iso.h"

enum {					/* in a record */
	REC_LENGTH = 0, REC_EXTRA = 1, REC_EXTENT = 2, REC_SIZE = 10, REC_TIME = 18, REC_FLAGS = 25, REC_UNIT = 26, REC_GAP = 27,
	REC_NAME_LEN = 32, REC_NAME = 33,
};

#define REC_MIN		34u

int64_t
iso_time_decode(const uint8_t *b)
{
	return od_seconds(1900 + b[0], b[1], b[2], b[3], b[4], b[5]) - (int8_t)b[6] * 900;
}

int64_t
iso_time_decode_long(const uint8_t *b)
{
	int v[7], i, k;

	for (i = 0; i < 7; i++) {		/* four digits, then pairs */
		v[i] = 0;
		for (k = i == 0 ? 0 : 2 + 2 * i; k < 4 + 2 * i; k++)
			v[i] = v[i] * 10 + (b[k] >= '0' && b[k] <= '9' ? b[k] - '0' : 0);
	}
	return od_seconds(v[0], v[1], v[2], v[3], v[4], v[5]) - (int8_t)b[16] * 900;
}

/* ---- Names ---- */

/* Without version, and the dot of an empty extension. */
static size_t
version_cut(const char *name, size_t n)
{
	const char *semicolon = memchr(name, ';', n);

	if (semicolon != NULL)
		n = (size_t)(semicolon - name);
	return n > 1 && name[n - 1] == '.' ? n - 1 : n;
}

static size_t
plain_name(const uint8_t *b, size_t n, char *out)
{
	size_t i;

	for (i = 0; i < n; i++)
		out[i] = (char)(b[i] >= 'A' && b[i] <= 'Z' ? b[i] + 32 : b[i]);
	return version_cut(out, n);
}

static size_t
joliet_name(const uint8_t *b, size_t n, char *out)
{
	uint16_t units[128];
	size_t i, len;

	for (i = 0; i < n / 2 && i < 128; i++)
		units[i] = od_be16(b + 2 * i);
	while (i > 2 && units[i - 1] >= '0' && units[i - 1] <= '9' && units[i - 2] == ';')
		i -= 2;
	len = od_utf8_from(units, i, out, ISO_NAME_MAX);
	return len == OD_BAD_NAME ? plain_name(b, n, out) : len;
}

/* The name of the record B; what no program could use becomes something else. */
static void
name_decode(const struct iso_volume *iv, const uint8_t *b, struct iso_entry *en)
{
	size_t n = b[REC_NAME_LEN], i;

	en->en_entry.en_name_len = 0;
	if (n == 1 && b[REC_NAME] <= 1)
		return;					/* "." or ".." */
	if (en->en_rock.rk_name_len > 0) {
		n = en->en_rock.rk_name_len;
		memcpy(en->en_entry.en_name, en->en_rock.rk_name, n);
	} else if (iv->iv_joliet) {
		n = joliet_name(b + REC_NAME, n, en->en_entry.en_name);
	} else {
		n = plain_name(b + REC_NAME, n, en->en_entry.en_name);
	}
	for (i = 0; i < n; i++)
		if (en->en_entry.en_name[i] == '/' || en->en_entry.en_name[i] == '\0')
			en->en_entry.en_name[i] = '_';
	if (n == 0 || (en->en_entry.en_name[0] == '.' && (n == 1 || (n == 2 && en->en_entry.en_name[1] == '.')))) {
		en->en_entry.en_name[0] = '_';
		n = 1;
	}
	en->en_entry.en_name_len = n;
}

/* ---- Records ---- */

/* The record B of N bytes, which lies at POS. */
static kern_return_t
record_decode(struct iso_volume *iv, const uint8_t *b, size_t n, uint64_t pos, struct iso_entry *en)
{
	size_t use = REC_NAME + b[REC_NAME_LEN] + (b[REC_NAME_LEN] % 2 == 0);
	kern_return_t kr = KERN_SUCCESS;

	if (REC_NAME + (size_t)b[REC_NAME_LEN] > n)
		return MX_EIO;
	en->en_pos = pos;
	en->en_entry.en_ino = pos / 32;
	en->en_flags = b[REC_FLAGS];
	en->en_disk = ((uint64_t)od_le32(b + REC_EXTENT) + b[REC_EXTRA]) * iv->iv_block;
	en->en_bytes = od_le32(b + REC_SIZE);
	en->en_time = iso_time_decode(b + REC_TIME);
	en->en_refused = b[REC_UNIT] != 0 || b[REC_GAP] != 0;
	en->en_extents = NULL;
	en->en_nextents = 0;
	if (iv->iv_rock && use + iv->iv_skip <= n)
		kr = iso_rock_read(iv, b + use + iv->iv_skip, n - use - iv->iv_skip, &en->en_rock);
	else
		kr = iso_rock_read(iv, b, 0, &en->en_rock);
	if (kr != KERN_SUCCESS)
		return kr;
	if (en->en_rock.rk_child != 0)
		en->en_disk = en->en_rock.rk_child * iv->iv_block;
	if ((en->en_flags & ISO_FLAG_DIR) != 0 || en->en_rock.rk_child != 0)
		en->en_entry.en_ino = en->en_disk / 32;		/* wherever it was found */
	name_decode(iv, b, en);
	return KERN_SUCCESS;
}

/* The record at OFFSET of DIR, or the first one of the next sector; *OFFSET: where it is, *LENGTH: of it. */
static kern_return_t
record_find(struct iso_node *dir, uint64_t *offset, uint8_t buf[256], size_t *length)
{
	struct iso_volume *iv = iso_volume_of(&dir->in_node.on_node);
	uint64_t size = dir->in_node.on_node.pn_attr.at_size;
	size_t left;
	kern_return_t kr;

	for (;;) {
		if (*offset >= size)
			return MX_ENOENT;
		left = (size_t)(ISO_SECTOR - *offset % ISO_SECTOR);
		kr = od_read(iv->iv_volume.ov_cache, dir->in_extents[0].ex_disk + *offset, buf, 1);
		if (kr != KERN_SUCCESS)
			return kr;
		*length = buf[0];
		if (*length != 0)
			break;
		*offset += left;
	}
	if (*length < REC_MIN || *length > left)
		return MX_EIO;
	return od_read(iv->iv_volume.ov_cache, dir->in_extents[0].ex_disk + *offset, buf, *length);
}

kern_return_t
iso_record_read(struct iso_volume *iv, uint64_t pos, struct iso_entry *en)
{
	uint8_t buf[256];
	kern_return_t kr = od_read(iv->iv_volume.ov_cache, pos, buf, 1);

	if (kr == KERN_SUCCESS && buf[0] < REC_MIN)
		kr = MX_EIO;
	if (kr == KERN_SUCCESS)
		kr = od_read(iv->iv_volume.ov_cache, pos, buf, buf[0]);
	return kr == KERN_SUCCESS ? record_decode(iv, buf, buf[0], pos, en) : kr;
}

void
iso_entry_end(struct od_entry *entry)
{
	struct iso_entry *en = (struct iso_entry *)entry;

	free(en->en_extents);
	en->en_extents = NULL;
}

/* The records after the first one of a file that has several. */
static kern_return_t
extents_read(struct iso_node *dir, uint64_t *offset, struct iso_entry *en)
{
	struct iso_volume *iv = iso_volume_of(&dir->in_node.on_node);
	struct iso_extent *more;
	uint8_t buf[256];
	size_t length;
	kern_return_t kr;

	do {
		kr = record_find(dir, offset, buf, &length);
		if (kr != KERN_SUCCESS || en->en_nextents == ISO_EXTENTS_MAX)
			return kr == KERN_SUCCESS || kr == MX_ENOENT ? MX_EIO : kr;
		more = realloc(en->en_extents, (en->en_nextents + 1) * sizeof(*more));
		if (more == NULL)
			return MX_ENOMEM;
		en->en_extents = more;
		more[en->en_nextents].ex_disk = ((uint64_t)od_le32(buf + REC_EXTENT) + buf[REC_EXTRA]) * iv->iv_block;
		more[en->en_nextents++].ex_bytes = od_le32(buf + REC_SIZE);
		*offset += length;
	} while (buf[REC_FLAGS] & ISO_FLAG_MORE);
	return KERN_SUCCESS;
}

uint32_t
iso_entry_mode(const struct iso_volume *iv, const struct iso_entry *en)
{
	bool is_dir = (en->en_flags & ISO_FLAG_DIR) != 0 || en->en_rock.rk_child != 0;
	uint32_t type = en->en_rock.rk_mode & MX_S_IFMT;

	if (is_dir)
		return MX_S_IFDIR | (en->en_rock.rk_has_mode && en->en_rock.rk_child == 0 ? en->en_rock.rk_mode & 07777 : iv->iv_dmode);
	if (!en->en_rock.rk_has_mode)
		return MX_S_IFREG | iv->iv_fmode;
	if (type != MX_S_IFREG && type != MX_S_IFLNK && type != MX_S_IFCHR && type != MX_S_IFBLK && type != MX_S_IFIFO && type != MX_S_IFSOCK)
		type = MX_S_IFREG;
	return type | (en->en_rock.rk_mode & 07777);
}

kern_return_t
iso_dir_next(struct od_node *on, uint64_t *offset, struct od_entry *out)
{
	struct iso_volume *iv = (struct iso_volume *)on->on_volume;
	struct iso_node *dir = (struct iso_node *)on;
	struct iso_entry *en = (struct iso_entry *)out;
	uint8_t buf[256];
	size_t length;
	kern_return_t kr;

	kr = record_find(dir, offset, buf, &length);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = record_decode(iv, buf, length, dir->in_extents[0].ex_disk + *offset, en);
	*offset += length;
	if (kr != KERN_SUCCESS)
		return kr;
	if ((en->en_flags & ISO_FLAG_MORE) && !(en->en_flags & ISO_FLAG_DIR))
		kr = extents_read(dir, offset, en);
	if (kr != KERN_SUCCESS) {
		iso_entry_end(out);
		return kr;
	}
	if ((en->en_flags & ISO_FLAG_ASSOCIATED) || en->en_rock.rk_is_moved)
		out->en_name_len = 0;
	out->en_mode = iso_entry_mode(iv, en);
	return KERN_SUCCESS;
}
