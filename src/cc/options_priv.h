/* The row macros of the option tables; included by the tables alone. */
#pragma once

#include "cc/options.h"

extern const struct cc_option_table cc_options_gnu;
extern const struct cc_option_table cc_options_gnu_f1;
extern const struct cc_option_table cc_options_gnu_f2;
extern const struct cc_option_table cc_options_gnu_m;
extern const struct cc_option_table cc_options_msvc;

#define CC_ROW_(s, v, c, e, a, f, fam, why)                                                                          \
	{                                                                                                            \
		(s), sizeof(s) - 1, CC_VALUE_##v, CC_CLASS_##c, CC_EFFECT_##e, CC_ACT_##a, (f), CC_FAMILY_BIT_##fam, \
		        CC_REASON_##why                                                                              \
	}

/* Short names for flags inside the tables. */
#define NEG CC_OPT_NEG
#define IDENT CC_OPT_IDENT
#define CWD CC_OPT_CWD
#define ABS CC_OPT_ABS

/* O: an ordinary option. A: one with an action of its own. B: one that makes a bypass. */
#define O(s, v, c, e, f, fam) CC_ROW_(s, v, c, e, NONE, f, fam, NONE)
#define A(s, v, c, e, f, fam, act) CC_ROW_(s, v, c, e, act, f, fam, NONE)
#define B(s, v, c, f, fam, why) CC_ROW_(s, v, c, YES, NONE, f, fam, why)
#define M(s, v, fam, why) CC_ROW_(s, v, MODE, NO, MODE, 0, fam, why)
