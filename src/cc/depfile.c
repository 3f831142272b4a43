#include "cc/depfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

/* How a list of names is broken into lines. */
struct wrap {
	const char *text;    /* goes where the line is broken */
	size_t start_column; /* the column then, as the compiler counts it */
	size_t slack;        /* columns that must stay free behind a name, with the blank in front of it */
};

/* How the families differ, found by asking them (tests/unit/cc/check_depfile.py asks again). */
struct layout {
	size_t column_max;
	struct wrap target;
	struct wrap dep;
	bool measure_unquoted;    /* dependencies are measured before quoting */
	bool quote_tab;           /* in dependencies; in targets both quote it */
	const char *phony_before; /* in front of each rule of -MP */
};

static const struct layout gcc_layout = {
        .column_max = 72,
        .target = {.text = " \\\n ", .start_column = 1},
        .dep = {.text = " \\\n ", .start_column = 1},
        .quote_tab = true,
        .phony_before = "",
};

/* The third column of a broken list of dependencies is Clang's own miscount: two blanks are printed. */
static const struct layout clang_layout = {
        .column_max = 75,
        .target = {.text = " \\\n  ", .start_column = 2, .slack = 2},
        .dep = {.text = " \\\n  ", .start_column = 3, .slack = 3},
        .measure_unquoted = true,
        .phony_before = "\n",
};

static const struct layout *layout_of(enum cc_family family)
{
	return cc_family_is_clang(family) ? &clang_layout : &gcc_layout;
}

void cc_depfile_done(struct cc_depfile *df)
{
	free(df->target);
	hp_strv_done(&df->deps);
	*df = (struct cc_depfile){0};
}

/* Quoting ------------------------------------------------------------------------------------------------------- */

/* The bytes from `p` up to `end` that mean themselves wherever they stand: nearly always a whole name. */
static size_t plain_run(const char *p, const char *end)
{
	static const bool special[256] = {
	        [0] = true, ['\t'] = true, ['\n'] = true, [' '] = true, ['#'] = true, ['$'] = true, ['\\'] = true};
	const char *from = p;

	while (p < end && !special[(unsigned char)*p])
		p++;
	return (size_t)(p - from);
}

/* Make reads a backslash as itself unless blanks or `#` follow, so only those in front of a blank are doubled. */
static void quote(const char *name, bool quote_tab, struct hp_buf *out)
{
	const char *end = name + strlen(name);
	size_t plain = plain_run(name, end);
	size_t slashes = 0;

	hp_buf_append(out, name, plain);
	for (const char *p = name + plain; p < end; p++) {
		if (*p == ' ' || (*p == '\t' && quote_tab)) {
			for (size_t i = 0; i < slashes; i++)
				hp_buf_char(out, '\\');
			hp_buf_char(out, '\\');
		} else if (*p == '$') {
			hp_buf_char(out, '$');
		} else if (*p == '#') {
			hp_buf_char(out, '\\');
		}
		slashes = *p == '\\' ? slashes + 1 : 0;
		hp_buf_char(out, *p);
	}
}

/* GCC takes "./" off the front of every name it puts into a rule, with the slashes that follow. */
static const char *skip_dot_slash(const char *name)
{
	while (name[0] == '.' && name[1] == '/') {
		name += 2;
		while (*name == '/')
			name++;
	}
	return name;
}

void cc_depfile_quote_target(enum cc_family family, const char *path, struct hp_buf *out)
{
	quote(cc_family_is_clang(family) ? path : skip_dot_slash(path), true, out);
}

/* Printing ------------------------------------------------------------------------------------------------------ */

/* Moves to where a name of `width` columns goes: behind a blank, or on a new line. A line with nothing on it yet
 * (column 0) takes any name. Returns the column behind the name. */
static size_t place(const struct wrap *wrap, size_t column_max, size_t column, size_t width, struct hp_buf *out)
{
	if (column == 0)
		return width;
	if (column + width + wrap->slack > column_max) {
		hp_buf_str(out, wrap->text);
		return wrap->start_column + width;
	}
	hp_buf_char(out, ' ');
	return column + 1 + width;
}

