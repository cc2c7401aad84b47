/*
 * masix/debug.h - what debug builds assert (configure --enable-debug); masix/server.h includes it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_DEBUG_H
#define MASIX_DEBUG_H

/* Around taking and giving up LOCK, called WHAT in the source (lib/debug.c). */
void mx_debug_lock(const void *lock, const char *what);
void mx_debug_locked(const void *lock, const char *what);
void mx_debug_unlock(const void *lock);

#ifdef MX_DEBUG
#define MX_DEBUG_TAKE(take, l) do { mx_debug_lock((l), #l); take(l); mx_debug_locked((l), #l); } while (0)
#define mx_mutex_lock(m) MX_DEBUG_TAKE((mx_mutex_lock), m)
#define mx_rwlock_rdlock(l) MX_DEBUG_TAKE((mx_rwlock_rdlock), l)
#define mx_rwlock_wrlock(l) MX_DEBUG_TAKE((mx_rwlock_wrlock), l)
#define mx_mutex_unlock(m) do { mx_debug_unlock(m); (mx_mutex_unlock)(m); } while (0)
#define mx_rwlock_unlock(l) do { mx_debug_unlock(l); (mx_rwlock_unlock)(l); } while (0)
#endif

#endif /* MASIX_DEBUG_H */
