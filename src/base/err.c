#include "base/err.h"

#undef hp_err_set
#undef hp_err_sys
#undef hp_err_wrap

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static void format_message(char *dst, size_t size, const char *fmt, va_list args)
{
	if (vsnprintf(dst, size, fmt, args) < 0)
		dst[0] = '\0';
}

int hp_err_set(struct hp_err *err, enum hp_code code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return -(int)code;
	err->code = (int)code;
	err->sys_errno = 0;
	va_start(args, fmt);
	format_message(err->msg, sizeof err->msg, fmt, args);
	va_end(args);
	return -(int)code;
}

int hp_err_sys(struct hp_err *err, int sys_errno, const char *fmt, ...)
{
	enum hp_code code = hp_code_from_errno(sys_errno);
	va_list args;
	size_t used;

	if (!err)
		return -(int)code;
	err->code = (int)code;
	err->sys_errno = sys_errno;
	va_start(args, fmt);
	format_message(err->msg, sizeof err->msg, fmt, args);
	va_end(args);
	used = strlen(err->msg);
	(void)snprintf(err->msg + used, sizeof err->msg - used, ": %s", strerror(sys_errno));
	return -(int)code;
}

int hp_err_wrap(struct hp_err *err, const char *fmt, ...)
{
	char inner[sizeof err->msg];
	va_list args;
	size_t used;

	if (!err)
		return -HP_UNKNOWN;
	memcpy(inner, err->msg, sizeof inner);
	va_start(args, fmt);
	format_message(err->msg, sizeof err->msg, fmt, args);
	va_end(args);
	used = strlen(err->msg);
	(void)snprintf(err->msg + used, sizeof err->msg - used, ": %s", inner);
	return -err->code;
}

enum hp_code hp_code_from_errno(int sys_errno)
{
	switch (sys_errno) {
	case 0:
		return HP_OK;
	case ENOENT:
	case ENOTDIR:
		return HP_NOT_FOUND;
	case EEXIST:
	case ENOTEMPTY:
		return HP_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return HP_DENIED;
	case ENOSPC:
	case EDQUOT:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EFBIG:
		return HP_EXHAUSTED;
	case ETIMEDOUT:
		return HP_DEADLINE;
	case EINVAL:
	case ENAMETOOLONG:
	case ELOOP:
		return HP_INVALID;
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
	case EAGAIN:
		return HP_UNAVAILABLE;
	default:
		return HP_INTERNAL;
	}
}

const char *hp_code_name(int code)
{
	static const char *const names[] = {
	        "ok",        "cancelled",       "unknown",           "invalid-argument",   "deadline-exceeded",
	        "not-found", "already-exists",  "permission-denied", "resource-exhausted", "failed-precondition",
	        "aborted",   "out-of-range",    "unimplemented",     "internal",           "unavailable",
	        "data-loss", "unauthenticated",
	};

	if (code < 0)
		code = -code;
	if ((size_t)code >= sizeof names / sizeof names[0])
		return "unknown";
	return names[code];
}