static size_t join_target(enum cc_family family, const struct cc_depfile_target *target, size_t column,
                          struct hp_buf *out)
{
	const struct layout *layout = layout_of(family);
	HP_AUTO_BUF struct hp_buf name = {0};

	if (target->quote)
		cc_depfile_quote_target(family, target->text, &name);
	else
		hp_buf_str(&name, cc_family_is_clang(family) ? target->text : skip_dot_slash(target->text));
	column = place(&layout->target, layout->column_max, column, name.len, out);
	hp_buf_append(out, hp_buf_cstr(&name), name.len);
	return column;
}

/* The index behind `from` of the next target that is (not) quoted; targets_len when there is none. */
static size_t next_target(const struct cc_depfile_target *targets, size_t targets_len, size_t from, bool quote)
{
	while (from < targets_len && targets[from].quote != quote)
		from++;
	return from;
}

void cc_depfile_join_targets(enum cc_family family, const struct cc_depfile_target *targets, size_t targets_len,
                             struct hp_buf *out)
{
	size_t column = 0;
	size_t quoted = 0;

	if (cc_family_is_clang(family)) {
		for (size_t i = 0; i < targets_len; i++)
			column = join_target(family, &targets[i], column, out);
		return;
	}

	/* GCC's driver hands all -MQ to cc1 first; there each -MT then takes the place of the first -MQ in the list,
	 * which goes to the end: so the -MQ come out rotated by the number of -MT. */
	for (size_t i = 0; i < targets_len; i++) {
		if (targets[i].quote)
			quoted++;
		else
			column = join_target(family, &targets[i], column, out);
	}

	size_t at = next_target(targets, targets_len, 0, true);

	for (size_t skip = quoted ? (targets_len - quoted) % quoted : 0; skip > 0; skip--)
		at = next_target(targets, targets_len, at + 1, true);
	for (size_t i = 0; i < quoted; i++) {
		if (at == targets_len)
			at = next_target(targets, targets_len, 0, true);
		column = join_target(family, &targets[at], column, out);
		at = next_target(targets, targets_len, at + 1, true);
	}
}

static void print_phony(const struct layout *layout, char *const *deps, size_t deps_len, struct hp_buf *out)
{
	for (size_t i = 1; i < deps_len; i++) {
		hp_buf_str(out, layout->phony_before);
		quote(deps[i], layout->quote_tab, out);
		hp_buf_str(out, ":\n");
	}
}

void cc_depfile_print(enum cc_family family, const char *target, char *const *deps, size_t deps_len, bool phony,
                      struct hp_buf *out)
{
	const struct layout *layout = layout_of(family);
	const char *last_line = strrchr(target, '\n');
	HP_AUTO_BUF struct hp_buf name = {0};
	size_t column = strlen(last_line ? last_line + 1 : target) + 1;

	hp_buf_str(out, target);
	hp_buf_char(out, ':');
	for (size_t i = 0; i < deps_len; i++) {
		hp_buf_reset(&name);
		quote(deps[i], layout->quote_tab, &name);
		column = place(&layout->dep, layout->column_max, column,
		               layout->measure_unquoted ? strlen(deps[i]) : name.len, out);
		hp_buf_append(out, hp_buf_cstr(&name), name.len);
	}
	hp_buf_char(out, '\n');
	if (phony)
		print_phony(layout, deps, deps_len, out);
}

/* Parsing ------------------------------------------------------------------------------------------------------- */

/* Finds the colon that ends the targets: one that a blank or the end of the line follows, for names may hold colons of
 * their own. Returns its offset, or len. */
static size_t find_colon(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n' && (i == 0 || data[i - 1] != '\\'))
			return len;
		if (data[i] == ':' && (i + 1 == len || data[i + 1] == ' ' || data[i + 1] == '\n'))
			return i;
	}
	return len;
}

struct reader {
	const struct layout *layout;
	const char *data;
	size_t len;
	size_t pos;
	struct hp_buf name; /* the dependency being read */
	bool in_name;
};

static void put(struct reader *r, const char *text, size_t len)
{
	hp_buf_append(&r->name, text, len);
	r->in_name = true;
}

/* Reads a run of backslashes and what it acts on. Returns false where no compiler would have written it: a name cannot
 * be continued on the next line, so a backslash at a line's end behind a name is part of a name that make would
 * misread, and that we could not print again. */
