#include "cc/coff.h"

#include <string.h>

#include "base/mem.h"

static uint32_t le16(const unsigned char *p)
{
	return (uint32_t)(p[0] | p[1] << 8);
}

/* Machines that Clang and cl write COFF objects for: x86, x86-64, ARM, ARM64. */
static bool is_machine(uint32_t machine)
{
	static const uint16_t machines[] = {0x014c, 0x8664, 0x01c4, 0xaa64};

	for (size_t i = 0; i < HP_ARRAY_SIZE(machines); i++) {
		if (machines[i] == machine)
			return true;
	}
	return false;
}

/* The header is either { u16 machine, u16 sections, u32 stamp … } of 20 bytes or, for objects with many sections,
 * { u16 0, u16 0xffff, u16 version ≥ 2, u16 machine, u32 stamp … } of 56. */
bool cc_coff_stamp(const void *data, size_t len, size_t *ret_offset, uint32_t *ret_stamp)
{
	const unsigned char *p = data;
	size_t offset;

	if (len >= 20 && is_machine(le16(p)))
		offset = 4;
	else if (len >= 56 && le16(p) == 0 && le16(p + 2) == 0xffff && le16(p + 4) >= 2 && is_machine(le16(p + 6)))
		offset = 8;
	else
		return false;
	*ret_offset = offset;
	*ret_stamp = le16(p + offset) | le16(p + offset + 2) << 16;
	return true;
}

void cc_coff_set_stamp(void *data, size_t offset, uint32_t stamp)
{
	unsigned char *p = (unsigned char *)data + offset;

	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(stamp >> (8 * i));
}
