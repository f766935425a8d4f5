/* What a node sends, and what a terminal answers (RFC 6455 §5). */
#include "terminals.h"

#include <string.h>
#include <sys/socket.h>

enum reading read_frame(const uint8_t *bytes, size_t left, size_t most, struct frame *frame)
{
	if (left < 2)
		return PART;
	size_t head = 2, size = bytes[1] & 127;
	uint8_t opcode = bytes[0] & 15;
	if (size == 126) {
		if (left < 4)
			return PART;
		head = 4;
		size = (size_t)bytes[2] << 8 | bytes[3];
	} else if (size == 127) {
		if (left < 10)
			return PART;
		head = 10;
		size = (size_t)bytes[6] << 24 | (size_t)bytes[7] << 16 | (size_t)bytes[8] << 8 | bytes[9];
	}
	if ((bytes[0] & 0xf0) != 0x80 || bytes[1] & 0x80 || size > most ||
	    (opcode != 1 && (opcode < 8 || opcode > 10 || size > 125)))
		return UNEXPECTED;
	if (left < head + size)
		return PART;
	*frame = (struct frame){ opcode, bytes + head, size, head + size };
	return WHOLE;
}

int close_code(const struct frame *frame)
{
	return frame->size >= 2 ? frame->payload[0] << 8 | frame->payload[1] : 1005;
}

void send_control(int fd, uint8_t opcode, const uint8_t *payload, size_t length)
{
	uint8_t frame[6 + 125] = { (uint8_t)(0x80 | opcode), (uint8_t)(0x80 | length) };
	if (length)
		memcpy(frame + 6, payload, length);
	send(fd, frame, 6 + length, MSG_NOSIGNAL);
}
