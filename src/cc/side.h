/* Side files: what a compile can write besides its main output and its dependency file. The command line tells which can
 * appear and where; what really appeared is for the caller to see (daemon/sides.c). Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What an output is to its compile. The numbers stand in entries (docs/formats.md): never renumber. */
enum cc_role {
	CC_ROLE_MAIN = 1,         /* what -o names */
	CC_ROLE_DWO = 2,          /* -gsplit-dwarf */
	CC_ROLE_GCNO = 3,         /* -ftest-coverage, --coverage */
	CC_ROLE_STACK_USAGE = 4,  /* -fstack-usage */
	CC_ROLE_CALLGRAPH = 5,    /* -fcallgraph-info */
	CC_ROLE_OPT_RECORD = 6,   /* -fsave-optimization-record */
	CC_ROLE_TIME_TRACE = 7,   /* -ftime-trace */
	CC_ROLE_TEMP = 8,         /* -save-temps */
	CC_ROLE_DUMP = 9,         /* GCC's -fdump- and -da */
	CC_ROLE_AUX_INFO = 10,    /* -aux-info */
	CC_ROLE_OPT_INFO = 11,    /* -fopt-info-…=FILE */
	CC_ROLE_LISTING = 12,     /* -Wa,-a…=FILE */
	CC_ROLE_SERIALIZED = 13,  /* --serialize-diagnostics */
	CC_ROLE_COMMAND = 14,     /* -MJ */
	CC_ROLE_GO_SPEC = 15,     /* -fdump-go-spec= */
	CC_ROLE_FINAL_INSNS = 16, /* -fdump-final-insns= */
	CC_ROLE_COUNT,
};

struct cc_side {
	enum cc_role role;
	char *path;    /* as spelled; of a family, what all its names begin with */
	bool family;   /* the compiler chooses the rest of the name, and how many there are */
	bool required; /* a compile that leaves none is not as we think: its result is not to be kept */
};

/* Whether an output named `path` + `suffix` is one that this side file's option can make. A suffix has no slash. */
bool cc_side_fits(const struct cc_side *side, const char *suffix);

/* "object", "dwo", …; "other" for a number without a role. */
const char *cc_role_name(unsigned role);
