/*
 * vfs_walk.c - from a path to a name.
 *
 * A walk holds a reference to the name it stands on and nothing else; it parks only where a file system in another task has to
 * be asked. Cached names are believed for volumes that only vfs changes. Symbolic links are expanded in place: the target and what is
 * left of the path become the new path.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "vfs.h"

#define LINKS_MAX	40

struct walk {
	const struct vfs_who *wk_who;
	int32_t		wk_pid;
	struct vfs_name	*wk_at;		/* a reference */
	const char	*wk_p, *wk_end;	/* what is left */
	char		*wk_buf;	/* where it is, once a link was expanded */
	unsigned int	wk_links;
	bool		wk_steady;	/* only vfs can change the names so far */
};

/* ---- Steps ---- */

void
vfs_cross(struct vfs_name **na)
{
	struct vfs_name *over;

	while ((*na)->na_mounted != NULL) {
		over = (*na)->na_mounted->mn_root;
		vfs_name_hold(over);
		vfs_name_release(*na);
		*na = over;
	}
}

/* Stand on TO (whose reference is taken) instead. */
static void
step(struct walk *wk, struct vfs_name *to)
{
	vfs_name_release(wk->wk_at);
	wk->wk_at = to;
	vfs_cross(&wk->wk_at);
}

static void
step_up(struct walk *wk)
{
	struct vfs_name *na = wk->wk_at;

	while (na != wk->wk_who->wh_root && na->na_vnode->vn_mount->mn_root == na &&
	    na->na_vnode->vn_mount->mn_covered != NULL)
		na = na->na_vnode->vn_mount->mn_covered;
	if (na != wk->wk_who->wh_root && na->na_parent != NULL)
		na = na->na_parent;
	if (na != wk->wk_at) {
		vfs_name_hold(na);
		step(wk, na);
	}
}

/* Ask the file system. Locks: DIR's vn_lock held */
static kern_return_t
lookup_uncached(struct vfs_name *dir, int32_t pid, const char *name, size_t len, struct vfs_name **out)
{
	bool is_cached = dir->na_vnode->vn_mount->mn_cache == MX_CACHE_FOREVER;
	struct vfs_vnode *vn = NULL;
	kern_return_t kr;

	if (is_cached) {				/* somebody may have asked before us */
		*out = vfs_name_find(dir, name, len);
		if (*out != NULL)
			return KERN_SUCCESS;
	}
	kr = vfs_node_lookup(dir->na_vnode, pid, name, len, &vn);
	if (kr == MX_ENOENT && !is_cached) {
		*out = vfs_name_find(dir, name, len);
		if (*out != NULL) {
			vfs_name_remove(*out);
			vfs_name_release(*out);
		}
	}
	if (kr != KERN_SUCCESS && (kr != MX_ENOENT || !is_cached))
		return kr;
	*out = vfs_name_enter(dir, name, len, vn);
	return *out != NULL ? KERN_SUCCESS : MX_ENOMEM;
}

/* NAME in DIR: *OUT a reference, negative or not, below what is mounted on it. */
static kern_return_t
lookup(struct vfs_name *dir, int32_t pid, const char *name, size_t len, struct vfs_name **out)
{
	kern_return_t kr;

	if (dir->na_vnode->vn_mount->mn_cache == MX_CACHE_FOREVER) {
		*out = vfs_name_find(dir, name, len);
		if (*out != NULL)
			return KERN_SUCCESS;
	}
	mx_mutex_lock(&dir->na_vnode->vn_lock);
	kr = lookup_uncached(dir, pid, name, len, out);
	mx_mutex_unlock(&dir->na_vnode->vn_lock);
	return kr;
}

kern_return_t
vfs_lookup_last(const struct vfs_who *who, const struct vfs_last *last, int32_t pid, struct vfs_name **out)
{
	kern_return_t kr = vfs_perm(who, vfs_vnode_facts(last->la_dir->na_vnode), VFS_X);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = lookup_uncached(last->la_dir, pid, last->la_name, last->la_len, out);
	if (kr == MX_ENOENT) {				/* volumes without a cache have no negative names either */
		*out = vfs_name_enter(last->la_dir, last->la_name, last->la_len, NULL);
		kr = *out != NULL ? KERN_SUCCESS : MX_ENOMEM;
	}
	return kr;
}

/* The link NA stands at the front of what is left. */
static kern_return_t
expand(struct walk *wk, struct vfs_name *na)
{
	size_t rest = (size_t)(wk->wk_end - wk->wk_p), len;
	char *buf;
	kern_return_t kr;

	if (++wk->wk_links > LINKS_MAX)
		return MX_ELOOP;
	buf = malloc(MX_PATH_MAX + 1 + rest);
	if (buf == NULL)
		return MX_ENOMEM;
	kr = vfs_node_readlink(na->na_vnode, wk->wk_pid, buf, MX_PATH_MAX, &len);
	if (kr == KERN_SUCCESS && len == 0)
		kr = MX_ENOENT;
	if (kr == KERN_SUCCESS && len + rest > 2 * MX_PATH_MAX)
		kr = MX_ENAMETOOLONG;
	if (kr != KERN_SUCCESS) {
		free(buf);
		return kr;
	}
	memcpy(buf + len, wk->wk_p, rest);		/* begins with a slash, or is empty */
	free(wk->wk_buf);
	wk->wk_buf = buf;
	wk->wk_p = buf;
	wk->wk_end = buf + len + rest;
	if (buf[0] == '/') {
		vfs_name_hold(wk->wk_who->wh_root);
		step(wk, wk->wk_who->wh_root);
	}
	return KERN_SUCCESS;
}

/* ---- Components ---- */

