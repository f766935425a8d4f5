#include "terminals.h"

#include <string.h>

/* Where the digits begin, and how many there are. */
enum { PUBLISHER_AT = 2, PUBLISHER_DIGITS = 3, NUMBER_AT = 8, NUMBER_DIGITS = 10, TIME_AT = 21, TIME_DIGITS = 19 };

static void write_digits(char *to, uint64_t value, int count)
{
	while (count--) {
		to[count] = (char)('0' + value % 10);
		value /= 10;
	}
}

static bool read_digits(const char *from, int count, uint64_t *value)
{
	*value = 0;
	for (int k = 0; k < count; k++) {
		if (from[k] < '0' || from[k] > '9')
			return false;
		*value = *value * 10 + (uint64_t)(from[k] - '0');
	}
	return true;
}

void write_stamp(char *payload, struct stamp stamp)
{
	memcpy(payload, "c=000;n=0000000000;t=0000000000000000000;", PAYLOAD_MIN);
	write_digits(payload + PUBLISHER_AT, stamp.publisher, PUBLISHER_DIGITS);
	write_digits(payload + NUMBER_AT, stamp.number, NUMBER_DIGITS);
	write_digits(payload + TIME_AT, stamp.sent_at, TIME_DIGITS);
}

bool read_stamp(const char *payload, size_t length, struct stamp *stamp)
{
	uint64_t publisher;
	if (length < PAYLOAD_MIN || memcmp(payload, "c=", 2) || memcmp(payload + 5, ";n=", 3) ||
	    memcmp(payload + 18, ";t=", 3) || payload[40] != ';')
		return false;
	if (!read_digits(payload + PUBLISHER_AT, PUBLISHER_DIGITS, &publisher) ||
	    !read_digits(payload + NUMBER_AT, NUMBER_DIGITS, &stamp->number) ||
	    !read_digits(payload + TIME_AT, TIME_DIGITS, &stamp->sent_at))
		return false;
	stamp->publisher = (uint32_t)publisher;
	return true;
}
