#define _GNU_SOURCE
#include "terminals.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* RFC 6455 §1.3: this key, and the answer that belongs to it. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum { MAX_HEAD = 16384, MAX_FRAME = 1 << 20 };
enum state { IDLE, CONNECTING, HANDSHAKE, OPEN, CLOSED };

struct subscriber {
	int fd;
	enum state state;
	struct buffer rest; /* the beginning of a head or a frame that has not come whole */
};

struct subscriber_counts subscribers;
struct histogram latency;
bool is_measuring;

static struct subscriber *all;
static uint64_t *newest; /* per subscriber and publishing connection: the highest sequence number seen */

void prepare_subscribers(void)
{
	all = calloc(options.count, sizeof *all);
	newest = calloc((size_t)options.count * options.publishers, sizeof *newest);
	if (!all || !newest)
		give_up("out of memory");
}

static void drop(struct subscriber *subscriber)
{
	if (subscriber->state == OPEN) {
		subscribers.open--;
		subscribers.closed++;
	} else {
		subscribers.connecting--;
		subscribers.refused++;
	}
	subscriber->state = CLOSED;
	close(subscriber->fd);
	free(subscriber->rest.bytes);
	subscriber->rest = (struct buffer){ 0 };
}

void start_subscriber(void)
{
	struct subscriber *subscriber = &all[subscribers.started];
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(options.port) };
	int one = 1;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	subscriber->state = CONNECTING;
	subscriber->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (subscriber->fd < 0)
		give_up("socket: %s", strerror(errno));
	setsockopt(subscriber->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	subscribers.connecting++;
	if (connect(subscriber->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) {
		note("connect: %s", strerror(errno));
		drop(subscriber);
	} else {
		watch(subscriber->fd, TAG_SUBSCRIBER, subscribers.started);
	}
	subscribers.started++;
}

static void request(struct subscriber *subscriber, uint32_t index)
{
	static struct buffer head;
	head.length = 0;
	append_text(&head, "GET ");
	append_template(&head, options.path, options.first + (uint64_t)index);
	append_text(&head, " HTTP/1.1\r\nHost: 127.0.0.1:");
	append_number(&head, options.port);
	append_text(&head, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
			   "Sec-WebSocket-Key: " KEY "\r\n\r\n");
	subscriber->state = HANDSHAKE;
	if (send(subscriber->fd, head.bytes, head.length, MSG_NOSIGNAL) != (ssize_t)head.length) {
		note("handshake: %s", strerror(errno));
		drop(subscriber);
	}
}

static void deliver(uint32_t index, const char *payload, size_t length, uint64_t at)
{
	struct stamp stamp;
	if (!read_stamp(payload, length, &stamp) || length != options.size || stamp.publisher >= options.publishers) {
		subscribers.foreign++;
		note("a message that was not published here");
		return;
	}
	uint64_t *seen = &newest[(size_t)index * options.publishers + stamp.publisher];
	subscribers.deliveries++;
	if (stamp.number <= *seen) {
		subscribers.out_of_order++;
		note("message %llu came after %llu", (unsigned long long)stamp.number, (unsigned long long)*seen);
	} else {
		subscribers.gaps += stamp.number - *seen - 1;
		*seen = stamp.number;
	}
	if (is_measuring)
		record(&latency, at > stamp.sent_at ? at - stamp.sent_at : 0);
	delivered(stamp);
}

/* Takes the whole frames off the front and returns how many bytes they had; 0 also where the connection is closed. */
static size_t take_frames(uint32_t index, const uint8_t *bytes, size_t length, uint64_t at)
{
	struct subscriber *subscriber = &all[index];
	size_t taken = 0;
	struct frame frame;
	enum reading reading;
	while ((reading = read_frame(bytes + taken, length - taken, MAX_FRAME, &frame)) == WHOLE) {
		if (frame.opcode == 1) {
			deliver(index, (const char *)frame.payload, frame.size, at);
		} else if (frame.opcode == 9) {
			send_control(subscriber->fd, 10, frame.payload, frame.size);
		} else if (frame.opcode == 8) {
			note("closed by the server with code %d", close_code(&frame));
			drop(subscriber);
			return 0;
		}
		taken += frame.length;
	}
	if (reading == UNEXPECTED) {
		note("unexpected frame %02x %02x", bytes[taken], bytes[taken + 1]);
		drop(subscriber);
		return 0;
	}
	return taken;
}

/* Takes the 101 off the front; false where it has not come whole or the connection is dropped. */
static bool take_head(struct subscriber *subscriber)
{
	struct buffer *rest = &subscriber->rest;
	char *end = memmem(rest->bytes, rest->length, "\r\n\r\n", 4);
	if (!end) {
		if (rest->length > MAX_HEAD) {
			note("an answer to the handshake without end");
			drop(subscriber);
		}
		return false;
	}
	size_t length = (size_t)(end - rest->bytes) + 4;
	if (memcmp(rest->bytes, "HTTP/1.1 101", 12) || !memmem(rest->bytes, length, ACCEPT, strlen(ACCEPT))) {
		note("handshake answered with %.*s", (int)(length < 40 ? length : 40), rest->bytes);
		drop(subscriber);
		return false;
	}
	subscriber->state = OPEN;
	subscribers.connecting--;
	subscribers.open++;
	consume(rest, length);
	return true;
}

static void received(uint32_t index, size_t length)
{
	struct subscriber *subscriber = &all[index];
	struct buffer *rest = &subscriber->rest;
	uint64_t at = now();
	if (subscriber->state == OPEN && !rest->length) {
		size_t taken = take_frames(index, (uint8_t *)read_buffer, length, at);
		if (subscriber->state == OPEN)
			append(rest, read_buffer + taken, length - taken);
		return;
	}
	append(rest, read_buffer, length);
	if (subscriber->state == HANDSHAKE && !take_head(subscriber))
		return;
	size_t taken = take_frames(index, (uint8_t *)rest->bytes, rest->length, at);
	if (subscriber->state != OPEN)
		return;
	consume(rest, taken);
	if (!rest->length) {
		free(rest->bytes);
		*rest = (struct buffer){ 0 };
	}
}

void subscriber_event(uint32_t index, uint32_t events)
{
	struct subscriber *subscriber = &all[index];
	if (subscriber->state == CONNECTING && events & EPOLLOUT && !(events & (EPOLLERR | EPOLLHUP)))
		request(subscriber, index);
	/* Edge-triggered: a read that does not fill the buffer has emptied the socket, unless the peer has ended it. */
	while (subscriber->state != CLOSED && events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		ssize_t length = read(subscriber->fd, read_buffer, sizeof read_buffer);
		if (length < 0 && errno == EAGAIN)
			return;
		if (length <= 0) {
			note("connection lost: %s", length ? strerror(errno) : "ended by the server");
			drop(subscriber);
			return;
		}
		received(index, (size_t)length);
		if ((size_t)length < sizeof read_buffer && !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
			return;
	}
}

/* Resets them, so that no port stays taken after the run. */
void close_subscribers(void)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };
	for (uint32_t k = 0; k < subscribers.started; k++)
		if (all[k].state != CLOSED) {
			setsockopt(all[k].fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
			close(all[k].fd);
		}
}
