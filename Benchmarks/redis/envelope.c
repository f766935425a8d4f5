#include "redis.h"

#include <stdio.h>
#include <string.h>

/* What FreeIM puts before the names of a gateway at /ws. */
#define PREFIX "im_v2_ws"

static const char object_start[] = "{\"text\":\"", object_end[] = "\"}";

void node_channel(char name[64], uint16_t port) { snprintf(name, 64, PREFIX "Server127.0.0.1:%u", port); }

void write_payload(char *payload, uint32_t size, struct stamp stamp)
{
	size_t start = sizeof object_start - 1, end = sizeof object_end - 1;
	if (size < PAYLOAD_MIN + start + end)
		give_up("a payload of %u bytes is too small", size);
	memset(payload, 'x', size);
	write_stamp(payload, stamp);
	memcpy(payload + PAYLOAD_MIN, object_start, start);
	memcpy(payload + size - end, object_end, end);
}

static void append_escaped(struct buffer *buffer, const char *payload, size_t length)
{
	append_text(buffer, "\"");
	for (size_t taken = 0; taken < length;) {
		const char *quote = memchr(payload + taken, '"', length - taken);
		size_t plain = quote ? (size_t)(quote - payload) - taken : length - taken;
		append(buffer, payload + taken, plain);
		if (quote)
			append_text(buffer, "\\\"");
		taken += plain + (quote ? 1 : 0);
	}
	append_text(buffer, "\"");
}

void append_direct(struct buffer *buffer, uint64_t sender, uint64_t receiver, const char *payload, size_t length)
{
	append_text(buffer, "{\"Item1\":");
	append_number(buffer, sender);
	append_text(buffer, ",\"Item2\":[");
	append_number(buffer, receiver);
	append_text(buffer, "],\"Item3\":");
	append_escaped(buffer, payload, length);
	append_text(buffer, ",\"Item4\":false}");
}

void append_broadcast(struct buffer *buffer, const char *payload, size_t length)
{
	append_text(buffer, "__FreeIM__(ChanMessage){\"Item1\":0,\"Item2\":null,\"Item3\":");
	append_escaped(buffer, payload, length);
	append_text(buffer, "}");
}
