#define _GNU_SOURCE
#include "redis.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int connect_to_redis(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
		give_up("connecting to Redis: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static void append_head(struct buffer *buffer, const char *kind, size_t value)
{
	append_text(buffer, kind);
	append_number(buffer, value);
	append_text(buffer, "\r\n");
}

void append_command(struct buffer *buffer, uint32_t arguments) { append_head(buffer, "*", arguments); }

void append_argument(struct buffer *buffer, const void *bytes, size_t length)
{
	append_head(buffer, "$", length);
	append(buffer, bytes, length);
	append_text(buffer, "\r\n");
}

void append_text_argument(struct buffer *buffer, const char *text) { append_argument(buffer, text, strlen(text)); }

void append_publish(struct buffer *buffer, const char *channel, const struct buffer *body)
{
	append_command(buffer, 3);
	append_text_argument(buffer, "PUBLISH");
	append_text_argument(buffer, channel);
	append_argument(buffer, body->bytes, body->length);
}

void send_to_redis(int fd, const struct buffer *request)
{
	/* A few small commands at a time: the socket's buffer has room for them. */
	if (send(fd, request->bytes, request->length, MSG_NOSIGNAL) != (ssize_t)request->length)
		give_up("sending to Redis: %s", strerror(errno));
}

bool read_from_redis(int fd, struct buffer *answer)
{
	ssize_t length = read(fd, read_buffer, sizeof read_buffer);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (length <= 0)
		give_up("reading from Redis: %s", length ? strerror(errno) : "the connection was ended");
	append(answer, read_buffer, (size_t)length);
	return true;
}

/* The line that begins there: its kind is left out, its number read. Returns its length, or 0. */
static size_t read_line(const char *bytes, size_t length, char kind, int64_t *value)
{
	const char *end = length ? memmem(bytes, length, "\r\n", 2) : 0;
	if (!end)
		return 0;
	if (*bytes != kind)
		give_up("Redis answered %.*s", (int)(end - bytes < 100 ? end - bytes : 100), bytes);
	*value = strtoll(bytes + 1, 0, 10);
	return (size_t)(end - bytes) + 2;
}

bool take_integer(struct buffer *answer, int64_t *value)
{
	size_t line = read_line(answer->bytes, answer->length, ':', value);
	if (line)
		consume(answer, line);
	return line;
}

/* A bulk string; returns its length with head and end, or 0. */
static size_t read_bulk(const char *bytes, size_t length, const char **text, size_t *text_length)
{
	int64_t size;
	size_t head = read_line(bytes, length, '$', &size);
	if (!head || length < head + (size_t)size + 2)
		return 0;
	*text = bytes + head;
	*text_length = (size_t)size;
	return head + (size_t)size + 2;
}

size_t read_push(const char *bytes, size_t length, struct push *push)
{
	int64_t value;
	const char *channel;
	size_t kind_length, channel_length, taken, part;
	if (!(taken = read_line(bytes, length, '*', &value)))
		return 0;
	if (!(part = read_bulk(bytes + taken, length - taken, &push->kind, &kind_length)))
		return 0;
	taken += part;
	if (!(part = read_bulk(bytes + taken, length - taken, &channel, &channel_length)))
		return 0;
	taken += part;
	push->body = 0;
	if (kind_length == strlen("message"))
		part = read_bulk(bytes + taken, length - taken, &push->body, &push->body_length);
	else
		part = read_line(bytes + taken, length - taken, ':', &value);
	return part ? taken + part : 0;
}