static bool read_backslashes(struct reader *r)
{
	const char *run = r->data + r->pos;
	size_t count = 0;

	while (r->pos < r->len && r->data[r->pos] == '\\') {
		r->pos++;
		count++;
	}
	char next = r->pos < r->len ? r->data[r->pos] : '\0';

	if (r->pos == r->len)
		return false;
	if (next == '\n' && count % 2 == 1) {
		r->pos++;
		return !r->in_name && count == 1;
	}
	if (next == '#') {
		put(r, run, count - 1);
	} else if (count % 2 == 1 && (next == ' ' || (next == '\t' && r->layout->quote_tab))) {
		put(r, run, count / 2);
	} else {
		put(r, run, count);
		return true;
	}
	put(r, &next, 1);
	r->pos++;
	return true;
}

/* Ends the dependency being read, if any. */
static int end_name(struct reader *r, struct hp_strv *deps, struct hp_err *err)
{
	if (!r->in_name)
		return 0;
	if (deps->len == HP_CLOSURE_FILES_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "dependency file: more than %u files", HP_CLOSURE_FILES_MAX);
	hp_strv_addn(deps, hp_buf_cstr(&r->name), r->name.len);
	hp_buf_reset(&r->name);
	r->in_name = false;
	return 0;
}

/* Reads the dependencies up to and with the line end that ends the rule. */
static int read_deps(struct reader *r, struct hp_strv *deps, struct hp_err *err)
{
	while (r->pos < r->len) {
		size_t plain = plain_run(r->data + r->pos, r->data + r->len);
		char c;

		if (plain) {
			put(r, r->data + r->pos, plain);
			r->pos += plain;
			continue;
		}
		c = r->data[r->pos];
		if (c == '\\') {
			if (!read_backslashes(r))
				return hp_err_set(err, HP_INVALID, "dependency file: stray backslash at byte %zu",
				                  r->pos);
			continue;
		}
		r->pos++;
		if (c == ' ' || c == '\n' || (c == '\t' && r->layout->quote_tab)) {
			int rc = end_name(r, deps, err);

			if (rc < 0 || c == '\n')
				return rc;
			continue;
		}
		if (c == '$' && r->pos < r->len && r->data[r->pos] == '$')
			r->pos++;
		put(r, &c, 1);
	}
	return end_name(r, deps, err);
}

/* What follows the rule must be nothing, or exactly the rules of -MP: anything else (a module's rules, a second target
 * file) is not known here, and printing the file again would lose it. */
static int read_phony(struct reader *r, const struct hp_strv *deps, bool *ret_phony, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf expected = {0};

	if (r->pos == r->len) {
		*ret_phony = false;
		return 0;
	}
	print_phony(r->layout, deps->v, deps->len, &expected);
	if (expected.len != r->len - r->pos || memcmp(hp_buf_cstr(&expected), r->data + r->pos, expected.len) != 0)
		return hp_err_set(err, HP_INVALID, "dependency file: unknown rules at byte %zu", r->pos);
	*ret_phony = true;
	return 0;
}

int cc_depfile_parse(enum cc_family family, const char *data, size_t len, struct cc_depfile *ret_df, struct hp_err *err)
{
	if (len > HP_DEPFILE_SIZE_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "dependency file: longer than %u bytes", HP_DEPFILE_SIZE_MAX);
	if (len == 0 || memchr(data, '\0', len))
		return hp_err_set(err, HP_INVALID, "dependency file: empty or with NUL bytes");

	size_t colon = find_colon(data, len);

	if (colon == len)
		return hp_err_set(err, HP_INVALID, "dependency file: no colon");

	struct cc_depfile df = {.target = hp_strndup(data, colon)};
	struct reader r = {.layout = layout_of(family), .data = data, .len = len, .pos = colon + 1};
	int rc = read_deps(&r, &df.deps, err);

	if (rc == 0)
		rc = read_phony(&r, &df.deps, &df.phony, err);
	hp_buf_done(&r.name);
	if (rc < 0) {
		cc_depfile_done(&df);
		return rc;
	}
	*ret_df = df;
	return 0;
}
