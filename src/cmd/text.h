/* How commands write values for people and for programs. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

/* "3.4 GiB"; below 1 KiB "17 bytes". */
void cmd_text_size(struct hp_buf *out, uint64_t bytes);
/* "1 d 3 h", "4 min 10 s", "350 ms": the two largest units. */
void cmd_text_duration_ms(struct hp_buf *out, uint64_t ms);
/* "12,345". */
void cmd_text_count(struct hp_buf *out, uint64_t count);
/* "2026-11-24 08:30:00 UTC". */
void cmd_text_time(struct hp_buf *out, int64_t time_s);
/* Text of others on one line of a terminal: control bytes become \xNN. */
void cmd_text_safe(struct hp_buf *out, const char *text);
/* A word as a shell takes it: quoted where it must be, control bytes escaped. */
void cmd_text_shell(struct hp_buf *out, const char *word);

/* A JSON string with its quotes. What is no UTF-8 becomes U+FFFD. */
void cmd_json_string(struct hp_buf *out, const char *text);