struct component {
	const char	*co_name;
	size_t		co_len;
	bool		co_last, co_slash;	/* nothing but slashes follows; at least one does */
};

/* The next one; false: there is none. */
static bool
component_next(struct walk *wk, struct component *co)
{
	const char *p = wk->wk_p;

	while (p < wk->wk_end && *p == '/')
		p++;
	co->co_name = p;
	while (p < wk->wk_end && *p != '/')
		p++;
	co->co_len = (size_t)(p - co->co_name);
	wk->wk_p = p;
	co->co_slash = p < wk->wk_end;
	while (p < wk->wk_end && *p == '/')
		p++;
	co->co_last = p == wk->wk_end;
	return co->co_len > 0;
}

static unsigned int
dots(const struct component *co)
{
	if (co->co_len == 1 && co->co_name[0] == '.')
		return 1;
	return co->co_len == 2 && co->co_name[0] == '.' && co->co_name[1] == '.' ? 2 : 0;
}

/* May the walk look for a name where it stands? */
static kern_return_t
search_check(const struct walk *wk, const struct component *co)
{
	struct vfs_vnode *vn = wk->wk_at->na_vnode;

	if (!vfs_vnode_is_dir(vn))
		return MX_ENOTDIR;
	if (co->co_len > MX_NAME_MAX)
		return MX_ENAMETOOLONG;
	if (memchr(co->co_name, '\0', co->co_len) != NULL)
		return MX_ENOENT;
	return vfs_perm(wk->wk_who, vfs_vnode_facts(vn), VFS_X);
}

/* Go over one component that exists. */
static kern_return_t
component_walk(struct walk *wk, const struct component *co, unsigned int flags)
{
	struct vfs_name *na;
	kern_return_t kr;

	if (dots(co) == 1)
		return KERN_SUCCESS;
	if (dots(co) == 2) {
		step_up(wk);
		return KERN_SUCCESS;
	}
	if (wk->wk_at->na_vnode->vn_mount->mn_cache != MX_CACHE_FOREVER)
		wk->wk_steady = false;
	kr = lookup(wk->wk_at, wk->wk_pid, co->co_name, co->co_len, &na);
	if (kr != KERN_SUCCESS)
		return kr;
	if (na->na_vnode == NULL) {
		vfs_name_release(na);
		return MX_ENOENT;
	}
	if (vfs_vnode_type(na->na_vnode) == MX_S_IFLNK && na->na_mounted == NULL &&
	    (!co->co_last || co->co_slash || (flags & VFS_FOLLOW))) {
		kr = expand(wk, na);
		vfs_name_release(na);
		return kr;
	}
	step(wk, na);
	return KERN_SUCCESS;
}

/* Remember the last component instead of going over it. */
static kern_return_t
component_keep(struct walk *wk, const struct component *co, struct vfs_last *last)
{
	memcpy(last->la_name, co->co_name, co->co_len);
	last->la_name[co->co_len] = '\0';
	last->la_len = co->co_len;
	last->la_slash = co->co_slash;
	last->la_dots = dots(co) != 0;
	if (dots(co) == 2)
		step_up(wk);
	return KERN_SUCCESS;
}

static kern_return_t
walk_run(struct walk *wk, unsigned int flags, struct vfs_last *last)
{
	struct component co;
	kern_return_t kr;
	bool want_dir = false;

	while (component_next(wk, &co)) {
		kr = search_check(wk, &co);
		if (kr != KERN_SUCCESS)
			return kr;
		if (last != NULL && co.co_last)
			return component_keep(wk, &co, last);
		want_dir = co.co_slash;
		kr = component_walk(wk, &co, flags);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	if (last != NULL) {				/* the root */
		last->la_name[0] = '/';
		last->la_len = 1;
		last->la_dots = true;
	}
	return want_dir && !vfs_vnode_is_dir(wk->wk_at->na_vnode) ? MX_ENOTDIR : KERN_SUCCESS;
}

/* ---- Whole paths ---- */

static kern_return_t
walk(const struct vfs_who *who, const struct vfs_path *path, unsigned int flags, struct vfs_last *last,
	struct vfs_name **out)
{
	struct walk wk = { who, path->pa_pid, NULL, path->pa_path, path->pa_path + path->pa_len, NULL, 0, true };
	kern_return_t kr;

	if (path->pa_len >= MX_PATH_MAX)
		return MX_ENAMETOOLONG;
	if (path->pa_len == 0 && !(flags & VFS_EMPTY_OK))
		return MX_ENOENT;
	wk.wk_at = path->pa_len > 0 && path->pa_path[0] == '/' ? who->wh_root : path->pa_start;
	vfs_name_hold(wk.wk_at);
	if (path->pa_len > 0)
		vfs_cross(&wk.wk_at);
	kr = walk_run(&wk, flags, last);
	free(wk.wk_buf);
	if (path->pa_steady != NULL)
		*path->pa_steady = wk.wk_steady;
	if (kr != KERN_SUCCESS) {
		vfs_name_release(wk.wk_at);
		return kr;
	}
	*out = wk.wk_at;
	return KERN_SUCCESS;
}

kern_return_t
vfs_walk(const struct vfs_who *who, const struct vfs_path *path, unsigned int flags, struct vfs_name **out)
{
	return walk(who, path, flags, NULL, out);
}

kern_return_t
vfs_walk_parent(const struct vfs_who *who, const struct vfs_path *path, struct vfs_last *last)
{
	memset(last, 0, sizeof(*last));
	return walk(who, path, 0, last, &last->la_dir);
}

void
vfs_last_release(struct vfs_last *last)
{
	vfs_name_release(last->la_dir);
}
