#include "terminals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void append(struct buffer *buffer, const void *bytes, size_t length)
{
	if (buffer->length + length > buffer->capacity) {
		size_t capacity = buffer->capacity ? buffer->capacity : 256;
		while (capacity < buffer->length + length)
			capacity *= 2;
		buffer->bytes = realloc(buffer->bytes, capacity);
		if (!buffer->bytes)
			give_up("out of memory");
		buffer->capacity = capacity;
	}
	if (length)
		memcpy(buffer->bytes + buffer->length, bytes, length);
	buffer->length += length;
}

void append_text(struct buffer *buffer, const char *text) { append(buffer, text, strlen(text)); }

void append_number(struct buffer *buffer, uint64_t value)
{
	char digits[24];
	append(buffer, digits, (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)value));
}

void consume(struct buffer *buffer, size_t count)
{
	buffer->length -= count;
	memmove(buffer->bytes, buffer->bytes + count, buffer->length);
}

void append_template(struct buffer *buffer, const char *template, uint64_t i)
{
	while (*template) {
		if (!strncmp(template, "{i}", 3)) {
			append_number(buffer, i);
			template += 3;
		} else {
			size_t plain = 1 + strcspn(template + 1, "{");
			append(buffer, template, plain);
			template += plain;
		}
	}
}
