#include "cc/options.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/options_priv.h"

static const struct cc_option_table *const tables[] = {&cc_options_gnu, &cc_options_gnu_f1, &cc_options_gnu_f2,
                                                       &cc_options_gnu_m, &cc_options_msvc};

const struct cc_option_table *cc_option_table(unsigned index)
{
	return index < HP_ARRAY_SIZE(tables) ? tables[index] : NULL;
}

const char *cc_opt_value_name(enum cc_opt_value value)
{
	static const char *const names[] = {"none", "joined", "separate", "either", "comma", "both"};

	return names[value];
}

const char *cc_opt_class_name(enum cc_opt_class cls)
{
	static const char *const names[] = {"mode",        "output",     "input",  "include",   "define",     "codegen",
	                                    "diagnostics", "dependency", "linker", "side-file", "passthrough"};

	return names[cls];
}

/* Rows of one table that can begin `text`: the two leading bytes of a spelling are the same in the whole -f and the
 * whole -m table, so `skip` of them are not compared. */
struct search {
	const struct cc_option_table *table;
	size_t skip;
	const char *text; /* the argument without what is skipped */
	size_t text_len;
	unsigned family_bit;
};

/* How many first bytes a row shares with the first `len` of the text, `from` of which are known to be the same;
 * *ret_above: the row stands above them. */
static inline size_t common_bytes(const struct search *s, const struct cc_option *row, size_t from, size_t len,
                                  bool *ret_above)
{
	const char *spelling = row->spelling + s->skip;
	size_t row_len = row->len - s->skip;
	size_t end = row_len < len ? row_len : len;
	size_t i = from;

	while (i < end && spelling[i] == s->text[i])
		i++;
	*ret_above = i < end ? (unsigned char)spelling[i] > (unsigned char)s->text[i] : row_len > len;
	return i;
}

/* The number of rows that are not above the text. All rows between two share what both share with the text, so each
 * step compares only what is behind that. */
static size_t rows_upto(const struct search *s)
{
	size_t lo = 0;
	size_t hi = s->table->len;
	size_t lo_common = 0;
	size_t hi_common = 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		size_t from = lo_common < hi_common ? lo_common : hi_common;
		bool above;
		size_t common = common_bytes(s, &s->table->rows[mid], from, s->text_len, &above);

		if (above) {
			hi = mid;
			hi_common = common;
		} else {
			lo = mid + 1;
			lo_common = common;
		}
	}
	return lo;
}

static bool row_fits(const struct search *s, const struct cc_option *row)
{
	if (!(row->families & s->family_bit))
		return false;
	if (row->value == CC_VALUE_NONE || row->value == CC_VALUE_SEPARATE)
		return row->len - s->skip == s->text_len;
	return true;
}

/* Longest prefix first. The greatest row not above the text either begins it or shares some first bytes with it, and
 * what begins the text further down can be no longer than those; it is a few rows away as a rule, so one walks. */
static const struct cc_option *longest_row(const struct search *s)
{
	size_t len = s->text_len;

	for (size_t i = rows_upto(s); i-- > 0;) {
		const struct cc_option *row = &s->table->rows[i];
		bool above;
		size_t common = common_bytes(s, row, 0, len, &above);

		if (common == row->len - s->skip && row_fits(s, row))
			return row;
		if (common == 0)
			return NULL;
		if (!above)
			len = common;
	}
	return NULL;
}

/* The row of "-f" or "-m" and what follows: `name` is the text after those two bytes. */
static const struct cc_option *named_row(char letter, const char *name, unsigned family_bit)
{
	struct search s = {.skip = 2, .text = name, .text_len = strlen(name), .family_bit = family_bit};

	if (letter == 'm')
		s.table = &cc_options_gnu_m;
	else
		s.table = name[0] < 'n' ? &cc_options_gnu_f1 : &cc_options_gnu_f2;
	return longest_row(&s);
}

static const struct cc_option *general_row(const char *arg, unsigned family_bit)
{
	const struct search s = {
	        .table = &cc_options_gnu, .text = arg, .text_len = strlen(arg), .family_bit = family_bit};

	return longest_row(&s);
}

/* Room for an option's name in another form; none of the rows is longer. */
#define NAME_SIZE_MAX 128u

/* The row of "-gX" for an argument "-gno-X". */
static const struct cc_option *positive_g_row(const char *arg, unsigned family_bit)
{
	char positive[NAME_SIZE_MAX] = "-g";
	size_t name_len = strlen(arg + 5);

	if (name_len + 3 > sizeof positive)
		return NULL;
	memcpy(positive + 2, arg + 5, name_len + 1);
	return general_row(positive, family_bit);
}

/* An argument in its own form. */
static struct cc_match find_short(const char *arg, unsigned family_bit)
{
	char letter = arg[1];
	bool named = letter == 'f' || letter == 'm';
	const struct cc_option *row = named ? named_row(letter, arg + 2, family_bit) : general_row(arg, family_bit);
	bool negative = false;

	/* A row that holds "no-" itself goes first; a shorter one took "no-" for a value. */
	if ((named || letter == 'g') && hp_startswith(arg + 2, "no-") && !(row && row->len > strlen("-fno-"))) {
		row = named ? named_row(letter, arg + 5, family_bit) : positive_g_row(arg, family_bit);
		if (row && !(row->flags & CC_OPT_NEG))
			row = NULL;
		negative = row != NULL;
	}
	return (struct cc_match){row, row ? row->len + (negative ? strlen("no-") : 0) : 0, negative};
}

/* GCC's long forms, in the order in which it tries them. */
static const struct {
	const char *longer;
	const char *shorter;
} long_forms[] = {{"--machine-", "-m"}, {"--machine=", "-m"}, {"--warn-", "-W"}, {"--debug=", "-g"}, {"--", "-f"}};

static struct cc_match find_long(const char *arg)
{
	for (size_t i = 0; i < HP_ARRAY_SIZE(long_forms); i++) {
		size_t longer_len = strlen(long_forms[i].longer);
		char name[NAME_SIZE_MAX];
		struct cc_match match;

		/* What does not fit has a long value, and no long form of ours has a value that matters. */
		if (!hp_startswith(arg, long_forms[i].longer) || strlen(arg) >= sizeof name || !arg[longer_len])
			continue;
		memcpy(name, long_forms[i].shorter, 2);
		memcpy(name + 2, arg + longer_len, strlen(arg + longer_len) + 1);
		match = find_short(name, CC_FAMILY_BIT_GCC);
		match.spelled += longer_len - 2;
		if (match.row)
			return match;
	}
	return (struct cc_match){0};
}

struct cc_match cc_option_find(enum cc_family family, const char *arg)
{
	struct cc_match match = find_short(arg, cc_family_is_clang(family) ? CC_FAMILY_BIT_CLANG : CC_FAMILY_BIT_GCC);

	if (!match.row && family == CC_FAMILY_GCC && arg[1] == '-')
		return find_long(arg);
	return match;
}

static bool takes_next(const struct cc_match *match, const char *arg)
{
	switch ((enum cc_opt_value)match->row->value) {
	case CC_VALUE_SEPARATE:
	case CC_VALUE_BOTH_WAYS:
		return true;
	case CC_VALUE_EITHER:
		return arg[match->spelled] == '\0';
	default:
		return false;
	}
}

/* A word with a slash in front that no row fits: for cl an option, for clang-cl a path, unless it looks like no path. */
static bool is_slash_option(enum cc_family family, const char *text)
{
	return text[0] == '/' && text[1] && (family == CC_FAMILY_MSVC || !strpbrk(text + 1, "/."));
}

void cc_arg_read(enum cc_family family, size_t argc, char *const *argv, size_t pos, struct cc_arg *ret_arg)
{
	struct cc_arg arg = {.text = argv[pos], .count = 1};
	struct cc_match match = {0};

	arg.option = arg.text[0] == '-' && arg.text[1] != '\0';
	if (cc_family_is_msvc(family) && (arg.option || arg.text[0] == '/')) {
		match = cc_option_find_cl(family, arg.text);
		arg.option = arg.option || match.row || is_slash_option(family, arg.text);
	} else if (arg.option) {
		match = cc_option_find(family, arg.text);
	}
	arg.row = match.row;
	arg.negative = match.negative;
	if (arg.row && arg.row->value != CC_VALUE_NONE) {
		if (!takes_next(&match, arg.text)) {
			arg.value = arg.text + match.spelled;
		} else if (pos + 1 < argc) {
			arg.value = argv[pos + 1];
			arg.count = 2;
		} else {
			arg.value_missing = true;
		}
	}
	*ret_arg = arg;
}
